"""How far a log tells of what another policy does: support, effective sample size, hits."""

from dataclasses import dataclass

import numpy as np

from penchant.evaluation.off_policy.question import Question
from penchant.types import DoubleArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How far the log tells of what the target policy does."""

    of: str = "actions"
    """What is counted and weighed: ``actions``, or the ``concepts`` through which they are taken to act"""
    unsupported: float
    """Share of the target's probability on what the logging policy never takes"""
    exact: bool
    """From the whole logging distribution; else a lower bound: actions that were taken nowhere in the log, and by how
    much the mean weight is below 1, beyond three standard errors."""
    hits: int
    """Rounds with a weight above zero"""
    effective: float
    """Effective sample size (Σ w)² / Σ w²"""
    largest_weight: float
    mean_weight: float
    """1 where overlap is whole and the propensities are right, within its ..."""
    mean_weight_error: float
    """... standard error"""


def overlap_of(question: Question) -> Overlap:
    """How far the log tells of the target policy."""
    log = question.log
    if log.logging is not None:
        unsupported = unsupported_share(question.target, log.logging)
    else:
        unsupported = missing_share(question.weights)
        if log.action_features is None or log.action_features.ndim == 2:  # else an action's number means nothing
            taken = np.bincount(log.actions, minlength=log.n_actions) > 0
            unsupported = max(unsupported, float(question.target[:, ~taken].sum(axis=1).mean()))
    return weight_overlap(question.weights, unsupported=unsupported, exact=log.logging is not None)


def unsupported_share(target: DoubleArray, logging: DoubleArray) -> float:
    """Mean over rounds of Σ_a π(a|x) [π_0(a|x) = 0], both (N, A)."""
    return float((target * (logging <= 0)).sum(axis=1).mean())


def missing_share(weights: DoubleArray) -> float:
    """How far below 1 the mean weight is at least, in [0, 1]."""
    if len(weights) < 2:
        return 0.0
    error = float(weights.std(ddof=1)) / np.sqrt(len(weights))
    return float(np.clip(1.0 - weights.mean() - 3 * error, 0.0, 1.0)) if weights.any() else 1.0


def weight_overlap(weights: DoubleArray, *, unsupported: float, exact: bool, of: str = "actions") -> Overlap:
    """What the weights, (N,), tell."""
    squares = float((weights**2).sum())
    rounds = len(weights)
    return Overlap(
        of=of,
        unsupported=unsupported,
        exact=exact,
        hits=int((weights > 0).sum()),
        effective=float(weights.sum()) ** 2 / squares if squares else 0.0,
        largest_weight=float(weights.max(initial=0.0)),
        mean_weight=float(weights.mean()),
        mean_weight_error=float(weights.std(ddof=1) / np.sqrt(rounds)) if rounds > 1 else float("inf"),
    )

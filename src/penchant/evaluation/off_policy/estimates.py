"""An estimate with all that is needed to believe it or not; refused, with the reason, where the log cannot tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.evaluation.off_policy.estimators import Estimator
from penchant.evaluation.off_policy.intervals import bernstein_interval, bootstrap_interval, normal_interval
from penchant.evaluation.off_policy.overlap import Overlap
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.terms import Terms
from penchant.types import AnyArray

Span = tuple[float, float]


class EstimateConfig(Config):
    """Intervals, and when an estimate is refused."""

    level: float = Field(default=0.95, gt=0, lt=1)
    resamples: int = Field(default=1000, ge=100)
    seed: int = 0
    least_hits: int = Field(default=30, ge=1)
    """Rounds in which the target policy might have done what the log did; an estimate from fewer is refused."""
    least_effective: float = Field(default=10.0, ge=1)
    """Effective sample size, likewise"""
    most_unsupported: float = Field(default=0.05, ge=0, le=1)
    """Share of the target's probability on actions that the log cannot have taken, likewise"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """V̂(π) by one estimator."""

    estimator: str
    value: float | None
    """None: refused"""
    refused: str = ""
    """Why there is no value"""
    standard_error: float | None = None
    intervals: Mapping[str, Span] = field(default_factory=dict)
    """``bootstrap``, ``normal`` and ``bernstein``"""
    level: float = 0.95
    overlap: Overlap | None = None
    rounds: int = 0
    settings: Mapping[str, float] = field(default_factory=dict)
    assumes: str = ""
    """What is taken for granted beside what all estimators need, and how far the log bears it out"""
    notes: tuple[str, ...] = ()
    """What must be known to read the value"""


def estimate(question: Question, estimator: Estimator, config: EstimateConfig | None = None) -> Estimate:
    """The estimate of one estimator, or why there is none. What the question itself lacks is a `DataError`."""
    config = config or EstimateConfig()
    overlap = estimator.overlap(question)
    reason = refusal(overlap, config, uses_weights=estimator.uses_weights)
    if reason:
        return Estimate(
            estimator=estimator.name,
            value=None,
            refused=reason,
            overlap=overlap,
            rounds=len(question.log),
            level=config.level,
        )
    terms = estimator.terms(question)
    notes = []
    if question.log.logging is None and question.largest_weight is None and estimator.uses_weights:
        notes.append("bernstein: the largest weight seen stands in for the largest that may come")
    return read_terms(
        estimator.name,
        terms,
        overlap,
        config,
        rewards=question.reward_range,
        owners=question.log.owners,
        notes=tuple(notes),
    )


def read_terms(
    name: str,
    terms: Terms,
    overlap: Overlap,
    config: EstimateConfig,
    *,
    rewards: Span,
    owners: AnyArray | None = None,
    notes: tuple[str, ...] = (),
) -> Estimate:
    """Value and intervals of terms."""
    intervals = {
        "bootstrap": bootstrap_interval(
            terms, level=config.level, resamples=config.resamples, seed=config.seed, owners=owners
        ),
        "normal": normal_interval(terms, level=config.level, owners=owners),
    }
    if owners is None or len(np.unique(owners)) == len(owners):
        bound = bernstein_interval(terms, level=config.level, rewards=rewards)
        if bound is not None:
            intervals["bernstein"] = bound
    else:
        notes += ("bernstein: left out, as rounds of one owner depend on each other",)
    if terms.biased:
        notes += ("intervals are around the estimator's mean: its bias is not in them",)
    return Estimate(
        estimator=name,
        value=terms.value,
        standard_error=terms.standard_error(owners),
        intervals=intervals,
        level=config.level,
        overlap=overlap,
        rounds=len(terms.base),
        settings=terms.settings,
        assumes=terms.assumes,
        notes=notes,
    )


def refusal(overlap: Overlap, config: EstimateConfig, *, uses_weights: bool) -> str:
    """Why nothing can be said; "" where something can."""
    if overlap.unsupported > config.most_unsupported:
        how = "" if overlap.exact else "at least "
        return (
            f"no overlap: {how}{overlap.unsupported:.1%} of what the target policy does was never done in the log "
            f"(at most {config.most_unsupported:.1%}{'' if overlap.of == 'actions' else f', of {overlap.of}'})"
        )
    if not uses_weights:
        return ""
    if overlap.hits == 0:
        return "no overlap: in no round might the target policy have done what the log did"
    if overlap.hits < config.least_hits:
        return f"too few hits: {overlap.hits} rounds count (at least {config.least_hits})"
    if overlap.effective < config.least_effective:
        return (
            f"too little overlap: weights are worth {overlap.effective:.1f} rounds (at least "
            f"{config.least_effective:g}), the largest is {overlap.largest_weight:.3g}"
        )
    return ""

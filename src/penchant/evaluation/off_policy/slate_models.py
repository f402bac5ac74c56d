"""A linear reward model of slates, cross-fitted: Q̂_k(x, a_1 … a_k) = θ_k · [f(a_k), x] ≈ E[Σ_{j ≥ k} r_j].

It is linear in the candidate's features, so that its mean over a policy's candidates is its value at their mean
features: Σ_a π(a) θ·f(a) = θ·Σ_a π(a) f(a), and no policy has to be asked twice. What follows a place is learned as the
logging policy left it; cascade DR is unbiased nevertheless, with a little more variance than with the target's own.
"""

import numpy as np

from penchant.errors import ConfigError, DataError
from penchant.evaluation.off_policy.replaying import Replayed
from penchant.seeding import numpy_rng
from penchant.types import AnyArray, DoubleArray


def cross_fit_slates(
    rewards_NK: DoubleArray,
    replayed: Replayed,
    *,
    context: DoubleArray | None = None,
    owners: AnyArray | None = None,
    folds: int = 3,
    strength: float = 1.0,
    seed: int = 0,
) -> tuple[DoubleArray, DoubleArray]:
    """`predicted` and `expected` of a `SlateQuestion`, (N, K) each.

    Ridge regression at each place on the candidate's features and the standardised context, (N, D). `ConfigError` for
    fewer than two folds, `DataError` for fewer slates (or owners) than folds.
    """
    rounds, places = rewards_NK.shape
    if folds < 2:
        raise ConfigError(f"folds is {folds}; cross-fitting takes two at least.", hint="Give 2 or more.")
    unit = np.arange(rounds) if owners is None else np.unique(owners, return_inverse=True)[1]
    units = int(unit.max()) + 1
    if units < folds:
        raise DataError(f"{units} slates or owners cannot be divided into {folds} folds.", hint="Log more.")
    fold_of = numpy_rng(seed, "folds of a slate model").permutation(units)[unit] % folds
    known = np.zeros((rounds, 0)) if context is None else context
    spread = known.std(axis=0)
    known = (known - known.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    to_go = np.cumsum(rewards_NK[:, ::-1], axis=1)[:, ::-1]
    predicted, expected = np.zeros((rounds, places)), np.zeros((rounds, places))
    for place in range(places):
        there = replayed.logged[:, place, 0] > 0  # the constant feature: 0 where a slate is shorter
        features = np.concatenate([replayed.logged[:, place], known], axis=1)
        # The context's part of the mean features: the context itself, times the probability of the places before.
        mass = replayed.expected[:, place, :1]
        means = np.concatenate([replayed.expected[:, place], known * mass], axis=1)
        for fold in range(folds):
            train, held = there & (fold_of != fold), there & (fold_of == fold)
            if not train.any():
                continue
            x = features[train]
            penalty = strength * np.eye(x.shape[1])
            penalty[0, 0] = 1e-9
            theta = np.linalg.solve(x.T @ x + penalty, x.T @ to_go[train, place])
            predicted[held, place] = features[held] @ theta
            expected[held, place] = means[held] @ theta
    return predicted, expected

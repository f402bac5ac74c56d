"""A ranker fitted with propensity weights: what was hard to see counts for more where it was seen."""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.errors import DataError
from penchant.evaluation.off_policy.admission import admit, propensity_faults, reward_faults
from penchant.seeding import numpy_rng
from penchant.types import DoubleArray, IntArray


class WeightedFactorsConfig(Config):
    """Settings of `WeightedFactors`."""

    factors: int = Field(default=8, ge=0)
    """0: biases alone"""
    strength: float = Field(default=1.0, gt=0)
    """Of the penalty on each user's and item's parameters"""
    rounds: int = Field(default=15, ge=1)
    weighted: bool = True
    """False: every observation counts alike, as if users had looked at items at random"""
    largest: float = Field(default=100.0, ge=1)
    """Weights are cut here"""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedFactors:
    """Matrix factorisation, y_ui ≈ μ + b_i + p_u · q_i."""

    mean: float
    item_bias: DoubleArray
    user_factors: DoubleArray
    item_factors: DoubleArray

    def predict(self) -> DoubleArray:
        """(U, I)"""
        return np.asarray(self.mean + self.item_bias + self.user_factors @ self.item_factors.T)


def fit_weighted(
    users: IntArray,
    items: IntArray,
    values: DoubleArray,
    propensities: DoubleArray,
    *,
    n_users: int,
    n_items: int,
    config: WeightedFactorsConfig | None = None,
) -> WeightedFactors:
    """Minimise Σ_(u,i) observed (y_ui − ŷ_ui)² / P_ui + penalty, by alternating least squares.

    P_ui is the probability that u's answer to i was observed. Weighted by 1 / P the observed mean is an unbiased
    estimate of the mean over all pairs; without, what is shown most is fitted best, and what pleased only those who
    were shown it is taken to please everybody. Weights are scaled to a mean of 1. Fails as IPS does where propensities
    are tiny or wrong. Source: Schnabel, Swaminathan, Singh, Chandak & Joachims, "Recommendations as treatments:
    debiasing learning and evaluation", 2016.

    Raises `DataError` where no observation can be used.
    """
    config = config or WeightedFactorsConfig()
    if not len(users) == len(items) == len(values) == len(propensities):
        raise DataError(
            "Users, items, values and propensities differ in length.", hint="Give one for each observation."
        )
    faults = propensity_faults(propensities) | reward_faults(values)
    kept, _ = admit(faults, rounds=len(values), strict=False)
    users, items, values = users[kept], items[kept], values[kept]
    weights = np.minimum(1 / propensities[kept], config.largest) if config.weighted else np.ones(int(kept.sum()))
    weights = weights / weights.mean()
    mean = float((weights * values).sum() / weights.sum())
    rng = numpy_rng(config.seed, "weighted factors")
    left = 0.1 * rng.standard_normal((n_users, config.factors))
    right = 0.1 * rng.standard_normal((n_items, config.factors))
    bias = np.zeros(n_items)
    of_user, of_item = _groups(users, n_users), _groups(items, n_items)
    for _ in range(config.rounds):
        for user, rows in enumerate(of_user):
            left[user] = _ridge(
                right[items[rows]], values[rows] - mean - bias[items[rows]], weights[rows], config.strength
            )
        for item, rows in enumerate(of_item):
            x = np.concatenate([np.ones((len(rows), 1)), left[users[rows]]], axis=1)
            found = _ridge(x, values[rows] - mean, weights[rows], config.strength)
            bias[item], right[item] = found[0], found[1:]
    return WeightedFactors(mean=mean, item_bias=bias, user_factors=left, item_factors=right)


def _groups(owner: IntArray, n: int) -> list[IntArray]:
    order = np.argsort(owner, kind="stable")
    return np.split(order, np.searchsorted(owner[order], np.arange(1, n)))


def _ridge(x: DoubleArray, y: DoubleArray, weights: DoubleArray, strength: float) -> DoubleArray:
    weighted = x * weights[:, None]
    return np.asarray(np.linalg.solve(x.T @ weighted + strength * np.eye(x.shape[1]), weighted.T @ y))

"""One view of examples, and the head that reads it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from penchant.models.language.few_shot.bayesian_logistic import BayesianLogistic, BayesianLogisticConfig, Prior
from penchant.types import DoubleArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All examples as one view shows them, labelled and unlabelled, and what is believed of its weights."""

    rows: DoubleArray
    """(N, D)"""
    prior: Prior
    head: BayesianLogisticConfig

    def fit(self, examples: IntArray, labels: ArrayLike, counts: ArrayLike | None = None) -> BayesianLogistic:
        """The posterior after some of the examples."""
        return BayesianLogistic.fit(self.rows[examples], labels, self.prior, counts_N=counts, config=self.head)


def surest(probabilities: DoubleArray, pool: IntArray, *, likes: int, dislikes: int) -> tuple[IntArray, IntArray]:
    """Of the pool's examples, with P(like) each, the `likes` likeliest and the `dislikes` least likely; none twice."""
    order = np.argsort(-probabilities, kind="stable")
    likes = min(likes, len(order))
    dislikes = min(dislikes, len(order) - likes)
    return pool[order[:likes]], pool[order[len(order) - dislikes :]]


def agreement(one: DoubleArray, other: DoubleArray) -> float:
    """Pearson's correlation of two views' log odds of N examples; 0 where one is constant."""
    if one.std() == 0 or other.std() == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def together(*log_odds: DoubleArray) -> DoubleArray:
    """P(like) by all views, as if they were independent given the label and the classes equally many: log odds add."""
    return np.asarray(expit(np.sum(log_odds, axis=0)), dtype=np.float64)

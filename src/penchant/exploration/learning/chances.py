"""p(a) as a function of which arms are open: what a bandit hands out once for a slate."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from penchant.types import BoolArray, DoubleArray

Chances: TypeAlias = Callable[[BoolArray], DoubleArray]
"""open (A,) → p(a), (A,): 0 where not open, 1 in all"""


def best_of_values(values_A: DoubleArray, epsilon: float = 0.0) -> Chances:
    """(1 − ε) to the open arms of the largest value, evenly, and ε to all that are open."""

    def chances(open_A: BoolArray) -> DoubleArray:
        values = np.where(open_A, values_A, -np.inf)
        best = values == values[values.argmax()]
        best &= open_A  # a value may be −inf itself
        return mixed(best / np.count_nonzero(best), epsilon, open_A)

    return chances


def softmax_of(logs_A: DoubleArray, epsilon: float = 0.0) -> Chances:
    """(1 − ε) exp(l_a) / Σ exp(l) over the open arms, and ε to all of them evenly."""
    weights_A = np.exp(logs_A - logs_A.max())

    def chances(open_A: BoolArray) -> DoubleArray:
        weights = weights_A * open_A
        total = weights.sum()
        if total < 1e-200:  # those that weighed anything are taken
            weights = np.exp(np.where(open_A, logs_A - logs_A[open_A].max(), -np.inf))
            total = weights.sum()
        return mixed(weights / total, epsilon, open_A)

    return chances


def mixed(chances_A: DoubleArray, epsilon: float, open_A: BoolArray) -> DoubleArray:
    """(1 − ε) p_a + ε / (open arms) for each open arm, (A,)."""
    if epsilon == 0:
        return chances_A
    uniform = epsilon / np.count_nonzero(open_A)
    return np.asarray((1.0 - epsilon) * chances_A + uniform * open_A, dtype=np.float64)

"""A slate place by place from a policy: which candidate takes each place, and with which probability."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from penchant.interfaces import Arms, Policy, Turn
from penchant.types import BoolArray, DoubleArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """K places as they were decided; fewer where candidates ran out."""

    order: IntArray
    """(K,) places among the candidates"""
    propensities: DoubleArray
    """(K,) p(item | places before, draw); 1 where there was no choice"""

    @property
    def prefix_propensities(self) -> DoubleArray:
        """(K,) products of the propensities up to each place: p(places so far | draw)."""
        return np.asarray(np.cumprod(self.propensities), dtype=np.float64)


def choose(policy: Policy, arms: Arms, k: int, *, rng: np.random.Generator) -> Choice:
    """K of the arms, all of them open, without repeats."""
    turn = policy.begin(arms, k, rng=rng)
    open_N, nothing = np.ones(len(arms), dtype=np.bool_), np.zeros(len(arms))
    order, propensities = [], []
    for _ in range(min(k, len(arms))):
        n, chance = turn.pick(open_N, nothing, rng)
        open_N[n] = False
        order.append(n)
        propensities.append(chance)
    return Choice(order=np.array(order, dtype=np.int64), propensities=np.array(propensities, dtype=np.float64))


def with_probability(
    turn: Turn, order_K: IntArray, open_at: Callable[[int], BoolArray], added_N: DoubleArray
) -> DoubleArray:
    """p(order[k] | places before, draw), (K,), of a slate that stands: what the same turn would have said of it."""
    chances = np.empty(len(order_K))
    for place, n in enumerate(order_K.tolist()):
        chances[place] = turn.probabilities(open_at(place), added_N)[n]
        turn.take(n)
    return chances

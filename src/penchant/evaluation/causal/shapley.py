"""Who earned a slate's reward: the Shapley share of each concept.

    φ_c = Σ_{S without c} |S|! (C − |S| − 1)! / C! · ( v(S + c) − v(S) )                              (Shapley 1953)

the only shares that add up to v(all) − v(none) (efficiency), give equals the same, nothing to what adds nothing, and
add over games. Exact for up to `MOST_EXACT` concepts (2^C values); beyond that the mean over random orders, each with
its reverse, which adds up exactly as well and comes with its standard error (Castro, Gómez and Tejada 2009).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial
from typing import TypeAlias

import numpy as np
from scipy.special import expit

from penchant.errors import DataError
from penchant.types import BoolArray, DoubleArray, IntArray

MOST_EXACT = 12

Worth: TypeAlias = Callable[[BoolArray], float]
"""v: which concepts count, (C,), to what is earned"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """φ, (C,)."""

    shares: DoubleArray
    errors: DoubleArray
    """Standard errors; 0 where exact"""
    nothing: float
    """v(none)"""
    everything: float
    """v(all)"""


def shapley(worth: Worth, n: int, *, rng: np.random.Generator | None = None, orders: int = 400) -> Shares:
    """The shares of n concepts. `DataError` for more than `MOST_EXACT` without an rng to draw orders from."""
    if n < 1:
        raise DataError(f"{n} concepts came.", hint="Shares are of one concept or more.")
    if n <= MOST_EXACT:
        return _exact(worth, n)
    if rng is None:
        raise DataError(
            f"{n} concepts came; exact shares go up to {MOST_EXACT}.", hint="Hand in an rng, and they are sampled."
        )
    return _sampled(worth, n, rng, orders)


def slate_worth(
    bases_K: DoubleArray, contributions_KC: DoubleArray, *, examination_K: DoubleArray, reward: str = "any"
) -> Worth:
    """What a slate is expected to earn when only some concepts speak for its items:

    p_k = θ_k σ(base_k + Σ_{c in S} contribution_kc);     any: 1 − Π_k (1 − p_k);     sum: Σ_k p_k
    """
    if reward not in {"any", "sum"}:
        raise DataError(f"reward is {reward!r}.", hint="any (somebody finds something) or sum (all that is found).")

    def worth(counts: BoolArray) -> float:
        chances = examination_K * expit(bases_K + contributions_KC @ counts)
        return float(-np.expm1(np.log1p(-np.minimum(chances, 1 - 1e-15)).sum()) if reward == "any" else chances.sum())

    return worth


def _exact(worth: Worth, n: int) -> Shares:
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1 == 1
    values = np.array([worth(row) for row in bits])
    sizes = bits.sum(axis=1)
    weights = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in range(n)])
    shares = np.empty(n)
    for c in range(n):
        without = np.flatnonzero(~bits[:, c])
        shares[c] = weights[sizes[without]] @ (values[without + (1 << c)] - values[without])
    return Shares(shares=shares, errors=np.zeros(n), nothing=float(values[0]), everything=float(values[-1]))


def _sampled(worth: Worth, n: int, rng: np.random.Generator, orders: int) -> Shares:
    pairs = max(2, orders // 2)
    nothing, everything = worth(np.zeros(n, dtype=np.bool_)), worth(np.ones(n, dtype=np.bool_))
    found: DoubleArray = np.empty((pairs, n))
    for pair in range(pairs):
        order = rng.permutation(n)
        found[pair] = np.mean([_along(worth, one, nothing) for one in (order, order[::-1])], axis=0)
    return Shares(
        shares=found.mean(axis=0),
        errors=np.asarray(found.std(axis=0, ddof=1) / np.sqrt(pairs)),
        nothing=nothing,
        everything=everything,
    )


def _along(worth: Worth, order: IntArray, nothing: float) -> DoubleArray:
    counts, last = np.zeros(len(order), dtype=np.bool_), nothing
    gains = np.empty(len(order))
    for c in order.tolist():
        counts[c] = True
        value = worth(counts)
        gains[c], last = value - last, value
    return gains

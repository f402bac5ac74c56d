"""Probabilities over a policy's draws, which have no closed form, by Monte Carlo with standard errors.

Never on the request path: what a policy logs is exact, given its draw. This is for estimates afterwards.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from penchant.errors import ConfigError, DataError
from penchant.exploration.slate import with_probability
from penchant.interfaces import Arms, Policy
from penchant.types import BoolArray, DoubleArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Marginals:
    """What R draws say of K places and N candidates."""

    at_place_KN: DoubleArray
    """P(candidate n takes place k)"""
    at_place_errors_KN: DoubleArray
    """Standard errors; 0 where all draws agree, which does not prove that none would differ"""
    in_slate_N: DoubleArray
    """P(candidate n is in the slate): the share of draws that had it"""
    in_slate_errors_N: DoubleArray
    draws: int


def marginals(
    policy: Policy,
    arms: Arms,
    k: int,
    *,
    rng: np.random.Generator,
    draws: int = 1000,
    open_N: BoolArray | None = None,
    added: Callable[[Sequence[int]], DoubleArray] | None = None,
) -> Marginals:
    """Over R draws of whole slates, the means of the exact conditional probabilities at each place:

        P̂(n at k) = 1/R Σ_r p(n | places before k in r, draw r),    standard error √(sample variance / R)

    Averaging p in place of counting who was taken (Rao and Blackwell) has the same mean and less variance. `open_N` is
    who may take the first place (None: all); `added` gives, for the candidates chosen so far, what reranker and rules
    add (None: nothing). `ConfigError` for fewer than 2 draws.
    """
    if draws < 2:
        raise ConfigError(f"{draws} draws have no standard error.", hint="Ask for two or more.")
    n_arms = len(arms)
    eligible = np.ones(n_arms, dtype=np.bool_) if open_N is None else open_N
    places = min(k, int(np.count_nonzero(eligible)))
    sums, squares = np.zeros((2, k, n_arms))
    total, total_squares = np.zeros((2, n_arms))
    nothing = np.zeros(n_arms)
    for _ in range(draws):
        turn, still = policy.begin(arms, k, rng=rng), eligible.copy()
        chosen: list[int] = []
        inside = np.zeros(n_arms)
        for place in range(places):
            plus = nothing if added is None else added(chosen)
            chances = turn.probabilities(still, plus)
            sums[place] += chances
            squares[place] += chances * chances
            n, _ = turn.pick(still, plus, rng)
            still[n] = False
            chosen.append(n)
        inside[chosen] = 1.0
        total += inside
        total_squares += inside * inside
    return Marginals(
        at_place_KN=sums / draws,
        at_place_errors_KN=_standard_error(sums, squares, draws),
        in_slate_N=total / draws,
        in_slate_errors_N=_standard_error(total, total_squares, draws),
        draws=draws,
    )


def slate_probability(
    policy: Policy,
    arms: Arms,
    order_K: IntArray,
    *,
    rng: np.random.Generator,
    draws: int = 1000,
    added_N: DoubleArray | None = None,
) -> tuple[float, float]:
    """P(exactly this slate, in this order) over draws, and its standard error:

        P̂ = 1/R Σ_r Π_k p(order_k | order_1 … order_{k−1}, draw r)

    A policy that is deterministic given its draw gives 0 or 1 for each: with few hits the error is as large as the
    value. `DataError` for a slate with a candidate twice, or one that is not there; `ConfigError` below 2 draws.
    """
    if draws < 2:
        raise ConfigError(f"{draws} draws have no standard error.", hint="Ask for two or more.")
    order = [int(n) for n in order_K]
    if len(set(order)) < len(order) or not all(0 <= n < len(arms) for n in order):
        raise DataError(f"{order} is no slate of {len(arms)} candidates.", hint="Give each candidate's place once.")
    nothing = np.zeros(len(arms)) if added_N is None else added_N
    opens = np.ones((len(order), len(arms)), dtype=np.bool_)
    for place, n in enumerate(order):
        opens[place + 1 :, n] = False
    found = np.empty(draws)
    for r in range(draws):
        turn = policy.begin(arms, len(order), rng=rng)
        found[r] = with_probability(turn, np.asarray(order), opens.__getitem__, nothing).prod()
    return float(found.mean()), float(found.std(ddof=1) / np.sqrt(draws))


def _standard_error(sums: DoubleArray, squares: DoubleArray, draws: int) -> DoubleArray:
    variances = np.maximum(squares - sums * sums / draws, 0.0) / (draws - 1)
    return np.asarray(np.sqrt(variances / draws), dtype=np.float64)

"""Small games solved exactly: two players with opposed aims, and any number of players with a few moves each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import linprog

from penchant.errors import DataError
from penchant.types import DoubleArray

MOST_PROFILES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroSum:
    """The value of a game and how each side holds it."""

    value: float
    """What the row player is sure of, and the column player concedes at most"""
    rows: DoubleArray
    """Probabilities of the row player's moves"""
    columns: DoubleArray


def zero_sum(payoff_RC: DoubleArray) -> ZeroSum:
    """The max over row mixtures p of min over columns of pᵀA, by linear programming (von Neumann 1928). `DataError`
    for a table that is empty or not finite.
    """
    if payoff_RC.ndim != 2 or not payoff_RC.size or not np.isfinite(payoff_RC).all():
        raise DataError(f"A payoff table of shape {payoff_RC.shape} came.", hint="Give finite payoffs, rows × columns.")
    rows, value = _maximin(payoff_RC)
    columns, _ = _maximin(-payoff_RC.T)
    return ZeroSum(value=value, rows=rows, columns=columns)


def _maximin(payoff_RC: DoubleArray) -> tuple[DoubleArray, float]:
    n, m = payoff_RC.shape
    found = linprog(
        np.concatenate([np.zeros(n), [-1.0]]),
        A_ub=np.hstack([-payoff_RC.T, np.ones((m, 1))]),
        b_ub=np.zeros(m),
        A_eq=np.concatenate([np.ones(n), [0.0]])[None],
        b_eq=[1.0],
        bounds=[(0, None)] * n + [(None, None)],
    )
    solution = np.asarray(found.x, dtype=np.float64)
    return solution[:n], float(solution[n])


def pure_equilibria(payoffs: DoubleArray, *, tolerance: float = 1e-9) -> list[tuple[int, ...]]:
    """Profiles from which nobody gains by moving alone. `payoffs` is (players, moves of player 1, of player 2, …).

    `DataError` for a table that does not fit its players, or is larger than can be gone through.
    """
    players, moves = payoffs.shape[0], payoffs.shape[1:]
    if len(moves) != players or np.prod(moves) > MOST_PROFILES:
        raise DataError(
            f"Payoffs of shape {payoffs.shape} came.", hint=f"One axis a player, and up to {MOST_PROFILES} profiles."
        )
    return [
        profile
        for profile in product(*map(range, moves))
        if all(payoffs[(n, *profile)] >= payoffs[(n, *_others(profile, n))].max() - tolerance for n in range(players))
    ]


def best_responses(payoffs: DoubleArray, start: Sequence[int], *, rounds: int = 100) -> list[tuple[int, ...]]:
    """Profiles as players in turn move to what is best for each, from `start` until nobody moves; the last is an
    equilibrium, unless `rounds` ran out (some games go round in circles).
    """
    path, profile = [tuple(start)], tuple(start)
    for _ in range(rounds):
        before = profile
        for n in range(len(profile)):
            options = payoffs[(n, *_others(profile, n))]
            if options.max() > options[profile[n]] + 1e-9:
                profile = (*profile[:n], int(options.argmax()), *profile[n + 1 :])
                path.append(profile)
        if profile == before:
            return path
    return path


def _others(profile: tuple[int, ...], n: int) -> tuple[int | slice, ...]:
    return (*profile[:n], slice(None), *profile[n + 1 :])

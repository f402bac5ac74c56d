"""Two rankers in one list: each user judges both, so that far fewer users are needed than in two arms.

Team draft (Radlinski, Kurup and Joachims 2008): round by round a coin says who picks first; each in turn puts his best
item not yet on the list, and is its owner. A click is credit for the owner. Per user the winner is who has more credit:

    Δ = wins_B / (wins_A + wins_B) − ½,     ties apart;     p by the exact sign test, interval by Wilson

Users are the unit, for clicks of one user are not independent. Team draft is fair where clicks fall at random, and can
miss a difference that lies only in how two lists combine (Radlinski and Craswell 2013).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import stats

from penchant.errors import DataError
from penchant.evaluation.ab_testing.fixed_horizon import wilson

Team: TypeAlias = Literal["A", "B"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interleaved:
    """A list of two rankers."""

    items: tuple[str, ...]
    teams: tuple[Team, ...]
    """Who put each item there"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Which ranker users prefer."""

    users: int
    wins_a: int
    wins_b: int
    ties: int
    """Users with equal credit, without any click among them"""
    preference: float | None
    """Δ, above 0 for B; None where all tied"""
    interval: tuple[float, float] | None
    p: float


def team_draft(a: Sequence[str], b: Sequence[str], k: int, *, rng: np.random.Generator) -> Interleaved:
    """The first K of two rankings, interleaved. Fewer where both ran out. `DataError` for an item twice in one."""
    for ranking in (a, b):
        if len(set(ranking)) != len(ranking):
            raise DataError("A ranking has an item twice.", hint="Give each item one place.")
    items: list[str] = []
    teams: list[Team] = []
    left: dict[Team, list[str]] = {"A": list(a)[::-1], "B": list(b)[::-1]}
    turn: list[Team] = []
    while len(items) < k:
        if not turn:
            turn = ["A", "B"] if rng.random() < 0.5 else ["B", "A"]
        team = turn.pop(0)
        pile = left[team]
        while pile and pile[-1] in items:
            pile.pop()
        if pile:
            items.append(pile.pop())
            teams.append(team)
        elif all(item in items for other in left.values() for item in other):
            break
    return Interleaved(items=tuple(items), teams=tuple(teams))


def credit(shown: Interleaved, clicked: Iterable[str]) -> dict[Team, int]:
    """Clicks by owner, a repeated click counted once. `DataError` for a click on what was not shown."""
    owner = dict(zip(shown.items, shown.teams, strict=True))
    found: dict[Team, int] = {"A": 0, "B": 0}
    for item in set(clicked):
        if item not in owner:
            raise DataError(f"A click on {item!r}, which was not on the list.", hint="Join clicks by slate.")
        found[owner[item]] += 1
    return found


def preference(of_lists: Iterable[tuple[str, int, int]], *, level: float = 0.95) -> Preference:
    """From (user, credit of A, credit of B), lists of one user added up. `DataError` where nobody came."""
    of_user: dict[str, int] = {}
    for user, a, b in of_lists:
        of_user[user] = of_user.get(user, 0) + b - a
    if not of_user:
        raise DataError("No list was shown.", hint="Give the credits of at least one user.")
    wins_a, wins_b = sum(v < 0 for v in of_user.values()), sum(v > 0 for v in of_user.values())
    told, decided = {"users": len(of_user), "wins_a": wins_a, "wins_b": wins_b}, wins_a + wins_b
    if not decided:
        return Preference(**told, ties=len(of_user), preference=None, interval=None, p=1.0)
    low, high = wilson(wins_b, decided, level=level)
    return Preference(
        **told,
        ties=len(of_user) - decided,
        preference=wins_b / decided - 0.5,
        interval=(low - 0.5, high - 0.5),
        p=float(stats.binomtest(wins_b, decided).pvalue),
    )

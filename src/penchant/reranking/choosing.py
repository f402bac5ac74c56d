"""A list, place by place: the largest value that the rules let through."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.interfaces import Candidates, ItemFacts, Reranker, Turn
from penchant.reranking.rules import Constraints, Limit
from penchant.reranking.weighing import Fixed
from penchant.types import BoolArray, DoubleArray, IntArray, RowArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranked:
    """The list: which candidates, in which order, and what each gained or lost."""

    order: IntArray
    """(K,) places among the candidates; fewer where the rules let no more through"""
    adjustments: DoubleArray
    """(K,) value at its turn − score: what reranker and rules added"""
    propensities: DoubleArray
    """(K,) probability that the candidate came to its place, given those before: 1 where nothing was left to chance"""
    notes: tuple[str, ...] = ()
    """Rules that could not be kept to."""


def rerank(
    candidates: Candidates,
    k: int,
    constraints: Constraints,
    *,
    facts: ItemFacts,
    reranker: Reranker | None = None,
    policy: tuple[Turn, np.random.Generator] | None = None,
    told_N: DoubleArray | None = None,
) -> Reranked:
    """The K candidates, chosen place by place. A `policy` that has its turn draws each among those that the rules let
    through, instead of the largest value; `told_N` is what it was told of each at its beginning (None: their scores).

    At each place stands the item pinned there, else the candidate of the largest value (reranker's value plus lift)
    among those that are allowed, not chosen yet, and in no quota that is full. Where the places left are needed for
    quotas that are short, only what helps one of them may come. Equal values are ordered by `candidates.ties`.
    Candidates must hold the pinned items; a quota asks for candidates to fill it with.

    Kept to always: items are distinct, none is outside `constraints.allowed` unless pinned, no quota's most is exceeded
    but by pins, pins stand at their places (the list closes up where too few candidates are left to stand before one).
    A quota's least is kept wherever its members overlap with no other quota's and there are enough candidates; where it
    is not, `notes` says so.
    """
    preference = Fixed(candidates.scores.copy()) if reranker is None else reranker.begin(candidates, facts)
    lifts = constraints.lifts[candidates.items]
    places = {int(item): n for n, item in enumerate(candidates.items)}
    pins = {place: places[row] for place, row in constraints.pins.items() if place <= k}
    free = constraints.allowed[candidates.items].copy()
    if policy is None and stays(constraints, reranker):
        values, rows = preference.values + lifts, np.flatnonzero(free)
        best = rows[np.lexsort((candidates.ties[rows], -values[rows]))][:k]
        added = (values - candidates.scores)[best]
        return Reranked(order=best.astype(np.int64), adjustments=added, propensities=np.ones(len(best)))
    free[list(pins.values())] = False
    tallies = [_Tally(limit, candidates, list(pins.values())) for limit in constraints.limits]
    order: list[int] = []
    adjustments: list[float] = []
    propensities: list[float] = []
    for place in range(1, k + 1):
        values, chance = preference.values + lifts, 1.0
        if place in pins:
            n = pins[place]
            if policy is not None:
                policy[0].take(n)
        else:
            left = sum(1 for later in range(place, k + 1) if later not in pins)
            through = _open(free, tallies, left)
            if not through.any():
                continue
            if policy is None:
                n = _best(values, candidates, through)
            else:
                turn, rng = policy
                n, chance = turn.pick(through, values - (candidates.scores if told_N is None else told_N), rng)
            free[n] = False
            for tally in tallies:
                tally.count(n)
        order.append(n)
        adjustments.append(float(values[n] - candidates.scores[n]))
        propensities.append(chance)
        preference.choose(n)
    return Reranked(
        order=np.array(order, dtype=np.int64),
        adjustments=np.array(adjustments, dtype=np.float64),
        propensities=np.array(propensities, dtype=np.float64),
        notes=tuple(note for tally in tallies if (note := tally.note())),
    )


def stays(constraints: Constraints, reranker: Reranker | None) -> bool:
    """Whether what a candidate is worth is the same at every place, whatever stands before it."""
    return reranker is None and not constraints.pins and not constraints.limits


def beside_scores(constraints: Constraints) -> IntArray:
    """Item rows that must be looked at whatever their scores: those lifted, and those that quotas ask for."""
    wanted = constraints.lifts > 0
    for limit in constraints.limits:
        if limit.least:
            wanted |= limit.members
    return np.flatnonzero(wanted & constraints.allowed)


def shortlist_size(k: int, pool: int = 0) -> int:
    """How many items a list of K is made of: enough for those that rules may take out of it, and the `pool` that a
    reranker asks for.
    """
    return max(4 * k, k + 20, pool)


def shortlist(rows_R: IntArray, values_R: DoubleArray, constraints: Constraints, n: int, *, ties: RowArray) -> RowArray:
    """Of R item rows those that a list may be made of: the `n` allowed ones of the largest values (lifts included), for
    each quota as many of its members as it asks for at least; and the pinned, though they be not among the R.
    """
    open_R = constraints.allowed[rows_R]
    rows, values = rows_R[open_R], (values_R + constraints.lifts[rows_R])[open_R]
    order = rows[np.lexsort((ties[rows], -values))]
    parts = [order[:n], np.array(list(constraints.pins.values()), dtype=np.int64)]
    parts += [order[limit.members[order]][: limit.least] for limit in constraints.limits]
    return np.unique(np.concatenate(parts)).astype(np.int32)


class _Tally:
    """How many of a quota's items the list has, those pinned further down included."""

    def __init__(self, limit: Limit, candidates: Candidates, pinned: Sequence[int]) -> None:
        self.limit = limit
        self.members: BoolArray = limit.members[candidates.items]
        self.have = int(self.members[list(pinned)].sum())

    @property
    def full(self) -> bool:
        return self.limit.most is not None and self.have >= self.limit.most

    @property
    def short(self) -> int:
        return max(self.limit.least - self.have, 0)

    def count(self, n: int) -> None:
        self.have += bool(self.members[n])

    def note(self) -> str:
        if self.short:
            return f"{self.limit.name}: {self.have} of at least {self.limit.least} could be found"
        if self.limit.most is not None and self.have > self.limit.most:
            return f"{self.limit.name}: {self.have} are pinned, and at most {self.limit.most} were asked for"
        return ""


def _open(free_N: BoolArray, tallies: Sequence[_Tally], left: int) -> BoolArray:
    """(N,) candidates that may take one of the `left` places that no pin holds."""
    through = free_N.copy()
    for tally in tallies:
        if tally.full:
            through &= ~tally.members
    # A quota that cannot be filled asks for no more places than there are items to fill it with.
    wanted = [min(tally.short, int(np.count_nonzero(through & tally.members))) for tally in tallies]
    short = [tally for tally, places in zip(tallies, wanted, strict=True) if places]
    if short and sum(wanted) >= left:
        helping = np.logical_or.reduce([tally.members for tally in short])
        through &= helping
    return through


def _best(values_N: DoubleArray, candidates: Candidates, through_N: BoolArray) -> int:
    """The candidate of the largest value, equal ones by their ties; at least one may come."""
    rows = np.flatnonzero(through_N)
    best = rows[values_N[rows] == values_N[rows].max()]
    return int(best[candidates.ties[best].argmin()])

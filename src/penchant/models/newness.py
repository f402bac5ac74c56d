"""How much being new is worth: enough that a new item is found, at a stated cost to the others."""

from collections.abc import Callable

import numpy as np

from penchant.data.histories import Cases, Histories
from penchant.metrics.ranking import ndcg_at, target_ranks
from penchant.models.holdout import rows_at_once
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, DoubleArray, FloatArray, IntArray, RowArray

WEIGHTS = tuple(n / 10 for n in range(21))
"""Weights tried, in standard deviations of the tracker's scores; so near each other that a budget is used up."""
STRATUM = 20
"""One known item of so many about equally popular ones takes part in the rehearsal as a new one: 5 %."""
FEWEST = 50
"""Cases that ask for a rehearsed item, at least; fewer decide nothing."""


def rehearsed(counts_I: IntArray, able_I: BoolArray, *, seed: int) -> BoolArray:
    """Known items to be treated as new, (I,): one of each `STRATUM` next to each other in popularity, of the `able`."""
    known = np.flatnonzero((counts_I > 0) & able_I)
    rng = numpy_rng(seed, "rehearsed items")
    ordered = known[np.lexsort((rng.random(len(known)), counts_I[known]))]
    starts = np.arange(0, len(ordered), STRATUM)
    drawn = starts + rng.integers(np.minimum(STRATUM, len(ordered) - starts)) if len(starts) else starts
    chosen = np.zeros(len(counts_I), dtype=np.bool_)
    chosen[ordered[drawn]] = True
    return chosen


def told_apart(cases: Cases, new_I: BoolArray, *, most: int, seed: int) -> Cases:
    """All cases that ask for an item of `new_I`, and `most` of the others, drawn by the seed."""
    asked = _asking(cases, new_I)
    others = np.flatnonzero(~asked)
    if len(others) > most:
        others = numpy_rng(seed, "known items").choice(others, most, replace=False)
    return cases.take(np.sort(np.concatenate([np.flatnonzero(asked), others])))


def choose_newness(
    score: Callable[[Histories], FloatArray],
    cases: Cases,
    new_I: BoolArray,
    *,
    budget: float,
    ties: RowArray,
    k: int,
    advance: Callable[[int], None],
) -> tuple[float, dict[str, float]]:
    """The weight of being new, and what the rehearsal gave for it.

    `score` answers as if the items `new_I` had no events. Of `WEIGHTS` the one is taken with the best mean NDCG@k of
    the cases that ask for one of them, among those whose loss of mean NDCG@k in the other cases, relative to no weight,
    is within `budget`; the smallest of equals. 0 where fewer than `FEWEST` cases ask for a new item.
    """
    asked = _asking(cases, new_I)
    if asked.sum() < FEWEST or asked.all():
        return 0.0, {}
    values: list[list[DoubleArray]] = []
    for place, histories in cases.histories.batches(rows_at_once(len(new_I))):
        part, scores, row = cases.take(place), score(histories), []
        for before, weight in zip((0.0, *WEIGHTS), WEIGHTS, strict=False):
            scores[:, new_I] += np.float32(weight - before)
            ranks = target_ranks(scores, part, ties=ties, exclude_history=True)
            row.append(np.asarray(ndcg_at(ranks, part.target_indptr, k), dtype=np.float64))
        values.append(row)
        advance(len(part))
    table = np.concatenate([np.stack(row) for row in values], axis=1)  # (weights, cases)
    new, known = table[:, asked].mean(axis=1), table[:, ~asked].mean(axis=1)
    within = known >= (1.0 - budget) * known[0]
    best = int(np.where(within, new, -1.0).argmax())
    told = {"new": new[best], "new, no weight": new[0], "known": known[best], "known, no weight": known[0]}
    return WEIGHTS[best], {name: float(value) for name, value in told.items()}


def _asking(cases: Cases, new_I: BoolArray) -> BoolArray:
    """(B,): whether a case asks for one of the new items."""
    asked = np.zeros(len(cases), dtype=np.bool_)
    owners = np.repeat(np.arange(len(cases)), np.diff(cases.target_indptr))
    asked[owners[new_I[cases.target_items]]] = True
    return asked

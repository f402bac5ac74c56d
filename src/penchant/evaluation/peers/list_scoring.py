"""Anybody's lists against the truth, by the code that measures ours: one list a user, both rankings from it.

A list is unmasked and longer than K. Included: it is read as it is. Excluded: the items of the user's history are
taken out, his targets excepted, and what is left closes up. Rules, each counted in the notes: **repeats** an item
counts at its first place · **unknown items** an id that the catalogue does not have keeps its place and is a miss ·
**missing users** a user asked without a list counts zero · **unknown users** a list nobody asked for is left out ·
**short lists** places beyond the end are misses.
"""

from dataclasses import dataclass

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.metrics.lists import Lists
from penchant.metrics.ranking import UNRANKED
from penchant.types import IntArray, RowArray

STRANGER = -1
"""The row of an item id that the catalogue does not have; it pads, too, and is never a hit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedLists:
    """Lists of B cases with T targets."""

    ranks: IntArray
    """(T,) place of each packed target, `UNRANKED` where the list does not have it"""
    lists: RowArray
    """(B, K), −1 pads"""
    notes: tuple[str, ...]


def rank_lists(lists: Lists, cases: Cases, train: Dataset, *, k: int, exclude_history: bool) -> RankedLists:
    """The first K of each list, with the history taken out or not, and where the targets stand in it."""
    ranks = np.full(len(cases.target_items), UNRANKED, dtype=np.int64)
    first = np.full((len(cases), k), STRANGER, dtype=np.int32)
    missing = short = strangers = 0
    asked = set()
    for b, user in enumerate(cases.histories.users.tolist()):
        user_id = train.users.ids[user]
        asked.add(user_id)
        if user_id not in lists.items:
            missing += 1
            continue
        rows = train.items.rows(lists.items[user_id])
        strangers += int((rows == STRANGER).sum())
        if exclude_history:
            seen = np.setdiff1d(cases.histories.items[cases.histories.of(b)], cases.targets(b))
            rows = rows[~np.isin(rows, seen)]
        rows = rows[:k]
        short += len(rows) < k
        first[b, : len(rows)] = rows
        targets = cases.targets(b)
        at, place = np.nonzero(targets[:, None] == rows[None, :])
        ranks[cases.target_indptr[b] + at] = place
    unknown = [user for user in lists.items if user not in asked]
    notes = [
        _note(missing, "user without a list counts as zero", "users without a list count as zero"),
        _note(
            len(unknown), "list of a user nobody asked for is left out", "lists of users nobody asked for are left out"
        ),
        _note(
            strangers,
            "item that the catalogue does not have is a miss",
            "items that the catalogue does not have are misses",
        ),
        _note(lists.repeats, "repeated item was taken out", "repeated items were taken out"),
        _note(short, f"list is shorter than {k}", f"lists are shorter than {k}") if k <= train.n_items else "",
    ]
    return RankedLists(ranks=ranks, lists=first, notes=tuple(note for note in notes if note))


def _note(n: int, one: str, many: str) -> str:
    return "" if not n else f"{n:,} {one if n == 1 else many}"

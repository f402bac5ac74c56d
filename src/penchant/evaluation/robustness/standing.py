"""Where one item stands in the lists of many users: what an attack on it moved."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.data.histories import Histories
from penchant.errors import DataError
from penchant.interfaces import Recommender
from penchant.seeding import tie_breaks
from penchant.types import BoolArray

AT_ONCE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An item in the lists of the users who do not have it."""

    users: int
    """How many were asked"""
    hit_ratio: float
    """Share of them who are shown it among the first K"""
    mean_rank: float
    """Its mean place in the whole list, 1 is the first"""
    median_rank: float


def standing(
    model: Recommender, histories: Histories, target: int, *, item_ids: Sequence[str], k: int = 10, seed: int = 0
) -> Standing:
    """The standing of the item of row `target`; each user's list is the catalogue without what he had, equal scores in
    the order of a seeded hash of the item id.

    `DataError` where every user has the item, or for a row that is not in the catalogue.
    """
    if not 0 <= target < len(item_ids):
        raise DataError(
            f"There is no item of the row {target}; there are {len(item_ids)}.", hint="Give a row of the catalogue."
        )
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    have: BoolArray = np.zeros(len(histories), dtype=np.bool_)
    have[owners[histories.items == target]] = True
    asked = histories.take(np.flatnonzero(~have))
    if not len(asked):
        raise DataError(
            f"Every user has the item {item_ids[target]!r} already.", hint="Ask for an item that some do not have."
        )
    ties, ranks = tie_breaks(item_ids, seed=seed), []
    for _, part in asked.batches(AT_ONCE):
        scores = model.score(part).astype(np.float64)
        scores[np.repeat(np.arange(len(part)), part.lengths), part.items] = -np.inf
        own = scores[:, target][:, None]
        ahead = (scores > own) | ((scores == own) & (ties < ties[target])[None, :])
        ranks.append(1 + ahead.sum(axis=1))
    found = np.concatenate(ranks)
    return Standing(
        users=len(found),
        hit_ratio=float((found <= k).mean()),
        mean_rank=float(found.mean()),
        median_rank=float(np.median(found)),
    )

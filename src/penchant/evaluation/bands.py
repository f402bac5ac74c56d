"""The same metrics by how much is known: bands of the user's history and of the item's popularity.

They say what a mean hides: whether a model holds where data is thin. A user is in the band of the history he is asked
with. For items each target is asked alone, as if it were the only one: recall is the chance that it is among the
first k, NDCG ``1/log2(rank + 2)`` within k.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from penchant.metrics.ranking import ndcg_at, recall_at
from penchant.types import AnyArray, DoubleArray, IntArray

HISTORY_FLOORS = (0, 1, 2, 3, 5, 10, 20, 50, 100, 500)
"""The lowest number of events of each band."""
POPULARITY = ("unseen", "tail", "middle", "head")


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Mean metrics of part of the cases or targets; `floor` and `ceiling` are numbers of events, both in the band."""

    band: str
    floor: int
    ceiling: int
    count: int
    """Cases, or targets, in it."""
    metrics: Mapping[str, float]


def by_history(values: Mapping[str, DoubleArray], lengths: IntArray) -> list[Band]:
    """Metrics of the cases (B,) by the length (B,) of the history; bands without cases are left out."""
    bands = []
    for floor, after in zip(HISTORY_FLOORS, (*HISTORY_FLOORS[1:], None), strict=True):
        inside = (lengths >= floor) & (lengths < after if after else True)
        ceiling = after - 1 if after else int(lengths.max(initial=floor))
        if inside.any():
            label = str(floor) if ceiling == floor else f"{floor}–{ceiling}" if after else f"{floor}+"
            bands.append(_band(label, floor, ceiling, values, inside))
    return bands


def popularity_bands(item_counts: IntArray) -> IntArray:
    """(I,) 0 for an item without training event; else 1, 2 or 3: tail, middle and head each hold a third of the
    training events, so the head has few items and the tail many.
    """
    # Items of one count stay together: all are placed where the first of them falls.
    counts, place, items = np.unique(item_counts, return_inverse=True, return_counts=True)
    below = np.cumsum(counts * items) - counts * items
    bands = 1 + np.minimum(3 * below // max(1, int(item_counts.sum())), 2)[place]
    return np.where(item_counts > 0, bands, 0)


def by_popularity(ranks: IntArray, bands_T: IntArray, counts_T: IntArray, ks: Sequence[int]) -> list[Band]:
    """Metrics of the targets (T,) by the `popularity_bands` of their items; bands without targets are left out.

    `counts_T` are the training events of each target's item.
    """
    alone = np.arange(len(ranks) + 1, dtype=np.int64)
    values = {f"recall@{k}": recall_at(ranks, alone, k) for k in ks}
    values |= {f"ndcg@{k}": ndcg_at(ranks, alone, k) for k in ks}
    found = []
    for code, name in enumerate(POPULARITY):
        inside = bands_T == code
        if inside.any():
            counts = counts_T[inside]
            found.append(_band(name, int(counts.min()), int(counts.max()), values, inside))
    return found


def _band(name: str, floor: int, ceiling: int, values: Mapping[str, DoubleArray], inside: AnyArray) -> Band:
    metrics = {metric: float(value[inside].mean()) for metric, value in values.items()}
    return Band(band=name, floor=floor, ceiling=ceiling, count=int(inside.sum()), metrics=metrics)

"""Whether an event speaks for or against its item, and which events are consumption at all."""

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.events import IMPRESSION
from penchant.data.histories import Histories
from penchant.types import FloatArray

AGAINST = frozenset({"dislike", "not_interested", "hide", "skip", "hate", "unlike", "report"})
"""Event types that speak against an item. They are never read as consumption."""

NOT_CONSUMED = AGAINST | {IMPRESSION}
"""Event types that no model reads as consumption: what was turned down, and what was only shown."""

LOW_RATING = 0.25
"""A rating in the lowest quarter of its scale (1 and 2 of 5) speaks against the item, though it was consumed."""


def against_types(event_types: tuple[str, ...]) -> list[int]:
    """The codes of event types that speak against an item."""
    return [code for code, name in enumerate(event_types) if name in AGAINST]


def consumption(dataset: Dataset) -> Dataset:
    """The dataset without the item events that are no consumption; the same object where there are none."""
    codes = [code for code, name in enumerate(dataset.event_types) if name in NOT_CONSUMED]
    left_out = np.isin(dataset.events.types, codes) & (dataset.events.items >= 0)
    return dataset.select(~left_out) if left_out.any() else dataset


def polarity(histories: Histories, dataset: Dataset) -> FloatArray:
    """(N,) −1 for an event against its item, 0 for one that was only shown, +1 otherwise.

    An event is against where its type is in `AGAINST`, or its rating v on the scale [lo, hi] has
    (v − lo) / (hi − lo) ≤ `LOW_RATING`.
    """
    negative = np.isin(histories.types, against_types(dataset.event_types))
    if dataset.rating_scale is not None:
        low, high = dataset.rating_scale
        if high > low:
            with np.errstate(invalid="ignore"):
                negative |= (histories.values - low) / (high - low) <= LOW_RATING
    shown = np.array([name == IMPRESSION for name in dataset.event_types], dtype=np.bool_)
    sign = np.where(negative, -1.0, 1.0).astype(np.float32)
    if shown.any():
        sign[shown[histories.types]] = 0.0
    return sign

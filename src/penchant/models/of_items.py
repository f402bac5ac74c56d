"""The sources of a blend that say the same of an item to everyone, and the scale of each source."""

import numpy as np

from penchant.types import BoolArray, DoubleArray, FloatArray, IntArray

POPULARITY, NEWNESS = "popularity", "newness"
OF_ITEMS = (POPULARITY, NEWNESS)
"""Sources that say the same of an item to everyone."""


def of_items(counts_I: IntArray, placed_I: BoolArray) -> dict[str, FloatArray]:
    """What the sources that say the same to everyone say, (I,) each. Nobody knows an item without events and text."""
    logs = np.log1p(counts_I)
    popular = (logs / max(float(logs.max(initial=0.0)), 1e-9)).astype(np.float32)
    return {POPULARITY: popular, NEWNESS: ((counts_I == 0) & placed_I).astype(np.float32)}


def scale(name: str, scores_BI: FloatArray) -> DoubleArray:
    """1 over a history's best score, (B,), 0 where nothing is scored; 1 for cosines and what is the same to everyone,
    which have a scale of their own.
    """
    if name in {"content", *OF_ITEMS}:
        return np.ones(len(scores_BI))
    highest = scores_BI.max(axis=1, initial=0.0).astype(np.float64)
    return np.where(highest > 0, 1.0 / np.where(highest > 0, highest, 1.0), 0.0)

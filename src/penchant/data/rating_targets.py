"""One rating record as three targets: a number, a class, and liked or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from penchant.data.dataset import Dataset
from penchant.errors import DataError
from penchant.types import BoolArray, DoubleArray, RowArray

LIKED_SHARE = 0.75
"""A rating in the highest quarter of its scale (4 and 5 of 5) is a like."""


@dataclass(frozen=True, kw_only=True)
class RatingTargets:
    """What a rating means, learned from the training part and saved with every model that uses it.

    `levels` are the distinct ratings in ascending order: class c is ``levels[c]``, and the map goes both ways.
    """

    low: float
    high: float
    levels: tuple[float, ...]

    @classmethod
    def fit(cls, dataset: Dataset) -> "RatingTargets":
        """Learn levels from a dataset's ratings. `DataError` where its values are no ratings."""
        values = dataset.events.values
        found = np.unique(values[~np.isnan(values)])
        if dataset.rating_scale is None or not len(found):
            raise DataError(
                f"The values of {dataset.name} are not ratings.", hint="Map the rating column with --map value=COLUMN."
            )
        low, high = dataset.rating_scale
        return cls(low=low, high=high, levels=tuple(float(level) for level in found))

    def regression(self, values: DoubleArray, *, unit: bool = False) -> DoubleArray:
        """The ratings as they are, or on [0, 1]: (r − low) / (high − low)."""
        numbers = np.asarray(values, dtype=np.float64)
        return (numbers - self.low) / ((self.high - self.low) or 1.0) if unit else numbers

    def classes(self, values: DoubleArray) -> RowArray:
        """Class ids; NaN is −1. `DataError` for a rating that is none of the levels."""
        numbers, levels = np.asarray(values, dtype=np.float64), np.asarray(self.levels)
        places = np.searchsorted(levels, numbers).clip(0, len(levels) - 1)
        known = np.isnan(numbers) | (levels[places] == numbers)
        if not known.all():
            raise DataError(
                f"The rating {numbers[~known][0]:g} is none of the classes.",
                hint=f"Classes: {', '.join(f'{level:g}' for level in self.levels)}.",
            )
        return np.where(np.isnan(numbers), -1, places).astype(np.int32)

    def of_classes(self, classes: RowArray) -> DoubleArray:
        """The ratings of class ids; −1 is NaN."""
        levels = np.append(np.asarray(self.levels), np.nan)
        return np.asarray(levels[np.asarray(classes)], dtype=np.float64)

    def liked(self, values: DoubleArray, *, share: float = LIKED_SHARE) -> BoolArray:
        """Whether (r − low) / (high − low) ≥ `share`; a missing rating is no like."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.regression(values, unit=True) >= share)

    def as_json(self) -> dict[str, Any]:
        """For a manifest."""
        return {"low": self.low, "high": self.high, "levels": list(self.levels)}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "RatingTargets":
        """What `as_json` gave."""
        levels = tuple(float(level) for level in saved["levels"])
        return cls(low=float(saved["low"]), high=float(saved["high"]), levels=levels)

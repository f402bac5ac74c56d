"""Validation inside a fit of ratings."""

from collections.abc import Callable

import numpy as np

from penchant.data.histories import Histories
from penchant.interfaces import FitOptions
from penchant.types import DoubleArray, IntArray, RowArray

Predict = Callable[[Histories, IntArray, RowArray], DoubleArray]


def validation_value(options: FitOptions, predict: Predict) -> Callable[[], float] | None:
    """What decides when to stop: the root mean squared error on the rated targets of the validation cases, negated.

    None where there are no cases, or none of their targets is rated.
    """
    cases = options.validation
    if cases is None or cases.target_values is None or np.isnan(cases.target_values).all():
        return None
    rated = ~np.isnan(cases.target_values)
    asked = np.repeat(np.arange(len(cases), dtype=np.int64), np.diff(cases.target_indptr))[rated]
    items, actual, histories = cases.target_items[rated], cases.target_values[rated], cases.histories

    def value() -> float:
        return -float(np.sqrt(np.mean((predict(histories, asked, items) - actual) ** 2)))

    return value

"""Validation inside a fit of ratings."""

from collections.abc import Callable

import numpy as np

from penchant.data.histories import Cases, Histories
from penchant.types import DoubleArray, IntArray, RowArray

Predict = Callable[[Histories, IntArray, RowArray], DoubleArray]


def validation_error(predict: Predict, cases: Cases) -> float:
    """Root mean squared error on the rated targets of the cases; 0 where none is rated."""
    if cases.target_values is None:
        return 0.0
    rated = ~np.isnan(cases.target_values)
    if not rated.any():
        return 0.0
    asked = np.repeat(np.arange(len(cases), dtype=np.int64), np.diff(cases.target_indptr))[rated]
    errors = predict(cases.histories, asked, cases.target_items[rated]) - cases.target_values[rated]
    return float(np.sqrt(np.mean(errors**2)))

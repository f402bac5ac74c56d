"""Metrics of predicted ratings, in the unit of the ratings.

* MSE ``(1/N) Σ (r̂ − r)²`` · RMSE ``√MSE`` · MAE ``(1/N) Σ |r̂ − r|``

`DataError` where predictions and ratings differ in number, there are none, or one is not a finite number.
"""

import numpy as np

from penchant.errors import DataError
from penchant.types import AnyArray, DoubleArray


def mean_squared_error(predicted: AnyArray, actual: AnyArray) -> float:
    """Mean of the squared errors, in squared rating units."""
    return float(np.mean(_errors(predicted, actual) ** 2))


def root_mean_squared_error(predicted: AnyArray, actual: AnyArray) -> float:
    """Root of the mean squared error, in rating units."""
    return float(np.sqrt(mean_squared_error(predicted, actual)))


def mean_absolute_error(predicted: AnyArray, actual: AnyArray) -> float:
    """Mean of the absolute errors, in rating units."""
    return float(np.mean(np.abs(_errors(predicted, actual))))


def _errors(predicted: AnyArray, actual: AnyArray) -> DoubleArray:
    predicted, actual = np.asarray(predicted, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if predicted.shape != actual.shape or not predicted.size:
        raise DataError(
            f"Predicted and actual ratings have shapes {predicted.shape} and {actual.shape}.",
            hint="Give as many predictions as ratings, and at least one.",
        )
    if not (np.isfinite(predicted).all() and np.isfinite(actual).all()):
        raise DataError(
            "Predicted and actual ratings are finite numbers; others came.", hint="Leave out what has no rating."
        )
    return predicted - actual

"""Which texts to have labelled next: those that a classifier is least sure of."""

import numpy as np

from penchant.errors import DataError
from penchant.types import DoubleArray, IntArray


def by_uncertainty(probabilities_N: DoubleArray, *, at_most: int | None = None) -> IntArray:
    """Rows of unlabelled texts, those with the probability nearest to ½ first; equal ones by row.

    Uncertainty sampling (Lewis and Gale 1994). It pays where most texts are easy; where the classifier is wrong and
    sure of it, it never asks: label a random share besides. `DataError` for a probability outside [0, 1].
    """
    probabilities = np.asarray(probabilities_N, dtype=np.float64)
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise DataError("A probability is not in [0, 1].", hint="Give the probabilities of a calibrated head.")
    return np.argsort(np.abs(probabilities - 0.5), kind="stable")[:at_most].astype(np.int64)

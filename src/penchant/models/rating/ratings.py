"""Ratings as a sparse matrix, made alike from a dataset and from the histories handed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.errors import UnsupportedError
from penchant.types import AnyArray, DoubleArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The range of the ratings, and their mean and deviation in training."""

    low: float
    high: float
    mean: float
    """μ"""
    spread: float
    """σ; 1 where all ratings are equal. Models work in this unit, so that their settings hold for any scale."""

    def clipped(self, ratings: DoubleArray) -> DoubleArray:
        """The nearest rating that the scale allows."""
        return np.clip(ratings, self.low, self.high)

    def facts(self) -> dict[str, float]:
        """As JSON."""
        return {"low": self.low, "high": self.high, "mean": self.mean, "spread": self.spread}

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Self:
        """What `facts` gave."""
        return cls(**{name: float(facts[name]) for name in ("low", "high", "mean", "spread")})

    def standardised(self, ratings: sp.csr_array) -> sp.csr_array:
        """``(r − μ) / σ`` of the entries."""
        return with_data(ratings, (ratings.data - self.mean) / self.spread)


def observed(dataset: Dataset, *, model: str) -> tuple[sp.csr_array, Scale]:
    """The ratings of a dataset, (U, I), and their scale. `UnsupportedError` where its values are no ratings."""
    ratings = rating_matrix(dataset.histories(), dataset.n_items)
    if dataset.rating_scale is None or not ratings.nnz:
        raise UnsupportedError(
            f"{model} learns from ratings, and {dataset.name!r} has none.",
            hint="Import the column that holds them (--map value=COLUMN), or use a model that needs no ratings: "
            "popularity, item_knn or interest.",
        )
    low, high = dataset.rating_scale
    mean, spread = float(ratings.data.mean()), float(ratings.data.std()) or 1.0
    return ratings, Scale(low=low, high=high, mean=mean, spread=spread)


def rating_matrix(histories: Histories, n_items: int) -> sp.csr_array:
    """The last rating of each item in each history, (B, I) float64 with sorted columns; other events are left out."""
    histories.check_items(n_items)
    rated = ~np.isnan(histories.values)
    owners = np.repeat(np.arange(len(histories)), histories.lengths)[rated]
    pairs = owners * max(n_items, 1) + histories.items[rated]
    kept, last = np.unique(pairs[::-1], return_index=True)  # oldest first: of the reversed, the first is the last
    rows, columns = np.divmod(kept, max(n_items, 1))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(histories)))])
    data = histories.values[rated][::-1][last]
    return sp.csr_array((data, columns.astype(np.int32), indptr), shape=(len(histories), n_items))


def touched(histories: Histories, n_items: int) -> sp.csr_array:
    """``|N(b)|^−1/2`` for each of the items N(b) in the history of b, rated or not, (B, I): rows have length 1."""
    histories.check_items(n_items)
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    rows, columns = np.divmod(np.unique(owners * max(n_items, 1) + histories.items), max(n_items, 1))
    counts = np.bincount(rows, minlength=len(histories))
    indptr = np.concatenate([[0], np.cumsum(counts)])
    data = 1.0 / np.sqrt(counts[rows])
    return sp.csr_array((data, columns.astype(np.int32), indptr), shape=(len(histories), n_items))


def with_data(matrix: sp.csr_array, data: AnyArray) -> sp.csr_array:
    """The same entries with other numbers."""
    return sp.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def rows_of(matrix: sp.csr_array) -> IntArray:
    """The row of each stored entry, (nnz,)."""
    return np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))

"""The sparse user–item matrix, and a standardisation of it that can be undone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from penchant.artifacts import read_arrays, write_arrays
from penchant.data.dataset import Dataset
from penchant.errors import ConfigError, DataError
from penchant.types import AnyArray, BoolArray, DoubleArray

Cell = Literal["one", "count", "sum", "mean", "last"]
Scope = Literal["user", "item", "all"]
Method = Literal["zscore", "centre", "minmax"]

_GRID = 2.0**20


def interaction_matrix(dataset: Dataset, *, cell: Cell = "count", mask: BoolArray | None = None) -> csr_array:
    """(U, I): one stored entry for each distinct (user, item) pair of the item events (where `mask` (N,) holds).

    An entry is 1, the number of events, or the sum, mean or last of their values. Its value may be 0: count the stored
    entries (`nnz`), not the values. Raises `DataError` where a value is asked for and an event has none.
    """
    events = dataset.events
    chosen = events.items >= 0 if mask is None else mask & (events.items >= 0)
    rows, columns = events.users[chosen].astype(np.int64), events.items[chosen].astype(np.int64)
    pairs, first, inverse = np.unique(rows * max(dataset.n_items, 1) + columns, return_index=True, return_inverse=True)
    values = events.values[chosen]
    if cell in {"sum", "mean", "last"} and np.isnan(values).any():
        raise DataError(
            f"{int(np.isnan(values).sum())} events have no value, so their {cell} is not known.",
            hint="Impute the values first (penchant.data.imputation), or use cell='one' or 'count'.",
        )
    counts = np.bincount(inverse, minlength=len(pairs)).astype(np.float64)
    if cell == "one":
        data = np.ones(len(pairs))
    elif cell == "count":
        data = counts
    elif cell == "last":
        data = np.empty(len(pairs))
        data[inverse] = values  # events are oldest first, and the last assignment stays
    else:
        sums = np.bincount(inverse, weights=values, minlength=len(pairs)).astype(np.float64)
        data = sums / counts if cell == "mean" else sums
    shape = (dataset.n_users, dataset.n_items)
    return csr_array((data, (rows[first], columns[first])), shape=shape)


@dataclass(frozen=True, kw_only=True)
class Standardisation:
    """z = (x − centre) / scale over the stored entries, per user, per item or over all; x = z · scale + centre.

    ``zscore``: mean and standard deviation; ``centre``: mean and 1; ``minmax``: lowest and range. A group without
    entries takes the figures of all; a range or deviation of 0 counts as 1.

    The inverse is exact for values that are multiples of 2⁻²⁰ below 2³² (ratings in halves, counts): centres lie on
    the same grid, so the subtraction rounds nothing, and the inverse rounds back to the grid. Other values come back
    within a few units in the last place.
    """

    scope: Scope
    centre: DoubleArray
    """(U,), (I,) or (1,)"""
    scale: DoubleArray
    on_grid: bool

    @classmethod
    def fit(cls, matrix: csr_array, *, scope: Scope = "user", method: Method = "zscore") -> "Standardisation":
        """Learn centres and scales from a matrix: hand in the training part. `DataError` for one without entries."""
        data = np.asarray(matrix.data, dtype=np.float64)
        if not len(data):
            raise DataError("The matrix has no entries to standardise.", hint="Fit on a part that has events.")
        if method not in {"zscore", "centre", "minmax"} or scope not in {"user", "item", "all"}:
            raise ConfigError(
                f"No standardisation {method!r} per {scope!r}.",
                hint="Methods: zscore, centre, minmax. Scopes: user, item, all.",
            )
        groups = _groups(matrix, scope)
        size = {"user": matrix.shape[0], "item": matrix.shape[1], "all": 1}[scope]
        counts = np.bincount(groups, minlength=size)
        if method == "minmax":
            low, high = np.full(size, np.inf), np.full(size, -np.inf)
            np.minimum.at(low, groups, data)
            np.maximum.at(high, groups, data)
            centre, scale = low, high - low
            whole = float(data.min()), float(data.max() - data.min())
        else:
            total = np.bincount(groups, weights=data, minlength=size)
            centre = _rounded(np.divide(total, counts, out=np.zeros(size), where=counts > 0))
            squares = np.bincount(groups, weights=(data - centre[groups]) ** 2, minlength=size)
            deviation = np.sqrt(np.divide(squares, counts, out=np.zeros(size), where=counts > 0))
            scale = np.ones(size) if method == "centre" else deviation
            whole = float(_rounded(np.array(data.mean()))), 1.0 if method == "centre" else float(data.std())
        empty = counts == 0
        centre[empty], scale[empty] = whole
        scale[scale == 0] = 1.0
        on_grid = bool((np.abs(data) < 2.0**32).all() and (data * _GRID == np.rint(data * _GRID)).all())
        return cls(scope=scope, centre=centre, scale=scale, on_grid=on_grid)

    def apply(self, matrix: csr_array) -> csr_array:
        """The standardised matrix, with the same stored entries."""
        groups = _groups(matrix, self.scope)
        return _with(matrix, (matrix.data - self.centre[groups]) / self.scale[groups])

    def invert(self, matrix: csr_array) -> csr_array:
        """The matrix that `apply` was given; also maps predictions back to the values' own scale."""
        groups = _groups(matrix, self.scope)
        data = matrix.data * self.scale[groups] + self.centre[groups]
        return _with(matrix, _rounded(data) if self.on_grid else data)

    def save(self, file: Path) -> None:
        """Write to a safetensors file."""
        facts = np.array([("user", "item", "all").index(self.scope), int(self.on_grid)], dtype=np.int64)
        write_arrays(file, {"centre": self.centre, "scale": self.scale, "facts": facts})

    @classmethod
    def load(cls, file: Path) -> "Standardisation":
        """Read what `save` wrote."""
        arrays = read_arrays(file)
        scope, on_grid = (int(fact) for fact in arrays["facts"])
        scopes: tuple[Scope, ...] = ("user", "item", "all")
        return cls(scope=scopes[scope], centre=arrays["centre"], scale=arrays["scale"], on_grid=bool(on_grid))


def _groups(matrix: csr_array, scope: Scope) -> AnyArray:
    """The centre of each stored entry, as a place."""
    if scope == "user":
        return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return np.asarray(matrix.indices) if scope == "item" else np.zeros(matrix.nnz, dtype=np.int64)


def _with(matrix: csr_array, data: DoubleArray) -> csr_array:
    return csr_array((data, matrix.indices.copy(), matrix.indptr.copy()), shape=matrix.shape)


def _rounded(values: DoubleArray) -> DoubleArray:
    return np.asarray(np.rint(values * _GRID) / _GRID, dtype=np.float64)

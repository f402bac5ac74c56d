"""A few rows of a large sparse matrix: what one user's request reads."""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from penchant.types import AnyArray, IntArray, RowArray


class RowEntries(NamedTuple):
    """The entries of R rows end to end, M in all."""

    owners: IntArray
    """(M,) 0 … R − 1, rising"""
    columns: RowArray
    """(M,)"""
    values: AnyArray
    """(M,)"""


def row_entries(matrix: sp.csr_array, rows_R: AnyArray) -> RowEntries:
    """The entries of the given rows, each as often as it is asked for.

    Slices of compressed rows, laid end to end: scipy's own indexing builds a matrix, for many times as much.
    """
    starts = matrix.indptr[rows_R].astype(np.int64)
    sizes = matrix.indptr[np.asarray(rows_R) + 1] - starts
    owners = np.repeat(np.arange(len(sizes)), sizes)
    # Entry m of all is entry m − (entries of the rows before) of its own row.
    places = np.arange(len(owners)) + (starts - np.cumsum(sizes) + sizes)[owners]
    return RowEntries(owners=owners, columns=matrix.indices[places], values=matrix.data[places])


def dense_rows(matrix: sp.csr_array, rows_R: AnyArray) -> AnyArray:
    """The given rows in full, (R, columns), of the matrix's own type. Its entries are those of distinct places."""
    found = row_entries(matrix, rows_R)
    dense = np.zeros((len(rows_R), matrix.shape[1]), dtype=matrix.dtype)
    dense[found.owners, found.columns] = found.values
    return dense


def padded_rows(matrix: sp.csr_array) -> tuple[IntArray, AnyArray]:
    """All R rows as two rectangles, columns and values, (R, W) both; a shorter row is padded with column 0, value 0."""
    sizes = np.diff(matrix.indptr)
    there = np.arange(max(int(sizes.max(initial=0)), 1))[None, :] < sizes[:, None]
    columns, values = np.zeros(there.shape, dtype=np.int64), np.zeros(there.shape, dtype=matrix.dtype)
    columns[there], values[there] = matrix.indices, matrix.data
    return columns, values

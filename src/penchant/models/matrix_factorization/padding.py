"""Sparse rows as dense blocks: rows of like length together, so that numpy works on many users at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from penchant.types import BoolArray, DoubleArray, IntArray


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of a sparse matrix side by side, padded to the longest."""

    rows: IntArray
    """(B,) which rows."""
    columns_BL: IntArray
    """The columns of each row's entries; 0 where padded."""
    data_BL: DoubleArray
    """The entries; 0 where padded."""
    there_BL: BoolArray
    """Whether it is an entry."""

    def split(self, size: int) -> Iterator["Block"]:
        """The rows, at most `size` (and one at least) at a time."""
        for start in range(0, len(self.rows), max(size, 1)):
            part = slice(start, start + max(size, 1))
            yield Block(self.rows[part], self.columns_BL[part], self.data_BL[part], self.there_BL[part])


def blocks(matrix: sp.csr_array, *, cells: int) -> Iterator[Block]:
    """All rows with entries, short ones first, at most about `cells` padded cells (and one row at least) at a time."""
    lengths = np.diff(matrix.indptr).astype(np.int64)
    order = np.argsort(lengths, kind="stable")
    order = order[np.searchsorted(lengths[order], 1) :]
    start = 0
    while start < len(order):
        end = start + 1
        ahead = lengths[order[start:]]
        fits = np.arange(1, len(ahead) + 1) * ahead <= cells  # true, then false: the product grows
        end = start + max(1, int(np.count_nonzero(fits)))
        rows = order[start:end]
        longest = int(lengths[rows[-1]])
        places = matrix.indptr[rows][:, None] + np.arange(longest)[None, :]
        there = np.arange(longest)[None, :] < lengths[rows][:, None]
        places = np.where(there, places, 0)
        yield Block(
            rows=rows.astype(np.int64),
            columns_BL=np.where(there, matrix.indices[places], 0).astype(np.int64),
            data_BL=np.where(there, matrix.data[places], 0.0),
            there_BL=there,
        )
        start = end

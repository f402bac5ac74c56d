"""Similarity of sparse rows, and the k most similar ones: what both kinds of neighbourhood are made of.

Rows are users over items, or items over users; M rows are compared with N rows over F features.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import scipy.sparse as sp

from penchant.progress import SILENT, Progress
from penchant.types import AnyArray, DoubleArray

Similarity = Literal["cosine", "pearson"]
CELLS = 4_000_000
"""Cells of M × N that are held at once: 32 MB each of up to six figures."""


def similarity(left_MF: sp.csr_array, right_NF: sp.csr_array, kind: Similarity, *, rated: bool) -> sp.csr_array:
    """(M, N): the cosine, or Pearson's correlation, which is that over the features both have where the numbers are
    ratings, and over all of them otherwise.
    """
    if kind == "cosine":
        return cosine(left_MF, right_NF)
    return co_rated_correlation(left_MF, right_NF) if rated else correlation(left_MF, right_NF)


def cosine(left_MF: sp.csr_array, right_NF: sp.csr_array) -> sp.csr_array:
    """``x·y / (‖x‖ ‖y‖)``, (M, N), in [−1, 1]; entries only for rows that share a feature; 0 with a zero row.

    Worked: (1, 1, 0) and (1, 0, 0) give 1/√2.
    """
    left, right = (_scaled(m, _inverse(np.sqrt(_sums(m.multiply(m))))) for m in (left_MF, right_NF))
    return _product(left, right)


def correlation(left_MF: sp.csr_array, right_NF: sp.csr_array) -> sp.csr_array:
    """Pearson's correlation over all F features, a missing one counted as 0, (M, N), in [−1, 1].

    ``(F x·y − Σx Σy) / sqrt((F Σx² − (Σx)²)(F Σy² − (Σy)²))``; of rows of ones it is the φ coefficient, so it asks
    whether two rows share more than their lengths would give by chance. A constant row is similar to nothing. Rows that
    share no feature, whose correlation is at most 0, get no entry.

    Worked, F = 4: (1, 1, 0, 0) and (1, 0, 0, 0) give (4·1 − 2·1) / sqrt((8 − 4)(4 − 1)) = 2/√12 = 0.57735.
    """
    features = left_MF.shape[1]
    (left_sum, left_root), (right_sum, right_root) = (
        (_sums(m), np.sqrt(np.maximum(features * _sums(m.multiply(m)) - _sums(m) ** 2, 0.0)))
        for m in (left_MF, right_NF)
    )
    products = _product(left_MF, right_NF)
    rows = np.repeat(np.arange(products.shape[0]), np.diff(products.indptr))
    columns = products.indices
    above = features * products.data - left_sum[rows] * right_sum[columns]
    products.data = above * _inverse(left_root)[rows] * _inverse(right_root)[columns]
    return products


def co_rated_correlation(left_MF: sp.csr_array, right_NF: sp.csr_array) -> sp.csr_array:
    """Pearson's correlation over the features that both rows have an entry for, (M, N), in [−1, 1].

    ``Σ (x_f − x̄)(y_f − ȳ) / sqrt(Σ (x_f − x̄)² Σ (y_f − ȳ)²)``, sums and means over the n shared features only (Resnick
    et al. 1994). Undefined for fewer than two of them, or where either row is constant on them: no entry. The sums are
    taken in one go as products of matrices, dense: keep M × N below `CELLS`.

    Worked: ratings (5, 3, 1, ·) and (4, 3, ·, 2) share two: (1, −1) and (½, −½) about their means, so 1.
    """
    (x, x2, x1), (y, y2, y1) = ((m, m.multiply(m).tocsr(), _mask(m)) for m in (left_MF, right_NF))
    n, sum_x, sum_y = _dense(x1, y1), _dense(x, y1), _dense(x1, y)
    squares_x, squares_y = n * _dense(x2, y1) - sum_x**2, n * _dense(x1, y2) - sum_y**2
    # What rounding leaves of a constant row's variance is no variance: n² v² units in the last place.
    defined = (squares_x > 1e-9 * sum_x**2) & (squares_y > 1e-9 * sum_y**2) & (n >= 2)
    above = n * _dense(x, y) - sum_x * sum_y
    below = np.sqrt(np.where(defined, squares_x * squares_y, 1.0))
    return sp.csr_array(np.where(defined, np.clip(above / below, -1.0, 1.0), 0.0))


def damped(similar_MN: sp.csr_array, left_MF: sp.csr_array, right_NF: sp.csr_array, damping: float) -> sp.csr_array:
    """``n / (n + damping) · similarity``, n the features both rows have an entry for: little evidence, little weight
    (Herlocker et al. 1999).
    """
    if not damping:
        return similar_MN
    weights = _product(_mask(left_MF), _mask(right_NF))
    weights.data = weights.data / (weights.data + damping)
    return sp.csr_array(similar_MN.multiply(weights))


def strongest(matrix: sp.csr_array, k: int) -> sp.csr_array:
    """The k largest entries of each row, columns in order; equal entries by column."""
    lengths = np.diff(matrix.indptr)
    if lengths.max(initial=0) <= k:
        matrix.sort_indices()
        return matrix
    rows = np.repeat(np.arange(matrix.shape[0]), lengths)
    order = np.lexsort((matrix.indices, -matrix.data, rows))
    place = np.arange(len(order)) - matrix.indptr[rows]
    kept = np.sort(order[place < k])
    chosen = sp.csr_array((matrix.data[kept], (rows[kept], matrix.indices[kept])), shape=matrix.shape)
    chosen.sort_indices()
    return chosen


def neighbours(
    left_MF: sp.csr_array,
    right_NF: sp.csr_array,
    *,
    alike: Callable[[sp.csr_array, sp.csr_array], sp.csr_array],
    damping: float,
    k: int,
    same: bool = False,
    progress: Progress = SILENT,
) -> sp.csr_array:
    """For each of M rows the k most similar of N, (M, N); only similarities above 0 are kept.

    `same` says that left and right are the same rows: a row is then no neighbour of its own.
    """
    starts = range(0, left_MF.shape[0], max(1, CELLS // max(right_NF.shape[0], 1)))
    found = []
    with progress.task("Neighbours", total=len(starts)) as advance:
        for start in starts:
            block = left_MF[start : start + starts.step]
            similar = damped(alike(block, right_NF), block, right_NF, damping)
            rows = np.repeat(np.arange(block.shape[0]), np.diff(similar.indptr))
            wanted = similar.data > 0
            if same:
                wanted &= similar.indices != rows + start
            kept = (similar.data[wanted], (rows[wanted], similar.indices[wanted]))
            found.append(strongest(sp.csr_array(kept, shape=similar.shape), k))
            advance()
    if not found:
        return sp.csr_array((left_MF.shape[0], right_NF.shape[0]), dtype=np.float64)
    return sp.csr_array(sp.vstack(found, format="csr"))


def _product(left: sp.csr_array, right: sp.csr_array) -> sp.csr_array:
    return sp.csr_array(left @ right.T.tocsr())


def _dense(left: sp.csr_array, right: sp.csr_array) -> DoubleArray:
    return np.asarray(_product(left, right).toarray(), dtype=np.float64)


def _mask(matrix: sp.csr_array) -> sp.csr_array:
    """1 for every stored entry."""
    ones = np.ones(matrix.nnz, dtype=np.float64)
    return sp.csr_array((ones, matrix.indices, matrix.indptr), shape=matrix.shape)


def _sums(matrix: sp.csr_array) -> DoubleArray:
    return np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()


def _scaled(matrix: sp.csr_array, factors: DoubleArray) -> sp.csr_array:
    data = matrix.data * np.repeat(factors, np.diff(matrix.indptr))
    return sp.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _inverse(values: AnyArray) -> DoubleArray:
    return np.divide(1.0, values, out=np.zeros(len(values)), where=values > 0)

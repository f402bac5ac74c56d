"""Similarity of sparse rows of ratings over what both rated, and no more.

All are sums over the n features that both rows have, taken as products of sparse matrices, dense (M, N): keep M × N in
bounds. Undefined values (nothing shared, a constant row) are 0.
"""

from typing import Literal

import numpy as np
import scipy.sparse as sp

from penchant.models.rating.ratings import with_data
from penchant.models.sparse_similarity import co_rated_correlation
from penchant.types import DoubleArray

RatingSimilarity = Literal["pearson_baseline", "pearson", "cosine"]


def co_rated_cosine(left_MF: sp.csr_array, right_NF: sp.csr_array) -> sp.csr_array:
    """``Σ x_f y_f / sqrt(Σ x_f² Σ y_f²)`` over the shared features, (M, N), in [−1, 1].

    Of raw ratings it is the cosine of Sarwar et al. (2001) on co-rated items; of ratings less what the bias model says
    it is the correlation of Koren (2010) around baselines.

    Worked: (4, 2, ·) and (2, 1, 5) share two: (8 + 2) / sqrt(20 · 5) = 1.
    """
    products = (left_MF @ right_NF.T).toarray()
    ours = (_squares(left_MF) @ _mask(right_NF).T).toarray()
    theirs = (_mask(left_MF) @ _squares(right_NF).T).toarray()
    scale = np.sqrt(ours * theirs)
    cosines = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    return sp.csr_array(np.clip(cosines, -1.0, 1.0))


def alike(left_MF: sp.csr_array, right_NF: sp.csr_array, kind: RatingSimilarity, *, shrinkage: float) -> sp.csr_array:
    """The similarity, shrunk to 0 where few features are shared: times ``(n − 1) / (n − 1 + shrinkage)``, (M, N).

    For ``pearson_baseline`` the entries must be residuals of the bias model. Koren (2010) gives the shrinkage; a pair
    that shares one feature has nothing left of it, with shrinkage 0 everything.
    """
    found = (co_rated_correlation if kind == "pearson" else co_rated_cosine)(left_MF, right_NF)
    if not shrinkage:
        return found
    shared = (_mask(left_MF) @ _mask(right_NF).T).toarray()
    rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))
    over_one: DoubleArray = np.maximum(shared[rows, found.indices] - 1.0, 0.0)
    return with_data(found, found.data * over_one / (over_one + shrinkage))


def _mask(matrix: sp.csr_array) -> sp.csr_array:
    return with_data(matrix, np.ones(matrix.nnz))


def _squares(matrix: sp.csr_array) -> sp.csr_array:
    return with_data(matrix, matrix.data**2)

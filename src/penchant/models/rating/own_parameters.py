"""One user's own weight and vector in a factorization machine, solved from what he rated."""

import numpy as np
import scipy.sparse as sp

from penchant.models.rating.predictor import CELLS, dot_products
from penchant.models.rating.ratings import rows_of
from penchant.types import DoubleArray

TINY = 1e-9
"""Keeps the equations of an empty history solvable; their solution is 0."""


def own_parameters(
    ratings: sp.csr_array,
    users: DoubleArray,
    items: DoubleArray,
    *,
    dim: int,
    penalty: float,
    weight_penalty: float,
) -> DoubleArray:
    """[w, v] of each row of ratings, (B, 1 + K): ridge regression of what the other features leave over.

    ::

        min Σ_{i rated by b} [ (r_bi − a_b·z_i − w − v·f_bi)² + λ ‖v‖² ] + λ_w w²,     f_bi = s_i + t_b

    `ratings` (B, I) are standardised; `users` a (B, D) and `items` z (I, D) are those of `Design.tables`.
    """
    sums, width = slice(2, 2 + dim), 1 + dim
    own = np.zeros((ratings.shape[0], width))
    once = np.array([weight_penalty] + [0.0] * dim) + TINY
    each = np.array([0.0] + [penalty] * dim)
    most = CELLS // width**2  # ratings whose outer products are held at once
    start = 0
    while start < len(own):
        end = int(np.searchsorted(ratings.indptr, ratings.indptr[start] + most, side="right")) - 1
        block = slice(start, max(end, start + 1))
        part, start = ratings[block], block.stop
        owners, counts = rows_of(part), np.diff(part.indptr)
        left = part.data - dot_products(users[block], items, owners, part.indices)
        f = np.insert(items[part.indices, sums] + users[block, sums][owners], 0, 1.0, axis=1)  # what multiplies [w, v]
        gather = sp.csr_array((np.ones(len(f)), np.arange(len(f)), part.indptr), shape=(len(counts), len(f)))
        products = (f[:, :, None] * f[:, None, :]).reshape(len(f), width * width)
        squares = np.asarray(gather @ products).reshape(len(counts), width, width)
        squares += (once + counts[:, None] * each)[:, :, None] * np.eye(width)
        own[block] = np.linalg.solve(squares, np.asarray(gather @ (f * left[:, None]))[..., None])[..., 0]
    return own

"""The one equation behind every factor model here: the best vectors of all rows while those of the columns stand still.

::

    L(x_n) = α Σ_{j rated by n} (y_nj − f_j · x_n)² + (x_n − m_n)ᵀ Λ_n (x_n − m_n)
    x_n    = (α Σ_j f_j f_jᵀ + Λ_n)⁻¹ (α Σ_j y_nj f_j + Λ_n m_n)

It is ridge regression towards m_n, and the mean of a Gaussian posterior with noise precision α and prior N(m_n, Λ_n⁻¹);
with a generator a draw from that posterior is given instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from penchant.models.matrix_factorization.padding import Block, blocks
from penchant.types import DoubleArray

CELLS = 100_000
"""Gathered numbers held at once: what a processor's cache holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """A sparse matrix prepared for many half steps over its rows."""

    blocks: Sequence[Block]
    shape: tuple[int, int]

    @classmethod
    def of(cls, matrix: sp.csr_array, *, dim: int) -> "Entries":
        """Rows of like length side by side, for vectors of `dim` numbers."""
        return cls(blocks=tuple(blocks(matrix, cells=max(1, CELLS // (dim + 1)))), shape=matrix.shape)

    def solve(
        self,
        factors: DoubleArray,
        *,
        offsets: DoubleArray,
        precision: DoubleArray,
        means: DoubleArray | None = None,
        noise_precision: float = 1.0,
        rng: np.random.Generator | None = None,
    ) -> DoubleArray:
        """The vectors x_n of all rows, (rows, D).

        `factors` f (columns, D); `offsets` (columns,) are taken off the entries first; `precision` Λ is (D, D), or
        (rows, D) for a diagonal of its own in each row, above 0; `means` m (rows, D), zero where not given. A row
        without entries gets m_n, or a draw from its prior; draws are made for a Λ that all rows share.
        """
        dim = factors.shape[1]
        prior = np.zeros((self.shape[0], dim)) if means is None else means
        solution = prior.copy()
        if rng is not None and precision.ndim == 2 and precision.shape == (dim, dim):
            noise = rng.standard_normal((self.shape[0], dim))
            root = np.linalg.cholesky(precision)
            solution += np.linalg.solve(root.T, noise.T).T
        else:
            noise = None
        for block in self.blocks:
            there = block.there_BL
            gathered = factors[block.columns_BL] * there[..., None]  # (B, L, D)
            targets = np.where(there, block.data_BL - offsets[block.columns_BL], 0.0)
            squares = noise_precision * (gathered.transpose(0, 2, 1) @ gathered)  # (B, D, D)
            sums = noise_precision * (targets[:, None, :] @ gathered)[:, 0]  # (B, D)
            if precision.shape == (dim, dim):
                squares += precision
                sums += prior[block.rows] @ precision
            else:
                squares[:, np.arange(dim), np.arange(dim)] += precision[block.rows]
                sums += prior[block.rows] * precision[block.rows]
            if noise is not None:  # A⁻¹ (b + R ε) has the covariance A⁻¹ where R Rᵀ = A
                sums += (np.linalg.cholesky(squares) @ noise[block.rows][..., None])[..., 0]
            solution[block.rows] = np.linalg.solve(squares, sums[..., None])[..., 0]
        return solution


def with_ones(vectors: DoubleArray) -> DoubleArray:
    """(rows, 1 + K) vectors [b, p] as the other side sees them: [1, p]."""
    seen = vectors.copy()
    seen[:, 0] = 1.0
    return seen

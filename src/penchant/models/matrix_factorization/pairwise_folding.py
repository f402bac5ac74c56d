"""A user's vector from his history under the pairwise loss, with items as they are: a convex problem, solved."""

import numpy as np
import scipy.sparse as sp

from penchant.models.matrix_factorization.padding import Block, blocks
from penchant.types import FloatArray, RowArray

NUMBERS_AT_ONCE = 2_000_000
"""Pairs of a touched and an untouched item, or systems of equations, held at once: 8 MB each of a few figures."""
ITERATIONS = 50
CLOSE = 1e-3
"""A step that moves no score by more is the last: Newton's steps shrink like their squares."""


def fold_in(
    weights: sp.csr_array, *, items_ID: FloatArray, biases_I: FloatArray, unwanted_M: RowArray, regularization: float
) -> FloatArray:
    """User vectors, (B, D): for each row of positive weights over items, (B, I), the minimum over p of

    ::

        f(p) = Σ_i Σ_j w_i v_j · −ln σ(p · (q_i − q_j) + b_i − b_j) + λ ‖p‖²

    over the row's items i, their weights scaled to sum to 1, and those j of M given items that the row does not have,
    all with the same v_j and Σ v_j = 1. It is one user's loss of BPR (Rendle et al. 2009), a mean over M items in the
    place of the expectation over all. f is strictly convex for λ > 0; Newton's method finds its one minimum, in single
    precision to about 1e-5.

    A row without entries, and one that has all M items, gets zeros: the minimum of what is left.
    """
    dim = items_ID.shape[1]
    folded = np.zeros((weights.shape[0], dim), dtype=np.float32)
    for block in blocks(weights, cells=NUMBERS_AT_ONCE // max(len(unwanted_M), dim)):
        for part in block.split(NUMBERS_AT_ONCE // dim**2):
            folded[part.rows] = _Problem(part, items_ID, biases_I, unwanted_M, regularization).minimum()
    return folded


class _Problem:
    """f of B users with up to L items each."""

    def __init__(
        self, block: Block, items_ID: FloatArray, biases_I: FloatArray, unwanted_M: RowArray, regularization: float
    ) -> None:
        columns, there = block.columns_BL, block.there_BL
        self.wanted, self.unwanted = items_ID[columns], items_ID[unwanted_M]  # (B, L, D), (M, D)
        self.ahead = biases_I[columns][:, :, None] - biases_I[unwanted_M]  # (B, L, M): b_i − b_j
        has = np.zeros((len(columns), len(items_ID)), dtype=np.bool_)
        has[np.nonzero(there)[0], columns[there]] = True
        free = ~has[:, unwanted_M]
        w = block.data_BL / block.data_BL.sum(axis=1, keepdims=True)
        v = free / np.maximum(free.sum(axis=1, keepdims=True), 1)
        self.weights = (w[:, :, None] * v[:, None, :]).astype(np.float32)  # (B, L, M)
        self.regularization = np.float32(regularization)

    def minimum(self) -> FloatArray:
        """(B, D)

        The step is damped by what is known of the third derivative of the logistic loss: with ρ the most that a step
        changes any difference of scores, ln(1 + ρ) / ρ of it always descends (Bach 2010), and that goes to all of it.
        """
        p = np.zeros((len(self.wanted), self.wanted.shape[2]), dtype=np.float32)
        for _ in range(ITERATIONS):
            step = self.step(p)
            above, below = np.einsum("bld,bd->bl", self.wanted, step), step @ self.unwanted.T
            rho = np.maximum(above.max(axis=1) - below.min(axis=1), below.max(axis=1) - above.min(axis=1))
            p -= step * (np.log1p(rho) / np.maximum(rho, 1e-12))[:, None]
            if rho.max() <= CLOSE:
                break
        return p

    def step(self, p: FloatArray) -> FloatArray:
        """Newton's step H⁻¹ ∇f, (B, D).

        ``∇f = −Σ_ij g_ij (q_i − q_j) + 2λp`` and ``H = Σ_ij h_ij (q_i − q_j)(q_i − q_j)ᵀ + 2λ``, multiplied out so that
        no difference of vectors is ever held.
        """
        scores = np.einsum("bld,bd->bl", self.wanted, p)
        ahead = scores[:, :, None] - (p @ self.unwanted.T)[:, None, :] + self.ahead  # (B, L, M)
        with np.errstate(over="ignore"):
            chances = 1 / (1 + np.exp(ahead))
        g = self.weights * chances
        h = g * (1 - chances)
        gradient = g.sum(axis=1) @ self.unwanted - np.einsum("bl,bld->bd", g.sum(axis=2), self.wanted)
        gradient += 2 * self.regularization * p
        transposed = self.wanted.transpose(0, 2, 1)
        crossed = np.matmul(transposed, np.matmul(h, self.unwanted))  # Σ_ij h_ij q_i q_jᵀ
        hessian = np.matmul(transposed * h.sum(axis=2)[:, None, :], self.wanted)
        hessian += np.matmul(self.unwanted.T * h.sum(axis=1)[:, None, :], self.unwanted)
        hessian -= crossed + crossed.transpose(0, 2, 1)
        diagonal = np.arange(p.shape[1])
        hessian[:, diagonal, diagonal] += 2 * self.regularization
        return np.asarray(np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0])

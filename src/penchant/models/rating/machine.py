"""The factorization machine over sparse rows: as a torch module that is trained, and as one asked about histories."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from penchant.data.histories import Histories
from penchant.models.rating.design import Design
from penchant.models.rating.ratings import Scale, rating_matrix, rows_of, with_data
from penchant.training.rating_heads import squared_norm_loss
from penchant.types import AnyArray, DoubleArray, IntArray, RowArray

FIRST_SPREAD = 0.05
"""Of the vectors before training."""
PAIRS_AT_ONCE = 20_000
"""Rows held at once, with the outer product of each one's vector."""
TINY = 1e-9
"""Keeps the equations of an empty history solvable; their solution is 0."""


@dataclass(frozen=True, slots=True)
class Batch:
    """N rows of features and what they should give."""

    x: sp.csr_array
    """(N, features) float32"""
    targets: Tensor
    """(N,)"""


def batch_of(x: sp.csr_array, targets: DoubleArray, rows: AnyArray) -> Batch:
    """Some rows of x with their targets."""
    part = x[rows]
    return Batch(with_data(part, part.data.astype(np.float32)), torch.from_numpy(targets[rows].astype(np.float32)))


class Machine(nn.Module):
    """``ŷ = w₀ + Σ_j w_j x_j + ½ Σ_f [ (Σ_j v_jf x_j)² − Σ_j v_jf² x_j² ]``: the pairs cost no more than the features.

    Worked: x = (1, 2), w₀ = 0.5, w = (1, −1), v = ((1, 2), (3, 1)): 0.5 + 1 − 2 + (1·3 + 2·1)·1·2 = 9.5.
    """

    paired: Tensor
    """(features, 1) 1, but 0 for features that have a weight and no vector."""

    def __init__(
        self, features: int, dim: int, *, penalty: float, weight_penalty: float, alone: slice = slice(0)
    ) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))
        self.weights = nn.Parameter(torch.zeros(features, 1))
        self.vectors = nn.Parameter(FIRST_SPREAD * torch.randn(features, dim))
        paired = torch.ones(features, 1)
        paired[alone] = 0.0
        self.register_buffer("paired", paired, persistent=False)
        self._penalties = penalty, weight_penalty

    def forward(self, x: sp.csr_array) -> tuple[Tensor, Tensor]:
        """ŷ (N,), and the squares of each row's own vectors, Σ_j x_j² ‖v_j‖² (N,)."""
        vectors = self.vectors * self.paired
        sums = _times(x, vectors)
        squares = _times(with_data(x, x.data**2), vectors**2).sum(dim=1)
        linear = _times(x, self.weights)[:, 0]
        return self.bias + linear + 0.5 * ((sums**2).sum(dim=1) - squares), squares

    def loss(self, batch: Batch) -> Tensor:
        """Mean squared error, the mean cost of each row's vectors, and each training rating's share of the weights'."""
        predicted, squares = self(batch.x)
        penalty, weight_penalty = self._penalties
        cost = penalty * squares.mean() + weight_penalty * (self.weights**2).sum()
        loss: Tensor = squared_norm_loss(predicted, batch.targets) + cost
        return loss

    def arrays(self, kept: int) -> dict[str, AnyArray]:
        """What is learned of the first `kept` features."""
        return {
            "bias": self.bias.detach().numpy().copy(),
            "weights": self.weights.detach().numpy()[:kept, 0].copy(),
            "vectors": (self.vectors * self.paired).detach().numpy()[:kept].copy(),
        }


class _Product(torch.autograd.Function):
    """``X T`` of sparse rows and a table; its gradient for the table is ``Xᵀ G``."""

    @staticmethod
    def forward(ctx: Any, x: sp.csr_array, table: Tensor) -> Tensor:
        ctx.x = x
        return torch.from_numpy(np.asarray(x @ table.detach().numpy()))

    @staticmethod
    def backward(ctx: Any, *upstream: Any) -> tuple[None, Tensor]:
        return None, torch.from_numpy(np.asarray(ctx.x.T @ upstream[0].numpy()))


def _times(x: sp.csr_array, table: Tensor) -> Tensor:
    product: Tensor = _Product.apply(x, table)  # type: ignore[no-untyped-call]
    return product


@dataclass(frozen=True, kw_only=True)
class FoldedMachine:
    """A trained machine asked about histories: each one's own w and v are solved from it first."""

    bias: float
    weights: DoubleArray
    """(features,) of all features but who the user is"""
    vectors: DoubleArray
    """(features, K)"""
    design: Design
    scale: Scale
    penalty: float
    weight_penalty: float

    def rate(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
        """μ + σ ŷ of each pair, (P,)."""
        own = self.users(histories)
        estimates = np.empty(len(cases_P))
        for start in range(0, len(cases_P), PAIRS_AT_ONCE):
            part = slice(start, start + PAIRS_AT_ONCE)
            cases = cases_P[part]
            base, sums = self._others(self.design.of_pairs(histories.users[cases], items_P[part]))
            estimates[part] = base + own[cases, 0] + np.einsum("pk,pk->p", own[cases, 1:], sums)
        return self.scale.mean + self.scale.spread * estimates

    def users(self, histories: Histories) -> DoubleArray:
        """[w, v] of each history's user, (B, 1 + K): the ridge regression of what the other features leave over."""
        ratings = self.scale.standardised(rating_matrix(histories, self.design.items.shape[0]))
        width = self.vectors.shape[1] + 1
        own = np.zeros((len(histories), width))
        once = np.array([self.weight_penalty] + [0.0] * (width - 1)) + TINY
        each = np.array([0.0] + [self.penalty] * (width - 1))
        b = 0
        while b < len(histories):
            reach = int(np.searchsorted(ratings.indptr, ratings.indptr[b] + PAIRS_AT_ONCE, side="right")) - 1
            block = ratings[b : max(reach, b + 1)]
            owners, counts = rows_of(block), np.diff(block.indptr)
            base, sums = self._others(self.design.of_pairs(histories.users[b + owners], block.indices))
            f = np.insert(sums, 0, 1.0, axis=1)  # (P, 1 + K): what multiplies [w, v]
            gather = sp.csr_array((np.ones(len(f)), np.arange(len(f)), block.indptr), shape=(len(counts), len(f)))
            squares = np.asarray(gather @ np.einsum("pj,pk->pjk", f, f).reshape(len(f), width * width))
            squares = squares.reshape(len(counts), width, width)
            squares += (once + counts[:, None] * each)[:, :, None] * np.eye(width)
            aims = np.asarray(gather @ (f * (block.data - base)[:, None]))
            own[b : b + len(counts)] = np.linalg.solve(squares, aims[..., None])[..., 0]
            b += len(counts)
        return own

    def _others(self, x: sp.csr_array) -> tuple[DoubleArray, DoubleArray]:
        """``w₀ + Σ w_j x_j + Σ_{j<k} (v_j · v_k) x_j x_k`` (P,) and ``Σ v_j x_j`` (P, K)."""
        sums = x @ self.vectors
        squares = with_data(x, x.data**2) @ (self.vectors**2).sum(axis=1)
        base = self.bias + x @ self.weights + 0.5 * ((sums**2).sum(axis=1) - squares)
        return np.asarray(base, dtype=np.float64), np.asarray(sums, dtype=np.float64)

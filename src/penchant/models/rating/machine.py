"""The factorization machine over sparse rows, as a torch module that is trained."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from penchant.models.rating.ratings import with_data
from penchant.training.rating_heads import squared_norm_loss
from penchant.types import AnyArray, DoubleArray

FIRST_SPREAD = 0.05
"""Of the vectors before training."""


@dataclass(frozen=True, slots=True)
class Batch:
    """N rows of features and what they should give."""

    x: sp.csr_array
    """(N, features) float32"""
    targets: Tensor
    """(N,)"""


def batch_of(x: sp.csr_array, targets: DoubleArray, rows: AnyArray) -> Batch:
    """Some rows of x, float32, with their targets."""
    return Batch(x[rows], torch.from_numpy(targets[rows].astype(np.float32)))


class Machine(nn.Module):
    """``ŷ = w₀ + Σ_j w_j x_j + ½ Σ_f [ (Σ_j v_jf x_j)² − Σ_j v_jf² x_j² ]``: the pairs cost no more than the features.

    Worked: x = (1, 2), w₀ = 0.5, w = (1, −1), v = ((1, 2), (3, 1)): 0.5 + 1 − 2 + (1·3 + 2·1)·1·2 = 9.5.
    """

    paired: Tensor
    """(features, 1) 1, but 0 for features that have a weight and no vector."""

    def __init__(
        self, features: int, dim: int, *, penalty: float, weight_penalty: float, alone: slice = slice(0)
    ) -> None:
        """`penalty` weighs each row's vectors, `weight_penalty` all weights; `alone` are features without a vector."""
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
        squares = _times(with_data(x, x.data**2), (vectors**2).sum(dim=1, keepdim=True))[:, 0]
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
            "bias": self.bias.detach().double().numpy(),
            "weights": self.weights.detach()[:kept, 0].double().numpy(),
            "vectors": (self.vectors * self.paired).detach()[:kept].double().numpy(),
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

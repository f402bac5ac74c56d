"""The network of `RatingNetwork` as a torch module, and the batches it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from penchant.types import DoubleArray, IntArray, RowArray

Activation = Literal["relu", "gelu", "tanh", "sigmoid"]
ACTIVATIONS: Mapping[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
FIRST_SPREAD = 0.05
"""Of the vectors before training."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """B histories of E entries end to end, and P pairs of a history and an item to rate."""

    owners_E: Tensor
    items_E: Tensor
    residuals_E: Tensor
    """What the bias model leaves of each rating, in σ; 0 for an item without one"""
    counts_B: Tensor
    cases_P: Tensor
    items_P: Tensor
    seen_P: Tensor
    """1 where the item asked for is in the history, else 0"""
    own_residuals_P: Tensor
    """Its residual there"""
    baselines_P: Tensor
    """b_b + b_i"""


def pairs_of(touched: sp.csr_array, baselines_P: DoubleArray, cases_P: IntArray, items_P: RowArray) -> Pairs:
    """Pairs about histories whose entries hold residuals, explicit zeros included, (B, I) with sorted columns."""
    width = max(touched.shape[1], 1)
    owners = np.repeat(np.arange(touched.shape[0], dtype=np.int64), np.diff(touched.indptr))
    entries, asked = owners * width + touched.indices, cases_P * width + items_P
    place = np.searchsorted(entries, asked)
    safe = np.minimum(place, max(len(entries) - 1, 0))
    seen = (place < len(entries)) & (entries[safe] == asked) if len(entries) else np.zeros(len(asked), dtype=np.bool_)
    own = np.where(seen, touched.data[safe], 0.0) if len(entries) else np.zeros(len(asked))
    return Pairs(
        owners_E=torch.from_numpy(owners),
        items_E=torch.from_numpy(touched.indices.astype(np.int64)),
        residuals_E=torch.from_numpy(touched.data.astype(np.float32)),
        counts_B=torch.from_numpy(np.diff(touched.indptr).astype(np.float32)),
        cases_P=torch.from_numpy(np.asarray(cases_P, dtype=np.int64)),
        items_P=torch.from_numpy(items_P.astype(np.int64)),
        seen_P=torch.from_numpy(seen.astype(np.float32)),
        own_residuals_P=torch.from_numpy(own.astype(np.float32)),
        baselines_P=torch.from_numpy(baselines_P.astype(np.float32)),
    )


def fully_connected(inputs: int, layers: Sequence[int], outputs: int, activation: Activation) -> nn.Sequential:
    """``o_l = φ(W_l o_{l−1} + b_l)`` for each width of `layers`, then ``W o_L + b`` without φ."""
    parts: list[nn.Module] = []
    for width in layers:
        parts += [nn.Linear(inputs, width), ACTIVATIONS[activation]()]
        inputs = width
    return nn.Sequential(*parts, nn.Linear(inputs, outputs))


class Network(nn.Module):
    """From pairs to the outputs that a head reads, (P, width); see `RatingNetwork` for the formula."""

    def __init__(
        self,
        n_items: int,
        *,
        dim: int,
        layers: Sequence[int],
        activation: Activation,
        dropout: float,
        outputs: int,
        above_bias: bool,
    ) -> None:
        super().__init__()
        self.rated, self.touched, self.items = (nn.Embedding(n_items, dim) for _ in range(3))
        for table in (self.rated, self.touched, self.items):
            nn.init.normal_(table.weight, std=FIRST_SPREAD)
        self.dropout = nn.Dropout(dropout)
        self.layers = fully_connected(3 * dim + 1, layers, outputs, activation)
        self._above_bias = above_bias

    def users(self, pairs: Pairs) -> Tensor:
        """u_b,−i of each pair, (P, D)."""
        said = pairs.residuals_E[:, None] * self.rated(pairs.items_E) + self.touched(pairs.items_E)
        sums = said.new_zeros(len(pairs.counts_B), said.shape[1]).index_add(0, pairs.owners_E, said)
        own = pairs.own_residuals_P[:, None] * self.rated(pairs.items_P) + self.touched(pairs.items_P)
        left = sums[pairs.cases_P] - pairs.seen_P[:, None] * own
        counts = (pairs.counts_B[pairs.cases_P] - pairs.seen_P).clamp(min=1.0)
        users: Tensor = left / counts.sqrt()[:, None]
        return users

    def forward(self, pairs: Pairs) -> Tensor:
        """Outputs, (P, width)."""
        users, items = self.users(pairs), self.items(pairs.items_P)
        inputs = self.dropout(torch.cat([users, items, users * items], dim=1))
        outputs: Tensor = self.layers(torch.cat([inputs, pairs.baselines_P[:, None]], dim=1))
        return outputs + pairs.baselines_P[:, None] if self._above_bias else outputs

"""The network of `RatingNetwork` as a torch module, and the batches it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from penchant.models.rating.ratings import rows_of
from penchant.training.dropout import Dropout
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
    """B histories of E entries end to end, and P pairs of a history and an item to rate, which is left out of it."""

    owners_E: Tensor
    items_E: Tensor
    rated_E: Tensor
    """1 for an item with a rating, 0 for one without"""
    deviations_E: Tensor
    """How far the rating is above the item's mean, in σ; 0 for an item without one"""
    counts_B: Tensor
    cases_P: Tensor
    items_P: Tensor
    seen_P: Tensor
    """1 where the item asked for is in the history, else 0"""
    own_rated_P: Tensor
    """1 where it has a rating there"""
    own_deviations_P: Tensor
    """That rating's deviation"""
    user_biases_P: Tensor
    """b_b without the item asked for"""
    item_biases_P: Tensor
    """b_i"""


def pairs_of(
    ratings: sp.csr_array,
    touched: sp.csr_array,
    item_biases: DoubleArray,
    cases_P: IntArray,
    items_P: RowArray,
    *,
    user_damping: float,
) -> Pairs:
    """Pairs about histories: what was rated (B, I), standardised, and what was touched (B, I), with sorted columns."""
    owners, width = rows_of(touched), max(touched.shape[1], 1)
    entries, asked = owners * width + touched.indices, cases_P * width + items_P
    there = np.isin(entries, rows_of(ratings) * width + ratings.indices)
    deviations = np.zeros(len(entries))
    deviations[there] = ratings.data - item_biases[ratings.indices]
    # An entry that is nothing at the end, for items that are not in the history.
    place = np.searchsorted(entries, asked)
    place = np.where(np.append(entries, -1)[place] == asked, place, len(entries))
    own_rated, own_deviations = np.append(there, False)[place], np.append(deviations, 0.0)[place]
    sums = np.bincount(owners, deviations, minlength=touched.shape[0])
    counts = np.bincount(owners, there, minlength=touched.shape[0])
    left, below = sums[cases_P] - own_deviations, user_damping + counts[cases_P] - own_rated
    numbers = {
        "rated_E": there,
        "deviations_E": deviations,
        "counts_B": np.diff(touched.indptr),
        "seen_P": place < len(entries),
        "own_rated_P": own_rated,
        "own_deviations_P": own_deviations,
        "user_biases_P": np.divide(left, below, out=np.zeros(len(left)), where=below > 0),
        "item_biases_P": item_biases[items_P],
    }
    return Pairs(
        owners_E=torch.from_numpy(owners),
        items_E=torch.from_numpy(touched.indices.astype(np.int64)),
        cases_P=torch.from_numpy(np.asarray(cases_P, dtype=np.int64)),
        items_P=torch.from_numpy(items_P.astype(np.int64)),
        **{name: torch.from_numpy(values.astype(np.float32)) for name, values in numbers.items()},
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
        self.width = outputs
        self.dropout = Dropout(dropout)
        self.layers = fully_connected(3 * dim + 1, layers, outputs, activation)
        self._above_bias = above_bias

    def users(self, pairs: Pairs) -> Tensor:
        """u_b,−i of each pair, (P, D)."""
        # Σ e_bj c_j = Σ (r_bj − b_j) c_j − b_b,−i Σ c_j: two sums a history, from which each pair takes its item away.
        rated, touched = self.rated(pairs.items_E), self.touched(pairs.items_E)
        parts = [pairs.deviations_E[:, None] * rated + touched, pairs.rated_E[:, None] * rated]
        sums = rated.new_zeros(len(pairs.counts_B), 2 * rated.shape[1])
        sums = sums.index_add(0, pairs.owners_E, torch.cat(parts, dim=1))
        said, vectors = sums[pairs.cases_P].chunk(2, dim=1)
        own = self.rated(pairs.items_P)
        said = said - pairs.own_deviations_P[:, None] * own - pairs.seen_P[:, None] * self.touched(pairs.items_P)
        vectors = vectors - pairs.own_rated_P[:, None] * own
        counts = (pairs.counts_B[pairs.cases_P] - pairs.seen_P).clamp(min=1.0)
        users: Tensor = (said - pairs.user_biases_P[:, None] * vectors) / counts.sqrt()[:, None]
        return users

    def forward(self, pairs: Pairs) -> Tensor:
        """Outputs, (P, width)."""
        users, items = self.users(pairs), self.items(pairs.items_P)
        baselines = (pairs.user_biases_P + pairs.item_biases_P)[:, None]
        inputs = self.dropout(torch.cat([users, items, users * items], dim=1))
        outputs: Tensor = self.layers(torch.cat([inputs, baselines], dim=1))
        return outputs + baselines if self._above_bias else outputs

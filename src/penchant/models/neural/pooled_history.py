"""Collaborative filtering networks over pairs: a user, who is his history pooled, and an item."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.interfaces import FitOptions
from penchant.models.interactions import Signal, SignalConfig
from penchant.models.neural.recommender import NeuralConfig, NeuralRecommender
from penchant.training.devices import device_of
from penchant.training.dropout import Dropout
from penchant.training.losses import sampled_binary_loss
from penchant.training.pairs import PairBatch, PairBatches

NUMBERS_AT_ONCE = 4_000_000
"""Numbers in one layer for all items, about: 16 MB."""
SPREAD = 0.3
"""Standard deviation of the vectors at the start."""


class PooledHistoryConfig(NeuralConfig):
    """Settings of every model whose user is his history pooled."""

    layers: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(64, 32, 16), min_length=1)
    """Widths of the hidden layers."""
    pool_power: float = Field(default=0.5, ge=0, le=1)
    """A history of n items is summed and divided by n to this power: 0 sums, 1 averages."""
    unseen: int = Field(default=4, ge=1)
    """Items drawn for each event that the user does not have."""
    batch_pairs: int = Field(default=1024, ge=1)
    """Events in a training batch."""
    signal: SignalConfig = SignalConfig()


class PairScorer(nn.Module):
    """A network that scores user and item vectors which fit each other, such as (B, 1, W) and (I, W)."""

    width: int
    """W"""
    widest: int
    """Numbers that it makes for one pair, at most."""

    @abstractmethod
    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Logits, in the shape the two have together without the last axis."""


class PooledModule(nn.Module):
    """``p_u = n^−α Σ_{j in history} y_j`` and ``s_ui = scorer(p_u, q_i)``, with y and q (I, W)."""

    def __init__(self, n_items: int, scorer: PairScorer, signal: Signal, *, power: float, dropout: float) -> None:
        super().__init__()
        self.scorer, self.signal, self.power = scorer, signal, power
        self.history = nn.Parameter(torch.randn(n_items, scorer.width) * SPREAD)
        self.items = nn.Parameter(torch.randn(n_items, scorer.width) * SPREAD)
        self.dropout = Dropout(dropout)

    def sums(self, items_N: Tensor, indptr: Tensor) -> Tensor:
        """Sums of y over rows of items packed end to end, (B, W)."""
        return functional.embedding_bag(items_N, self.history, indptr, mode="sum", include_last_offset=True)

    def users(self, sums_BW: Tensor, counts_B: Tensor) -> Tensor:
        """p, (B, W), from sums and numbers of items."""
        pooled: Tensor = self.dropout(sums_BW / counts_B.clamp(min=1).to(sums_BW)[:, None] ** self.power)
        return pooled


@dataclass(frozen=True, slots=True)
class PooledBatch:
    """Pairs, and the histories of their users packed end to end."""

    pairs: PairBatch
    """Its users are places in the histories."""
    items_M: Tensor
    indptr: Tensor
    """(users + 1,)"""

    def to(self, device: torch.device) -> "PooledBatch":
        """The batch on another device."""
        return PooledBatch(self.pairs.to(device), self.items_M.to(device), self.indptr.to(device))


class PooledBatches(Sequence[PooledBatch]):
    """One epoch of `PairBatches`, each with the histories of its users."""

    def __init__(self, matrix: sp.csr_array, pairs: PairBatches) -> None:
        self._matrix, self._pairs = matrix, pairs

    def __len__(self) -> int:
        return len(self._pairs)

    # Not `typing.overload`: what that registers outlives the interpreter, and DuckDB then reports leaks on exit.
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        pairs = self._pairs[place]
        users, places = torch.unique(pairs.users_N, return_inverse=True)
        items, indptr = packed(self._matrix[users.numpy()])
        return PooledBatch(replace(pairs, users_N=places), items, indptr)


class PooledHistoryRecommender(NeuralRecommender[PooledModule, PooledBatch]):
    """Trains a `PairScorer` to tell the items of a user from others, by the binary loss.

    The user of a training pair is his history without the wanted item, so that the item cannot give itself away: the
    situation in which the model is asked. The papers learn a vector for each user; here a user who was not there at
    training, or has new events, is served like any other.
    """

    config_class: ClassVar[type[PooledHistoryConfig]]
    config: PooledHistoryConfig

    @abstractmethod
    def scorer(self) -> PairScorer:
        """The network with fresh weights."""

    def shape(self, dataset: Dataset, options: FitOptions) -> dict[str, Any]:  # noqa: ARG002
        """Number of items, and what an event counts."""
        signal = Signal.fit(dataset, self.config.signal, model=self.name)
        return {"n_items": dataset.n_items, "signal": signal.facts()}

    def build(self, shape: Mapping[str, Any]) -> PooledModule:
        """The module with fresh weights."""
        config, signal = self.config, Signal.of_facts(shape["signal"])
        return PooledModule(shape["n_items"], self.scorer(), signal, power=config.pool_power, dropout=config.dropout)

    def batches(self, dataset: Dataset, *, seed: int) -> Callable[[int], Sequence[PooledBatch]]:
        """Every item of every user once an epoch, with others that he does not have."""
        config = self.config
        matrix = Signal.fit(dataset, config.signal, model=self.name).matrix(dataset.histories(), dataset.n_items)

        def drawn(epoch: int) -> Sequence[PooledBatch]:
            pairs = PairBatches(matrix, size=config.batch_pairs, unwanted=config.unseen, seed=seed, epoch=epoch)
            return PooledBatches(matrix, pairs)

        return drawn

    def loss(self, module: PooledModule, batch: PooledBatch) -> Tensor:
        """Each wanted item against the unwanted ones."""
        batch = batch.to(device_of(module))
        users, wanted = batch.pairs.users_N, batch.pairs.wanted_N
        others = module.sums(batch.items_M, batch.indptr)[users] - module.history[wanted]
        vectors = module.users(others, batch.indptr.diff()[users] - 1)
        items = module.items[torch.cat([wanted[:, None], batch.pairs.unwanted_NS], dim=1)]  # (N, 1 + S, W)
        logits = module.scorer(vectors[:, None], items)
        return sampled_binary_loss(logits[:, 0], logits[:, 1:])

    def scores(self, module: PooledModule, histories: Histories) -> Tensor:
        """Logits of all items, (B, I)."""
        items, indptr = packed(module.signal.matrix(histories, len(module.items)))
        items, indptr = items.to(module.items.device), indptr.to(module.items.device)
        users = module.users(module.sums(items, indptr), indptr.diff())
        rows = max(1, NUMBERS_AT_ONCE // (len(module.items) * module.scorer.widest))
        return torch.cat([module.scorer(block[:, None], module.items) for block in torch.split(users, rows)])


def packed(matrix: sp.csr_array) -> tuple[Tensor, Tensor]:
    """The columns of each row end to end, (M,), and where rows begin and end, (B + 1,)."""
    indices, indptr = np.asarray(matrix.indices, dtype=np.int64), np.asarray(matrix.indptr, dtype=np.int64)
    return torch.from_numpy(indices), torch.from_numpy(indptr)

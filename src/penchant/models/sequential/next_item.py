"""Recommenders that read a history in order and foresee what comes next: all but the network that reads."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.models.neural.recommender import NeuralConfig, NeuralRecommender
from penchant.models.sequential.windows import NO_TARGET, WindowBatch, input_batch, window_epochs
from penchant.training.devices import device_of
from penchant.training.losses import full_softmax_loss, sampled_binary_loss, sampled_softmax_loss


class NextItemConfig(NeuralConfig):
    """Settings of every sequence recommender."""

    max_length: int = Field(default=50, ge=1)
    """Only the last so many events of a history are read."""
    loss: Literal["softmax", "binary"] = "softmax"
    """``softmax``: the target among all items. ``binary``: the target as 1 and a few unseen items as 0."""
    full_softmax_items: int = Field(default=4096, ge=0)
    """Up to so many items the softmax is over all of them; beyond, over a sample."""
    negatives: int = Field(default=2048, ge=1)
    """Items sampled for a batch by popularity, with correction, where the softmax is over a sample."""
    unseen: int = Field(default=1, ge=1)
    """Items sampled uniformly for each target by the binary loss."""
    batch_tokens: int = Field(default=2048, ge=1)
    """Events in a training batch, about."""


class SequenceModule(nn.Module):
    """Item vectors, the state before any event, and how states are read off a history.

    ``s_bi = u_b · z_i + c_i`` with u_b the state after the last event, z the item vectors that go in, unless `apart`
    gives the output vectors of its own width, and c a bias, where `biased`. The bias is one more coordinate of both
    vectors, so that scores are plain dot products.
    """

    counts: Tensor

    def __init__(self, n_items: int, dim: int, *, apart: int | None = None, biased: bool = False) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(n_items, dtype=torch.long))
        self.items = nn.Embedding(n_items, dim)
        nn.init.normal_(self.items.weight, std=1.0 / math.sqrt(dim))
        self.outputs = None if apart is None else nn.Embedding(n_items, apart)
        if self.outputs is not None:
            nn.init.normal_(self.outputs.weight, std=1.0 / math.sqrt(dim))
        self.bias = nn.Parameter(torch.zeros(n_items)) if biased else None

    @abstractmethod
    def examples(self, batch: WindowBatch) -> tuple[Tensor, Tensor, Tensor]:
        """States (N, D), the items they must foresee (N,), and the row of the batch that each is from (N,)."""

    @abstractmethod
    def read(self, items_BL: Tensor, lengths_B: Tensor) -> Tensor:
        """The state after each history's last event, (B, D); rows are padded on the right."""

    def vectors(self) -> Tensor:
        """Output vectors of all items, (I, D), the bias as a last coordinate where there is one."""
        vectors = self.items.weight if self.outputs is None else self.outputs.weight
        return vectors if self.bias is None else torch.cat([vectors, self.bias[:, None]], dim=1)

    def widened(self, states: Tensor) -> Tensor:
        """States that fit `vectors`: with a last coordinate of 1 where there is a bias."""
        return states if self.bias is None else torch.cat([states, torch.ones_like(states[..., :1])], dim=-1)


class ForwardNetwork(nn.Module):
    """From the vectors of events to a state after each, from that event and those before it."""

    width: int
    """D of the states."""

    @abstractmethod
    def forward(self, events_BLD: Tensor, lengths_B: Tensor) -> Tensor:
        """States, (B, L, width). Rows are padded on the right; what states of padding are does not matter."""


class ForwardModule(SequenceModule):
    """Every event foreseen from those before it by a `ForwardNetwork`.

    State 0 is a learned start, which the papers do not have: it foresees first events, and answers for a user without
    any. With `ahead` = T each state foresees the next T events, not only one.
    """

    def __init__(self, n_items: int, dim: int, network: ForwardNetwork, *, ahead: int = 1, **kinds: Any) -> None:
        super().__init__(n_items, dim, **kinds)
        self.network, self.ahead = network, ahead
        self.start = nn.Parameter(torch.randn(network.width) / math.sqrt(network.width))

    def states(self, items_BL: Tensor, lengths_B: Tensor) -> Tensor:
        """(B, L + 1, D): state 0 before any event, state l after the l-th."""
        start = self.start.expand(len(items_BL), 1, -1)
        if not items_BL.shape[1]:
            return start
        return torch.cat([start, self.network(self.items(items_BL), lengths_B)], dim=1)

    def examples(self, batch: WindowBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Each state with what came after it."""
        targets = batch.targets_BS
        states = self.states(batch.items_BL, lengths_of(batch))
        rows = torch.arange(len(targets), device=targets.device)[:, None].expand_as(targets)
        found = []
        for step in range(min(self.ahead, targets.shape[1])):
            later = targets[:, step:]
            asked = later != NO_TARGET
            asked[:, 0] &= targets[:, 0] != NO_TARGET  # the start of a window cut out of a history knows nothing
            found.append((states[:, : later.shape[1]][asked], later[asked], rows[:, : later.shape[1]][asked]))
        states_ND, targets_N, rows_N = (torch.cat(parts) for parts in zip(*found, strict=True))
        return self.widened(states_ND), targets_N, rows_N

    def read(self, items_BL: Tensor, lengths_B: Tensor) -> Tensor:
        """The last state of each row."""
        states = self.states(items_BL, lengths_B)
        return self.widened(states[torch.arange(len(states), device=states.device), lengths_B])


class NextItemRecommender(NeuralRecommender[SequenceModule, WindowBatch]):
    """Trains a `SequenceModule` to foresee each next event and ranks items by its dot products."""

    config_class: ClassVar[type[NextItemConfig]]
    config: NextItemConfig

    @abstractmethod
    def build(self, shape: Mapping[str, Any]) -> SequenceModule:
        """The module with fresh weights."""

    def prepare(self, module: SequenceModule, dataset: Dataset, options: Any) -> None:  # noqa: ARG002
        """Count the items' events, by which unwanted items are drawn."""
        module.counts.copy_(torch.from_numpy(dataset.item_counts()))

    def batches(self, dataset: Dataset, *, seed: int) -> Callable[[int], Sequence[WindowBatch]]:
        """Windows of the histories, cut anew in each epoch."""
        length, tokens = self.config.max_length, self.config.batch_tokens
        return window_epochs(dataset.histories(), max_length=length, batch_tokens=tokens, seed=seed, name=self.name)

    def loss(self, module: SequenceModule, batch: WindowBatch) -> Tensor:
        """By the softmax over all items or a sample, or by the binary loss."""
        batch = batch.to(device_of(module))
        states, targets, rows = module.examples(batch)
        vectors, warm = module.vectors(), module.counts > 0
        if self.config.loss == "binary":
            unwanted = torch.multinomial(warm.float(), len(states) * self.config.unseen, replacement=True)
            unwanted = unwanted.view(len(states), self.config.unseen)
            own = (states * vectors[targets]).sum(dim=1)
            others = (states[:, None] * vectors[unwanted]).sum(dim=2)
            return sampled_binary_loss(own, others, ~_seen(batch, len(vectors))[rows[:, None], unwanted])
        if int(warm.sum()) <= self.config.full_softmax_items:
            places = torch.cumsum(warm, dim=0) - 1
            return full_softmax_loss(states, vectors[warm], places[targets])
        chances = module.counts / module.counts.sum()
        drawn = torch.multinomial(chances, self.config.negatives, replacement=True)
        return sampled_softmax_loss(states, vectors, targets, drawn, chances.clamp(min=1e-12).log())

    def scores(self, module: SequenceModule, histories: Histories) -> Tensor:
        """Dot products of the last states with all items, (B, I)."""
        device = device_of(module)
        items, lengths = input_batch(histories, self.config.max_length)
        return module.read(items.to(device), lengths.to(device)) @ module.vectors().T


def lengths_of(batch: WindowBatch) -> Tensor:
    """How many events each window reads, (B,)."""
    return (batch.targets_BS[:, 1:] != NO_TARGET).sum(dim=1)


def _seen(batch: WindowBatch, n_items: int) -> Tensor:
    """Which items each window holds, (B, I)."""
    seen = torch.zeros(len(batch.items_BL), n_items, dtype=torch.bool, device=batch.items_BL.device)
    for items, known in (
        (batch.items_BL, batch.targets_BS[:, 1:] != NO_TARGET),
        (batch.targets_BS, batch.targets_BS != NO_TARGET),
    ):
        rows, places = known.nonzero(as_tuple=True)
        seen[rows, items[rows, places]] = True
    return seen

"""The networks of the two-tower model: what they are made of and how they are set."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from penchant.data.features.pipeline import FeatureConfig
from penchant.data.features.reduce import Reduce
from penchant.data.features.select import Select
from penchant.data.features.transform import Transform
from penchant.metrics.similarity import SimilarityName
from penchant.models.neural.recommender import NeuralConfig
from penchant.models.neural.similarity import TrainedSimilarity, first_scale
from penchant.training.dropout import Dropout


class TwoTowerConfig(NeuralConfig):
    """Settings of `TwoTower`."""

    hidden: int = Field(default=128, ge=1)
    """Width of each tower's hidden layer, and of the network that is the ``neural`` similarity."""
    similarity: SimilarityName = "cosine"
    temperature: float = Field(default=0.07, gt=0)
    """Of the softmax over similarities at the start of training; it is learned from there."""
    decays: tuple[float, ...] = Field(default=(1.0, 0.8, 0.4), min_length=1)
    """The user is his history averaged at so many speeds of forgetting: the weight of an event to the one after it."""
    max_length: int = Field(default=50, ge=1)
    """Only the last so many events of a history are read."""
    gate_events: float = Field(default=3.0, ge=0)
    """An item with so many training events draws half on its id: n / (n + gate_events)."""
    features: FeatureConfig | None = FeatureConfig(steps=(Select(), Transform(), Reduce()))
    """What is made of the attributes of users and items. None: they are not read."""
    loss: Literal["softmax", "binary"] = "softmax"
    candidates: int = Field(default=1024, ge=1)
    """Items of a batch that the others of the batch are told apart from."""
    head: Literal["similarity", "softmax", "rated_softmax"] = "similarity"
    """What a score is: the scaled similarity, its softmax over all items, or that times the item's mean rating."""
    batch_tokens: int = Field(default=2048, ge=1)
    """Events in a training batch, about."""


class Tower(nn.Module):
    """A network with one hidden layer beside a straight line: ``v = A x + W' dropout(relu(W x + b))``."""

    def __init__(self, width: int, dim: int, *, hidden: int, dropout: float) -> None:
        super().__init__()
        self.line = nn.Linear(width, dim)
        self.network = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), Dropout(dropout), nn.Linear(hidden, dim))

    def forward(self, x: Tensor) -> Tensor:
        """(…, D)"""
        vectors: Tensor = self.line(x) + self.network(x)
        return vectors


class TwoTowerModule(nn.Module):
    """Both towers, what they know of users and items, and the similarity."""

    counts: Tensor
    item_facts: Tensor
    user_facts: Tensor
    ratings: Tensor
    decays: Tensor

    def __init__(self, config: TwoTowerConfig, shape: Mapping[str, Any]) -> None:
        super().__init__()
        dim, self.gate_events = config.dim, config.gate_events
        self.register_buffer("counts", torch.zeros(shape["n_items"], dtype=torch.long))
        self.register_buffer("item_facts", torch.zeros(shape["n_items"], shape["item_facts"]))
        self.register_buffer("user_facts", torch.zeros(shape["n_users"], shape["user_facts"]))
        self.register_buffer("ratings", torch.ones(shape["n_items"]))
        self.register_buffer("decays", torch.tensor(config.decays))
        self.ids = nn.Parameter(torch.randn(shape["n_items"], dim) * dim**-0.5)
        self.of_facts = nn.Linear(shape["item_facts"], dim, bias=False) if shape["item_facts"] else None
        self.nothing = nn.Parameter(torch.randn(dim) * dim**-0.5)
        self.dropout = Dropout(config.dropout)
        known = len(config.decays) * dim + shape["user_facts"]
        self.user_tower = Tower(known, dim, hidden=config.hidden, dropout=config.dropout)
        self.item_tower = Tower(dim, dim, hidden=config.hidden, dropout=config.dropout)
        self.similarity = TrainedSimilarity(config.similarity, dim, hidden=config.hidden, dropout=config.dropout)
        self.log_scale = nn.Parameter(torch.tensor(first_scale(config.similarity, config.temperature)))
        self.shift = nn.Parameter(torch.zeros(()))

    def contents(self, rows_N: Tensor) -> Tensor:
        """What items are made of, (N, D): the id as far as it is known, text and attributes."""
        counts = self.counts[rows_N].float()
        gates = counts / (counts + self.gate_events).clamp(min=1e-9)
        contents = self.ids[rows_N] * gates[:, None]
        return contents if self.of_facts is None else contents + self.of_facts(self.item_facts[rows_N])

    def items(self, contents_ND: Tensor) -> Tensor:
        """Item vectors v, (N, D)."""
        vectors: Tensor = self.item_tower(contents_ND)
        return vectors

    def users(self, events_BLD: Tensor, users_B: Tensor) -> Tensor:
        """User vectors u after no event, the first, the second …, (B, L + 1, D), from the contents of the events."""
        B, L, D = events_BLD.shape
        place = torch.arange(L + 1, device=events_BLD.device)
        # State l averages the nothing before any event, at place 0, and events 1 … l; weights fade with their age.
        ages = (place[:, None] - place[None, :]).clamp(min=0)
        weights = self.decays[:, None, None] ** ages * (place[None, :] <= place[:, None])
        weights = weights / weights.sum(dim=-1, keepdim=True)
        read = torch.cat([self.nothing.expand(B, 1, D), self.dropout(events_BLD)], dim=1)
        pooled = torch.einsum("kls,bsd->blkd", weights, read).flatten(2)
        facts = self.user_facts[users_B.clamp(min=0)] * (users_B >= 0)[:, None]
        vectors: Tensor = self.user_tower(torch.cat([pooled, facts[:, None].expand(B, L + 1, -1)], dim=2))
        return vectors

    def logits(self, similarities: Tensor) -> Tensor:
        """``e^t s + c``"""
        return self.log_scale.exp() * similarities + self.shift

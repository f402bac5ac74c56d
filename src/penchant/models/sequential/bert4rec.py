"""BERT4Rec, as published: events are hidden and guessed from both sides."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from penchant.models.sequential.next_item import NextItemConfig, NextItemRecommender, SequenceModule, lengths_of
from penchant.models.sequential.positioned_transformer import PositionedTransformer
from penchant.models.sequential.windows import NO_TARGET, WindowBatch
from penchant.training.loop import TrainingConfig


class BERT4RecConfig(NextItemConfig):
    """Settings of `BERT4Rec`."""

    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=2, ge=1)
    hidden_share: float = Field(default=0.2, gt=0, le=1)
    """Share of the events that a training step hides."""
    last_share: float = Field(default=0.1, ge=0, le=1)
    """Share of the sequences in which the last event alone is hidden, as it is when the model is asked."""
    training: TrainingConfig = TrainingConfig(learning_rate=1e-3, max_epochs=200, evaluate_every=5)

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> Self:
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is not a multiple of heads {self.heads}")
        return self


class ClozeModule(SequenceModule):
    """Some events are replaced by one learned vector, the mask, and foreseen from all the others."""

    def __init__(self, n_items: int, config: BERT4RecConfig) -> None:
        super().__init__(n_items, config.dim, biased=True)
        self.hidden_share, self.last_share = config.hidden_share, config.last_share
        self.mask = nn.Parameter(torch.randn(config.dim) / math.sqrt(config.dim))
        self.transformer = PositionedTransformer(
            config.dim,
            layers=config.layers,
            heads=config.heads,
            places=config.max_length + 1,
            dropout=config.dropout,
            causal=False,
            norm_first=False,
            activation="gelu",
            expansion=4,
        )
        self.projection, self.norm = nn.Linear(config.dim, config.dim), nn.LayerNorm(config.dim)

    def states(self, items_BL: Tensor, masked_BL: Tensor, lengths_B: Tensor) -> Tensor:
        """(B, L, D), with the mask in the place of the events where `masked_BL` holds."""
        events = torch.where(masked_BL[..., None], self.mask, self.items(items_BL))
        read = self.transformer(events, lengths_B)
        return self.widened(self.norm(functional.gelu(self.projection(read))))

    def examples(self, batch: WindowBatch) -> tuple[Tensor, Tensor, Tensor]:
        """The states of the hidden events."""
        sequences, lengths = whole_windows(batch)
        place = torch.arange(sequences.shape[1], device=sequences.device)
        last = place == (lengths - 1)[:, None]
        chance = torch.rand(sequences.shape, device=sequences.device)
        hidden = (chance < self.hidden_share) & (place < lengths[:, None])
        alone = torch.rand(len(sequences), device=sequences.device) < self.last_share
        hidden = torch.where((alone | ~hidden.any(dim=1))[:, None], last, hidden)
        states = self.states(sequences, hidden, lengths)
        rows = torch.arange(len(sequences), device=sequences.device)[:, None].expand_as(sequences)
        return states[hidden], sequences[hidden], rows[hidden]

    def read(self, items_BL: Tensor, lengths_B: Tensor) -> Tensor:
        """The state of a mask put after the last event."""
        items = functional.pad(items_BL, (0, 1))
        masked = torch.arange(items.shape[1], device=items.device) == lengths_B[:, None]
        return self.states(items, masked, lengths_B + 1)[masked]


class BERT4Rec(NextItemRecommender):
    """A transformer that looks both ways, trained to fill in hidden events; asked, a hidden event stands at the end.

    ::

        x_l  = z_l + p_l,   z_l = the mask where event l is hidden
        x    ← norm(x + dropout(attention(x)));   x ← norm(x + dropout(gelu feed-forward(x)))      for each layer
        s_i  = norm(gelu(W x_l + b)) · z_i + c_i
        ℓ    = mean over hidden l of −log softmax(s)_{y_l}

    Sun et al. (2019): a row to compare with, kept as published. It learns from a fifth of the events at a time, so it
    wants many epochs (Petrov and Macdonald 2022). Departure: long histories are cut anew at each epoch, where the paper
    slides a window.
    """

    name: ClassVar[str] = "bert4rec"
    config_class: ClassVar[type[BERT4RecConfig]] = BERT4RecConfig
    config: BERT4RecConfig

    def build(self, shape: Mapping[str, Any]) -> ClozeModule:
        """The module with fresh weights."""
        return ClozeModule(shape["n_items"], self.config)


def whole_windows(batch: WindowBatch) -> tuple[Tensor, Tensor]:
    """The events of each window, inputs and last target together: (B, S) padded on the right with 0, and lengths."""
    targets = batch.targets_BS
    first = targets[:, 0]
    if batch.items_BL.shape[1]:
        first = torch.where(first == NO_TARGET, batch.items_BL[:, 0], first)
    return torch.cat([first[:, None], targets[:, 1:].clamp(min=0)], dim=1), lengths_of(batch) + 1

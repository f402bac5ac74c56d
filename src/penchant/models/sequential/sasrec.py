"""SASRec, as published: self-attention over the history, trained with one unseen item for each event."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from torch import Tensor

from penchant.models.sequential.next_item import ForwardModule, ForwardNetwork, NextItemConfig, NextItemRecommender
from penchant.models.sequential.positioned_transformer import PositionedTransformer
from penchant.training.loop import TrainingConfig


class SASRecConfig(NextItemConfig):
    """Settings of `SASRec`."""

    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=1, ge=1)
    loss: Literal["softmax", "binary"] = "binary"
    training: TrainingConfig = TrainingConfig(learning_rate=1e-3, schedule="constant", max_epochs=200, evaluate_every=5)

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> Self:
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is not a multiple of heads {self.heads}")
        return self


class CausalAttention(ForwardNetwork):
    """A transformer in which an event sees itself and what came before."""

    def __init__(self, dim: int, *, layers: int, heads: int, places: int, dropout: float) -> None:
        super().__init__()
        self.width = dim
        self.transformer = PositionedTransformer(
            dim,
            layers=layers,
            heads=heads,
            places=places,
            dropout=dropout,
            causal=True,
            norm_first=True,
            activation="relu",
            expansion=1,
        )

    def forward(self, events_BLD: Tensor, lengths_B: Tensor) -> Tensor:
        """The state after each event, (B, L, D)."""
        states: Tensor = self.transformer(events_BLD, lengths_B)
        return states


class SASRec(NextItemRecommender):
    """A causal transformer whose state after an event foresees the next one.

    ::

        x_l  = sqrt(D) z_l + p_l
        x    ← x + dropout(attention(norm(x)));   x ← x + dropout(relu feed-forward(norm(x)))      for each layer
        s_i  = norm(x_L) · z_i
        ℓ    = Σ_l −log σ(s_{y_l}) − log(1 − σ(s_j)),   j an item that the user has not, drawn uniformly for each l

    Kang and McAuley (2018): a row to compare with, kept as published, loss and constant rate included. With
    ``loss = "softmax"`` it is a far better model (Klenitskiy and Vasilev 2023). Departures: long histories are cut
    anew into windows at each epoch, where the paper drops all but the last window, and empty histories have a start.
    """

    name: ClassVar[str] = "sasrec"
    config_class: ClassVar[type[SASRecConfig]] = SASRecConfig
    config: SASRecConfig

    def build(self, shape: Mapping[str, Any]) -> ForwardModule:
        """The module with fresh weights."""
        config = self.config
        network = CausalAttention(
            config.dim, layers=config.layers, heads=config.heads, places=config.max_length, dropout=config.dropout
        )
        return ForwardModule(shape["n_items"], config.dim, network)

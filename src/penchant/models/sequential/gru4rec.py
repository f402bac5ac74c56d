"""GRU4Rec: a recurrent network reads the history one event at a time."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor, nn

from penchant.models.sequential.next_item import ForwardModule, ForwardNetwork, NextItemConfig, NextItemRecommender
from penchant.training.dropout import Dropout


class GRU4RecConfig(NextItemConfig):
    """Settings of `GRU4Rec`."""

    layers: int = Field(default=1, ge=1)


class GatedRecurrence(ForwardNetwork):
    """Gated recurrent units (Cho et al. 2014), with dropout before and after them."""

    def __init__(self, dim: int, *, layers: int, dropout: float) -> None:
        super().__init__()
        self.width = dim
        self.gru = nn.GRU(dim, dim, num_layers=layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.dropout = Dropout(dropout)

    def forward(self, events_BLD: Tensor, lengths_B: Tensor) -> Tensor:  # noqa: ARG002
        """The hidden state after each event, (B, L, D)."""
        states, _ = self.gru(self.dropout(events_BLD))
        dropped: Tensor = self.dropout(states)
        return dropped


class GRU4Rec(NextItemRecommender):
    """A gated recurrent network whose state after an event foresees the next one.

    ::

        r_l = σ(W_r z_l + U_r h_{l−1} + b_r)        what of the past counts now
        g_l = σ(W_g z_l + U_g h_{l−1} + b_g)        what of the past stays
        h_l = g_l ∘ h_{l−1} + (1 − g_l) ∘ tanh(W z_l + r_l ∘ (U h_{l−1}) + b)
        s_i = h_L · z_i + c_i

    Hidasi et al. (2016), with the cross-entropy loss and the item vectors shared between input and output of Hidasi and
    Karatzoglou (2018). Here the whole history is one sequence and the softmax is over all items, or a sample with
    correction, where the papers cut sessions and take the other sessions of a batch as the sample.
    """

    name: ClassVar[str] = "gru4rec"
    config_class: ClassVar[type[GRU4RecConfig]] = GRU4RecConfig
    config: GRU4RecConfig

    def build(self, shape: Mapping[str, Any]) -> ForwardModule:
        """The module with fresh weights."""
        config = self.config
        network = GatedRecurrence(config.dim, layers=config.layers, dropout=config.dropout)
        return ForwardModule(shape["n_items"], config.dim, network, biased=True)

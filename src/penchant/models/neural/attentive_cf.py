"""A deep network over user and item whose prediction attends to all its hidden layers."""

import math
from typing import Annotated, ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from penchant.models.neural.pooled_history import PairScorer, PooledHistoryConfig, PooledHistoryRecommender
from penchant.training.dropout import Dropout


class AttentiveCFConfig(PooledHistoryConfig):
    """Settings of `AttentiveCF`."""

    layers: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(32,) * 8, min_length=1)
    """Widths of the hidden layers: all the same."""
    attention: bool = True
    """False: the last layer alone predicts, as in a plain network."""

    @model_validator(mode="after")
    def _of_one_width(self) -> Self:
        if len(set(self.layers)) > 1:
            raise ValueError("layers of attentive_cf are compared with each other, so their widths are all the same")
        return self


class LayerAttention(PairScorer):
    """A network of equal layers, and weights of the layers by how much each is like the others."""

    def __init__(self, dim: int, layers: tuple[int, ...], *, attention: bool, dropout: float) -> None:
        super().__init__()
        width = layers[0]
        self.width, self.widest = dim, width * len(layers)
        self.attention = attention
        self.of_user, self.of_item = nn.Linear(dim, width), nn.Linear(dim, width, bias=False)
        self.deeper = nn.ModuleList(nn.Linear(width, width) for _ in layers[1:])
        self.match = nn.Linear(width, width, bias=False)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(width, 1)

    def hidden(self, users: Tensor, items: Tensor) -> Tensor:
        """What every layer says, (…, K, H)."""
        said = [(self.of_user(users) + self.of_item(items)).relu()]
        for layer in self.deeper:
            said.append(layer(self.dropout(said[-1])).relu())
        return torch.stack(said, dim=-2)

    def weights(self, hidden_KH: Tensor) -> Tensor:
        """How much each layer counts, (…, K), summing to 1."""
        matches = self.match(hidden_KH) @ hidden_KH.transpose(-1, -2) / math.sqrt(hidden_KH.shape[-1])
        weights: Tensor = matches.mean(dim=-1).softmax(dim=-1)
        return weights

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Logits, in the shape the two have together without the last axis."""
        hidden = self.hidden(users, items)
        mixed = (self.weights(hidden)[..., None] * hidden).sum(dim=-2) if self.attention else hidden[..., -1, :]
        logits: Tensor = self.output(mixed)
        return logits.squeeze(-1)


class AttentiveCF(PooledHistoryRecommender):
    """A deep network over the pair with self-attention over its hidden layers, not over the history.

    ::

        o_1  = relu(W_1 [p_u ; q_i] + b_1),   o_k = relu(W_k o_{k−1} + b_k),   k = 2 … K
        m_kl = (M o_k) · o_l / sqrt(H)                          how alike two layers are
        a    = softmax_k( mean_l m_kl )
        s_ui = h · Σ_k a_k o_k + c
        p_u  = n_u^−α Σ_{j in history} y_j                       the user is what he touched

    After Tay et al., "Self-Attentive Neural Collaborative Filtering" (arXiv:1806.06446, withdrawn by its author in its
    second version), in our reading: its abstract asks for "introspective" similarity across all hidden layers, so that
    a deeper network does not train worse. Every layer has its own way to the output and so to the gradient.
    """

    name: ClassVar[str] = "attentive_cf"
    config_class: ClassVar[type[AttentiveCFConfig]] = AttentiveCFConfig
    config: AttentiveCFConfig

    def scorer(self) -> LayerAttention:
        """The network with fresh weights."""
        config = self.config
        return LayerAttention(config.dim, config.layers, attention=config.attention, dropout=config.dropout)

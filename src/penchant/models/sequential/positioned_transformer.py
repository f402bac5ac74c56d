"""The transformer of the published sequence models: learned places, counted from the end of the history."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from penchant.training.dropout import Dropout


class PositionedTransformer(nn.Module):
    """Blocks of self-attention and feed-forward over events with learned place vectors.

    ``x_l = scale · z_l + p_{L − l}``, so that the last event always stands at the same place, as it does in the papers,
    which pad on the left. The interest tracker's blocks (`penchant.models.sequential.transformer`) know distances
    between events instead of places.
    """

    def __init__(
        self,
        dim: int,
        *,
        layers: int,
        heads: int,
        places: int,
        dropout: float,
        causal: bool,
        norm_first: bool,
        activation: Literal["relu", "gelu"],
        expansion: int,
    ) -> None:
        super().__init__()
        self.causal, self.scale = causal, math.sqrt(dim) if norm_first else 1.0
        self.places = nn.Embedding(places, dim)
        nn.init.normal_(self.places.weight, std=1.0 / math.sqrt(dim))
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                dim,
                heads,
                dim_feedforward=expansion * dim,
                dropout=dropout,
                activation=activation,
                norm_first=norm_first,
                batch_first=True,
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, events_BLD: Tensor, lengths_B: Tensor) -> Tensor:
        """States, (B, L, D), from events padded on the right; a row has one event or more."""
        _, L, _ = events_BLD.shape
        place = torch.arange(L, device=events_BLD.device)
        back = (lengths_B[:, None] - 1 - place).clamp(min=0)  # (B, L): how many events came after
        x = self.scale * events_BLD + self.places(back)
        x = self.dropout(x if self.causal else self.norm(x))
        mask = (place[None, :] > place[:, None]) if self.causal else None
        padding = None if self.causal else place[None, :] >= lengths_B[:, None]
        for block in self.blocks:
            x = block(x, src_mask=mask, src_key_padding_mask=padding)
        normed: Tensor = self.norm(x) if self.causal else x
        return normed

"""Caser: convolutions over the last few events, read as an image of time by embedding."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from penchant.models.sequential.next_item import ForwardModule, ForwardNetwork, NextItemConfig, NextItemRecommender
from penchant.training.dropout import Dropout


class CaserConfig(NextItemConfig):
    """Settings of `Caser`."""

    window: int = Field(default=5, ge=1)
    """Events that the filters see."""
    ahead: int = Field(default=3, ge=1)
    """Events after them that each state foresees."""
    horizontal: int = Field(default=16, ge=1)
    """Filters of each height from 1 to `window`."""
    vertical: int = Field(default=4, ge=1)
    """Filters over single coordinates."""


class Convolutions(ForwardNetwork):
    """Horizontal filters find patterns of several events in a row, vertical ones weigh the events of the window."""

    def __init__(self, dim: int, *, window: int, horizontal: int, vertical: int, dropout: float) -> None:
        super().__init__()
        self.width, self.window = 2 * dim, window
        self.horizontal = nn.ModuleList(nn.Conv1d(dim, horizontal, height) for height in range(1, window + 1))
        self.vertical = nn.Linear(window, vertical, bias=False)
        self.mix = nn.Linear(window * horizontal + vertical * dim, dim)
        self.dropout = Dropout(dropout)

    def forward(self, events_BLD: Tensor, lengths_B: Tensor) -> Tensor:  # noqa: ARG002
        """The state after each event: what the filters found, and the mean of all events so far, (B, L, 2 D)."""
        padded = functional.pad(events_BLD, (0, 0, self.window - 1, 0))  # missing events are zero
        found = []
        for height, filters in enumerate(self.horizontal, start=1):
            # Windows overlap: each place is filtered once, then every window takes the highest of its places.
            filtered = filters(padded.transpose(1, 2)).relu()  # (B, filters, L + W − height)
            found.append(functional.max_pool1d(filtered, self.window - height + 1, stride=1).transpose(1, 2))
        found.append(self.vertical(padded.unfold(1, self.window, 1)).flatten(2))  # (B, L, D, W), oldest first
        recent = self.mix(self.dropout(torch.cat(found, dim=2))).relu()
        so_far = torch.arange(1, events_BLD.shape[1] + 1, device=events_BLD.device, dtype=events_BLD.dtype)
        return torch.cat([recent, events_BLD.cumsum(dim=1) / so_far[:, None]], dim=2)


class Caser(NextItemRecommender):
    """Convolutions over an "image" of the last W events, its rows events and its columns coordinates.

    ::

        E    = [z_{L−W+1} ; … ; z_L]                                          (W, D)
        o    = max over places of relu( F_h · rows of E ), for every height h = 1 … W        horizontal filters
        õ    = Σ_w v_w E_w                                                    vertical filters
        u    = [ relu( W_0 [o ; õ] + b_0 ) ; p ],   p = (1/L) Σ_l z_l
        s_i  = u · z'_i + c_i                                                 z' (I, 2 D), apart from z

    Tang and Wang (2018). Each state foresees the next `ahead` events, which is what lets it skip one. The paper's user
    embedding is p here, the mean of what came before, so that a user who was not there at training is served alike; the
    loss is the softmax where the paper has the binary one (`loss = "binary"`, ``unseen = 3``).
    """

    name: ClassVar[str] = "caser"
    config_class: ClassVar[type[CaserConfig]] = CaserConfig
    config: CaserConfig

    def build(self, shape: Mapping[str, Any]) -> ForwardModule:
        """The module with fresh weights."""
        config = self.config
        network = Convolutions(
            config.dim,
            window=config.window,
            horizontal=config.horizontal,
            vertical=config.vertical,
            dropout=config.dropout,
        )
        return ForwardModule(
            shape["n_items"], config.dim, network, ahead=config.ahead, apart=network.width, biased=True
        )

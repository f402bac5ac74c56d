"""A small causal transformer that knows how far back an event lies, not where in the history it stands."""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from penchant.models.sequential.signals import GAPS, EventSignals, SignalEmbedding, SignalSources
from penchant.training.dropout import Dropout

DECAYS = (0.5, 0.9)
"""Decays of a filter's heads at the start: each event counts so many times as much as the one after it."""
HIGH_SPREAD = 0.02
"""Standard deviation of β at the start: next to nothing of what changes fast is let through."""


class CausalBlock(nn.Module):
    """Pre-norm self-attention and feed-forward, each with a residual (SASRec, Kang and McAuley 2018).

    ``a_ls = softmax_{s ≤ l}( q_l · k_s / sqrt(D/H) + bias_h[l − s] + time_h[b(t_l − t_s)] )``: learned biases for the
    distance in events, and in time where it is known, stand in place of position embeddings (Shaw et al. 2018; Raffel
    et al. 2020), so a window cut anywhere reads like a whole history.

    With a `filter_share` α a fixed-form filter does that share of the mixing, after BSARec (Shin et al. 2024)::

        mixed_l = (1 − α) attention_l + α ( low_l + β² ∘ (n_l − low_l) ),     n = norm(x)
        low_l   = Σ_{s ≤ l} δ_h^{l − s} n_s / Σ_{s ≤ l} δ_h^{l − s}

    with a decay δ for each head's part of n and a β for each dimension, both learned. The paper's Fourier transform of
    the whole window would show each state what comes after it; this low-pass looks back only.
    """

    def __init__(
        self,
        *,
        dim: int,
        heads: int,
        max_length: int,
        dropout: float,
        attention_dropout: float,
        timed: bool = False,
        filter_share: float = 0.0,
        expansion: int = 4,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.forward_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.query_key_value, self.mix = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.expand, self.contract = nn.Linear(dim, expansion * dim), nn.Linear(expansion * dim, dim)
        self.distance_bias = nn.Parameter(torch.zeros(heads, max_length + 1))
        self.time_bias = nn.Parameter(torch.zeros(heads, GAPS + 1)) if timed else None
        self.dropout, self.attention_dropout = Dropout(dropout), Dropout(attention_dropout)
        self.filter_share = filter_share
        if filter_share:
            self.decay = nn.Parameter(torch.linspace(*DECAYS, heads).logit())
            self.high = nn.Parameter(HIGH_SPREAD * torch.randn(dim))

    def forward(self, x_BLD: Tensor, since_BLL: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The block's output, (B, L, D), and its attention, (B, H, L, L), rows summing to 1 over s ≤ l.

        `since_BLL` are buckets of the time between places, where it is known.
        """
        B, L, D = x_BLD.shape
        normed_BLD = self.attention_norm(x_BLD)
        packed = self.query_key_value(normed_BLD).view(B, L, 3, self.heads, D // self.heads)
        query, key, value = packed.permute(2, 0, 3, 1, 4)  # each (B, H, L, D/H)
        place = torch.arange(L, device=x_BLD.device)
        distance = place[:, None] - place[None, :]  # (L, L), below 0 in the future
        bias = self.distance_bias[:, distance.clamp(min=0)].masked_fill(distance < 0, float("-inf"))  # (H, L, L)
        logits = query @ key.transpose(-1, -2) / math.sqrt(D // self.heads) + bias
        if self.time_bias is not None and since_BLL is not None:
            logits = logits + self.time_bias[:, since_BLL].transpose(0, 1)
        attention = logits.softmax(dim=-1)
        mixed = (self.attention_dropout(attention) @ value).transpose(1, 2).reshape(B, L, D)
        mixed = self.mix(mixed)
        if self.filter_share:
            mixed = self._with_filter(mixed, normed_BLD, self._low(normed_BLD, distance))
        return self._forward(x_BLD, mixed), attention

    def at(self, x_BLD: Tensor, places_B: Tensor, since_BLL: Tensor | None = None) -> Tensor:
        """The block's output at one place of each row, (B, D): what `forward` gives there, for less work."""
        B, L, D = x_BLD.shape
        rows = torch.arange(B, device=x_BLD.device)
        normed_BLD = self.attention_norm(x_BLD)
        packed = self.query_key_value(normed_BLD).view(B, L, 3, self.heads, D // self.heads)
        query = packed[rows, places_B, 0]  # (B, H, D/H)
        key, value = packed[:, :, 1].transpose(1, 2), packed[:, :, 2].transpose(1, 2)  # each (B, H, L, D/H)
        distance = places_B[:, None] - torch.arange(L, device=x_BLD.device)  # (B, L), below 0 in the future
        bias = self.distance_bias[:, distance.clamp(min=0)].masked_fill(distance < 0, float("-inf"))  # (H, B, L)
        logits = (key @ query[..., None])[..., 0] / math.sqrt(D // self.heads) + bias.transpose(0, 1)
        if self.time_bias is not None and since_BLL is not None:
            logits = logits + self.time_bias[:, since_BLL[rows, places_B]].transpose(0, 1)
        attention = self.attention_dropout(logits.softmax(dim=-1))  # (B, H, L)
        mixed = self.mix((attention[:, :, None] @ value).reshape(B, D))
        if self.filter_share:
            low = self._low(normed_BLD, distance[:, None, None])[:, 0]
            mixed = self._with_filter(mixed, normed_BLD[rows, places_B], low)
        return self._forward(x_BLD[rows, places_B], mixed)

    def _low(self, normed_BLD: Tensor, distance: Tensor) -> Tensor:
        """What the filter lets through of the states at some distances, (L, L) or (B, 1, 1, L): (B, L or 1, D)."""
        B, L, D = normed_BLD.shape
        logits = functional.logsigmoid(self.decay)[:, None, None] * distance  # (H, L, L) or (B, H, 1, L)
        weights = logits.masked_fill(distance < 0, float("-inf")).softmax(dim=-1)
        parts = normed_BLD.view(B, L, self.heads, D // self.heads).transpose(1, 2)
        return (weights @ parts).transpose(1, 2).flatten(start_dim=2)

    def _with_filter(self, attended: Tensor, normed: Tensor, low: Tensor) -> Tensor:
        """What attention and filter mix together, (…, D)."""
        filtered = low + self.high.square() * (normed - low)
        return (1 - self.filter_share) * attended + self.filter_share * filtered

    def _forward(self, x: Tensor, mixed: Tensor) -> Tensor:
        """The residual sums with what was mixed in, (…, D)."""
        x = x + self.dropout(mixed)
        wide = functional.gelu(self.expand(self.forward_norm(x)))
        summed: Tensor = x + self.dropout(self.contract(wide))
        return summed


class SequenceEncoder(nn.Module):
    """From the vectors of a history's events to a user vector after each of them.

    ::

        x    = [start_b ; sqrt(D) z_1 + e_1 ; … ; sqrt(D) z_L + e_L]   start_b: learned, moved by users' attributes
        h    = blocks(dropout(norm(x)))
        u_l  = exp(t) · P norm(h_l) / ‖P norm(h_l)‖

    The learned scale exp(t) is the inverse temperature of the softmax over unit item vectors. P is the user's own
    projection, beside the item's. e_l are the events' signals, see `SignalEmbedding`, which also moves h_l where the
    request says when it is.
    """

    MAX_SCALE = 50.0

    def __init__(
        self,
        *,
        dim: int,
        layers: int,
        heads: int,
        max_length: int,
        dropout: float,
        attention_dropout: float,
        temperature: float,
        sources: SignalSources | None = None,
        filter_share: float = 0.0,
    ) -> None:
        super().__init__()
        sources = sources or SignalSources.none()
        self.start = nn.Parameter(torch.randn(dim))
        self.input_norm, self.output_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(
            CausalBlock(
                dim=dim,
                heads=heads,
                max_length=max_length,
                dropout=dropout,
                attention_dropout=attention_dropout,
                timed=sources.time,
                filter_share=filter_share,
            )
            for _ in range(layers)
        )
        self.projection = nn.Linear(dim, dim, bias=False)
        nn.init.eye_(self.projection.weight)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.signals = SignalEmbedding(sources, dim=dim) if sources.any else None

    def forward(
        self, events_BLD: Tensor, starts_BD: Tensor | None = None, signals: EventSignals | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """User vectors, (B, L + 1, D), the first before any event; and each block's attention, (B, H, L + 1, L + 1).

        `starts_BD` is added to the learned start; `signals` are needed where the encoder has sources of them.
        """
        x, since = self._inputs(events_BLD, starts_BD, signals)
        attentions = []
        for block in self.blocks:
            x, attention = block(x, since)
            attentions.append(attention)
        if self.signals is not None and signals is not None:
            x = self.signals.asked(x, signals)
        return self._users(x), attentions

    def at(
        self,
        events_BLD: Tensor,
        places_B: Tensor,
        starts_BD: Tensor | None = None,
        signals: EventSignals | None = None,
    ) -> Tensor:
        """User vectors after ``places_B`` events, (B, D): what `forward` gives there, for about half the work."""
        x, since = self._inputs(events_BLD, starts_BD, signals)
        *before, last = cast(list[CausalBlock], list(self.blocks))
        for block in before:
            x, _ = block(x, since)
        x_BD = last.at(x, places_B, since)
        if self.signals is not None and signals is not None:
            x_BD = self.signals.asked_at(x_BD, signals, places_B)
        return self._users(x_BD)

    def _inputs(
        self, events_BLD: Tensor, starts_BD: Tensor | None, signals: EventSignals | None
    ) -> tuple[Tensor, Tensor | None]:
        """What the blocks read, (B, S, D), and the buckets of time between states, (B, S, S)."""
        B, _, D = events_BLD.shape
        start = self.start.expand(B, D)
        if starts_BD is not None:
            start = start + starts_BD
        events, since = math.sqrt(D) * events_BLD, None
        if self.signals is not None and signals is not None:
            events, since = events + self.signals(signals), self.signals.distances(signals)
        return self.dropout(self.input_norm(torch.cat([start[:, None], events], dim=1))), since

    def _users(self, x: Tensor) -> Tensor:
        direction = functional.normalize(self.projection(self.output_norm(x)), dim=-1)
        return direction * self.log_scale.exp().clamp(max=self.MAX_SCALE)

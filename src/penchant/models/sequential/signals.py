"""What an event says beside its item: when it was, what kind of event it was, and its rating or other value."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.errors import UnsupportedError
from penchant.models.sequential.config import SignalsConfig, Use
from penchant.types import BoolArray, IntArray

GAPS = 32
"""Buckets of a time difference of Δ seconds: ⌊log₂(1 + Δ)⌋, up to 68 years."""
NEVER = torch.iinfo(torch.int64).min
"""The time of nothing: before the first event, or of a request that does not say when it is."""
PERIODS = (86_400.0, 604_800.0, 31_556_952.0)
"""Seconds of a day, a week, and a year."""


@dataclass(frozen=True, slots=True)
class EventSignals:
    """The signals of B windows of L events, padded on the right like their items."""

    types_BL: Tensor
    values_BL: Tensor
    """NaN where there is none."""
    times_BL: Tensor
    """UTC microseconds."""
    asked_BS: Tensor
    """(B, L + 1) when each state is asked for its prediction; `NEVER` where that is not said."""

    def to(self, device: torch.device) -> "EventSignals":
        """The signals on another device."""
        return EventSignals(
            self.types_BL.to(device), self.values_BL.to(device), self.times_BL.to(device), self.asked_BS.to(device)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSources:
    """Which signals a dataset has, learned from the training part and saved with the model."""

    types: int
    """How many event types there were; 0 where they are not read."""
    means: tuple[float, ...]
    """Of the values of each type; empty where values are not read."""
    deviations: tuple[float, ...]
    time: bool
    request_time: bool

    @classmethod
    def of(cls, dataset: Dataset, config: SignalsConfig) -> "SignalSources":
        """What there is to read. `UnsupportedError` for a signal that is ``on`` and that the dataset does not have."""
        events = dataset.events
        seen = np.unique(events.types[events.items >= 0])
        known = ~np.isnan(events.values) & (events.items >= 0)
        timed = dataset.clock == "time"
        types = _used("event types", config.types, len(seen) > 1, dataset, "has events of one type only")
        values = _used("values", config.values, _vary(events.values[known]), dataset, "has no ratings or other values")
        time = _used("time", config.time, timed, dataset, "has positions and no times")
        if config.request_time:
            _used("the time of the request", "on", time, dataset, "has positions and no times, or time is off")
        n_types = len(dataset.event_types)
        means, deviations = np.zeros(n_types), np.ones(n_types)
        for code in seen if values else ():
            numbers = events.values[known & (events.types == code)]
            if len(numbers):
                means[code], deviations[code] = numbers.mean(), numbers.std() or 1.0
        return cls(
            types=n_types if types else 0,
            means=tuple(means.tolist()) if values else (),
            deviations=tuple(deviations.tolist()) if values else (),
            time=time,
            request_time=config.request_time,
        )

    @classmethod
    def none(cls) -> "SignalSources":
        """Items alone are read."""
        return cls(types=0, means=(), deviations=(), time=False, request_time=False)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "SignalSources":
        """What `dataclasses.asdict` gave."""
        return cls(**{**saved, "means": tuple(saved["means"]), "deviations": tuple(saved["deviations"])})

    @property
    def any(self) -> bool:
        """Whether anything beside items is read."""
        return bool(self.types or self.means or self.time)


class SignalEmbedding(nn.Module):
    """Signals as vectors that join the events' and the states' own.

    ::

        e_l = type[k_l] + ṽ_l value[k_l] + gap[b(t_l − t_{l−1})] + P φ(t_l)       added to event l
        h_l ← (1 + a_l) ⊙ h_l + a'_l,   [a_l, a'_l] = gap'[b(T_l − t_l)] + P' φ(T_l)   for a request at T_l

    with b(Δ) = ⌊log₂(1 + Δ in seconds)⌋, φ(t) sine and cosine of t over a day, a week and a year, k_l the event's type
    and ṽ_l its value, standardised over the training events of its type (0 where there is none). A type that training
    did not see adds nothing. Everything starts at zero: a signal that says nothing changes nothing. Time as in TiSASRec
    (Li, Wang and McAuley 2020), in logarithmic buckets.
    """

    means: Tensor
    deviations: Tensor

    def __init__(self, sources: SignalSources, *, dim: int) -> None:
        super().__init__()
        self.sources = sources
        zero = nn.init.zeros_
        self.types = nn.Embedding(sources.types, dim) if sources.types else None
        self.values = nn.Embedding(len(sources.means), dim) if sources.means else None
        self.gaps = nn.Embedding(GAPS, dim) if sources.time else None
        self.clock = nn.Linear(2 * len(PERIODS), dim, bias=False) if sources.time else None
        self.asked_gaps = nn.Embedding(GAPS, 2 * dim) if sources.request_time else None
        self.asked_clock = nn.Linear(2 * len(PERIODS), 2 * dim, bias=False) if sources.request_time else None
        for module in (self.types, self.values, self.gaps, self.clock, self.asked_gaps, self.asked_clock):
            if module is not None:
                zero(module.weight)
        self.register_buffer("means", torch.tensor(sources.means), persistent=False)
        self.register_buffer("deviations", torch.tensor(sources.deviations), persistent=False)

    def forward(self, signals: EventSignals) -> Tensor | float:
        """What is added to the vectors of events, (B, L, D); 0 where nothing is."""
        added: Tensor | float = 0.0
        if self.types is not None:
            known = signals.types_BL < self.sources.types
            added = added + self.types(signals.types_BL.where(known, 0)) * known[..., None]
        if self.values is not None:
            known = (signals.types_BL < len(self.sources.means)) & ~signals.values_BL.isnan()
            types = signals.types_BL.where(known, 0)
            standard = (signals.values_BL - self.means[types]) / self.deviations[types]
            added = added + self.values(types) * standard.where(known, 0.0)[..., None]
        if self.gaps is not None and self.clock is not None:
            times = signals.times_BL
            before = torch.cat([times[:, :1], times[:, :-1]], dim=1)
            added = added + self.gaps(buckets(times - before)) + self.clock(_phases(times))
        return added

    def distances(self, signals: EventSignals) -> Tensor | None:
        """Buckets of the time between states, (B, S, S); `GAPS` beside the start, which has no time."""
        if not self.sources.time:
            return None
        times = signals.times_BL
        between = buckets(times[:, :, None] - times[:, None, :])
        return nn.functional.pad(between, (1, 0, 1, 0), value=GAPS)

    def asked(self, states_BSD: Tensor, signals: EventSignals) -> Tensor:
        """States that know when they are asked, (B, S, D)."""
        last = nn.functional.pad(signals.times_BL, (1, 0), value=NEVER)
        return self._asked(states_BSD, last, signals.asked_BS)

    def asked_at(self, states_BD: Tensor, signals: EventSignals, places_B: Tensor) -> Tensor:
        """The same for one state of each row, (B, D)."""
        rows = torch.arange(len(places_B), device=places_B.device)
        last = nn.functional.pad(signals.times_BL, (1, 0), value=NEVER)
        return self._asked(states_BD, last[rows, places_B], signals.asked_BS[rows, places_B])

    def _asked(self, states: Tensor, last: Tensor, asked: Tensor) -> Tensor:
        """States (…, D) after an event at `last` (…), asked at `asked` (…); the start has no last event."""
        if self.asked_gaps is None or self.asked_clock is None:
            return states
        said, follows = asked != NEVER, (asked != NEVER) & (last != NEVER)
        now = asked.where(said, 0)
        gap = self.asked_gaps(buckets((now - last.where(follows, 0)).where(follows, 0)))
        moved = self.asked_clock(_phases(now)) * said[..., None] + gap * follows[..., None]
        scale, shift = moved.chunk(2, dim=-1)
        told: Tensor = (1.0 + scale) * states + shift
        return told


def buckets(microseconds: Tensor) -> Tensor:
    """⌊log₂(1 + Δ)⌋ of Δ seconds, 0 … GAPS − 1; a negative Δ counts as 0."""
    seconds = microseconds.clamp(min=0).double() / 1e6
    return torch.log2(1.0 + seconds).long().clamp(max=GAPS - 1)


def signals_at(histories: Histories, places_BL: IntArray, valid_BL: BoolArray, asked_BS: IntArray) -> EventSignals:
    """Signals of the events at the given places of packed histories; those not valid are padding."""
    places = np.where(valid_BL, places_BL, 0)
    return EventSignals(
        torch.from_numpy(np.where(valid_BL, histories.types[places], 0).astype(np.int64)),
        torch.from_numpy(np.where(valid_BL, histories.values[places], np.nan).astype(np.float32)),
        torch.from_numpy(np.where(valid_BL, histories.timestamps[places], 0).astype(np.int64)),
        torch.from_numpy(asked_BS.astype(np.int64)),
    )


def _phases(microseconds: Tensor) -> Tensor:
    """φ: sine and cosine over each period, (…, 2 · periods)."""
    seconds = microseconds.double()[..., None] / 1e6
    angles = 2 * math.pi * seconds / torch.tensor(PERIODS, dtype=torch.float64, device=microseconds.device)
    return torch.cat([angles.sin(), angles.cos()], dim=-1).float()


def _vary(values: Any) -> bool:
    return bool(len(values)) and bool(values.min() < values.max())


def _used(what: str, use: Use, there: bool, dataset: Dataset, lacking: str) -> bool:
    if use == "on" and not there:
        raise UnsupportedError(
            f"The tracker is told to read {what}, and {dataset.name!r} {lacking}.",
            hint="Set it to 'auto' or 'off', or import the data with that column.",
        )
    return use != "off" and there

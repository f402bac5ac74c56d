"""Drift of a population: concepts whose share of all events changes, and a model that foresees worse than it did.

Events are taken in the order they happened, `batch` at a time, and two kinds of values go to an adaptive window each
(ADWIN, Bifet and Gavaldà 2007; river's): of every concept c the share of the batch that touches it, as a part of the
largest usual one, ``min(1, share / (π + 4 √(π (1 − π) / batch)))``; and the mean of ``σ(−ℓ)`` of its events, which is
how surprising they were (½: the model foresees no better than popularity). A window grows while its parts agree; it is
cut, and an alarm raised, where the means of two parts differ by more than

    ε = √( (2/m) σ² ln(2/δ') ) + (2/(3m)) ln(2/δ'),   1/m = 1/n₀ + 1/n₁,   δ' = δ / ln n

δ is shared among all that is watched, so that together they raise a false alarm with probability about `false_alarm` at
a batch. Measured on events in random order it is far less (`experiments/interests/drift`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.types import BoolArray, DoubleArray, IntArray

LATEST = 20
"""Batches that say what is so after a change, and that the next window begins with."""


class PopulationDriftConfig(Config):
    """How a population is watched."""

    batch: int = Field(default=5, ge=1)
    """Events taken at once: fewer are noticed sooner, more cost less."""
    baseline: int = Field(default=5_000, ge=0)
    """Events of the dataset, the last ones, that say what is usual."""
    false_alarm: float = Field(default=0.01, gt=0, lt=1)
    """δ of all windows together."""
    concepts: int = Field(default=200, ge=1)
    """Concepts watched: those on the most events."""


class Window(Protocol):
    """A detector of change in the mean of values in [0, 1]."""

    drift_detected: bool

    def update(self, x: float) -> object:
        """Take a value; `drift_detected` says whether the mean changed."""


def adaptive_window(delta: float) -> Window:
    """River's ADWIN, asked at every value."""
    from river.drift import ADWIN  # takes seconds to import

    window: Window = ADWIN(delta=delta, clock=1)
    return window


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationChange:
    """An alarm; `concept` is −1 for the surprise."""

    concept: int
    before: float
    after: float
    event: int
    """How many events had been read"""
    moment: int
    """Timestamp of the last of them"""


@dataclass(slots=True)
class PopulationWatch:
    """Windows over a stream of events, fed as they come. What is fed is kept until a batch is full."""

    rates: DoubleArray
    """(C,) π: the share of each concept among all events, by which the watched are chosen"""
    config: PopulationDriftConfig
    window: Callable[[float], Window] = adaptive_window
    events: int = 0
    changes: list[PopulationChange] = field(default_factory=list)
    watched: IntArray = field(init=False)
    _windows: list[Window] = field(init=False)
    _largest: DoubleArray = field(init=False)
    _delta: float = field(init=False)
    _sums: DoubleArray = field(init=False)
    _counts: DoubleArray = field(init=False)
    """Sums and numbers of the values since each window began"""
    _latest: list[DoubleArray] = field(default_factory=list)
    _waiting: list[tuple[BoolArray, float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Choose what is watched."""
        self.watched = np.sort(np.argsort(-self.rates, kind="stable")[: self.config.concepts]).astype(np.int64)
        rates = self.rates[self.watched]
        usual = rates + 4.0 * np.sqrt(rates * (1.0 - rates) / self.config.batch)
        self._largest = np.append(np.clip(usual, 1e-9, 1.0), 1.0)
        self._delta = self.config.false_alarm / (len(self.watched) + 1)
        self._windows = [self.window(self._delta) for _ in range(len(self.watched) + 1)]
        self._sums, self._counts = np.zeros(len(self._windows)), np.zeros(len(self._windows))

    def feed(self, touched_NC: BoolArray, surprise_N: DoubleArray, moments_N: IntArray) -> None:
        """Take events in their order: which concepts each touches, its surprise in [0, 1], and its timestamp."""
        self._waiting += zip(touched_NC[:, self.watched], surprise_N.tolist(), moments_N.tolist(), strict=True)
        size = self.config.batch
        while len(self._waiting) >= size:
            part, self._waiting = self._waiting[:size], self._waiting[size:]
            self.events += size
            shares = np.mean([touched for touched, _, _ in part], axis=0)
            self._take(np.append(shares, np.mean([surprise for _, surprise, _ in part])), part[-1][2])

    def _take(self, values: DoubleArray, moment: int) -> None:
        self._latest = [*self._latest, values][-LATEST:]
        self._sums += values
        self._counts += 1
        scaled = np.minimum(values / self._largest, 1.0).tolist()
        for place, value in enumerate(scaled):
            window = self._windows[place]
            window.update(value)
            if window.drift_detected:
                self._changed(place, moment)

    def _changed(self, place: int, moment: int) -> None:
        """Tell a change, and begin anew with the latest values: one change is one alarm."""
        latest = np.array([values[place] for values in self._latest[-int(self._counts[place]) :]])
        earlier = self._counts[place] - len(latest)
        after = float(latest.mean())
        before = float((self._sums[place] - latest.sum()) / earlier) if earlier else after
        concept = int(self.watched[place]) if place < len(self.watched) else -1
        self.changes.append(
            PopulationChange(concept=concept, before=before, after=after, event=self.events, moment=moment)
        )
        self._sums[place], self._counts[place] = latest.sum(), len(latest)
        self._windows[place] = self.window(self._delta)
        for value in latest / self._largest[place]:
            self._windows[place].update(min(1.0, float(value)))

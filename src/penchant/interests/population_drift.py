"""Drift of a population: concepts whose share of all events changes, and a model that foresees worse than it did.

Events are taken in the order they happened, `batch` at a time. Of each batch, the share of events that touch concept c,
and the mean of ``σ(−ℓ)`` of its events (how surprising they were, 0 to 1: ½ is no better than popularity), go to one
adaptive window each (ADWIN, Bifet and Gavaldà 2007; river's): the window grows while its two ends agree, and is cut, and
an alarm raised, where the means of two parts differ by more than

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


class PopulationDriftConfig(Config):
    """How a population is watched."""

    batch: int = Field(default=25, ge=1)
    """Events taken at once."""
    baseline: int = Field(default=10_000, ge=0)
    """Events of the dataset, the last ones, that say what is usual."""
    false_alarm: float = Field(default=0.01, gt=0, lt=1)
    """δ of all windows together."""
    concepts: int = Field(default=200, ge=1)
    """Concepts watched: those on the most events, and from then on any that comes among them in a batch."""


class Window(Protocol):
    """A detector of change in the mean of values in [0, 1]."""

    drift_detected: bool

    @property
    def estimation(self) -> float:
        """Mean of the values since the last change."""

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
    _waiting: list[tuple[BoolArray, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Choose what is watched."""
        self.watched = np.sort(np.argsort(-self.rates, kind="stable")[: self.config.concepts]).astype(np.int64)
        delta = self.config.false_alarm / (len(self.watched) + 1)
        self._windows = [self.window(delta) for _ in range(len(self.watched) + 1)]

    def feed(self, touched_NC: BoolArray, surprise_N: DoubleArray) -> None:
        """Take events in their order: which concepts each touches, and its surprise in [0, 1]."""
        self._waiting += zip(touched_NC[:, self.watched], surprise_N.tolist(), strict=True)
        size = self.config.batch
        while len(self._waiting) >= size:
            part, self._waiting = self._waiting[:size], self._waiting[size:]
            self.events += size
            shares = np.mean([touched for touched, _ in part], axis=0)
            self._take([*shares.tolist(), float(np.mean([surprise for _, surprise in part]))])

    def _take(self, values: list[float]) -> None:
        for place, (window, value) in enumerate(zip(self._windows, values, strict=True)):
            before = window.estimation
            window.update(value)
            if window.drift_detected:
                concept = int(self.watched[place]) if place < len(self.watched) else -1
                self.changes.append(
                    PopulationChange(concept=concept, before=before, after=window.estimation, event=self.events)
                )

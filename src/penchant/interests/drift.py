"""Drift: whether what a user takes has changed lately, when it did, and what came, came back or went.

Two things are watched, event by event, both in nats. Each has a statistic that stays near 0 while nothing changes, and
an alarm is raised where it passes a threshold (`penchant.interests.drift_calibration` sets the thresholds so that
histories without drift raise a stated number).

**Each concept**, as a stream of events that touch it or not (x = 1, 0), against the user's own rate p, told before the
event from all events before it, κ of them spread like everyone's:

    p  = (κ π + touching before) / (κ + events before)
    up    g = x ln(q / p) + (1 − x) ln((1 − q)/(1 − p)),   q = p + (1 − p)/2      half of what is not yet his
    down  g the same with q = p/4                                                 a quarter of what was his
    S ← max(0, S + g − a),   a = 0.1 up, 0.02 down        so that a rate that is still being learned is no change

the cumulative sum of log likelihood ratios (Page 1954). The event after S was last 0 is where the change most likely
began. After an alarm p is the rate since then, so that a new interest is soon an old one, which can fade.

**The surprise** of each event under the tracker, x = −ln(p(item) / p(item of the reference)), by the Page–Hinkley test:

    c ← c + x − mean(x so far) − δ,   S = c − (least c so far),     forgotten after an alarm

The **score** is how near any of the statistics came to its threshold, 0 where it is usual for a history without drift
and 1 at an alarm, and halves every `half_life` events.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from pydantic import Field
from scipy.special import betainc

from penchant.config import Config
from penchant.types import BoolArray, DoubleArray, IntArray

Direction: TypeAlias = Literal["up", "down", "surprise"]
Kind: TypeAlias = Literal["new", "returning", "rising", "faded", "shift"]

MOST_SURPRISE = 6.0
"""Nats of one event's surprise, at most and at least: one odd event is no drift."""
UP_ALLOWANCE, DOWN_ALLOWANCE = 0.1, 0.02
"""a, in nats an event: by how little a rate that is still being learned may fall short of the true one."""
WAS_INTEREST = 0.9
"""Probability that a user's share was above everyone's, from which a concept had been an interest."""


class DriftConfig(Config):
    """How drift is watched."""

    warm_up: int = Field(default=20, ge=1)
    """Events, the first of those read, from which rates are learned and no alarm is raised."""
    prior_events: float = Field(default=10.0, gt=0)
    """κ: a user without events counts as this many events spread like everyone's."""
    allowance: float = Field(default=0.5, ge=0)
    """δ: nats by which the mean surprise may rise unnoticed."""
    pause: int = Field(default=10, ge=1)
    """Events without a concept after which it returns, where it had been an interest."""
    together: int = Field(default=10, ge=0)
    """Concepts that change in one direction within so many events of each other are one alarm."""
    half_life: float = Field(default=10.0, gt=0)
    """Events in which the score halves after an alarm."""
    false_alarms: float = Field(default=2.0, gt=0)
    """Alarms in 1,000 events without drift: half of them for what comes, a quarter for what goes, and for surprise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Where alarms are raised, in nats; those here hold for the readers of the bundled books (`experiments`)."""

    up: float = 10.0
    down: float = 8.0
    surprise: float = 9.0
    usual: float = 0.5
    """The median, over events without drift, of the largest statistic as a part of its threshold, below 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What is watched of one user, oldest first."""

    concepts: IntArray
    """(K,) the concepts that his events touch"""
    touched_NK: BoolArray
    rates: DoubleArray
    """(K,) π: everyone's share of events, inside (0, 1)"""
    surprise: DoubleArray | None = None
    """(N,) nats; None: not watched"""

    def shuffled(self, order_N: IntArray, surprise: DoubleArray | None = None) -> "Stream":
        """The same events in another order: his rates without his drift. Surprises are those of that order."""
        return Stream(concepts=self.concepts, touched_NK=self.touched_NK[order_N], rates=self.rates, surprise=surprise)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An alarm. Events are counted from the first of the stream."""

    direction: Direction
    kind: Kind
    concept: int
    """−1 for a shift as a whole"""
    start: int
    """The event where the change most likely began"""
    at: int
    """The event that raised the alarm"""
    statistic: float
    also: tuple[int, ...] = ()
    """Further concepts that changed with it, the clearest first"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReading:
    """Drift over a user's events."""

    scores: DoubleArray
    """(N,) after each event, in [0, 1]"""
    changes: tuple[Change, ...] = ()
    """Oldest alarm first"""


@dataclass(slots=True)
class _Paths:
    """Statistics of K streams: what they were after each event."""

    up: DoubleArray
    down: DoubleArray
    alarms: list[Change] = field(default_factory=list)


def read_drift(stream: Stream, thresholds: Thresholds, config: DriftConfig) -> DriftReading:
    """The drift score after each event and the alarms raised. A stream without events has none."""
    near, changes = nearness(stream, thresholds, config)
    rise = np.clip((near - thresholds.usual) / (1.0 - thresholds.usual), 0.0, 1.0)
    return DriftReading(scores=_fading(rise, config.half_life), changes=changes)


def nearness(stream: Stream, thresholds: Thresholds, config: DriftConfig) -> tuple[DoubleArray, tuple[Change, ...]]:
    """The largest statistic after each event as a part of its threshold, (N,), and the alarms, oldest first."""
    near = np.zeros(len(stream.touched_NK))
    if not len(near):
        return near, ()
    paths = _concept_paths(stream, thresholds, config)
    if paths.up.shape[1]:
        near = np.maximum(paths.up.max(axis=1) / thresholds.up, paths.down.max(axis=1) / thresholds.down)
    alarms = _together(paths.alarms, config)
    if stream.surprise is not None:
        surprising, shifts = _surprise_path(stream.surprise, thresholds, config)
        near, alarms = np.maximum(near, surprising / thresholds.surprise), alarms + shifts
    return near, tuple(sorted(alarms, key=lambda c: (c.at, c.start)))


def page_hinkley(values_N: DoubleArray, *, allowance: float) -> DoubleArray:
    """S of the Page–Hinkley test for a rising mean, (N,), never reset (Page 1954; Hinkley 1971):

    ``c_n = c_{n−1} + x_n − mean(x_1 … x_n) − δ``, ``S_n = c_n − min(c_1 … c_n)``.
    """
    if not len(values_N):
        return np.zeros(0)
    means = np.cumsum(values_N) / np.arange(1, len(values_N) + 1)
    sums = np.cumsum(values_N - means - allowance)
    return np.asarray(sums - np.minimum.accumulate(sums))


def surprise_values(surprise_N: DoubleArray) -> DoubleArray:
    """Surprises as the test takes them, within ±`MOST_SURPRISE`."""
    return np.clip(surprise_N, -MOST_SURPRISE, MOST_SURPRISE)


def gains(touched_NK: BoolArray, hits_K: DoubleArray, events: float) -> tuple[DoubleArray, DoubleArray]:
    """The log likelihood ratios less what is allowed, g − a, of each event, up and down, (N, K) each.

    `hits_K` of `events` earlier events, both counted with the prior, touched each concept.
    """
    p = np.cumsum(touched_NK, axis=0, dtype=np.float64)
    p -= touched_NK
    p += hits_K
    p /= (events + np.arange(len(p)))[:, None]
    np.clip(p, 1e-9, 1.0 - 1e-9, out=p)
    touches = p[touched_NK]
    up = np.full(p.shape, np.log(0.5))  # (1 − q)/(1 − p) is a half, whatever p
    up[touched_NK] = np.log((1.0 + touches) / (2.0 * touches))
    down = np.log((1.0 - p / 4.0) / (1.0 - p))
    down[touched_NK] = np.log(0.25)
    up -= UP_ALLOWANCE
    down -= DOWN_ALLOWANCE
    return up, down


def cumulative(gains_NK: DoubleArray) -> DoubleArray:
    """S ← max(0, S + g) from 0, (N, K)."""
    sums = np.cumsum(gains_NK, axis=0)
    return np.asarray(sums - np.minimum(np.minimum.accumulate(sums, axis=0), 0.0))


def _concept_paths(stream: Stream, thresholds: Thresholds, config: DriftConfig) -> _Paths:
    """All concepts at once; those that raise an alarm once more, one by one."""
    up, down = gains(stream.touched_NK, config.prior_events * stream.rates, config.prior_events)
    up[: config.warm_up], down[: config.warm_up] = 0.0, 0.0
    paths = _Paths(up=cumulative(up), down=cumulative(down))
    crossing = (paths.up > thresholds.up).any(axis=0) | (paths.down > thresholds.down).any(axis=0)
    for k in np.flatnonzero(crossing):
        _follow(stream, int(k), paths, thresholds, config)
    return paths


def _follow(stream: Stream, k: int, paths: _Paths, thresholds: Thresholds, config: DriftConfig) -> None:
    """One concept from alarm to alarm; after each, its rate is the one since the change began."""
    touched, done, last_at = stream.touched_NK[:, k], 0, -1
    came_before = False
    while True:
        crossed = (paths.up[done:, k] > thresholds.up) | (paths.down[done:, k] > thresholds.down)
        if not crossed.any():
            return
        at = done + int(np.argmax(crossed))
        rising = paths.up[at, k] > thresholds.up
        path = (paths.up if rising else paths.down)[last_at + 1 : at, k]
        start = last_at + 1 + int(np.max(np.flatnonzero(path == 0.0), initial=-1)) + 1
        kind: Kind = "faded"
        if rising:
            kind = _arrival(touched[:start], float(stream.rates[k]), came_before, config)
        paths.alarms.append(
            Change(
                direction="up" if rising else "down",
                kind=kind,
                concept=int(stream.concepts[k]),
                start=start,
                at=at,
                statistic=float((paths.up if rising else paths.down)[at, k]),
            )
        )
        came_before, last_at, done = True, at, at + 1
        if done >= len(touched):
            return
        share = (float(touched[start:done].sum()) + 0.5) / (done - start + 1.0)
        events = config.prior_events + done - start
        up, down = gains(touched[done:, None], np.array([share * events]), events)
        paths.up[done:, k], paths.down[done:, k] = cumulative(up)[:, 0], cumulative(down)[:, 0]


def _arrival(before_n: BoolArray, rate: float, came_before: bool, config: DriftConfig) -> Kind:
    """What a concept does that comes more often: `before_n` are the events before it did."""
    hits, events = np.cumsum(before_n), np.arange(1, len(before_n) + 1)
    a, b = config.prior_events * rate + hits, config.prior_events * (1.0 - rate) + events - hits
    once = came_before or bool((1.0 - betainc(a, b, rate) >= WAS_INTEREST)[hits >= 3].any())
    if not once:
        return "new"
    last = int(np.max(np.flatnonzero(before_n), initial=-1))
    return "returning" if len(before_n) - 1 - last >= config.pause else "rising"


def _together(alarms: list[Change], config: DriftConfig) -> list[Change]:
    """Alarms of one direction that come within `together` events of a first one told as that one.

    It is named after the clearest of those at its own moment, so that later events do not rename it.
    """
    told: list[Change] = []
    for direction in ("up", "down"):
        waiting = sorted((c for c in alarms if c.direction == direction), key=lambda c: (c.at, -c.statistic))
        while waiting:
            first = waiting[0]
            with_it = [c for c in waiting[1:] if c.at - first.at <= config.together]
            waiting = [c for c in waiting[1:] if c.at - first.at > config.together]
            also = tuple(dict.fromkeys(c.concept for c in with_it if c.concept != first.concept))
            told.append(
                Change(
                    direction=first.direction,
                    kind=first.kind,
                    concept=first.concept,
                    start=first.start,
                    at=first.at,
                    statistic=first.statistic,
                    also=also,
                )
            )
    return told


def _surprise_path(
    surprise_N: DoubleArray, thresholds: Thresholds, config: DriftConfig
) -> tuple[DoubleArray, list[Change]]:
    values = surprise_values(surprise_N)
    path, alarms, begun = np.zeros(len(values)), [], 0
    while begun < len(values):
        rest = page_hinkley(values[begun:], allowance=config.allowance)
        tested = np.where(np.arange(len(rest)) >= config.warm_up - 1, rest, 0.0)
        crossed = tested > thresholds.surprise
        end = int(np.argmax(crossed)) if crossed.any() else len(rest) - 1
        path[begun : begun + end + 1] = tested[: end + 1]
        if crossed.any():
            start = begun + int(np.max(np.flatnonzero(rest[:end] == 0.0), initial=-1)) + 1
            alarms.append(
                Change(
                    direction="surprise",
                    kind="shift",
                    concept=-1,
                    start=start,
                    at=begun + end,
                    statistic=float(rest[end]),
                )
            )
        begun += end + 1
    return path, alarms


def _fading(rise_N: DoubleArray, half_life: float) -> DoubleArray:
    """``s_n = max(rise_n, s_{n−1} 2^{−1/half_life})``: the largest rise, each faded by its age."""
    age = np.arange(len(rise_N)) / half_life
    logs = np.full(len(rise_N), -np.inf)
    np.log2(rise_N, out=logs, where=rise_N > 0)
    return np.asarray(np.minimum(np.exp2(np.maximum.accumulate(logs + age) - age), 1.0))

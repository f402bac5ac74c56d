"""How a user's interests came and went: the profile read again after each of his events."""

from dataclasses import dataclass
from math import ceil

import numpy as np
import scipy.sparse as sp

from penchant.data.dataset import Clock
from penchant.data.histories import Histories
from penchant.errors import ConfigError
from penchant.interests.profile import confidence
from penchant.pipeline.live import Live
from penchant.types import DoubleArray, IntArray

EVENTS_AT_ONCE = 1_000_000
MOST_MOMENTS = 120
"""A profile is read at no more moments than this, however many events there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayMoment:
    """A moment, and the event that it follows."""

    as_of: int
    """What `interests(as_of=…)` takes: events so far where the clock counts positions, else UTC microseconds."""
    events: int
    """Item events up to then."""
    event_id: str
    item_id: str
    title: str
    event_type: str
    leading: str
    """The concept that led the profile then, empty where none did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayLine:
    """One concept through all moments."""

    concept_id: str
    concept: str
    parent: str | None
    strength: tuple[float, ...]
    """short + long + the user's own word at each moment, in standard deviations over users, as in the profile"""
    short_term: tuple[float, ...]
    long_term: tuple[float, ...]
    count: tuple[int, ...]
    """Events for it so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A user's history of interests."""

    user_id: str
    clock: Clock
    events: int
    every: int
    """Events from one moment to the next."""
    moments: tuple[ReplayMoment, ...]
    lines: tuple[ReplayLine, ...]
    """The concepts that led at some moment or came close, the one with the highest peak first."""
    cold: bool = False
    note: str = ""


def replay(live: Live, user_id: str, *, every: int | None = None, limit: int = 8) -> Replay:
    """Read the profile after each of the user's events, or after every so many, and follow the strongest concepts.

    There are at most `MOST_MOMENTS` moments: a longer history is read at fewer, and the note says so, so that the time
    it takes is bounded. `ConfigError` where `every` or `limit` is below 1. A user without events has no moments.
    """
    for name, value in (("every", every), ("limit", limit)):
        if value is not None and value < 1:
            raise ConfigError(f"{name} is {value}; it is at least 1.", hint="Leave it out for the default.")
    raw, clock = live.timeline.history(user_id), live.fitted.dataset.clock
    n = len(raw.items)
    least = max(1, ceil(n / MOST_MOMENTS))
    step = least if every is None else max(every, least)
    if not n:
        what = "has no events yet" if live.timeline.known(user_id) else "is not known to this model"
        note = f"{user_id} {what}: there is nothing to replay."
        return Replay(user_id=user_id, clock=clock, events=0, every=step, moments=(), lines=(), cold=True, note=note)
    ends = _ends(raw, step, clock)
    moments = ends if clock == "position" else raw.timestamps[ends - 1]
    strength, lasting, said = _read(live, user_id, raw, ends, moments)
    counts = _counts(live, raw, ends)
    weight = strength * _sure(live, raw, ends, counts)
    weight[counts == 0] = 0.0
    chosen = _leading(weight, limit)
    concepts = live.fitted.vocabulary.concepts
    best = weight.argmax(axis=1) if weight.shape[1] else np.zeros(len(ends), dtype=np.int64)
    wished = every is None or every == step
    note = "" if step == 1 else f"Read after every {step} of {n:,} events."
    return Replay(
        user_id=user_id,
        clock=clock,
        events=n,
        every=step,
        moments=tuple(
            ReplayMoment(
                as_of=int(moment),
                events=int(end),
                event_id=live.timeline.event_id(int(raw.keys[end - 1])),
                item_id=live.fitted.dataset.items.ids[raw.items[end - 1]],
                title=live.fitted.dataset.title(int(raw.items[end - 1])),
                event_type=live.timeline.event_types[raw.types[end - 1]],
                leading=concepts[best[m]].name if len(concepts) and weight[m, best[m]] > 0 else "",
            )
            for m, (end, moment) in enumerate(zip(ends.tolist(), moments.tolist(), strict=True))
        ),
        lines=tuple(
            ReplayLine(
                concept_id=concepts[c].id,
                concept=concepts[c].name,
                parent=concepts[c].parent,
                strength=tuple(strength[:, c].tolist()),
                short_term=tuple((strength - lasting - said)[:, c].tolist()),
                long_term=tuple(lasting[:, c].tolist()),
                count=tuple(int(count) for count in counts[:, c]),
            )
            for c in chosen
        ),
        note=note if wished else f"{note} Every {every} would be more than {MOST_MOMENTS} moments.",
    )


def _ends(raw: Histories, step: int, clock: Clock) -> IntArray:
    """After how many events each moment lies; on a clock of times, events of one moment are not parted."""
    n = len(raw.items)
    ends = np.unique(np.append(np.arange(step, n + 1, step), n)).astype(np.int64)
    if clock == "time":
        ends = np.unique(np.searchsorted(raw.timestamps, raw.timestamps[ends - 1], side="right")).astype(np.int64)
    return ends


def _read(
    live: Live, user_id: str, raw: Histories, ends: IntArray, moments: IntArray
) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Strength, its long-term part, and the user's own word at each moment, (M, C): what `interests(as_of=…)` tells."""
    consumed = np.cumsum(live.consumption(raw))[ends - 1]
    history, reach = live.consumed(raw), live.fitted.model.tracker.config.max_length
    earlier = np.maximum(consumed - live.config.profile.recent, 0)
    last = np.concatenate([consumed, earlier])
    windows = history.between(np.zeros(len(last), dtype=np.int64), np.maximum(last - reach, 0), last)
    now, before = np.split(live.strengths(user_id, windows, as_of=moments.tolist() * 2), 2)
    corrections = _corrections(live, user_id, raw, ends, moments)
    said = np.stack(
        [
            live.edited(user_id, raw.keep(np.arange(len(raw.items)) < end), edits, as_of=moment)
            if (edits := live.edits(user_id, as_of=moment))
            else np.zeros(now.shape[1])
            for end, moment in zip(ends.tolist(), moments.tolist(), strict=True)
        ]
    )
    return now + corrections.sum(axis=2) + said, before + corrections[:, :, 1], said


def _corrections(live: Live, user_id: str, raw: Histories, ends: IntArray, moments: IntArray) -> DoubleArray:
    """What the belief added at each moment, short and long, (M, C, 2).

    Many beginnings of the history are read at once, unless the user wrote something: then one by one.
    """
    if live.said(user_id, raw) is not None:
        return np.stack(
            [
                live.corrections(user_id, raw.keep(np.arange(len(raw.items)) < end), as_of=moment)
                for end, moment in zip(ends.tolist(), moments.tolist(), strict=True)
            ]
        )
    found = []
    size = max(1, EVENTS_AT_ONCE // max(len(raw.items), 1))
    n_concepts, config = len(live.fitted.vocabulary.concepts), live.fitted.belief.config
    for start in range(0, len(ends), size):
        nought = np.zeros(len(ends[start : start + size]), dtype=np.int64)
        begun = raw.between(nought, nought, ends[start : start + size])
        beliefs = live.beliefs.beliefs(begun, live.reading())
        for m in range(len(begun)):
            now = live.on_clock(begun.take([m]), int(moments[start + m]))
            found.append(beliefs.of(m).parts(n_concepts, now, config))
    return np.stack(found) * live.beliefs.per_log_odd[:, None]


def _counts(live: Live, raw: Histories, ends: IntArray) -> DoubleArray:
    """(M, C) events for each concept up to each moment."""
    activations = live.fitted.vocabulary.activations
    after = np.searchsorted(ends, np.arange(len(raw.items)), side="right")
    for_it = (live.polarity(raw) > 0).astype(np.float64)
    shape = (len(ends), len(raw.items))
    pieces = sp.csr_array((for_it, (after, np.arange(len(raw.items)))), shape=shape)
    touches = (activations[raw.items] > 0).astype(np.float64)
    return np.asarray(np.cumsum((pieces @ touches).toarray(), axis=0), dtype=np.float64)


def _sure(live: Live, raw: Histories, ends: IntArray, counts: DoubleArray) -> DoubleArray:
    """(M, C) the profile's confidence."""
    for_it = np.cumsum(live.polarity(raw) > 0)[ends - 1]
    prior = live.config.profile.prior_events
    return np.stack(
        [
            confidence(row, int(events), live.fitted.population, prior)
            for row, events in zip(counts, for_it, strict=True)
        ]
    )


def _leading(weight: DoubleArray, limit: int) -> list[int]:
    """The concepts that ever led, then those with the highest peaks, in the order of their peaks."""
    if not weight.shape[1]:
        return []
    peaks = weight.max(axis=0)
    led = np.bincount(weight.argmax(axis=1)[weight.max(axis=1) > 0], minlength=weight.shape[1])
    order = np.lexsort((-peaks, -led))[:limit]
    return [int(c) for c in sorted(order, key=lambda c: -peaks[c]) if peaks[c] > 0]

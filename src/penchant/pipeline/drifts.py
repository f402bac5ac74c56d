"""Drift of the users of a model in use."""

from collections import OrderedDict
from dataclasses import replace
from functools import cached_property

from penchant.data.histories import Histories
from penchant.interests.drift import Change, DriftReading, Stream, Thresholds, read_drift
from penchant.interests.drift_words import told
from penchant.pipeline.beliefs import recent
from penchant.pipeline.drift_fitting import fit_thresholds, streams_of, thresholds_of
from penchant.pipeline.live import Live
from penchant.records import Drift, DriftAlarm, DriftHistory, DriftPoint
from penchant.types import DoubleArray

KEPT = 1_024
"""Users whose drift is kept until they do something."""
MOST_TOLD = 5
"""Alarms in a profile."""


class Drifts:
    """Reads drift where it is asked for; a user's is kept until his history changes. Recommending asks for none."""

    def __init__(self, live: Live, *, seed: int) -> None:
        self._live = live
        self._seed = seed
        self._kept: OrderedDict[str, tuple[object, DriftHistory]] = OrderedDict()

    @cached_property
    def thresholds(self) -> Thresholds:
        """Those of the bundle; one from before there were any has them set now, which takes seconds."""
        fitted = self._live.fitted
        if "drift" in fitted.facts:
            return thresholds_of(fitted.facts["drift"])
        live = self._live
        return fit_thresholds(fitted.dataset, live.beliefs, live.reading(), live.config.drift, seed=self._seed)

    def of(self, user_id: str, *, as_of: int | None = None) -> DriftHistory:
        """A user's drift over his last events, now or as of a moment; none for a user without events.

        What is read are the events that the models read, 500 to 1,000 of the last, so that a user with 100,000 costs no
        more than one with 1,000.
        """
        version = self._live.timeline.version(user_id)
        kept = self._kept.get(user_id) if as_of is None else None
        if kept is not None and kept[0] == version:
            self._kept.move_to_end(user_id)
            return kept[1]
        found = self._read(user_id, as_of)
        if as_of is None:
            self._kept[user_id] = version, found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def told(self, user_id: str, *, as_of: int | None = None) -> Drift:
        """The same with the newest alarms only, as a profile tells it."""
        drift = self.of(user_id, as_of=as_of).drift
        return replace(drift, alarms=drift.alarms[:MOST_TOLD])

    def _read(self, user_id: str, as_of: int | None) -> DriftHistory:
        live, config = self._live, self._live.config.drift
        raw = live.timeline.history(user_id, as_of=as_of)
        moment = live.moment(raw) if as_of is None else as_of
        history, _ = recent(live.consumed(raw))
        [stream] = streams_of(history, live.beliefs, surprise_N=self._surprises(user_id, raw, as_of))
        reading = read_drift(stream, self.thresholds, config)
        points = tuple(
            DriftPoint(event_id=live.timeline.event_id(key), timestamp=stamp, score=score)
            for key, stamp, score in zip(
                history.keys.tolist(), history.timestamps.tolist(), reading.scores.tolist(), strict=True
            )
        )
        return DriftHistory(user_id=user_id, as_of=moment, drift=self._drift(history, stream, reading), points=points)

    def _surprises(self, user_id: str, raw: Histories, as_of: int | None) -> DoubleArray | None:
        """Those that the user's belief was read from, where it was read from exactly these events."""
        live = self._live
        if not live.consumption(raw).all() or not live.polarity(raw).all() or live.timeline.texts(user_id, as_of=as_of):
            return None
        return -live.steps(user_id, raw, as_of=as_of).log_odds

    def _drift(self, history: Histories, stream: Stream, reading: DriftReading) -> Drift:
        config = self._live.config.drift
        score = float(reading.scores[-1]) if len(reading.scores) else 0.0
        alarms = tuple(self._alarm(change, history, stream) for change in reversed(reading.changes))
        return Drift(
            score=score,
            last_change=max((alarm.moment for alarm in alarms), default=None),
            alarms=alarms,
            watched=max(0, len(reading.scores) - config.warm_up),
        )

    def _alarm(self, change: Change, history: Histories, stream: Stream) -> DriftAlarm:
        live = self._live
        vocabulary = live.fitted.vocabulary
        concept = vocabulary.concepts[change.concept] if change.concept >= 0 else None
        span = slice(change.start, change.at + 1)
        touching = int(stream.touched_NK[span, stream.concepts == change.concept].sum())
        name = concept.name if concept else ""
        return DriftAlarm(
            kind=change.kind,
            concept_id=concept.id if concept else None,
            concept=name,
            moment=int(history.timestamps[change.start]),
            detected=int(history.timestamps[change.at]),
            event_id=live.timeline.event_id(int(history.keys[change.at])),
            also=tuple(vocabulary.concepts[c].name for c in change.also),
            words=told(
                change.kind,
                name,
                touching=touching,
                of=change.at + 1 - change.start,
                first=live.fitted.dataset.title(int(history.items[change.start])),
                nouns=live.config.nouns,
            ),
        )

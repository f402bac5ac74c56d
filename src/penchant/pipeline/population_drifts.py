"""Drift of the population of a model in use: what all users take, and how well the model foresees it."""

from typing import Literal

import numpy as np
from scipy.special import expit

from penchant.data.histories import Histories
from penchant.interests.population_drift import PopulationChange, PopulationWatch
from penchant.pipeline.beliefs import recent
from penchant.pipeline.drift_fitting import surprises
from penchant.pipeline.live import Live
from penchant.records import PopulationAlarm, PopulationDrift
from penchant.seeding import numpy_rng
from penchant.types import DoubleArray, IntArray

USERS_AT_ONCE = 200


class PopulationDrifts:
    """Watches the dataset's last events and then those observed since, in the order they were.

    Where the data have no times, what came before is the events of some users in a random order, which says what is
    usual and has no drift. The windows are filled at the first request, which takes seconds; later ones take the events
    that came in between.
    """

    def __init__(self, live: Live, *, seed: int) -> None:
        self._live = live
        self._seed = seed
        self._watch: PopulationWatch | None = None
        self._baseline = 0
        self._mark = 0

    def read(self) -> PopulationDrift:
        """The changes noticed so far, newest first."""
        if self._watch is None:
            self._watch = self._begin()
        self._take_observed(self._watch)
        alarms = [alarm for change in self._watch.changes[::-1] if (alarm := self._alarm(change)) is not None]
        return PopulationDrift(
            alarms=tuple(alarms),
            events=self._watch.events,
            baseline=self._baseline,
            watched=len(self._watch.watched),
        )

    def _begin(self) -> PopulationWatch:
        live, config = self._live, self._live.config.population_drift
        data = live.fitted.dataset
        watch = PopulationWatch(rates=live.fitted.population.rate.astype(np.float64), config=config)
        histories = data.histories()
        histories, _ = recent(histories.keep(live.consumption(histories)))
        rng = numpy_rng(self._seed, "population drift")
        owners = np.repeat(np.arange(len(histories)), histories.lengths)
        if data.clock == "time":
            in_order = np.lexsort((histories.keys, histories.timestamps))
            events = in_order[max(0, len(in_order) - config.baseline) :]
        else:  # whole histories, as many as are needed
            users = rng.permutation(len(histories))
            enough = int(np.searchsorted(np.cumsum(histories.lengths[users]), config.baseline)) + 1
            events = rng.permutation(np.flatnonzero(np.isin(owners, users[:enough])))[: config.baseline]
        surprise = np.zeros(len(owners))
        for rows in np.array_split(np.unique(owners[events]), len(events) // (USERS_AT_ONCE * 10) + 1):
            where = np.flatnonzero(np.isin(owners, rows))
            surprise[where] = self._surprise(histories.take(rows))
        self._feed(watch, histories, events, surprise)
        self._baseline = len(events)
        self._mark = int(data.events.keys.max(initial=-1)) + 1
        return watch

    def _take_observed(self, watch: PopulationWatch) -> None:
        """The item events observed since the last time, in the order they came."""
        live = self._live
        users, mark = live.timeline.users_since(self._mark), live.timeline.mark
        if not users:
            return
        parts = []
        for user in users:
            history, _ = recent(live.consumed(live.timeline.history(user)))
            fresh = np.flatnonzero(history.keys >= self._mark)
            parts.append((history, fresh, self._surprise(history)))
        whole = Histories.stack([history for history, _, _ in parts])
        starts = np.cumsum([0] + [len(history.items) for history, _, _ in parts])
        events = np.concatenate([fresh + start for (_, fresh, _), start in zip(parts, starts[:-1], strict=True)])
        events = events[np.argsort(whole.keys[events])]
        self._feed(watch, whole, events, np.concatenate([surprise for _, _, surprise in parts]))
        self._mark = mark

    def _surprise(self, histories: Histories) -> DoubleArray:
        """σ(−ℓ) of each event, in [0, 1]."""
        return np.asarray(expit(surprises(histories, self._live.beliefs)))

    def _feed(self, watch: PopulationWatch, histories: Histories, events: IntArray, surprise_N: DoubleArray) -> None:
        activations = self._live.fitted.vocabulary.activations
        for part in np.array_split(events, len(events) // 1_000 + 1):
            touched = (activations[histories.items[part]] > 0).toarray()
            watch.feed(touched, surprise_N[part], histories.timestamps[part].astype(np.int64))

    def _alarm(self, change: PopulationChange) -> PopulationAlarm | None:
        more = change.after > change.before
        kind: Literal["more", "less", "surprise"]
        if change.concept < 0:
            if not more:
                return None  # that the model foresees better is good news
            kind, concept_id, name = "surprise", None, ""
            words = f"events are harder to foresee: surprise {change.before:.2f} → {change.after:.2f}"
        else:
            concept = self._live.fitted.vocabulary.concepts[change.concept]
            kind, concept_id, name = "more" if more else "less", concept.id, concept.name
            words = f"{kind} {name}: {change.before:.1%} → {change.after:.1%} of events"
        return PopulationAlarm(
            kind=kind,
            concept_id=concept_id,
            concept=name,
            before=change.before,
            after=change.after,
            moment=change.moment,
            event=change.event,
            words=words,
        )

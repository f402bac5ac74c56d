"""From a user to the interests worth trying on him, and to the look around that tries them."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from penchant.data.histories import Histories
from penchant.data.polarity import AGAINST
from penchant.errors import NotFoundError
from penchant.exploration.dial import automatic_share, certainty
from penchant.exploration.interest_discovery import FEATURES, InterestDiscovery
from penchant.interests.belief_step import prior, summed
from penchant.interests.words import why_to_discover
from penchant.pipeline.discovery_fitting import counts_of, foreseen_of
from penchant.pipeline.exploring import (
    NO_INTEREST,
    NOT_EXPLORED,
    Exploration,
    Look,
    LookedAt,
    Tried,
    Tries,
    let_go,
    tried_on,
)
from penchant.pipeline.live import Live
from penchant.records import Discoveries, Discovery, Exploring
from penchant.types import BoolArray, IntArray

SITTING = 30 * 60 * 1_000_000
"""Microseconds: what is tried again within so long is one try, however often the page was loaded."""


class Attempts:
    """When each interest was tried on each user."""

    def __init__(self) -> None:
        self._moments: dict[str, defaultdict[str, list[int]]] = {}

    def note(self, user_id: str, concept_ids: Sequence[str], at: int) -> None:
        """A slate was served at a moment (UTC microseconds) that tried these."""
        moments = self._moments.setdefault(user_id, defaultdict(list))
        for concept_id in set(concept_ids):
            if not moments[concept_id] or at - moments[concept_id][-1] >= SITTING:
                moments[concept_id].append(at)

    def of(self, user_id: str, *, since: int) -> Mapping[str, int]:
        """How often each concept was tried from a moment on."""
        moments: Mapping[str, list[int]] = self._moments.get(user_id, {})
        return {concept_id: sum(at >= since for at in found) for concept_id, found in moments.items()}


class Discoverer:
    """Finds what may be explored. `drift` gives a user's drift score."""

    def __init__(self, live: Live, discovery: InterestDiscovery, *, drift: Callable[[str], float]) -> None:
        self.live = live
        self.discovery = discovery
        self.attempts = Attempts()
        self._drift = drift

    def look(self, user_id: str, raw: Histories, settings: Exploration, *, seed: int) -> Look:
        """A user's look around. `NotFoundError` where the settings name a concept that is not there."""
        live, fitted = self.live, self.live.fitted
        history, config = live.consumed(raw), fitted.belief.config
        n_concepts = len(fitted.vocabulary.concepts)
        now = live.on_clock(raw, live.moment(raw))
        variances = live.belief(user_id, raw).variances(n_concepts, now, config)
        first = float(summed(prior(config)[None])[0])
        share, never = settings.share, self.never(settings)
        if share == "auto":
            log_odds = fitted.belief.temperature * fitted.model.tracker.similarities(live.user_vector(user_id, history))
            counts = counts_of(history, fitted.vocabulary.activations)[0]
            known = certainty(foreseen_of(log_odds, fitted.vocabulary.touches)[0], counts)
            share = automatic_share(known, self._drift(user_id), settings.limits)
        return Look(
            share=float(share),
            settings=settings,
            discovery=self.discovery,
            vocabulary=fitted.vocabulary,
            read_user=lambda: self._user(user_id, raw, history, never, settings),
            never=never,
            variances=variances,
            prior=first,
            temperature=fitted.belief.temperature,
            item_events=live.counts,
            seed=seed,
        )

    def _user(
        self, user_id: str, raw: Histories, history: Histories, never: BoolArray, settings: Exploration
    ) -> LookedAt:
        live, fitted = self.live, self.live.fitted
        reading = fitted.space.readings(live.user_vector(user_id, history))[0]
        leaning = (reading - fitted.population.mean) / fitted.population.deviation
        times = self._times(user_id)
        led = counts_of(history, fitted.vocabulary.leading)[0]
        barred = self._barred(user_id, never) | let_go(led, times, settings)
        halfway = tried_on(led, times, barred, settings)
        return LookedAt(
            led=np.where(halfway, 0.0, led),
            main=np.where(halfway, 0.0, counts_of(history, fitted.vocabulary.mainly)[0]),
            touched=counts_of(history, fitted.vocabulary.activations)[0] > 0,
            leaning=leaning + live.correction(user_id, raw),
            barred=barred,
        )

    def _times(self, user_id: str) -> IntArray:
        """(C,) how often each concept was tried on the user since he last began anew."""
        times = np.zeros(len(self.live.fitted.vocabulary.concepts), dtype=np.int64)
        for concept_id, tries in self.attempts.of(user_id, since=self.live.edits(user_id).begun_anew).items():
            if (column := self.live.column(concept_id)) >= 0:
                times[column] += tries  # of several that became one
        return times

    def discover(self, user_id: str, settings: Exploration, *, limit: int) -> Discoveries:
        """The interests worth a try, the likeliest first, each with items to try it with; for a user of whom nothing is
        known, those that most come to.
        """
        live, fitted = self.live, self.live.fitted
        raw = live.timeline.history(user_id)
        history = live.consumed(raw)
        look = self.look(user_id, raw, settings.model_copy(update={"share": 0.0, "takes": 1}), seed=0)
        edits = live.config.editing.weight * live.edited(user_id, raw, live.edits(user_id))
        shift = fitted.population.deviation * (live.correction(user_id, raw) + edits)
        scores = fitted.model.tracker.similarities(live.user_vector(user_id, history))[0]
        scores = scores + fitted.vocabulary.activations @ shift.astype(np.float32)
        tried = look.tried(scores, limit, untouched=True)
        placeless = live.config.reranking.rules.model_copy(update={"pin": {}})
        rules = live.constraints(placeless, raw, 1, exclude_seen=True)
        allowed = rules.allowed & ~live.excluded(raw, live.edits(user_id))
        allowed[history.items] = False
        items = look.items(tried.concepts, scores, allowed)
        interests = tuple(self._discovery(look, tried, place, rows) for place, rows in enumerate(items))
        return Discoveries(
            user_id=user_id,
            as_of=live.moment(raw),
            interests=interests,
            known=int(look.user.touched.sum()),
            cold=live.is_cold(user_id, history),
        )

    def exploring(self, look: Look, tries: Tries, place: int) -> Exploring | None:
        """Why the item at a place is a look around; None where it is none."""
        concept = int(tries.concepts[place])
        if concept == NOT_EXPLORED:
            return None
        if tries.interests is None:  # another policy than the dial put it there
            return Exploring(concept_id=None, concept=None, text="exploring: shown to find out whether you like it")
        if concept == NO_INTEREST:
            return Exploring(concept_id=None, concept=None, text="exploring: how much you like this is uncertain")
        found = self.live.fitted.vocabulary.concepts[concept]
        _, why = self._way(look, tries.interests, tries.interests.concepts.tolist().index(concept))
        return Exploring(concept_id=found.id, concept=found.name, text=f"exploring: {found.name}; {why}")

    def _discovery(self, look: Look, tried: Tried, place: int, items_R: IntArray) -> Discovery:
        fitted, c = self.live.fitted, int(tried.concepts[place])
        concepts, unit = fitted.vocabulary.concepts, float(self.live.beliefs.per_log_odd[c])
        via, why = self._way(look, tried, place)
        parent = next((other.name for other in concepts if other.id == concepts[c].parent), None)
        return Discovery(
            concept_id=concepts[c].id,
            concept=concepts[c].name,
            parent=parent,
            chance=float(tried.chances[place]),
            strength=float(look.user.leaning[c]),
            uncertainty=float(np.sqrt(look.variances[c])) * unit,
            via_id=None if via < 0 else concepts[via].id,
            via=None if via < 0 else concepts[via].name,
            text=why,
            items=tuple(fitted.dataset.items.ids[row] for row in items_R.tolist()),
        )

    def _way(self, look: Look, tried: Tried, place: int) -> tuple[int, str]:
        """The known concept from which one is come to, −1 for none, and what speaks most for a try."""
        concepts, c = self.live.fitted.vocabulary.concepts, int(tried.concepts[place])
        sign = FEATURES[int(tried.parts[place].argmax())]
        via = self.discovery.way(look.user.main, c, by_meaning=sign == "meaning")
        name = "" if via < 0 else concepts[via].name
        return via, why_to_discover(sign if via >= 0 else "popular", concepts[c].name, via=name)

    def never(self, settings: Exploration) -> BoolArray:
        """(C,) concepts that the settings keep out, those below them included. `NotFoundError` for one not there."""
        family = self.live.fitted.vocabulary.family
        never = np.zeros(len(family), dtype=np.bool_)
        for concept_id in settings.never:
            if (column := self.live.column(concept_id)) < 0:
                raise NotFoundError(
                    f"No concept is called {concept_id!r}.", hint="Take a concept_id from `penchant concepts`."
                )
            never[family[column]] = True
        return never

    def _barred(self, user_id: str, never: BoolArray) -> BoolArray:
        """(C,) concepts that are not to be tried: by the settings, by the user's own word, or since he turned an item
        down that is mainly of them.
        """
        live, barred = self.live, never.copy()
        family = live.fitted.vocabulary.family
        edits = live.edits(user_id)
        for columns in (list(edits.columns), edits.silenced(family), edits.pinned(family)):
            barred[columns] = True
        raw = live.timeline.history(user_id)
        turned_down = raw.items[live.timeline.of_types(raw, AGAINST)]
        barred[live.fitted.vocabulary.mainly[turned_down].indices] = True
        return barred

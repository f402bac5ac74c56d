"""The state that serving changes: observed events and users' edits, laid over what was fitted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cached_property

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.data.polarity import AGAINST, NOT_CONSUMED, polarity
from penchant.errors import NotFoundError
from penchant.interests.profile import against_correction
from penchant.interfaces import ItemFacts
from penchant.pipeline.edits import Edits
from penchant.pipeline.fitting import Fitted, InterestModelConfig
from penchant.pipeline.timeline import Timeline
from penchant.reranking.rules import Constraints, Rules, constraints
from penchant.reranking.selectors import Selectors
from penchant.seeding import tie_breaks
from penchant.types import BoolArray, DoubleArray, FloatArray


class Live:
    """A fitted model in use. `now` gives the present moment (UTC)."""

    def __init__(self, fitted: Fitted, config: InterestModelConfig, *, seed: int, now: Callable[[], datetime]) -> None:
        self.fitted = fitted
        self.config = config
        self.now = now
        self.timeline = Timeline(fitted.dataset)
        self.ties = tie_breaks(fitted.dataset.items.ids, seed=seed)
        self.counts = fitted.dataset.item_counts()
        self.selectors = Selectors(fitted.dataset.items)
        self._edits: dict[str, Edits] = {}
        self._vectors: dict[str, tuple[int, FloatArray]] = {}
        """Of users with observed events: how many had been observed, and the user vector after them."""

    @property
    def dataset(self) -> Dataset:
        """The fitted dataset with the event types that came since."""
        dataset = self.fitted.dataset
        if len(self.timeline.event_types) == len(dataset.event_types):
            return dataset
        return replace(dataset, event_types=tuple(self.timeline.event_types))

    def microseconds(self) -> int:
        """Now, in UTC microseconds."""
        return int(self.now().timestamp() * 1e6)

    def moment(self, history: Histories) -> int:
        """Now on the dataset's clock: the number of events where it counts positions."""
        return len(history.items) if self.fitted.dataset.clock == "position" else self.microseconds()

    def edits(self, user_id: str) -> Edits:
        """The user's edits, none for a user without."""
        return self._edits.get(user_id) or Edits()

    def edit(self, user_id: str, concept_id: str, action: str) -> None:
        """Change one interest by hand."""
        column = self.fitted.vocabulary.row(concept_id)
        if column < 0:
            raise NotFoundError(
                f"No concept is called {concept_id!r}.", hint="Take a concept_id from the user's interests."
            )
        self._edits.setdefault(user_id, Edits()).apply(column, action)

    def consumption(self, raw: Histories) -> BoolArray:
        """(N,) events that the models read: neither ``not_interested`` nor an item only shown."""
        return ~self.timeline.of_types(raw, NOT_CONSUMED)

    def consumed(self, raw: Histories) -> Histories:
        """What the models read of a history."""
        return raw.keep(self.consumption(raw))

    def user_vector(self, user_id: str, history: Histories) -> FloatArray:
        """(1, D) the tracker's reading of what the models read of a user; read once, until the user does something.

        Where the tracker reads the time of the request, it reads anew at each.
        """
        tracker = self.fitted.model.tracker
        if tracker.reads_request_time:
            return tracker.user_vectors(replace(history, asked_at=np.array([self.microseconds()])))
        observed = self.timeline.observed_of(user_id)
        row = int(history.users[0])
        if not observed and row >= 0:
            return self.fitted.user_vectors[row : row + 1]
        kept = self._vectors.get(user_id)
        if kept is None or kept[0] != observed:
            kept = self._vectors[user_id] = observed, tracker.user_vectors(history)
        return kept[1]

    def polarity(self, raw: Histories) -> FloatArray:
        """(N,) +1 for an event for its item, −1 against."""
        return polarity(raw, self.dataset)

    def correction(self, raw: Histories) -> DoubleArray:
        """(C,) standard deviations, from events against items."""
        return against_correction(raw.items, self.polarity(raw), self.fitted.vocabulary, self.config.profile)

    @cached_property
    def item_facts(self) -> ItemFacts:
        """What rerankers may ask: the vectors that rank, the concepts, and how many events each item has."""
        fitted = self.fitted
        return ItemFacts(
            counts=np.minimum(self.counts, fitted.dataset.n_users),
            n_users=fitted.dataset.n_users,
            vectors=fitted.model.tracker.item_vectors,
            labels=fitted.vocabulary.activations,
        )

    def constraints(self, rules: Rules, raw: Histories, k: int, *, exclude_seen: bool) -> Constraints:
        """What the rules mean for a user; where they do not say what becomes of seen items, `exclude_seen` does."""
        said = rules if rules.seen else rules.model_copy(update={"seen": "exclude" if exclude_seen else "include"})
        return constraints(said, self.selectors, self.fitted.dataset.n_items, k=k, history_L=self.consumed(raw).items)

    def excluded(self, raw: Histories, edits: Edits) -> BoolArray:
        """(I,) items that must not be served, whatever the rules say: turned down, or of a muted concept."""
        excluded = np.zeros(self.fitted.dataset.n_items, dtype=bool)
        excluded[raw.items[self.timeline.of_types(raw, AGAINST)]] = True
        if edits.muted:
            muted = self.fitted.vocabulary.bears[:, edits.silenced(self.fitted.vocabulary.family)]
            excluded |= np.asarray(muted.sum(axis=1)).ravel() > 0
        return excluded

    def strengths(self, histories: Histories) -> DoubleArray:
        """(B, C) the model's reading of each concept in standard deviations over users; 0 for an empty history."""
        population = self.fitted.population
        vectors = self.fitted.model.tracker.user_vectors(histories)
        strengths = (self.fitted.space.readings(vectors) - population.mean) / population.deviation
        strengths[histories.lengths == 0] = 0.0
        return strengths.astype(np.float64)

    def concepts_of(self, item: int) -> tuple[str, ...]:
        """Names of the concepts an item activates."""
        bears = self.fitted.vocabulary.bears
        columns = bears.indices[bears.indptr[item] : bears.indptr[item + 1]]
        return tuple(self.fitted.vocabulary.concepts[c].name for c in columns)

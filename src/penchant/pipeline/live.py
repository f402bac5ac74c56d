"""The state that serving changes: observed events and users' edits, laid over what was fitted."""

from collections import Counter
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np

from penchant.concepts.heirs import ALIKE
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.data.polarity import AGAINST, NOT_CONSUMED, polarity
from penchant.errors import NotFoundError
from penchant.interests.belief import Belief, Observation
from penchant.interests.editing import EditedBelief, Telling, with_edits
from penchant.interests.text.reading import TextReader
from penchant.interfaces import ItemFacts
from penchant.pipeline.beliefs import MICROSECONDS_A_DAY, BeliefReader, EventReading, Steps
from penchant.pipeline.edits import Edits, Taken
from penchant.pipeline.fitting import Fitted, InterestModelConfig
from penchant.pipeline.sayings import Sayings, damning, read_sayings, text_reader
from penchant.pipeline.timeline import AS_FITTED, Timeline
from penchant.records import Edit
from penchant.reranking.rules import Constraints, Rules, constraints
from penchant.reranking.selectors import Selectors
from penchant.seeding import tie_breaks
from penchant.types import BoolArray, DoubleArray, FloatArray

BELIEFS_KEPT = 1_024
STEPS_KEPT = 64
"""Fewer, since they grow with the history."""


def _digest(raw: Histories) -> bytes:
    """Equal for histories of the same events; short, however long they are."""
    return blake2b(np.ascontiguousarray(raw.keys).tobytes(), digest_size=16).digest()


def _make_room(kept: MutableMapping[Any, Any], most: int) -> None:
    """Let go of what came first, so that there is room for one more."""
    while len(kept) >= most:
        kept.pop(next(iter(kept)))


class Live:
    """A fitted model in use. `now` gives the present moment (UTC)."""

    def __init__(self, fitted: Fitted, config: InterestModelConfig, *, seed: int, now: Callable[[], datetime]) -> None:
        self.fitted = fitted
        self.config = config
        self.now = now
        self.timeline = Timeline(fitted.dataset, damns=lambda event: damning(event, self.text_reader))
        self.ties = tie_breaks(fitted.dataset.items.ids, seed=seed)
        self.counts = fitted.dataset.item_counts()
        self.selectors = Selectors(fitted.dataset.items)
        self._edits: dict[str, Edits] = {}
        self._edit_users: dict[str, str] = {}
        """Whose each edit is, by its id."""
        self._vectors: dict[str, tuple[object, FloatArray]] = {}
        """Of users whose history is not that of the dataset: its version, and the user vector after it."""
        self._edited: dict[tuple[object, ...], EditedBelief] = {}
        """Of users with words of their own: by their history and what they said."""
        self._beliefs: dict[tuple[object, ...], Belief] = {}
        """After other histories than those of the dataset."""
        self.readings: Counter[str] = Counter()
        """How often a user's vector was asked for, by where it came from."""
        self._steps: dict[tuple[object, ...], Steps] = {}
        """By users' histories."""

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

    def edits(self, user_id: str, *, as_of: int | None = None) -> Edits:
        """The user's edits, none for a user without; `as_of` those made by then: at that moment, or after as many of
        his events.
        """
        edits = self._edits.get(user_id, Edits(config=self.config.editing))
        if as_of is None:
            return edits
        if self.fitted.dataset.clock == "time":
            return edits.where(lambda taken: taken.edit.edited_at <= as_of)
        keys = self.timeline.history(user_id).keys
        return edits.where(lambda taken: int(np.count_nonzero(keys < taken.mark)) <= as_of)

    def column(self, concept_id: str, *, above: float = 0.0) -> int:
        """The column of a concept, or of the heir of one that a refresh took away; −1 for one that never was, or that
        has no heir whose similarity is `above` this.
        """
        vocabulary = self.fitted.vocabulary
        heir = self.fitted.succession.of(concept_id, above=above)
        return vocabulary.row(concept_id if heir is None else heir)

    def placed(self, edit: Edit) -> Taken:
        """The edit in its place, were it taken now; `NotFoundError` for a concept, an event or an edit that this model
        or this user has not.
        """
        column = key = -1
        alike = ALIKE if edit.action in ("mute", "pin") else 0.0
        if edit.concept_id is not None and (column := self.column(edit.concept_id, above=alike)) < 0:
            raise NotFoundError(
                f"No concept is called {edit.concept_id!r}.", hint="Take a concept_id from the user's interests."
            )
        if edit.event_id is not None and (key := self.timeline.key(edit.user_id, edit.event_id)) < 0:
            raise NotFoundError(
                f"{edit.user_id} has no event {edit.event_id!r}.", hint="Take an event_id from the user's history."
            )
        if edit.undoes is not None and self.edits(edit.user_id).of(edit.undoes) is None:
            raise NotFoundError(
                f"{edit.user_id} has no edit {edit.undoes!r}.", hint="Take an edit_id from the user's edits."
            )
        return Taken(edit=edit, column=column, key=key, mark=self.timeline.mark)

    def take(self, edit: Edit) -> bool:
        """Add a complete edit (see `penchant.pipeline.editing`) to its user's log; False for one taken before."""
        if edit.edit_id in self._edit_users:
            return False
        taken = self.placed(edit)
        self._edit_users[edit.edit_id] = edit.user_id
        self.stand(edit.user_id, self.edits(edit.user_id).then(taken))
        return True

    def taken(self, edit_id: str) -> Edit | None:
        """The edit of this id, whosever it is."""
        return self.edits(self._edit_users[edit_id]).of(edit_id) if edit_id in self._edit_users else None

    def drop(self, edit: Edit, was: Edits) -> None:
        """As if an edit just taken had never come: its user's edits are what they were."""
        self._edit_users.pop(edit.edit_id, None)
        self.stand(edit.user_id, was)

    def stand(self, user_id: str, edits: Edits) -> None:
        """Let these be the user's edits, whatever they were."""
        self._edits[user_id] = edits
        below, keys = edits.forgotten
        self.timeline.forget(user_id, below=below, keys=keys)

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
            self.readings["read"] += 1
            return tracker.user_vectors(replace(history, asked_at=np.array([self.microseconds()])))
        version = self.timeline.version(user_id)
        row = int(history.users[0])
        if version == AS_FITTED and row >= 0:
            self.readings["fitted"] += 1
            return self.fitted.user_vectors[row : row + 1]
        kept = self._vectors.get(user_id)
        fresh = kept is None or kept[0] != version
        self.readings["read" if fresh else "kept"] += 1
        if kept is None or fresh:
            self._vectors.pop(user_id, None)
            _make_room(self._vectors, BELIEFS_KEPT)
            kept = self._vectors[user_id] = version, tracker.user_vectors(history)
        return kept[1]

    def polarity(self, raw: Histories) -> FloatArray:
        """(N,) +1 for an event for its item, −1 against."""
        return polarity(raw, self.dataset)

    @cached_property
    def beliefs(self) -> BeliefReader:
        """What reads a user's belief from his events."""
        fitted = self.fitted
        return BeliefReader(fitted.belief, fitted.model.tracker, fitted.vocabulary, fitted.space, fitted.population)

    def reading(self) -> EventReading:
        """How events are read, with the event types that came since the model was fitted."""
        return EventReading(
            event_types=tuple(self.timeline.event_types),
            consumed=self.consumption,
            polarity=self.polarity,
            timed=self.fitted.dataset.clock == "time",
        )

    @cached_property
    def text_reader(self) -> TextReader:
        """What reads searches, reviews and comments."""
        return text_reader(self.fitted.vocabulary, self.fitted.dataset.items)

    def said(self, user_id: str, raw: Histories, *, as_of: int | None = None) -> Sayings | None:
        """What the user wrote by then, without what he wrote of events that are not in `raw`; None for nothing."""
        texts = self.timeline.texts(user_id, as_of=as_of)
        kept = set(raw.keys.tolist())
        texts = [one for one in texts if not one.of_item or one.key in kept]
        if not texts:
            return None
        stamps = raw.timestamps[self.polarity(raw) != 0]
        return read_sayings([texts], [stamps], self.text_reader, self.config.belief.text)

    def is_cold(self, user_id: str, history: Histories, *, as_of: int | None = None) -> bool:
        """Whether nothing is known of a user: no events, no attributes, no word on a concept; as of a moment where one
        is given.
        """
        if len(history.items) or self.fitted.model.tracker.knows(int(history.users[0])):
            return False
        return not len(self.belief(user_id, history, as_of=as_of).concepts)

    def belief(self, user_id: str, raw: Histories, *, as_of: int | None = None) -> Belief:
        """The belief after what a user did and wrote (B = 1), as of a moment where one is given; read once for the
        users of the dataset, and for the last others.
        """
        row, version = int(raw.users[0]), self.timeline.version(user_id)
        if as_of is None and version == AS_FITTED and row >= 0 and len(raw.items) == self.timeline.imported_of(row):
            return self.fitted.beliefs.of(row)
        key = user_id, version, as_of, _digest(raw)
        if key not in self._beliefs:
            _make_room(self._beliefs, BELIEFS_KEPT)
            self._beliefs[key] = self.steps(user_id, raw, as_of=as_of).belief
        return self._beliefs[key]

    def steps(self, user_id: str, raw: Histories, *, as_of: int | None = None) -> Steps:
        """How a user's belief came about, read once for the last users asked for; as of a moment where one is given."""
        key = user_id, self.timeline.version(user_id), as_of, _digest(raw)
        if key not in self._steps:
            _make_room(self._steps, STEPS_KEPT)
            said = self.said(user_id, raw, as_of=as_of)
            self._steps[key] = self.beliefs.steps(raw, self.reading(), said)
        return self._steps[key]

    def on_clock(self, raw: Histories, moment: int) -> float:
        """A moment as beliefs have it, after a user's events: days, or where the clock counts positions those events
        that say anything.
        """
        if self.fitted.dataset.clock == "time":
            return moment / MICROSECONDS_A_DAY
        return float(np.count_nonzero(self.polarity(raw)))

    def observations(
        self, user_id: str, raw: Histories, *, as_of: int | None = None
    ) -> list[tuple[float, str, Observation]]:
        """What all that a user did and wrote says, with its moment and its event id."""
        said = self.said(user_id, raw, as_of=as_of)
        found = self.beliefs.observations(raw, self.reading(), said)
        keys = raw.keys if said is None else np.concatenate([raw.keys, said.keys[::-1]])  # saying s is at −1 − s
        return [(moment, self.timeline.event_id(int(keys[n])), one) for n, moment, one in found]

    def correction(self, user_id: str, raw: Histories, *, as_of: int | None = None) -> DoubleArray:
        """(C,) what the belief adds to the tracker's reading, in standard deviations; now, where no moment is given."""
        return np.asarray(self.corrections(user_id, raw, as_of=as_of).sum(axis=1), dtype=np.float64)

    def corrections(self, user_id: str, raw: Histories, *, as_of: int | None = None) -> DoubleArray:
        """(C, 2) the same on the short and on the long time scale."""
        now = self.on_clock(raw, self.moment(raw) if as_of is None else as_of)
        belief = self.belief(user_id, raw, as_of=as_of)
        parts = belief.parts(len(self.fitted.vocabulary.concepts), now, self.fitted.belief.config)
        return parts * self.beliefs.per_log_odd[:, None]

    def edited(self, user_id: str, raw: Histories, edits: Edits, *, as_of: int | None = None) -> DoubleArray:
        """(C,) what the user's own words add, in standard deviations; now, where no moment is given."""
        family, config = self.fitted.vocabulary.family, self.fitted.belief.config
        if not edits.words:
            return edits.vector(family, np.zeros(len(family)))
        key = user_id, self.timeline.version(user_id), as_of, _digest(raw), edits
        if key not in self._edited:
            _make_room(self._edited, BELIEFS_KEPT)
            # What came at one moment keeps the order in which beliefs read it.
            found = enumerate(self.observations(user_id, raw, as_of=as_of))
            seen = [(moment, f"{n:09d}", one) for n, (moment, _, one) in found]
            self._edited[key] = with_edits(seen, self._tellings(raw, edits), config, doubt=edits.config.doubt)
        now = self.on_clock(raw, self.moment(raw) if as_of is None else as_of)
        return edits.vector(family, self._edited[key].part(len(family), now, config) * self.beliefs.per_log_odd)

    def _tellings(self, raw: Histories, edits: Edits) -> list[Telling]:
        """The user's words in their places, each said of its concept and of all below it."""
        timed, says = self.fitted.dataset.clock == "time", self.polarity(raw) != 0
        return [
            Telling(
                moment=taken.edit.edited_at / MICROSECONDS_A_DAY
                if timed
                else float(np.count_nonzero(says & (raw.keys < taken.mark))),
                edit_id=f"{place:09d}",  # words of one moment in the order they came
                concept=int(column),
                step=step / float(self.beliefs.per_log_odd[column]),
                most=edits.config.limit / float(self.beliefs.per_log_odd[column]),
            )
            for place, (taken, step) in enumerate(edits.words)
            for column in self.fitted.vocabulary.family[taken.column]
        ]

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
        vocabulary = self.fitted.vocabulary
        return excluded | edits.excluded(vocabulary.family, vocabulary.activations, vocabulary.bears)

    def strengths(self, user_id: str, histories: Histories, *, as_of: Sequence[int | None]) -> DoubleArray:
        """(B, C) the model's reading of each concept in standard deviations over users, as it ranks, after B histories
        of one user, each as of its moment (None: now). 0 where he was cold then: that ranks without a reading.
        """
        population = self.fitted.population
        vectors = self.fitted.model.tracker.user_vectors(histories)
        strengths = (self.fitted.space.readings(vectors) - population.mean) / population.deviation
        for n in np.flatnonzero(histories.lengths == 0).tolist():
            if self.is_cold(user_id, histories.take([n]), as_of=as_of[n]):
                strengths[n] = 0.0
        return strengths.astype(np.float64)

    def concepts_of(self, item: int) -> tuple[str, ...]:
        """Names of the concepts an item activates."""
        bears = self.fitted.vocabulary.bears
        columns = bears.indices[bears.indptr[item] : bears.indptr[item + 1]]
        return tuple(self.fitted.vocabulary.concepts[c].name for c in columns)

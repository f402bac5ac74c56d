"""From users' events to their beliefs: what each event says, against what the tracker foresaw before it.

    ℓ = κ u·z_i − log mean_{j in R} e^{κ u·z_j},     u the tracker's state before the event

κ makes the tracker's scores log odds; R is a fixed sample of items by popularity. The belief's corrections m are in
these units, so an interest that the ranking reads as u·d_c is moved by m_c / κ.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from pydantic import Field, field_validator

from penchant.concepts.space import ConceptSpace
from penchant.concepts.vocabulary import Vocabulary
from penchant.config import Config
from penchant.data.histories import Histories
from penchant.interests.belief import Belief, Observation
from penchant.interests.belief_step import BeliefConfig
from penchant.interests.population import Population
from penchant.interests.text.evidence import TextWeights
from penchant.interests.tracking import Beliefs, Evidence, ItemConcepts, against_reference, track
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.pipeline.sayings import Sayings
from penchant.types import AnyArray, BoolArray, DoubleArray, FloatArray, IntArray, RowArray

MICROSECONDS_A_DAY = 86_400e6
BLOCK = 1_000
"""A belief reads between one and two blocks of a user's last events, or all where there are fewer, so that a user with
100,000 events costs no more than one with 2,000. Of what is older less than 2 % is left on the scales that are learned
where the clock counts events; on longer ones, or where a user does a thousand things within the long scale of days, it
is cut off."""
EVENTS_AT_ONCE = 100_000
LOW_RATING = "low_rating"
"""What a low rating is called among the weights."""
OTHER = "other"
"""What any event type without a weight of its own is called among them."""


class BeliefSettings(Config):
    """What a user of the library may say of beliefs; what is None is learned."""

    scales: tuple[float, float] | None = None
    """τ_short and τ_long: events where the clock is ``position``, days where it is ``time``."""
    widths: tuple[float, float] | None = None
    """v_short and v_long, in log odds squared."""
    weights: dict[str, float] = Field(default_factory=dict)
    """ω by event type, such as ``{purchase = 3.0, click = 0.5}``; ``low_rating`` for ratings that speak against, and
    ``other`` for types not named. The types that are not named are learned."""
    against_step: float = Field(default=0.5, ge=0)
    """Standard deviations by which a first event against an item lowers its concept (a = 1, p = ½), where the data
    have too few such events to learn their weights from."""
    text: TextWeights = Field(default_factory=TextWeights)
    """What words weigh beside events: searches, reviews, comments."""
    reference: int = Field(default=512, ge=1)
    """Items in the reference R."""
    users: int = Field(default=600, ge=1)
    """Users whose last events the parameters are chosen on, at most."""

    @field_validator("weights")
    @classmethod
    def _not_negative(cls, weights: dict[str, float]) -> dict[str, float]:
        if wrong := {name: weight for name, weight in weights.items() if not 0 <= weight < np.inf}:
            raise ValueError(f"weights are at least 0 and finite, not {wrong}")
        return weights


@dataclass(frozen=True, slots=True, kw_only=True)
class BeliefModel:
    """What every belief of a bundle stands on."""

    config: BeliefConfig
    temperature: float
    """κ: log odds per unit of the tracker's score."""
    weights: Mapping[str, float]
    """ω by event type, `LOW_RATING` and `OTHER` among them."""
    reference: RowArray
    """(R,) items"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReading:
    """How a dataset's events are read: what the pipeline knows of types, ratings and time."""

    event_types: tuple[str, ...]
    consumed: Callable[[Histories], BoolArray]
    """(N,) events that the tracker reads"""
    polarity: Callable[[Histories], FloatArray]
    """(N,) +1 for, −1 against, 0 says nothing"""
    timed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """A user's belief, and how it came about, in log odds."""

    belief: Belief
    """After all of it"""
    of_events: sp.csr_array
    """(L, C) by how much each event moved the corrections when it came"""
    of_sayings: DoubleArray
    """(S,) by how much each saying moved that of its concept"""
    log_odds: DoubleArray
    """(N,) ℓ of what was read, events and sayings, without the belief"""


@dataclass(frozen=True)
class BeliefReader:
    """Reads beliefs from what users did and wrote: a pure function of it."""

    model: BeliefModel
    tracker: InterestTracker
    vocabulary: Vocabulary
    space: ConceptSpace
    population: Population

    @cached_property
    def items(self) -> ItemConcepts:
        """The concepts of each item."""
        return ItemConcepts.of(self.vocabulary.activations)

    @cached_property
    def per_log_odd(self) -> DoubleArray:
        """1 / (κ deviation_c), (C,): turns corrections into the standard deviations of profile and score."""
        return 1.0 / (self.model.temperature * self.population.deviation.astype(np.float64))

    def evidence(self, raw: Histories, reading: EventReading, said: Sayings | None = None) -> Evidence:
        """What the events of B users that a belief reads say, and their texts where these are given."""
        return self._read(raw, reading, said)[0]

    def beliefs(self, raw: Histories, reading: EventReading, said: Sayings | None = None) -> Beliefs:
        """Those of B users after their events, and after their texts where these are given."""
        parts = []
        for rows in _batches(raw.lengths, EVENTS_AT_ONCE):
            evidence = self.evidence(raw.take(rows), reading, None if said is None else said.take(rows))
            parts.append(track(evidence, self.items.n_concepts, self.model.config))
        return Beliefs.joined(parts)

    def steps(self, raw: Histories, reading: EventReading, said: Sayings | None = None) -> "Steps":
        """What each event and saying of one user (B = 1) did to his belief, and the belief at the end: one pass."""
        evidence, origins = self._read(raw, reading, said)
        width = self.items.concepts.shape[1]
        moved = np.zeros((len(evidence.concepts), width))

        def look(events: IntArray, _: DoubleArray, steps: DoubleArray) -> None:
            moved[events] = steps

        beliefs = track(evidence, self.items.n_concepts, self.model.config, look=look)
        event = origins >= 0
        at, slot = np.nonzero(evidence.activations[event] > 0)  # the rest is padding
        entries = moved[event][at, slot], (origins[event][at], evidence.concepts[event][at, slot])
        of_sayings = np.zeros(0 if said is None else len(said.keys))
        of_sayings[-1 - origins[~event]] = moved[~event].sum(axis=1)
        of_events = sp.coo_array(entries, shape=(len(raw.items), self.items.n_concepts)).tocsr()
        return Steps(belief=beliefs.of(0), of_events=of_events, of_sayings=of_sayings, log_odds=evidence.log_odds)

    def observations(
        self, raw: Histories, reading: EventReading, said: Sayings | None = None
    ) -> list[tuple[int, float, Observation]]:
        """What one user (B = 1) did and wrote that says anything: which event, or −1 − s for saying s, its moment, and
        what it says.
        """
        evidence, origins = self._read(raw, reading, said)
        found = []
        for n in np.flatnonzero(evidence.weights > 0).tolist():
            touched = evidence.activations[n] > 0
            one = Observation(
                concepts=evidence.concepts[n][touched],
                activations=evidence.activations[n][touched],
                log_odds=float(evidence.log_odds[n]),
                label=float(evidence.labels[n]),
                weight=float(evidence.weights[n]),
            )
            found.append((int(origins[n]), float(evidence.moments[n]), one))
        return found

    def _read(self, raw: Histories, reading: EventReading, said: Sayings | None) -> tuple[Evidence, IntArray]:
        """What B users' events and sayings say, in their order, and where each comes from: its row in `raw`, or −1 − s
        for saying s.

        Each is held against the tracker's state after what was consumed before it. A saying on concept c is taken as an
        item that has nothing else, μ + a d_c.
        """
        says = reading.polarity(raw) != 0
        events, begin = recent(raw.keep(says))
        rank = np.cumsum(says) - says - np.repeat(raw.keep(says).indptr[:-1], raw.lengths)
        origins = np.flatnonzero(says & (rank >= np.repeat(begin, raw.lengths)))
        said = Sayings.none(len(raw)) if said is None else said
        speakers, own = said.owners, said.places - begin[said.owners]
        kept = np.flatnonzero(own >= 0)
        speakers, own = speakers[kept], own[kept]
        owners = np.repeat(np.arange(len(events)), events.lengths)
        places = np.arange(len(events.items)) - events.indptr[:-1][owners]
        consumed, signs = reading.consumed(events), reading.polarity(events)
        vectors, width = self.tracker.item_vectors, self.items.concepts.shape[1]
        padded = np.zeros((len(kept), max(width - 1, 0)))
        meant = self.space.mean + said.activations[kept, None] * self.space.directions[said.concepts[kept]]
        states = states_at(
            events, consumed, self.tracker, np.concatenate([owners, speakers]), np.concatenate([places, own])
        )
        taken = np.concatenate([vectors[events.items], meant.astype(np.float32)])
        if reading.timed:
            moments = np.concatenate([events.timestamps, said.timestamps[kept]]) / MICROSECONDS_A_DAY
        else:
            moments = np.concatenate([places + begin[owners], own + begin[speakers] - 0.5])
        concepts = np.concatenate([self.items.concepts[events.items], _column(said.concepts[kept], padded)])
        activations = np.concatenate([self.items.activations[events.items], _column(said.activations[kept], padded)])
        # What is said at a place comes before the event there.
        order = np.lexsort((np.concatenate([2 * places + 1, 2 * own]), np.concatenate([owners, speakers])))
        counts = events.lengths + np.bincount(speakers, minlength=len(events))
        evidence = Evidence(
            indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            concepts=concepts[order].astype(np.int64),
            activations=activations[order],
            moments=moments[order],
            log_odds=against_reference(
                self.model.temperature * states[order], taken[order], vectors[self.model.reference]
            ),
            labels=np.concatenate([(signs > 0).astype(np.float64), said.labels[kept]])[order],
            weights=np.concatenate([weights_of(events, signs, reading, self.model.weights), said.weights[kept]])[order],
        )
        return evidence, np.concatenate([origins, -1 - kept])[order]


def _column(values_S: AnyArray, padded: DoubleArray) -> AnyArray:
    """(S, W) with the values first."""
    return np.concatenate([values_S[:, None], padded], axis=1)[:, : padded.shape[1] + 1]


def recent(raw: Histories) -> tuple[Histories, IntArray]:
    """The events that a belief reads, and how many of each user's come before them, (B,): blocks but the last two."""
    begin = np.maximum(raw.lengths // BLOCK - 1, 0) * BLOCK
    return (raw.between(np.arange(len(raw)), begin, raw.lengths) if begin.any() else raw), begin


def weights_of(raw: Histories, signs_N: FloatArray, reading: EventReading, weights: Mapping[str, float]) -> DoubleArray:
    """ω of each event, (N,): 0 for one that says nothing, that of `LOW_RATING` for one that was consumed and yet speaks
    against its item, else its type's.
    """
    by_type = np.array([weights.get(name, weights[OTHER]) for name in reading.event_types], dtype=np.float64)
    chosen = by_type[raw.types] if len(by_type) else np.zeros(len(raw.types))
    chosen = np.where((signs_N < 0) & reading.consumed(raw), weights[LOW_RATING], chosen)
    return np.where(signs_N == 0, 0.0, chosen)


def states_at(
    events: Histories, consumed_N: BoolArray, tracker: InterestTracker, owners_M: IntArray, places_M: IntArray
) -> FloatArray:
    """The tracker's state of users after the first ``places[m]`` of their events, (M, D): after as many of the consumed
    as are among these.
    """
    history = events.keep(consumed_N)
    states: FloatArray = tracker.vectors_along(history)
    before = np.concatenate([[0], np.cumsum(consumed_N)])
    begin = events.indptr[:-1][owners_M]
    earlier = before[begin + places_M] - before[begin]
    return np.asarray(states[history.indptr[:-1][owners_M] + owners_M + earlier], dtype=np.float32)


def moments_of(raw: Histories, begin_B: IntArray, *, timed: bool) -> DoubleArray:
    """Each event's moment on the declared clock, (N,): days, or how many of the user's came before, `begin_B` of them
    before these.
    """
    if timed:
        return raw.timestamps / MICROSECONDS_A_DAY
    owners = np.repeat(np.arange(len(raw)), raw.lengths)
    return (np.arange(len(raw.items)) + (begin_B - raw.indptr[:-1])[owners]).astype(np.float64)


def _batches(lengths_B: IntArray, size: int) -> list[IntArray]:
    """The rows in order, cut into runs of about `size` events."""
    if not len(lengths_B):
        return []
    place = np.cumsum(np.minimum(lengths_B, 2 * BLOCK)) // size
    return np.split(np.arange(len(lengths_B)), np.flatnonzero(np.diff(place)) + 1)

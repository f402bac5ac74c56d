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

from penchant.concepts.vocabulary import Vocabulary
from penchant.config import Config
from penchant.data.histories import Histories
from penchant.interests.belief import Observation
from penchant.interests.belief_step import BeliefConfig
from penchant.interests.population import Population
from penchant.interests.tracking import Beliefs, Evidence, ItemConcepts, against_reference, track
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.types import BoolArray, DoubleArray, FloatArray, IntArray, RowArray

MICROSECONDS_A_DAY = 86_400e6
BLOCK = 500
"""A belief reads between one and two blocks of a user's last events, or all where there are fewer: what is older has
relaxed away, and a user with 100,000 events costs no more than one with 1,000."""
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


@dataclass(frozen=True)
class BeliefReader:
    """Reads beliefs from histories: a pure function of a user's events."""

    model: BeliefModel
    tracker: InterestTracker
    vocabulary: Vocabulary
    population: Population

    @cached_property
    def items(self) -> ItemConcepts:
        """The concepts of each item."""
        return ItemConcepts.of(self.vocabulary.activations)

    def evidence(self, raw: Histories, reading: EventReading) -> Evidence:
        """What the events of B users that a belief reads say: the last of those that say anything, (N,)."""
        raw, begin = recent(raw.keep(reading.polarity(raw) != 0))
        signs = reading.polarity(raw)
        return evidence_of(
            raw,
            begin,
            reading.consumed(raw),
            labels_N=(signs > 0).astype(np.float64),
            weights_N=weights_of(raw, signs, reading, self.model.weights),
            tracker=self.tracker,
            temperature=self.model.temperature,
            reference_R=self.model.reference,
            timed=reading.timed,
        )

    def beliefs(self, raw: Histories, reading: EventReading) -> Beliefs:
        """Those of B users after their events."""
        parts = []
        for rows in _batches(raw.lengths, EVENTS_AT_ONCE):
            parts.append(track(self.evidence(raw.take(rows), reading), self.items, self.model.config))
        return Beliefs.joined(parts)

    def steps(self, raw: Histories, reading: EventReading) -> sp.csr_array:
        """By how much each of one user's events (B = 1) moved the corrections when it came, (L, C), in log odds."""
        evidence = self.evidence(raw, reading)
        moved = np.zeros((len(evidence.items), self.items.concepts.shape[1]))

        def look(events: IntArray, _: DoubleArray, steps: DoubleArray) -> None:
            moved[events] = steps

        track(evidence, self.items, self.model.config, look=look)
        events = np.repeat(self._places(raw, reading, evidence), moved.shape[1])
        entries = moved.ravel(), (events, self.items.concepts[evidence.items].ravel())
        return sp.coo_array(entries, shape=(len(raw.items), self.items.n_concepts)).tocsr()

    def observations(self, raw: Histories, reading: EventReading) -> list[tuple[int, float, Observation]]:
        """One user's events (B = 1) that say anything: which of them, its moment, and what it says."""
        evidence = self.evidence(raw, reading)
        places, found = self._places(raw, reading, evidence).tolist(), []
        for n in np.flatnonzero(evidence.weights > 0).tolist():
            activations = self.items.activations[evidence.items[n]]
            touched = activations > 0
            one = Observation(
                concepts=self.items.concepts[evidence.items[n]][touched],
                activations=activations[touched],
                log_odds=float(evidence.log_odds[n]),
                label=float(evidence.labels[n]),
                weight=float(evidence.weights[n]),
            )
            found.append((places[n], float(evidence.moments[n]), one))
        return found

    @staticmethod
    def _places(raw: Histories, reading: EventReading, evidence: Evidence) -> IntArray:
        """Where in one user's history the events stand that his evidence is of, (L',)."""
        said = np.flatnonzero(reading.polarity(raw) != 0)
        return said[len(said) - len(evidence.items) :]

    @cached_property
    def per_log_odd(self) -> DoubleArray:
        """1 / (κ deviation_c), (C,): turns corrections into the standard deviations of profile and score."""
        return 1.0 / (self.model.temperature * self.population.deviation.astype(np.float64))


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


def evidence_of(
    raw: Histories,
    begin_B: IntArray,
    consumed_N: BoolArray,
    *,
    labels_N: DoubleArray,
    weights_N: DoubleArray,
    tracker: InterestTracker,
    temperature: float,
    reference_R: RowArray,
    timed: bool,
) -> Evidence:
    """What the events of B users say, N in all; consumed are those that the tracker reads.

    An event is held against the state after what was consumed before it. The clock counts a user's events, `begin_B`
    of which came before these, or days where the data are timed.
    """
    before = states_before(raw, consumed_N, tracker)
    scores = against_reference(temperature * before, raw.items, tracker.item_vectors, reference_R)
    return Evidence(
        indptr=raw.indptr,
        items=raw.items,
        moments=moments_of(raw, begin_B, timed=timed),
        log_odds=scores,
        labels=labels_N,
        weights=weights_N,
    )


def states_before(raw: Histories, consumed_N: BoolArray, tracker: InterestTracker) -> FloatArray:
    """The tracker's state before each event, (N, D): after as many consumed events as came before it."""
    owners = np.repeat(np.arange(len(raw)), raw.lengths)
    history = raw.keep(consumed_N)
    states: FloatArray = tracker.vectors_along(history)
    earlier = np.cumsum(consumed_N) - consumed_N - history.indptr[:-1][owners]
    return np.asarray(states[history.indptr[:-1][owners] + owners + earlier], dtype=np.float32)


def moments_of(raw: Histories, begin_B: IntArray, *, timed: bool) -> DoubleArray:
    """Each event's moment on the declared clock, (N,): days, or the event's place among the user's."""
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

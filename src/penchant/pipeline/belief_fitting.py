"""Choosing what beliefs stand on, and reading those of all users.

Scales, widths and weights are those under which the last event of a sample of users, which the tracker was not trained
on, is foreseen best: the mean over users of

    log e^{s_t} / (e^{s_t} + Σ_{j in R} e^{s_j}),      s_i = κ u·z_i + Σ_c a_ic m_c

with t the item that was taken, from u and m before it. First κ without a belief, then one setting after the other,
each from a few values. Where no belief foresees better than none by a standard error, events for items weigh nothing
and only what speaks against an item moves an interest: the tracker is then recovered. (The events before the last are
among those that the tracker learned from, so it was surprised by them less than it will be by new ones.)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.special import logsumexp

from penchant.concepts.space import ConceptSpace
from penchant.concepts.vocabulary import Vocabulary
from penchant.data.dataset import Dataset
from penchant.data.generated import is_generated
from penchant.data.histories import Histories
from penchant.data.polarity import AGAINST, NOT_CONSUMED, polarity
from penchant.interests.belief_step import BeliefConfig
from penchant.interests.population import Population
from penchant.interests.tracking import Beliefs, Evidence, ItemConcepts, against_reference, track
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.pipeline.beliefs import (
    LOW_RATING,
    OTHER,
    BeliefModel,
    BeliefReader,
    BeliefSettings,
    EventReading,
    moments_of,
    states_at,
    weights_of,
)
from penchant.pipeline.sayings import sayings_of, text_reader
from penchant.progress import Progress
from penchant.seeding import numpy_rng
from penchant.types import DoubleArray, FloatArray, IntArray, RowArray

TEMPERATURES = np.geomspace(0.1, 3.0, 24)
SHORT_WIDTHS, LONG_WIDTHS = (0.1, 0.3, 1.0, 3.0), (0.01, 0.1, 0.3)
STARTING_WIDTHS = 0.3, 0.1
SCALES = (3.0, 100.0), (10.0, 200.0), (20.0, 250.0)
"""In events, or in as many times the mean time between them."""
WEIGHTS = (0.25, 1.0, 4.0)
LEAST_SHARE = 0.02
"""Of the events: a type that is rarer has no weight of its own."""
ROUNDS = 2
LEAST_USERS = 50
"""Fewer users foretell nothing: the defaults stand."""
LAST_EVENTS = 60
"""Events of a user that are read while parameters are chosen, at most."""


def reading_of(data: Dataset) -> EventReading:
    """How the events of a dataset are read."""
    codes = [code for code, name in enumerate(data.event_types) if name in NOT_CONSUMED]
    return EventReading(
        event_types=data.event_types,
        consumed=lambda raw: ~np.isin(raw.types, codes),
        polarity=lambda raw: polarity(raw, data),
        timed=data.clock == "time",
    )


def fit_beliefs(
    data: Dataset,
    tracker: InterestTracker,
    vocabulary: Vocabulary,
    space: ConceptSpace,
    population: Population,
    settings: BeliefSettings,
    *,
    seed: int,
    progress: Progress,
) -> tuple[BeliefModel, Beliefs]:
    """The parameters, and the beliefs of all users (U) of the dataset, after their events and what they wrote."""
    reading, raw = reading_of(data), data.histories()
    raw = raw.keep(reading.polarity(raw) != 0)
    with progress.task("Reading beliefs") as advance:
        model = choose(data, raw, reading, tracker, vocabulary, population, settings, seed=seed)
        said = sayings_of(data, raw, text_reader(vocabulary, data.items), settings.text)
        beliefs = BeliefReader(model, tracker, vocabulary, space, population).beliefs(raw, reading, said)
        advance(1)
    return model, beliefs


def choose(
    data: Dataset,
    raw: Histories,
    reading: EventReading,
    tracker: InterestTracker,
    vocabulary: Vocabulary,
    population: Population,
    settings: BeliefSettings,
    *,
    seed: int,
) -> BeliefModel:
    """The parameters that foresee best."""
    rng = numpy_rng(seed, "beliefs")
    counts = data.item_counts().astype(np.float64)
    share = counts / counts.sum() if counts.sum() else np.full(data.n_items, 1.0 / data.n_items)
    size = min(settings.reference, int((share > 0).sum()))
    reference = np.sort(rng.choice(data.n_items, size=size, replace=False, p=share)).astype(np.int32)
    observed = raw.take(np.flatnonzero(~is_generated(data)))  # of a generated user the tracker has seen every event
    foresight = _sampled(observed, reading, tracker, vocabulary, reference, settings, rng)
    gap = 1.0 if foresight is None or not reading.timed else foresight.mean_gap
    scales = [settings.scales] if settings.scales else [(a * gap, b * gap) for a, b in SCALES]
    start = BeliefConfig(scales=scales[len(scales) // 2], widths=settings.widths or STARTING_WIDTHS)
    named = {**dict.fromkeys([*reading.event_types, LOW_RATING, OTHER], 1.0), **settings.weights}
    trial = _Trial(config=start, temperature=1.0, weights=named)
    if foresight is not None:
        trial = _search(foresight, trial, scales, settings)
    known = set(settings.weights) | (foresight.frequent if foresight else set())
    strong = _against_weight(trial, population, settings.against_step)
    against = dict.fromkeys(sorted({*AGAINST, LOW_RATING} - known), strong)
    return BeliefModel(
        config=trial.config,
        temperature=trial.temperature,
        weights={**trial.weights, **against},
        reference=reference,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    config: BeliefConfig
    temperature: float
    weights: Mapping[str, float]


@dataclass(frozen=True)
class _Foresight:
    """Users' events before the last that they took, and that item: how well a trial foresees it."""

    history: Histories
    begin: IntArray
    before: FloatArray
    """(N, D)"""
    states: FloatArray
    """(B, D) before the target"""
    targets: RowArray
    """(B,)"""
    now: DoubleArray
    """(B,)"""
    reading: EventReading
    tracker: InterestTracker
    vocabulary: Vocabulary
    reference: RowArray
    _log_odds: dict[float, DoubleArray] = field(default_factory=dict)

    @cached_property
    def items(self) -> ItemConcepts:
        return ItemConcepts.of(self.vocabulary.activations)

    @cached_property
    def scores(self) -> DoubleArray:
        """u·z of the target, then of the reference, (B, 1 + R)."""
        vectors = self.tracker.item_vectors
        own = np.einsum("bd,bd->b", self.states, vectors[self.targets])
        return np.concatenate([own[:, None], self.states @ vectors[self.reference].T], axis=1).astype(np.float64)

    @cached_property
    def frequent(self) -> set[str]:
        """The event types, and low ratings, that are frequent enough for a weight of their own: all but the commonest,
        which the widths stand for.
        """
        signs = self.reading.polarity(self.history)
        low = (signs < 0) & self.reading.consumed(self.history)
        counts = np.bincount(self.history.types[(signs != 0) & ~low], minlength=len(self.reading.event_types))
        named = [*zip(self.reading.event_types, counts.tolist(), strict=True), (LOW_RATING, int(low.sum()))]
        commonest = self.reading.event_types[int(counts.argmax())] if len(counts) else ""
        return {name for name, n in named if n >= LEAST_SHARE * max(len(signs), 1) and name != commonest}

    def log_odds(self, temperature: float) -> DoubleArray:
        """(N,) ℓ of each event without a belief."""
        if temperature not in self._log_odds:
            states, vectors = temperature * self.before, self.tracker.item_vectors
            taken, reference = vectors[self.history.items], vectors[self.reference]
            self._log_odds[temperature] = against_reference(states, taken, reference)
        return self._log_odds[temperature]

    @cached_property
    def mean_gap(self) -> float:
        """Days between two events of a user, on average; at least a minute."""
        moments, lengths = self.moments, self.history.lengths
        some = np.flatnonzero(lengths > 1)
        spans = moments[self.history.indptr[1:][some] - 1] - moments[self.history.indptr[:-1][some]]
        return max(float(spans.sum() / max((lengths[some] - 1).sum(), 1)), 1 / 1440)

    def without(self, temperature: float) -> DoubleArray:
        """(B,) log likelihoods without a belief."""
        scores = temperature * self.scores
        return np.asarray(scores[:, 0] - logsumexp(scores, axis=1))

    @cached_property
    def signs(self) -> FloatArray:
        """(N,)"""
        return self.reading.polarity(self.history)

    @cached_property
    def moments(self) -> DoubleArray:
        """(N,)"""
        return moments_of(self.history, self.begin, timed=self.reading.timed)

    def corrections(self, trial: _Trial) -> sp.csr_array:
        """m_short + m_long of each user at the moment of the target, (B, C), in log odds."""
        evidence = Evidence(
            indptr=self.history.indptr,
            concepts=self.items.concepts[self.history.items],
            activations=self.items.activations[self.history.items],
            moments=self.moments,
            log_odds=self.log_odds(trial.temperature),
            labels=(self.signs > 0).astype(np.float64),
            weights=weights_of(self.history, self.signs, self.reading, trial.weights),
        )
        beliefs = track(evidence, self.items.n_concepts, trial.config)
        fade = np.exp(
            -np.maximum(np.repeat(self.now, np.diff(beliefs.indptr)) - beliefs.at, 0.0)[:, None]
            / np.asarray(trial.config.scales)
        )
        return sp.csr_array(
            ((beliefs.means * fade).sum(axis=1), beliefs.concepts, beliefs.indptr),
            shape=(len(self.targets), self.items.n_concepts),
        )

    def of(self, trial: _Trial) -> DoubleArray:
        """(B,) log likelihoods."""
        corrections = self.corrections(trial)
        activations = self.vocabulary.activations
        own = np.asarray((corrections * activations[self.targets]).sum(axis=1)).reshape(-1, 1)
        others = np.asarray((corrections @ activations[self.reference].T).todense())
        scores = trial.temperature * self.scores + np.concatenate([own, others], axis=1)
        return np.asarray(scores[:, 0] - logsumexp(scores, axis=1))


def _sampled(
    raw: Histories,
    reading: EventReading,
    tracker: InterestTracker,
    vocabulary: Vocabulary,
    reference: RowArray,
    settings: BeliefSettings,
    rng: np.random.Generator,
) -> _Foresight | None:
    """The item that each of a sample of users took last and did not rate low, and what came before; None where they are
    too few.
    """
    owners = np.repeat(np.arange(len(raw)), raw.lengths)
    last = np.full(len(raw), -1, dtype=np.int64)
    taken = np.flatnonzero(reading.consumed(raw))
    last[owners[taken]] = taken
    # A tracker was trained on all that was taken but the last: where this speaks against its item, nothing is left.
    some, signs = np.flatnonzero(last >= 0), reading.polarity(raw)
    last[some[signs[last[some]] <= 0]] = -1
    asked = np.flatnonzero(last > raw.indptr[:-1] + 1)
    if len(asked) < LEAST_USERS or not vocabulary.concepts:
        return None
    asked = np.sort(rng.choice(asked, size=min(settings.users, len(asked)), replace=False))
    end = last[asked] - raw.indptr[asked]
    begin = np.maximum(end - LAST_EVENTS, 0)
    # One event more, the target: its state is the one before it.
    read = raw.between(asked, begin, end + 1)
    rows = np.repeat(np.arange(len(read)), read.lengths)
    before = states_at(read, reading.consumed(read), tracker, rows, np.arange(len(read.items)) - read.indptr[:-1][rows])
    targets = read.indptr[1:] - 1
    history_mask = np.ones(len(read.items), dtype=bool)
    history_mask[targets] = False
    moments = moments_of(read, begin, timed=reading.timed)
    return _Foresight(
        history=read.keep(history_mask),
        begin=begin,
        before=before[history_mask],
        states=before[targets],
        targets=read.items[targets],
        now=moments[targets],
        reading=reading,
        tracker=tracker,
        vocabulary=vocabulary,
        reference=reference,
    )


def _search(
    foresight: _Foresight, trial: _Trial, scales: Sequence[tuple[float, float]], settings: BeliefSettings
) -> _Trial:
    """The best trial, one setting after the other."""
    plain = [foresight.without(temperature).mean() for temperature in TEMPERATURES]
    trial = replace(trial, temperature=float(TEMPERATURES[int(np.argmax(plain))]))
    best = float(foresight.of(trial).mean())

    def take_best(others: Iterable[_Trial]) -> None:
        nonlocal trial, best
        for other in others:
            if other != trial and (found := float(foresight.of(other).mean())) > best:
                trial, best = other, found

    for _ in range(ROUNDS):
        if settings.widths is None:
            take_best([_with(trial, widths=(width, trial.config.widths[1])) for width in SHORT_WIDTHS])
            take_best([_with(trial, widths=(trial.config.widths[0], width)) for width in LONG_WIDTHS])
        take_best([_with(trial, scales=found) for found in scales])
    for name in sorted(foresight.frequent - set(settings.weights)):
        take_best([replace(trial, weights={**trial.weights, name: weight}) for weight in WEIGHTS])
    gained = foresight.of(trial) - foresight.without(trial.temperature)
    if gained.mean() > gained.std() / np.sqrt(len(gained)):
        return trial
    silent = {name: 0.0 for name in trial.weights if name not in {*AGAINST, LOW_RATING, *settings.weights}}
    return replace(trial, weights={**trial.weights, **silent})


def _with(trial: _Trial, **changed: tuple[float, float]) -> _Trial:
    return replace(trial, config=trial.config.model_copy(update=changed))


def _against_weight(trial: _Trial, population: Population, step: float) -> float:
    """ω under which a first event against an item, at p = ½ and a = 1, lowers its concept by `step` deviations.

    With P = v_short + v_long the mean moves by Δ = 2P / (4/ω + P), so ω = 4 / (P (2/Δ − 1)).
    """
    moved = step * trial.temperature * float(population.deviation.mean()) if len(population.deviation) else 0.0
    moved = min(moved, 1.9)
    return 4.0 / (sum(trial.config.widths) * (2.0 / moved - 1.0)) if moved > 0 else 0.0

"""What a profile says, and how surely."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from penchant.concepts.vocabulary import Concept, Vocabulary
from penchant.interests.population import Population, fit_population
from penchant.interests.profile import (
    ProfileConfig,
    Readings,
    build_profile,
    choose_concepts,
    confidence,
    trend_of,
)
from penchant.interests.words import because_of_event, strength_word, summary
from penchant.records import Evidence


def words(activations) -> Vocabulary:
    concepts = tuple(
        Concept(id=f"c{c}", name=f"C{c}", kind="tags", parent=None, items=1) for c in range(activations.shape[1])
    )
    return Vocabulary(concepts=concepts, activations=sp.csr_array(np.asarray(activations, dtype=np.float32)))


def population(n: int, rate: float = 0.1) -> Population:
    return Population(
        mean=np.zeros(n, dtype=np.float32),
        deviation=np.ones(n, dtype=np.float32),
        rate=np.full(n, rate, dtype=np.float32),
    )


def profile(readings: Readings, vocabulary: Vocabulary, **changes):
    def evidence(event: int, effect: float) -> Evidence:
        return Evidence(
            event_id=f"e{event}",
            item_id=str(event),
            title=f"T{event}",
            event_type="read",
            timestamp=event,
            effect=effect,
        )

    settings: dict[str, Any] = {
        "user_id": "u",
        "as_of": len(readings.items),
        "vocabulary": vocabulary,
        "population": population(len(vocabulary.concepts)),
        "config": ProfileConfig(recent=2),
        "limit": 10,
        "effects": lambda events, concepts: np.tile(events[:, None] * 0.1, (1, len(concepts))),
        "evidence": evidence,
        "said": evidence,
        "nouns": ("book", "books"),
    }
    return build_profile(readings, **(settings | changes))


def readings(items, now, before=None, polarity=None, correction=None, edits=None, lasting=None) -> Readings:
    n = len(now)
    return Readings(
        items=np.array(items, dtype=np.int32),
        polarity=np.ones(len(items), dtype=np.float32) if polarity is None else np.array(polarity, dtype=np.float32),
        timestamps=np.arange(len(items)),
        now=np.array(now, dtype=np.float64),
        before=np.array(now if before is None else before, dtype=np.float64),
        correction=np.zeros(n) if correction is None else np.array(correction, dtype=np.float64),
        lasting=np.zeros(n) if lasting is None else np.array(lasting, dtype=np.float64),
        edited=frozenset() if edits is None else frozenset(np.flatnonzero(edits).tolist()),
        edits=np.zeros(n) if edits is None else np.array(edits, dtype=np.float64),
    )


def test_confidence_is_the_posterior_mass_above_the_populations_share():
    for n, rate in ((0, 0.1), (3, 0.1), (20, 0.3)):
        [got] = confidence(np.array([float(n)]), 20, population(1, rate), 10.0)
        second = stats.beta(10 * rate + n, 10 * (1 - rate) + 20 - n).sf(np.float32(rate))
        assert got == pytest.approx(second, abs=1e-6)


@given(st.integers(0, 50), st.integers(1, 50), st.floats(0.01, 0.9))
def test_more_events_on_a_concept_never_lower_the_confidence(n, extra, rate):
    total = 200
    less, more = confidence(np.array([float(n), float(n + extra)]), total, population(2, rate), 10.0)
    assert 0 <= less <= more <= 1


@pytest.mark.parametrize(
    ("recent", "before", "trend"),
    [(5, 4, "rising"), (0, 30, "fading"), (1, 4, "steady"), (2, 0, "new"), (10, 40, "steady"), (0, 1, "steady")],
)
def test_trends_compare_the_last_ten_events_with_the_forty_before(recent, before, trend):
    assert trend_of(recent, 10, before, 40, step=1.0) == trend


def test_a_first_slate_of_events_has_no_trend():
    assert trend_of(5, 5, 0, 0, step=1.0) == "steady"
    assert trend_of(2, 10, 0, 3, step=1.0) == "steady"


@given(st.integers(0, 10), st.integers(0, 40))
def test_more_recent_events_never_turn_a_trend_down(recent, before):
    order = {"fading": 0, "steady": 1, "rising": 2, "new": 2}
    less = trend_of(max(recent - 1, 0), 10, before, 40, step=1.0)
    assert order[less] <= order[trend_of(recent, 10, before, 40, step=1.0)]


def test_only_touched_concepts_are_told_strongest_first():
    vocabulary = words(np.eye(3))
    told = profile(readings([0, 1, 0], [0.5, 2.0, 9.0]), vocabulary)
    assert [(i.concept, i.strength, i.count) for i in told.interests] == [("C1", 2.0, 1), ("C0", 0.5, 2)]


def test_evidence_is_the_events_that_moved_the_interest_most():
    vocabulary = words(np.eye(2))
    told = profile(readings([0, 0, 1, 0], [1.0, 1.0]), vocabulary, config=ProfileConfig(recent=2, evidence=2))
    first = next(i for i in told.interests if i.concept == "C0")
    assert [(e.event_id, round(e.effect, 2)) for e in first.evidence] == [("e3", 0.3), ("e1", 0.1)]
    assert first.summary == "strong and fading (3 books, last: T3)"


def test_a_disliked_concept_has_a_negative_strength_and_no_supporting_count():
    vocabulary = words(np.eye(2))
    told = profile(readings([0, 1], [0.2, 1.0], polarity=[-1, 1], correction=[-0.5, 0]), vocabulary)
    disliked = next(i for i in told.interests if i.concept == "C0")
    assert disliked.strength == pytest.approx(-0.3)
    assert disliked.count == 0


def test_the_long_term_is_the_reading_before_and_the_beliefs_slow_part():
    told = profile(
        readings([0, 1], [1.0, 1.0], before=[0.4, 1.0], correction=[0.5, 0], lasting=[0.2, 0]), words(np.eye(2))
    )
    interest = next(i for i in told.interests if i.concept == "C0")
    assert interest.strength == pytest.approx(1.5)
    assert interest.long_term == pytest.approx(0.6)
    assert interest.short_term == pytest.approx(0.9)


def test_a_new_interest_is_called_new_and_a_faded_one_keeps_a_place():
    vocabulary = words(np.eye(6))
    before = [2.5, 1.0, 1.0, 1.0, 1.0, 0.0]
    now = [0.2, 1.0, 1.0, 1.0, 1.0, 1.5]
    told = profile(readings([0, 0, 0, 0, 1, 2, 3, 4, 5, 5], now, before), vocabulary, limit=4)
    assert len(told.interests) == 4
    trends = {i.concept: i.trend for i in told.interests}
    assert trends["C5"] == "new"
    assert trends["C0"] == "fading"


def test_an_edited_concept_is_told_though_no_event_touches_it():
    vocabulary = words(np.eye(2))
    told = profile(readings([0], [0.1, 0.0], edits=[0, 1.0]), vocabulary)
    assert told.interests[0].concept == "C1"
    assert told.interests[0].source == "explicit"


def test_no_limit_no_concepts():
    data = readings([0], [1.0])
    assert choose_concepts(data, np.array([1.0]), np.array([0.0]), np.array([1.0]), limit=0) == []


def test_the_population_is_measured_per_concept_and_deviation_is_never_zero():
    vocabulary = words(np.eye(2))
    measured = fit_population(np.array([[1, 5], [3, 5]], dtype=np.float32), vocabulary, np.array([3, 1]))
    assert measured.mean.tolist() == [2, 5]
    assert measured.deviation[0] == 1
    assert measured.deviation[1] > 0
    assert measured.rate.tolist() == pytest.approx([4 / 6, 2 / 6])


def test_words():
    assert strength_word(2.5) == "very strong"
    assert strength_word(-1) == "below most users"
    books = ("book", "books")
    assert (
        summary(1.2, "steady", count=1, recent=1, last="Dune", nouns=books) == "strong and steady (1 book, last: Dune)"
    )
    told = summary(2.1, "rising", count=5, recent=3, last="Dune", nouns=books)
    assert told == "very strong and rising (5 books, 3 lately, last: Dune)"
    assert summary(0.5, "steady", count=0, recent=0, last="", nouns=books) == "moderate and steady (no books)"
    assert because_of_event("purchase", "Dune") == "because you bought Dune"
    assert because_of_event("teleport", "Dune") == "because of Dune"

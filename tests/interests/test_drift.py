"""Drift of a user: planted changes are found, at their event; without drift there are no more alarms than stated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.interests.drift import (
    DriftConfig,
    Stream,
    Thresholds,
    cumulative,
    gains,
    page_hinkley,
    read_drift,
)
from penchant.interests.drift_calibration import calibrate, past_warm_up
from penchant.interests.drift_words import told

CONFIG = DriftConfig()
AT = Thresholds()
C = 40
RATES = np.full(C, 0.05)


def stream(touched: np.ndarray, surprise: np.ndarray | None = None, rates: np.ndarray = RATES) -> Stream:
    touched = np.asarray(touched, dtype=bool)
    return Stream(concepts=np.arange(touched.shape[1]), touched_NK=touched, rates=rates, surprise=surprise)


def usual(rng: np.random.Generator, n: int) -> np.ndarray:
    """Each user has concepts of his own, and no drift."""
    return np.asarray(rng.random((n, C)) < RATES * rng.choice([0.2, 1.0, 4.0], C))


def planted(before: int = 60, after: int = 20, concept: int = 7) -> np.ndarray:
    touched = usual(np.random.default_rng(5), before + after)
    touched[:, concept] = np.arange(before + after) >= before
    return touched


def test_hand_worked_gains():
    # κ = 10 events of which 1 touched, then an event that touches: p = 1/10, q = 0.55; then p = 2/11.
    up, down = gains(np.array([[True], [False]]), np.array([1.0]), 10.0)
    assert up[0, 0] == pytest.approx(np.log(0.55 / 0.1) - 0.1)
    assert up[1, 0] == pytest.approx(np.log(0.5) - 0.1)
    assert down[0, 0] == pytest.approx(np.log(0.25) - 0.02)
    assert down[1, 0] == pytest.approx(np.log((1 - 2 / 44) / (1 - 2 / 11)) - 0.02)


@settings(max_examples=40)
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=12))
def test_the_statistic_is_the_best_gain_of_any_beginning(values):
    """S_n = max(0, largest sum of the last k gains): Page's other form."""
    path = cumulative(np.array(values)[:, None])[:, 0]
    for n in range(len(values)):
        best = max(sum(values[k : n + 1]) for k in range(n + 1))
        assert path[n] == pytest.approx(max(0.0, best), abs=1e-9)


def test_a_new_interest_is_noticed_within_four_events_and_dated():
    reading = read_drift(stream(planted()), AT, CONFIG)
    [change] = [c for c in reading.changes if c.concept == 7]
    assert (change.direction, change.kind, change.start) == ("up", "new", 60)
    assert change.at <= 63
    assert reading.scores[change.at] == 1.0
    assert reading.scores[:55].max() < 1.0


def test_what_was_an_interest_and_comes_back_is_told_so():
    touched = planted(before=80)
    touched[:30, 7] = True
    kinds = [(c.kind, c.at >= 80) for c in read_drift(stream(touched), AT, CONFIG).changes if c.concept == 7]
    assert ("returning", True) in kinds
    assert ("new", True) not in kinds


def test_an_interest_that_is_taken_up_more_often_rises():
    rng = np.random.default_rng(1)
    touched = np.zeros((200, C), dtype=bool)
    touched[:, 3] = np.concatenate([np.arange(150) % 8 == 0, np.ones(50, dtype=bool)])
    touched[:, 4:] = rng.random((200, C - 4)) < 0.03
    [change] = [c for c in read_drift(stream(touched), AT, CONFIG).changes if c.concept == 3]
    assert (change.kind, change.start) == ("rising", 150)


def test_an_interest_that_stops_fades():
    touched = np.zeros((120, C), dtype=bool)
    touched[:60, 3] = np.arange(60) % 2 == 0
    [change] = [c for c in read_drift(stream(touched), AT, CONFIG).changes if c.direction == "down"]
    assert (change.kind, change.concept) == ("faded", 3)
    assert 59 <= change.start <= 61
    assert change.at <= 85


def test_a_new_interest_that_ends_has_come_and_gone():
    touched = planted(after=60)
    touched[72:, 7] = False
    kinds = [c.kind for c in read_drift(stream(touched), AT, CONFIG).changes if c.concept == 7]
    assert kinds == ["new", "faded"]


def test_events_that_become_surprising_are_a_shift():
    rng = np.random.default_rng(2)
    surprise = np.concatenate([rng.normal(0, 1, 80), rng.normal(4, 1, 10)])
    reading = read_drift(stream(np.zeros((90, 0)), surprise, rates=np.zeros(0)), AT, CONFIG)
    [change] = reading.changes
    assert (change.kind, change.concept) == ("shift", -1)
    assert 76 <= change.start <= 82
    assert change.at <= 85


@pytest.mark.parametrize("length", [0, 1, 20, 500])
@pytest.mark.parametrize("touching", [False, True])
def test_a_constant_stream_has_no_drift(length, touching):
    touched = np.zeros((length, C), dtype=bool)
    touched[:, 0] = touching
    reading = read_drift(stream(touched, np.full(length, 1.5)), AT, CONFIG)
    assert reading.changes == ()
    assert reading.scores.shape == (length,)
    assert not reading.scores[length // 2 :].any()


def test_alarms_do_not_wait_for_what_comes_after():
    """What is told of the first n events is the same whatever follows."""
    touched, surprise = planted(), np.random.default_rng(0).normal(size=80)
    whole = read_drift(stream(touched, surprise), AT, CONFIG)
    for n in (0, 1, 30, 61, 64, 79):
        part = read_drift(stream(touched[:n], surprise[:n]), AT, CONFIG)
        assert np.array_equal(part.scores, whole.scores[:n])
        known = [(c.kind, c.concept, c.start, c.at) for c in whole.changes if c.at < n]
        assert [(c.kind, c.concept, c.start, c.at) for c in part.changes] == known


def test_concepts_that_change_together_are_one_alarm():
    touched = planted()
    touched[:, 8] = touched[:, 7]
    touched[61:, 9] = True
    [change] = [c for c in read_drift(stream(touched), AT, CONFIG).changes if c.direction == "up" and c.at >= 60]
    assert {change.concept, *change.also} >= {7, 8}


def test_the_score_is_between_nothing_and_one_and_halves():
    reading = read_drift(stream(planted(after=100)), AT, CONFIG)
    alarm = max(c.at for c in reading.changes)
    assert ((reading.scores >= 0) & (reading.scores <= 1)).all()
    faded = reading.scores[alarm + 10]
    assert 0.5 <= faded < 0.8


def test_thresholds_hold_their_rate_on_users_never_seen():
    rng = np.random.default_rng(3)

    def users(n: int) -> list[Stream]:
        return [stream(usual(rng, 80), rng.normal(0, 1.5, 80)) for _ in range(n)]

    config = DriftConfig(false_alarms=8.0)
    thresholds = calibrate(users(120), config)
    others = users(120)
    alarms = sum(len(read_drift(one, thresholds, config).changes) for one in others)
    rate = 1_000 * alarms / past_warm_up(others, config)
    assert 4.5 < rate < 12.0  # of 58 alarms expected, give or take what two draws bring
    assert 0.2 < thresholds.usual < 0.8


def test_too_few_events_take_the_default_thresholds():
    assert calibrate([stream(planted())], CONFIG) == Thresholds()
    assert calibrate([], CONFIG) == Thresholds()


def test_a_thousand_events_are_read_quickly():
    import time

    one = stream(usual(np.random.default_rng(0), 1_000), np.zeros(1_000))
    begun = time.process_time()
    read_drift(one, AT, CONFIG)
    assert time.process_time() - begun < 0.5


def test_page_hinkley_of_nothing_and_of_a_step():
    assert page_hinkley(np.zeros(0), allowance=0.1).shape == (0,)
    path = page_hinkley(np.array([0.0, 0.0, 1.0]), allowance=0.1)
    assert path == pytest.approx([0.0, 0.0, 1 - 1 / 3 - 0.1])


@pytest.mark.parametrize("kind", ["new", "returning", "rising", "faded", "shift"])
def test_words_name_what_changed(kind):
    words = told(kind, "horror", touching=4, of=5, first="Carrie", nouns=("book", "books"))
    assert "Carrie" in words
    assert ("horror" in words) == (kind != "shift")
    assert ("4 of 5 books" in words) == (kind != "shift")

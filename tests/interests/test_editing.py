"""A user's words as evidence: they move an interest by their step, fade on two time scales and leave events less to
tell; against a Kalman filter by matrices.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.errors import ConfigError, DataError
from penchant.interests.belief import Observation, replay
from penchant.interests.belief_step import BeliefConfig
from penchant.interests.editing import EditingConfig, Telling, with_edits

CONFIG = BeliefConfig(scales=(5.0, 80.0), widths=(0.7, 0.3))
DOUBT = 0.25
N = 4
"""Concepts"""


def seen(*concepts: int, label: float = 1.0, log_odds: float = 0.3) -> Observation:
    return Observation(
        concepts=np.array(concepts, dtype=np.int64),
        activations=np.linspace(0.5, 1.0, len(concepts)),
        log_odds=log_odds,
        label=label,
        weight=1.0,
    )


def word(moment: float, step: float, *, concept: int = 0, edit_id: str = "w", most: float = math.inf) -> Telling:
    return Telling(moment=moment, edit_id=edit_id, concept=concept, step=step, most=most)


EVENTS = [(1.0, "a", seen(0, 1)), (2.0, "b", seen(1, label=0.0)), (4.0, "c", seen(0, 2, 3)), (9.0, "d", seen(0))]


def part(events, tellings, now: float) -> np.ndarray:
    return with_edits(events, tellings, CONFIG, doubt=DOUBT).part(N, now, CONFIG)


@settings(max_examples=60, deadline=None)
@given(step=st.floats(-8, 8), n=st.integers(0, 4), concept=st.integers(0, 3), later=st.floats(0.01, 30))
def test_a_word_moves_its_interest_by_exactly_its_step_whatever_was_known(step, n, concept, later):
    now = (EVENTS[n - 1][0] if n else 0.0) + later
    moved = part(EVENTS[:n], [word(now, step, concept=concept)], now)
    assert moved[concept] == pytest.approx(step, abs=1e-9)
    assert not np.delete(moved, concept).any()


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.floats(-6, 6), min_size=1, max_size=12), last=st.floats(-3, 3))
def test_words_never_wind_up_beyond_the_limit(steps, last):
    """Whatever was said before, events between included, the next word moves what is read by its step, up to there."""
    words = [word(1.5 + n, step, edit_id=f"{n:02d}", most=4.0) for n, step in enumerate(steps)]
    now = 20.0
    before = float(np.clip(part(EVENTS, words, now)[0], -4.0, 4.0))
    after = part(EVENTS, [*words, word(now, last, edit_id="z", most=4.0)], now)[0]
    assert after == pytest.approx(np.clip(before + last, -4.0, 4.0), abs=1e-9)


def test_it_fades_on_the_two_time_scales_by_the_share_that_each_had():
    """From the prior, the gain is P1 / S: the short part takes v_short / (v_short + v_long) of it."""
    for later in (0.0, 1.0, 5.0, 50.0, 400.0):
        expected = 2.0 * (0.7 * np.exp(-later / 5.0) + 0.3 * np.exp(-later / 80.0))
        assert part([], [word(3.0, 2.0)], 3.0 + later)[0] == pytest.approx(expected, rel=1e-12)


class DenseFilter:
    """One concept's two parts, by matrices; a word is a Gaussian observation of their sum."""

    def __init__(self) -> None:
        self.m, self.P, self.at = np.zeros(2), np.diag(CONFIG.widths), 0.0

    def until(self, now: float) -> None:
        fade = np.exp(-(now - self.at) / np.array(CONFIG.scales))
        noise = np.array(CONFIG.widths) * (1 - fade**2)
        self.m, self.P, self.at = fade * self.m, np.diag(fade) @ self.P @ np.diag(fade) + np.diag(noise), now

    def take(self, value: float, variance: float) -> None:
        row = np.ones(2)
        gain = self.P @ row / (variance + row @ self.P @ row)
        self.m, self.P = self.m + gain * (value - row @ self.m), self.P - np.outer(gain, row) @ self.P


def test_words_between_events_are_those_of_a_kalman_filter_by_matrices():
    """Events on one concept with log odds so far off that the slope is at its floor: a Gaussian observation as well."""
    entries = [("event", 1.0), ("word", 2.5), ("event", 3.0), ("word", 6.0), ("event", 20.0)]
    dense, noise = DenseFilter(), DOUBT * sum(CONFIG.widths)
    events, words = [], []
    for n, (kind, now) in enumerate(entries):
        dense.until(now)
        if kind == "word":
            unknown = dense.P.sum()
            dense.take(dense.m.sum() + 1.5 * (noise + unknown) / unknown, noise)
            words.append(word(now, 1.5, edit_id=str(n)))
        else:
            events.append((now, str(n), seen_alone()))
            before = dense.m.sum()
            chance = 1 / (1 + np.exp(-(-30.0 + before)))
            dense.take(before + (1.0 - chance) / 0.05, 1 / 0.05)
    dense.until(25.0)
    told = with_edits(events, words, CONFIG, doubt=DOUBT).told
    assert told.corrections(N, 25.0, CONFIG)[0] == pytest.approx(dense.m.sum(), rel=1e-9)
    assert told.variances(N, 25.0, CONFIG)[0] == pytest.approx(dense.P.sum(), rel=1e-9)


def seen_alone() -> Observation:
    return Observation(
        concepts=np.array([0]), activations=np.ones(1), log_odds=-30.0, label=1.0, weight=1.0
    )  # p (1 − p) is far below the floor of h


def test_without_words_it_is_the_belief_and_what_was_believed_without_them_stays():
    plain = replay(EVENTS, CONFIG)
    for tellings in ([], [word(3.0, 2.0), word(9.5, -1.0, concept=2)]):
        found = with_edits(EVENTS, tellings, CONFIG, doubt=DOUBT)
        assert np.array_equal(found.plain.means, plain.means)
        assert np.array_equal(found.plain.covariances, plain.covariances)
    assert not part(EVENTS, [], 12.0).any()


def test_arrival_order_does_not_matter_and_a_word_comes_before_an_event_of_its_moment():
    words = [word(3.0, 2.0, edit_id="x"), word(4.0, -1.0, edit_id="y", concept=2), word(4.0, 1.0, edit_id="z")]
    found = part(EVENTS, words, 12.0)
    assert np.array_equal(found, part(EVENTS[::-1], words[::-1], 12.0))
    at_four = part(EVENTS, [word(4.0, 2.0)], 12.0)
    assert at_four == pytest.approx(part(EVENTS, [word(4.0 - 1e-9, 2.0)], 12.0), abs=1e-6)
    assert abs(at_four - part(EVENTS, [word(4.0 + 1e-9, 2.0)], 12.0)).max() > 1e-3


def test_a_word_leaves_events_less_to_tell():
    """The same event after it moves the belief less than it would have."""
    found = with_edits([(5.0, "e", seen(0))], [word(4.9, 0.001)], CONFIG, doubt=DOUBT)
    told, plain = (belief.corrections(N, 5.0, CONFIG)[0] for belief in (found.told, found.plain))
    assert 0 < told < 0.6 * plain


def test_a_snapshot_and_what_followed_give_the_same():
    words = [word(5.0, 2.0), word(7.0, 1.0, concept=3)]
    start = replay(EVENTS[:3], CONFIG)
    short = with_edits(EVENTS[3:], words, CONFIG, doubt=DOUBT, start=start)
    assert np.array_equal(short.part(N, 12.0, CONFIG), part(EVENTS, words, 12.0))


@pytest.mark.parametrize("wrong", [word(1.0, np.nan), word(np.inf, 1.0), word(1.0, 1.0, concept=-1)])
def test_what_is_no_word_is_refused(wrong):
    with pytest.raises(DataError):
        part(EVENTS, [wrong], 12.0)


def test_settings_that_make_no_sense_are_named():
    assert EditingConfig().step_of("less") == -EditingConfig().step_of("more") < 0
    assert EditingConfig().step_of("add") > 0
    assert EditingConfig().step_of("pin") == EditingConfig().step_of("forget") == 0
    with pytest.raises(ConfigError, match="doubt"):
        EditingConfig.of({"doubt": 0})

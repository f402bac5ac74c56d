"""The belief against a dense Kalman filter, its invariants, and worlds in which the tracker is right or wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.errors import ConfigError, DataError
from penchant.interests.belief import Belief, Observation, replay, told, update
from penchant.interests.belief_step import MOST_CORRECTION, BeliefConfig, observed, prior, relaxed, summed

CONFIG = BeliefConfig(scales=(5.0, 80.0), widths=(0.7, 0.3))
N = 6
"""Concepts"""


def seen(concepts=(0,), activations=None, *, log_odds=0.0, label=1.0, weight=1.0) -> Observation:
    given = np.ones(len(concepts)) if activations is None else np.asarray(activations, dtype=float)
    return Observation(
        concepts=np.asarray(concepts, dtype=np.int64),
        activations=given,
        log_odds=log_odds,
        label=label,
        weight=weight,
    )


def events(n: int, seed: int) -> list[tuple[float, Observation]]:
    """Random events on one to three concepts, at growing times."""
    rng = np.random.default_rng(seed)
    found = []
    for now in np.cumsum(rng.exponential(3.0, n)).tolist():
        k = int(rng.integers(1, 4))
        one = seen(
            rng.choice(N, k, replace=False),
            rng.uniform(0.1, 1.5, k),
            log_odds=float(rng.normal()),
            label=float(rng.integers(2)),
            weight=float(rng.uniform(0.2, 2.0)),
        )
        found.append((now, one))
    return found


class DenseFilter:
    """The same model as one Kalman filter over all 2 N parts, by matrices."""

    def __init__(self, *, drop_cross: bool) -> None:
        self.m, self.P, self.at = np.zeros(2 * N), np.kron(np.eye(N), np.diag(CONFIG.widths)), 0.0
        self.drop_cross = drop_cross

    def step(self, now: float, one: Observation) -> None:
        fade = np.exp(-(now - self.at) / np.tile(CONFIG.scales, N))
        drift = np.tile(CONFIG.widths, N) * (1 - np.exp(-2 * (now - self.at) / np.tile(CONFIG.scales, N)))
        self.m, self.P, self.at = fade * self.m, np.diag(fade) @ self.P @ np.diag(fade) + np.diag(drift), now
        row = np.zeros(2 * N)
        for c, a in zip(one.concepts, one.activations, strict=True):
            row[2 * c : 2 * c + 2] = a
        p = float(1 / (1 + np.exp(-(one.log_odds + row @ self.m))))
        h = max(p * (1 - p), 0.05)
        S = 1 / (one.weight * h) + row @ self.P @ row
        K = self.P @ row / S
        self.m, self.P = self.m + K * (one.label - p) / h, self.P - S * np.outer(K, K)
        if self.drop_cross:
            self.P *= np.kron(np.eye(N), np.ones((2, 2)))


def marginals(belief: Belief, now: float) -> tuple[np.ndarray, np.ndarray]:
    means, covariances = belief.of(np.arange(N), now, CONFIG)
    return means.ravel(), covariances


def dense_marginals(dense: DenseFilter) -> tuple[np.ndarray, np.ndarray]:
    blocks = [dense.P[2 * c : 2 * c + 2, 2 * c : 2 * c + 2] for c in range(N)]
    return dense.m, np.array([[b[0, 0], b[0, 1], b[1, 1]] for b in blocks])


@pytest.mark.parametrize("seed", range(5))
def test_one_step_from_the_prior_is_that_of_the_dense_filter(seed):
    ((now, one),) = events(1, seed)
    dense = DenseFilter(drop_cross=False)
    dense.step(now, one)
    found = marginals(update(Belief.nothing(), one, now, CONFIG), now)
    for mine, theirs in zip(found, dense_marginals(dense), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_a_sequence_is_the_dense_filter_without_cross_blocks_and_near_the_full_one(seed, record_property):
    belief, dropped, full = Belief.nothing(), DenseFilter(drop_cross=True), DenseFilter(drop_cross=False)
    gaps = []
    for now, one in events(60, seed):
        belief = update(belief, one, now, CONFIG)
        dropped.step(now, one)
        full.step(now, one)
        for mine, theirs in zip(marginals(belief, now), dense_marginals(dropped), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-9)
        gaps.append(np.abs(marginals(belief, now)[0] - full.m).max())
    record_property("gap_to_the_full_filter", float(max(gaps)))
    assert 0 < max(gaps) < 0.3  # the approximation is one, and small beside a prior deviation of 1


@given(
    first=st.floats(0, 50), second=st.floats(0, 50), m=st.floats(-3, 3), short=st.floats(0, 0.7), long=st.floats(0, 0.3)
)
def test_two_pauses_are_one_and_the_prior_stays(first, second, m, short, long):
    state = np.array([[m, -m]]), np.array([[short, 0.5 * np.sqrt(short * long), long]])
    twice = relaxed(*relaxed(*state, np.array([first]), CONFIG), np.array([second]), CONFIG)
    for a, b in zip(twice, relaxed(*state, np.array([first + second]), CONFIG), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)
    at_rest = relaxed(np.zeros((1, 2)), prior(CONFIG)[None], np.array([first]), CONFIG)
    np.testing.assert_allclose(at_rest[1][0], prior(CONFIG), atol=1e-15)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-3, 1.0, 1e4]))
def test_covariances_stay_proper_and_below_the_prior(seed, scale):
    belief = Belief.nothing()
    for now, one in events(40, seed):
        belief = update(
            belief, seen(one.concepts, one.activations * scale, label=one.label, weight=1e6 * one.weight), now, CONFIG
        )
        short, both, long = belief.covariances.T
        assert (short >= 0).all()
        assert (long >= 0).all()
        assert (both**2 <= short * long * (1 + 1e-9) + 1e-300).all()
        assert (belief.variances(N, now, CONFIG) <= summed(prior(CONFIG)[None]) + 1e-12).all()
        assert np.isfinite(belief.means).all()


def test_arrival_order_does_not_matter_and_a_snapshot_goes_on():
    stream = [(now, f"e{n:02}", one) for n, (now, one) in enumerate(events(30, 1))]
    stream[7] = (stream[8][0], *stream[7][1:])  # two at the same time: the id decides
    whole = replay(stream, CONFIG)
    shuffled = [stream[n] for n in np.random.default_rng(0).permutation(len(stream))]
    snapshot = replay(stream[:12], CONFIG)
    late = replay([*stream[20:], *stream[12:20]], CONFIG, start=snapshot)
    for other in (replay(shuffled, CONFIG), late):
        for name in ("concepts", "means", "covariances", "at"):
            np.testing.assert_array_equal(getattr(whole, name), getattr(other, name))


def test_an_update_changes_nothing_it_is_given():
    before = update(Belief.nothing(), seen((0, 3)), 1.0, CONFIG)
    copies = [getattr(before, name).copy() for name in ("concepts", "means", "covariances", "at")]
    update(before, seen((3, 4)), 2.0, CONFIG)
    for name, copied in zip(("concepts", "means", "covariances", "at"), copies, strict=True):
        np.testing.assert_array_equal(getattr(before, name), copied)


def test_many_users_at_once_are_each_as_alone():
    rng = np.random.default_rng(0)
    means, factors = rng.normal(size=(9, 3, 2)), rng.uniform(0.1, 0.5, size=(9, 3, 2))
    covariances = np.stack([factors[..., 0], np.zeros((9, 3)), factors[..., 1]], axis=-1)
    a, odds, y, w = (
        rng.uniform(size=(9, 3)),
        rng.normal(size=9),
        rng.integers(2, size=9).astype(np.float64),
        rng.uniform(size=9),
    )
    w[4] = 0.0
    together = observed(means, covariances, a, odds, y, w)
    for n in range(9):
        m, P = means[n : n + 1], covariances[n : n + 1]
        one = observed(m, P, a[n : n + 1], odds[n : n + 1], y[n : n + 1], w[n : n + 1])
        for whole, alone in zip(together, one, strict=True):
            np.testing.assert_allclose(whole[n], alone[0], rtol=1e-12)
    np.testing.assert_array_equal(together[0][4], means[4])  # what weighs nothing says nothing


@pytest.mark.parametrize("bias", [0.0, 1.5])
def test_the_correction_is_the_tracker_s_error_and_zero_where_it_has_none(bias):
    """A user whose log odds for concept 0 are the tracker's plus a bias."""
    finals = []
    for seed in range(24):
        rng, belief = np.random.default_rng(seed), Belief.nothing()
        for now in range(200):
            log_odds = float(rng.normal(0.0, 1.0))
            label = float(rng.random() < 1 / (1 + np.exp(-(log_odds + bias))))
            belief = update(belief, seen(log_odds=log_odds, label=label), now, CONFIG)
        finals.append(belief.corrections(N, 200, CONFIG)[0])
    error = np.std(finals) / np.sqrt(len(finals))
    if bias:
        assert 0.5 * bias < np.mean(finals) < 1.2 * bias  # drawn a little towards zero by the prior
    else:
        assert abs(np.mean(finals)) < 4 * error
        assert abs(np.mean(finals)) < 0.1


def test_a_returning_interest_comes_back_faster_than_a_new_one_is_learned():
    def read(belief: Belief, start: int) -> tuple[Belief, float]:
        for now in range(start, start + 3):
            belief = update(belief, seen(log_odds=-1.0), now, CONFIG)
        return belief, float(belief.corrections(N, start + 2, CONFIG)[0])

    _, new = read(Belief.nothing(), 0)
    belief = Belief.nothing()
    for now in range(60):
        belief = update(belief, seen(log_odds=-1.0), now, CONFIG)
    assert belief.corrections(N, 120, CONFIG)[0] < 0.5 * belief.corrections(N, 60, CONFIG)[0]
    assert read(belief, 120)[1] > 1.2 * new


def test_what_a_user_says_of_himself_moves_that_concept_alone_and_is_forgotten_in_time():
    belief = update(Belief.nothing(), seen((0, 1)), 0.0, CONFIG)
    after = told(belief, 1, 2.0, 1e-9, 1.0, CONFIG)
    assert after.corrections(N, 1.0, CONFIG)[1] == pytest.approx(2.0, abs=1e-6)
    assert after.corrections(N, 1.0, CONFIG)[0] == belief.corrections(N, 1.0, CONFIG)[0]
    assert abs(after.corrections(N, 2000.0, CONFIG)[1]) < 1e-6


def test_a_clock_that_jumps_back_reads_what_was_left_and_does_not_grow_sure_of_the_past():
    belief = update(Belief.nothing(), seen(), 10.0, CONFIG)
    np.testing.assert_array_equal(belief.of(np.array([0]), 3.0, CONFIG)[0], belief.means)
    later = update(belief, seen(), 3.0, CONFIG)
    assert later.at[0] == 10.0
    assert later.variances(N, 10.0, CONFIG)[0] < belief.variances(N, 10.0, CONFIG)[0]


@pytest.mark.parametrize(
    "bad",
    [
        seen(label=1.5),
        seen(weight=-1.0),
        seen(activations=[-0.1]),
        seen((2, 2)),
        seen((-1,)),
        seen(log_odds=float("nan")),
        seen((0, 1), [1.0]),
    ],
)
def test_what_is_no_observation_is_refused(bad):
    with pytest.raises(DataError):
        update(Belief.nothing(), bad, 0.0, CONFIG)


def test_settings_and_edits_that_make_no_sense_are_refused():
    for settings_ in ({"scales": (5.0, 5.0)}, {"scales": (0.0, 5.0)}, {"widths": (0.0, 1.0)}):
        with pytest.raises(ConfigError):
            BeliefConfig.of(settings_)
    with pytest.raises(DataError):
        told(Belief.nothing(), 0, 1.0, 0.0, 0.0, CONFIG)


def test_no_word_moves_a_belief_beyond_what_log_odds_can_tell():
    belief = Belief.nothing()
    for n in range(50):
        belief = told(belief, 0, 1e6, 1e-9, float(n), CONFIG)
    assert np.abs(belief.means).max() <= MOST_CORRECTION

"""Intervals that cover, tests that reject when they should."""

import numpy as np
import pytest

from penchant.metrics.significance import bootstrap_intervals, by_user, holm, permutation_p


def test_values_are_summed_by_user():
    sums = by_user(np.array([[1.0, 0.0], [3.0, 1.0], [5.0, 0.0]]), np.array([4, 9, 4]))
    assert sums.sums.tolist() == [[6, 0], [3, 1]]
    assert sums.counts.tolist() == [2, 1]
    assert sums.means == pytest.approx([3, 1 / 3])


def test_the_interval_is_that_of_the_mean():
    rng = np.random.default_rng(0)
    values = rng.normal(2.0, 3.0, size=(2500, 1))
    low, high = bootstrap_intervals(by_user(values, np.arange(2500)), resamples=2000)
    error = 1.96 * values.std() / 50
    assert low[0] == pytest.approx(values.mean() - error, abs=0.02)
    assert high[0] == pytest.approx(values.mean() + error, abs=0.02)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(200):
        low, high = bootstrap_intervals(by_user(rng.random((80, 1)) ** 2, np.arange(80)), resamples=300, seed=trial)
        covered += bool(low[0] <= 1 / 3 <= high[0])
    assert 0.88 <= covered / 200 <= 0.99


def test_a_user_with_many_cases_is_drawn_whole():
    # A hundred copies of each user's value are no more evidence than one.
    values = np.random.default_rng(2).random((40, 1))
    once = bootstrap_intervals(by_user(values, np.arange(40)))
    often = bootstrap_intervals(by_user(np.repeat(values, 100, axis=0), np.repeat(np.arange(40), 100)))
    assert np.array(once) == pytest.approx(np.array(often))


def test_one_user_has_an_interval_of_one_point():
    low, high = bootstrap_intervals(by_user(np.array([[0.25]]), np.array([0])))
    assert low.tolist() == high.tolist() == [0.25]


def test_the_same_seed_gives_the_same_interval_in_any_number_of_parts(monkeypatch):
    sums = by_user(np.random.default_rng(3).random((50, 2)), np.arange(50))
    first = bootstrap_intervals(sums, seed=5)
    assert np.array(first) == pytest.approx(np.array(bootstrap_intervals(sums, seed=5)))
    monkeypatch.setattr("penchant.metrics.significance.CELLS", 777)
    assert np.array(first) == pytest.approx(np.array(bootstrap_intervals(sums, seed=5)))
    assert not np.allclose(np.array(first), np.array(bootstrap_intervals(sums, seed=6)))


def test_the_permutation_test_finds_a_difference_and_not_noise():
    rng = np.random.default_rng(4)
    differences = np.stack([rng.normal(0.2, 1, 900), rng.normal(0.0, 1, 900), np.zeros(900)], axis=1)
    real, noise, none = permutation_p(by_user(differences, np.arange(900)), permutations=1999)
    assert real == pytest.approx(1 / 2000)
    assert noise > 0.02
    assert none == 1


def test_the_permutation_test_is_exact_on_a_tiny_sample():
    # Differences 1, 1, 1: of eight sign patterns two reach 3, so p is about 1/4.
    p = permutation_p(by_user(np.ones((3, 1)), np.arange(3)), permutations=40_000)
    assert p[0] == pytest.approx(0.25, abs=0.01)


def test_p_values_of_no_difference_are_uniform():
    rng = np.random.default_rng(5)
    ps = permutation_p(by_user(rng.normal(size=(60, 300)), np.arange(60)), permutations=999)
    assert (ps < 0.1).mean() == pytest.approx(0.1, abs=0.06)


def test_holm_by_hand():
    assert holm(np.array([0.04, 0.01, 0.03])) == pytest.approx([0.06, 0.03, 0.06])
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1, 1])
    assert holm(np.zeros(0)).tolist() == []

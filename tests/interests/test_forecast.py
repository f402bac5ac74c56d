"""Shares of concepts among the next events, and counts with their spread."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import betabinom

from penchant.errors import DataError
from penchant.interests.forecast import CountForecast, forecast_concepts

BEARS = sp.csr_array(np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 1]], dtype=np.float32))


def test_shares_and_touches_of_a_world_worked_by_hand():
    scores = np.log(np.array([[0.5, 0.25, 7.0, 0.25]]))  # the third item has no concepts
    found = forecast_concepts(scores, BEARS)
    np.testing.assert_allclose(found.share, [[0.625, 0.25, 0.125]])
    np.testing.assert_allclose(found.touched, [[0.75, 0.5, 0.25]])


def test_items_left_out_foretell_nothing():
    found = forecast_concepts(np.array([[-np.inf, 0.0, 0.0, -np.inf]]), BEARS)
    np.testing.assert_allclose(found.touched, [[1.0, 1.0, 0.0]])


def test_a_user_without_any_item_left_is_refused():
    with pytest.raises(DataError, match="no item left"):
        forecast_concepts(np.array([[-np.inf, -np.inf, 0.0, -np.inf]]), BEARS)


def test_a_catalogue_without_concepts_is_refused():
    with pytest.raises(DataError, match="No item has a concept"):
        forecast_concepts(np.zeros((1, 2)), sp.csr_array((2, 3)))


def test_probabilities_are_scipys_and_sum_to_one():
    forecast = CountForecast(mean=(0.3, 0.9), width=(2.0, -0.3))
    touched = np.array([0.02, 0.4, 0.9])
    alpha, beta = forecast._shape(touched)
    counts = np.arange(11)
    for row in range(3):
        ours = np.exp(forecast.log_probability(np.full(11, touched[row]), counts, 10))
        np.testing.assert_allclose(ours, betabinom.pmf(counts, 10, alpha[row], beta[row]), rtol=1e-9)
        assert ours.sum() == pytest.approx(1.0)
        assert (ours * counts).sum() == pytest.approx(forecast.expected(touched, 10)[row])


def test_a_fit_finds_a_planted_spread_and_its_intervals_cover():
    rng = np.random.default_rng(0)
    touched = rng.beta(0.5, 4.0, size=40_000)
    truth = CountForecast(mean=(-0.4, 0.8), width=(1.5, -0.2))
    alpha, beta = truth._shape(touched)
    counts = rng.binomial(10, rng.beta(alpha, beta))
    found = CountForecast.fit(touched[:20_000], counts[:20_000], 10, rng=rng)
    np.testing.assert_allclose([*found.mean, *found.width], [*truth.mean, *truth.width], atol=0.15)
    pit = found.randomised_pit(touched[20_000:], counts[20_000:], 10, rng=rng)
    assert ((pit > 0.1) & (pit < 0.9)).mean() == pytest.approx(0.8, abs=0.02)
    narrow = CountForecast(mean=found.mean, width=(found.width[0] + 3.0, found.width[1]))
    pit = narrow.randomised_pit(touched[20_000:], counts[20_000:], 10, rng=rng)
    assert ((pit > 0.1) & (pit < 0.9)).mean() < 0.77


def test_counts_beyond_the_events_are_refused():
    with pytest.raises(DataError, match="between 0 and 3"):
        CountForecast.fit(np.array([0.5]), np.array([4]), 3, rng=np.random.default_rng(0))

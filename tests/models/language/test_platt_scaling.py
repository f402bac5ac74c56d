"""Logits that are too sure, or shifted, are brought to what comes."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from penchant.metrics.probabilities import expected_calibration_error
from penchant.models.language.platt_scaling import PlattScaling, scaling_that_pays


def sure(n: int, *, slope: float, shift: float, seed: int = 0):
    """Labels drawn by the true logits, and logits that are those times `slope`, plus `shift`."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=n) * 1.5
    labels = (rng.random(n) < expit(true)).astype(float)
    return slope * true + shift, labels


def test_the_planted_slope_and_shift_are_found():
    logits, labels = sure(20_000, slope=4.0, shift=2.0)
    found = PlattScaling.fit(logits, labels)
    assert found.slope == pytest.approx(0.25, rel=0.05)
    assert found.intercept == pytest.approx(-0.5, abs=0.05)


def test_the_same_as_an_unregularised_logistic_regression():
    logits, labels = sure(5000, slope=3.0, shift=-1.0)
    found = PlattScaling.fit(logits, labels)
    other = LogisticRegression(C=np.inf, tol=1e-10).fit(logits[:, None], labels)
    assert found.slope == pytest.approx(float(other.coef_[0, 0]), rel=5e-3)  # Platt's targets are not quite 0 and 1
    assert found.intercept == pytest.approx(float(other.intercept_[0]), abs=5e-3)


def test_it_pays_where_logits_are_too_sure_and_then_probabilities_hold():
    logits, labels = sure(1500, slope=4.0, shift=2.0)
    scaling = scaling_that_pays(logits, labels, seed=0)
    assert scaling is not None
    fresh, truth = sure(20_000, slope=4.0, shift=2.0, seed=1)
    assert expected_calibration_error(scaling.probabilities(fresh), truth) < 0.03
    assert expected_calibration_error(expit(fresh), truth) > 0.15
    assert PlattScaling.from_json(scaling.as_json()) == scaling


def test_it_is_left_out_where_nothing_is_to_gain():
    logits, labels = sure(60, slope=1.0, shift=0.0, seed=4)
    assert scaling_that_pays(logits, labels, seed=0) is None
    few = np.zeros(100)
    few[:9] = 1.0
    assert scaling_that_pays(np.linspace(5, 9, 100), few, seed=0) is None  # nine yes are too few
    turned, truth = sure(500, slope=-1.0, shift=0.0)
    assert scaling_that_pays(turned, truth, seed=0) is None  # the order of examples is the model's, not ours to turn


def test_examples_told_apart_without_an_error_leave_some_doubt():
    logits = np.concatenate([np.full(20, -50.0), np.full(20, 50.0)])
    p = PlattScaling.fit(logits, (logits > 0).astype(float)).probabilities(logits)
    assert 0.9 < p[-1] < 1.0
    assert 0.0 < p[0] < 0.1

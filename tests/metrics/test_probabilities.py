"""Probabilities of a yes: numbers by hand, scikit-learn's, and what the maths promises."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, precision_score, recall_score, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from penchant.errors import DataError
from penchant.metrics.probabilities import (
    base_rate_brier,
    brier_score,
    expected_calibration_error,
    log_loss,
    reliability_table,
    yes_no_report,
)


def test_scores_by_hand():
    assert brier_score(np.array([0.8, 0.4]), np.array([1, 0])) == pytest.approx(0.1)
    assert log_loss(np.array([0.8]), np.array([1])) == pytest.approx(0.22314, abs=1e-5)
    assert base_rate_brier(np.array([1, 0, 0, 0])) == pytest.approx(0.1875)
    low, high = reliability_table(np.array([0.1, 0.3, 0.9]), np.array([0, 1, 1]), bins=2)
    assert (low.low, low.high, low.n, low.actual) == (0.0, 0.5, 2, 0.5)
    assert low.predicted == pytest.approx(0.2)
    assert (high.low, high.high, high.n, high.predicted, high.actual) == (0.5, 1.0, 1, 0.9, 1.0)
    assert expected_calibration_error(np.array([0.1, 0.3, 0.9]), np.array([0, 1, 1]), bins=2) == pytest.approx(
        (2 * 0.3 + 0.1) / 3
    )


def test_a_certainty_is_in_the_last_bin_and_costs_a_finite_loss():
    (only,) = reliability_table(np.array([1.0]), np.array([0]))
    assert (only.low, only.high, only.n) == (0.9, 1.0, 1)
    assert 20 < log_loss(np.array([1.0]), np.array([0])) < 30


def test_the_same_as_scikit_learn():
    rng = np.random.default_rng(0)
    p = rng.random(400)
    y = (rng.random(400) < p).astype(float)
    report = yes_no_report(p, y)
    assert report.brier == pytest.approx(brier_score_loss(y, p))
    assert report.log_loss == pytest.approx(sklearn_log_loss(y, p))
    assert report.precision == pytest.approx(precision_score(y, p >= 0.5))
    assert report.recall == pytest.approx(recall_score(y, p >= 0.5))
    assert report.auc == pytest.approx(roc_auc_score(y, p))
    assert (report.n, report.yes, report.threshold) == (400, int(y.sum()), 0.5)
    assert sum(row.n for row in report.reliability) == 400


def test_true_probabilities_are_calibrated_and_sharper_ones_are_not():
    rng = np.random.default_rng(1)
    p = rng.random(20_000)
    y = (rng.random(20_000) < p).astype(float)
    assert expected_calibration_error(p, y) < 0.02
    assert brier_score(p, y) < base_rate_brier(y)
    assert expected_calibration_error(p > 0.5, y) > 0.15


def test_nobody_beats_the_base_rate_with_one_number():
    y = np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    assert base_rate_brier(y) == pytest.approx(min(brier_score(np.full(5, c), y) for c in np.linspace(0, 1, 101)))


def test_one_class_has_no_order():
    report = yes_no_report(np.array([0.2, 0.6]), np.array([1, 1]))
    assert report.auc is None
    assert (report.precision, report.recall) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [([0.5], [1, 0], "shapes"), ([], [], "shapes"), ([1.2], [1], "from 0 to 1"), ([0.5], [2], "0 or 1")],
)
def test_what_is_no_probability_or_label_is_refused(p, y, message):
    with pytest.raises(DataError, match=message):
        yes_no_report(np.array(p), np.array(y))


def test_nan_is_refused():
    with pytest.raises(DataError, match="from 0 to 1"):
        brier_score(np.array([np.nan]), np.array([1]))
    with pytest.raises(DataError, match="0 or 1"):
        brier_score(np.array([0.5]), np.array([np.nan]))

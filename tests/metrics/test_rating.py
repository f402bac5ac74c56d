"""Rating errors against scikit-learn and by hand."""

import numpy as np
import pytest
import sklearn.metrics

from penchant.errors import DataError
from penchant.metrics.rating import mean_absolute_error, mean_squared_error, root_mean_squared_error

PREDICTED, ACTUAL = np.array([3.0, 4.5, 1.0]), np.array([4.0, 4.0, 1.0])


def test_by_hand():
    assert mean_squared_error(PREDICTED, ACTUAL) == pytest.approx(1.25 / 3)
    assert root_mean_squared_error(PREDICTED, ACTUAL) == pytest.approx((1.25 / 3) ** 0.5)
    assert mean_absolute_error(PREDICTED, ACTUAL) == pytest.approx(0.5)


def test_equals_scikit_learn():
    rng = np.random.default_rng(0)
    predicted, actual = rng.uniform(1, 5, 500).astype(np.float32), rng.integers(1, 6, 500)
    as_doubles = predicted.astype(np.float64)
    assert mean_squared_error(predicted, actual) == pytest.approx(
        sklearn.metrics.mean_squared_error(actual, as_doubles), abs=1e-12
    )
    assert root_mean_squared_error(predicted, actual) == pytest.approx(
        sklearn.metrics.root_mean_squared_error(actual, as_doubles), abs=1e-12
    )


@pytest.mark.parametrize(("predicted", "actual"), [([], []), ([1.0], [1.0, 2.0])])
def test_lengths_that_differ_are_refused(predicted, actual):
    with pytest.raises(DataError, match="shapes"):
        mean_squared_error(np.array(predicted), np.array(actual))


@pytest.mark.parametrize("metric", [mean_squared_error, root_mean_squared_error, mean_absolute_error])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_finite_number_is_refused(metric, bad):
    for predicted, actual in (([1.0, bad], [1.0, 2.0]), ([1.0, 2.0], [bad, 2.0])):
        with pytest.raises(DataError, match="finite numbers"):
            metric(np.array(predicted), np.array(actual))

import numpy as np
import pytest

from penchant.data.histories import Cases
from penchant.interfaces import FitOptions
from penchant.models.rating.holdout import validation_value
from tests.models.rating.worlds import histories


def cases(values: list[float] | None) -> Cases:
    return Cases(
        histories=histories([(0, 1.0)], [(1, 2.0)]),
        target_indptr=np.array([0, 1, 3]),
        target_items=np.array([4, 5, 6], dtype=np.int32),
        target_values=None if values is None else np.array(values),
    )


def test_the_error_on_rated_targets_is_the_value():
    def predict(asked, cases_P, items_P):
        assert (len(asked), cases_P.tolist(), items_P.tolist()) == (2, [0, 1], [4, 6])
        return np.array([3.0, 5.0])

    value = validation_value(FitOptions(validation=cases([2.0, np.nan, 2.0])), predict)
    assert value is not None
    assert value() == pytest.approx(-np.sqrt(5.0))


@pytest.mark.parametrize("validation", [None, cases(None), cases([np.nan] * 3), cases([1.0] * 3).take([])])
def test_nothing_decides_where_nothing_is_rated(validation):
    assert validation_value(FitOptions(validation=validation), lambda *_: np.zeros(0)) is None

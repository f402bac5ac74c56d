import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.data.dataset import Dataset, Table
from penchant.data.rating_targets import RatingTargets
from penchant.errors import DataError


def rated(values: list[float], scale: tuple[float, float] | None = (1.0, 5.0)) -> Dataset:
    n = len(values)
    return Dataset.of_rows(
        name="r",
        users=Table(("u",)),
        items=Table(tuple(map(str, range(n)))),
        user_rows=np.zeros(n, dtype=np.int64),
        item_rows=np.arange(n),
        values=np.array(values, dtype=np.float64),
        rating_scale=scale,
    )


def test_one_record_is_three_targets() -> None:
    targets = RatingTargets.fit(rated([5, 1, 4, 4, np.nan]))
    assert (targets.low, targets.high, targets.levels) == (1.0, 5.0, (1.0, 4.0, 5.0))
    record = np.array([4.0])
    assert targets.regression(record).tolist() == [4.0]
    assert targets.regression(record, unit=True).tolist() == [0.75]
    assert targets.classes(record).tolist() == [1]
    assert targets.liked(record).tolist() == [True]
    assert targets.liked(np.array([1.0, 3.5, np.nan, 5.0])).tolist() == [False, False, False, True]


@given(st.lists(st.floats(-10, 10), min_size=1), st.lists(st.integers(0, 50)))
def test_classes_are_sorted_and_go_both_ways(values: list[float], picks: list[int]) -> None:
    targets = RatingTargets.fit(rated(values, (-10.0, 10.0)))
    assert list(targets.levels) == sorted(set(values))
    again = RatingTargets.from_json(orjson.loads(orjson.dumps(targets.as_json())))
    assert again == targets
    chosen = np.array([values[pick % len(values)] for pick in picks] + [np.nan])
    classes = again.classes(chosen)
    np.testing.assert_array_equal(again.of_classes(classes), chosen)
    assert classes[-1] == -1
    assert (np.argsort(classes[:-1], kind="stable") == np.argsort(chosen[:-1], kind="stable")).all()


def test_unknown_ratings_and_values_that_are_none_are_refused() -> None:
    with pytest.raises(DataError, match=r"2\.5 is none of the classes"):
        RatingTargets.fit(rated([1, 2, 3])).classes(np.array([2.5]))
    with pytest.raises(DataError, match="not ratings"):
        RatingTargets.fit(rated([1, 2], None))
    with pytest.raises(DataError, match="not ratings"):
        RatingTargets.fit(rated([np.nan]))

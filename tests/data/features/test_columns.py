import numpy as np
import pytest

from penchant.data.features.columns import Observed, kind_of, known, shown, words_of
from tests.data.features.worlds import columns, people_and_films


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None, float("nan")], "empty"),
        ([1, 2.5, None], "number"),
        (["a", None], "word"),
        (["a", 1], "word"),
        ([True, False], "word"),
        ([["a"], None], "words"),
        ([["a"], "b"], "words"),
    ],
)
def test_kinds(values, kind):
    assert kind_of(values) == kind


def test_values_as_words():
    assert words_of(None) == []
    assert words_of(["b", None, "a", "b"]) == ["b", "a"]
    assert words_of(3) == ["3"]
    assert words_of(3.0) == ["3"]
    assert shown(12345678.0) != shown(12345679.0)


def test_only_touched_rows_are_known():
    data = people_and_films()
    touched = Observed.of(data).touched("users")
    assert touched.tolist() == [True] * 50 + [False] * 10
    left = known(columns(tags=[["a"], ["b", "c"], None]), np.array([True, False, True]))["tags"]
    assert left.tolist() == [["a"], None, None]

from typing import Any

import numpy as np
import pytest

from penchant.data.features.transform import Transform, Transformation
from tests.data.features.worlds import columns, observed

SEEN = observed([(0, 0, 1.0)], n_users=1, n_items=1)


def fitted(values: list[Any], **settings: Any) -> Transformation:
    return Transform(**settings).fit({"users": columns(x=values), "items": {}}, SEEN)


def applied(step: Transformation, values: list[Any]) -> list[Any]:
    return list(step.apply("users", columns(x=values))["x"])


def test_bins_have_as_many_rows_each_and_words_a_person_can_read():
    step = fitted(list(range(20, 60)), bins=4)
    made = applied(step, list(range(20, 60)))
    names, counts = np.unique(made, return_counts=True)
    assert counts.tolist() == [10, 10, 10, 10]
    assert set(names) == {"below 30", "30 to 40", "40 to 50", "50 and more"}
    assert applied(step, [1, 30, 29.5, 900, None, float("nan"), "many"]) == [
        "below 30", "30 to 40", "below 30", "50 and more", None, None, None,
    ]  # fmt: skip


def test_equal_values_are_never_parted_and_large_numbers_stay_apart():
    for values in ([0] * 90 + [1] * 10, [0] * 120 + list(range(1, 11))):
        assert set(applied(fitted(values), values)) == {"below 1", "1 and more"}
    assert applied(fitted([1, 2, 3, 3]), [1, 2, 3]) == ["below 2", "2 to 3", "3 and more"]
    assert applied(fitted([3] * 9), [3, 4]) == ["any", "any"]
    seconds = [881_250_000 + k for k in range(64)]
    assert len(set(applied(fitted(seconds), seconds))) == 8


def test_dates_become_years():
    dates = [f"01-Jan-{1960 + k}" for k in range(40)]
    step = fitted(dates, bins=2)
    assert set(applied(step, dates)) == {"below 1980", "1980 and more"}
    assert applied(step, ["5 May 2020", "no date"]) == ["1980 and more", None]
    assert applied(fitted(["Room 2001 of the long corridor", "a"] * 9), ["a"]) == ["a"]  # no dates: words


def test_rare_and_new_words_are_others():
    values = ["pop"] * 6 + ["rock"] * 5 + ["polka"] * 4
    step = fitted(values)
    assert applied(step, ["pop", "rock", "polka", "new", None]) == ["pop", "rock", "other", "other", None]
    lists = fitted([["pop", "rock"]] * 5 + [["polka", "pop"]])
    assert applied(lists, [["rock", "polka", "new"], []])[0] == ["rock", "other"]


def test_numbers_stay_numbers_where_there_are_no_bins():
    assert applied(fitted([1.0, 9.0], bins=0), [4.0, None]) == [4.0, None]
    step = fitted([0.0, 9.0], bins=0, logarithm=True)
    assert applied(step, [np.e - 1, -2.0])[0] == pytest.approx(1.0)
    assert applied(step, [-2.0]) == [None]  # has no logarithm
    assert applied(fitted([-5.0, 9.0], bins=0, logarithm=True), [4.0]) == [4.0]


def test_a_column_that_training_did_not_have_is_left_alone():
    assert fitted([1, 2]).apply("users", columns(y=["a"]))["y"].tolist() == ["a"]

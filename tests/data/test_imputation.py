from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.data.dataset import Dataset, Table
from penchant.data.imputation import Imputation, ImputationConfig, is_missing
from tests.data.test_folder import column

NUMBER = st.floats(-1e100, 1e100) | st.just(float("nan"))


def world(
    *, price: tuple[Any, ...] = (1.0, None, 3.0, 100.0), values: tuple[float, ...] = (4.0, np.nan, 2.0), **more: Any
) -> Dataset:
    items = {
        "price": column(*price),
        "brand": column("x", None, "x", "y"),
        "title": column("a", None, "c", "d"),
        "tags": column(["t"], None, [], ["u"]),
        "sold": column(*[True, None, True, False]),
        **more,
    }
    return Dataset.of_rows(
        name="w",
        users=Table(("u", "v"), {"age": column(30, None)}),
        items=Table(tuple("abcd"), items),
        user_rows=np.array([0, 0, 1]),
        item_rows=np.array([0, 1, 2]),
        values=np.array(values),
    )


def test_figures_come_from_the_training_part_alone() -> None:
    """Item d has no training event: its price of 100 must not move the median of what is seen."""
    data = world()
    filled, counts = Imputation.fit(data).apply(data)
    assert filled.items.columns["price"].tolist() == [1.0, 2.0, 3.0, 100.0]
    assert filled.items.columns["brand"].tolist() == ["x", "unknown", "x", "y"]
    assert filled.items.columns["title"].tolist() == ["a", "", "c", "d"]
    assert filled.items.columns["tags"].tolist() == [["t"], [], [], ["u"]]
    assert filled.items.columns["sold"].tolist() == [True, True, True, False]
    assert filled.users.columns["age"].tolist() == [30, 30.0]
    assert filled.events.values.tolist() == [4.0, 4.0, 2.0]  # user u's mean
    assert counts == {
        "items.price: median": 1, "items.brand: constant": 1, "items.title: empty text": 1, "items.tags: no values": 1,
        "items.sold: most_frequent": 1, "users.age: median": 1, "events.value: user mean": 1,
    }  # fmt: skip


def test_changing_what_training_does_not_see_changes_nothing() -> None:
    one = Imputation.fit(world())
    other = Imputation.fit(world(price=(1.0, None, 3.0, -5e6)))
    assert one == other
    split = world(values=(4.0, 5.0, np.nan))
    train = split.select(split.events.users == 0)
    fitted = Imputation.fit(train)
    filled, counts = fitted.apply(split)
    assert fitted.user_means == {"u": 4.5}
    assert filled.events.values.tolist() == [4.0, 5.0, 4.5]
    assert counts["events.value: mean"] == 1


def test_values_fall_back_to_the_item_and_to_everybody() -> None:
    data = world(values=(4.0, np.nan, 2.0))
    fitted = Imputation.fit(data)
    test = Dataset.of_rows(
        name="t",
        users=Table(("new",)),
        items=Table(("c", "z")),
        user_rows=np.array([0, 0, 0]),
        item_rows=np.array([0, 1, -1]),
        values=np.array([np.nan, np.nan, np.nan]),
    )
    filled, counts = fitted.apply(test)
    assert filled.events.values.tolist() == [2.0, 3.0, 3.0]
    assert counts == {"events.value: item mean": 1, "events.value: mean": 2}


@settings(deadline=None)
@given(
    st.tuples(*[st.none() | NUMBER] * 4),
    st.tuples(*[NUMBER] * 3),
    st.sampled_from(["median", "mean", "most_frequent", "constant"]),
)
def test_nothing_is_missing_afterwards(price: tuple[Any, ...], values: tuple[float, ...], rule: Any) -> None:
    data = world(price=price, values=values, late=column(None, None, None, None))
    filled, counts = Imputation.fit(data, config=ImputationConfig(numbers=rule)).apply(data)
    for table in (filled.items, filled.users):
        assert not any(is_missing(value) for values in table.columns.values() for value in values)
    if not np.isnan(values).all():
        assert not np.isnan(filled.events.values).any()
    gaps = sum(is_missing(value) for table in (data.items, data.users) for c in table.columns.values() for value in c)
    assert sum(n for name, n in counts.items() if not name.startswith("events")) == gaps


def test_rules_are_saved_with_the_model_and_the_input_stays_as_it_was() -> None:
    data = world()
    fitted = Imputation.fit(data)
    again = Imputation.from_json(orjson.loads(orjson.dumps(fitted.as_json())))
    assert again.apply(data)[1] == fitted.apply(data)[1]
    assert data.items.columns["price"][1] is None
    assert np.isnan(data.events.values[1])


@pytest.mark.parametrize(("rule", "expected"), [("mean", 2.0), ("most_frequent", 1.0), ("constant", 7.0)])
def test_other_rules(rule: Any, expected: float) -> None:
    data = world()
    config = ImputationConfig(numbers=rule, words="most_frequent", number=7.0, values=False)
    filled, _ = Imputation.fit(data, config=config).apply(data)
    assert filled.items.columns["price"][1] == expected
    assert filled.items.columns["brand"][1] == "x"
    assert np.isnan(filled.events.values[1])

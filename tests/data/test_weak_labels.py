"""Labels by rule."""

import numpy as np
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.data.weak_labels import UNLABELLED, LabelRule, weak_labels
from penchant.errors import ConfigError, DataError
from tests.models.rating.worlds import rated


def shop() -> Dataset:
    types = ("click", "purchase", "not_interested", "rating")
    return Dataset.of_rows(
        name="shop",
        users=Table(("u",)),
        items=Table(tuple("abcdefg")),
        user_rows=np.zeros(7, dtype=np.int64),
        item_rows=np.arange(7),
        timestamps=np.arange(7),
        values=np.array([np.nan, np.nan, np.nan, 5.0, 3.0, 1.0, np.nan]),
        types=np.array([0, 1, 2, 3, 3, 3, 3]),
        event_types=types,
        rating_scale=(1.0, 5.0),
    )


def test_the_first_rule_that_holds_decides_and_is_recorded():
    data = shop()
    found = weak_labels(data.histories(), data)
    none = UNLABELLED
    assert found.labels.tolist() == [none, 1, 0, 1, none, 0, none]
    assert found.weights.tolist() == [0.0, 0.5, 1.0, 1.0, 0.0, 1.0, 0.0]
    record = found.record()
    assert {rule["name"]: rule["events"] for rule in record["rules"] if rule["events"]} == {
        "turned down": 1,
        "low rating": 1,
        "high rating": 1,
        "bought": 1,
    }
    assert (record["events"], record["without_label"]) == (7, 3)
    low = next(rule for rule in record["rules"] if rule["name"] == "low rating")
    assert (low["at_most"], low["of_scale"], low["label"]) == (0.25, True, "dislike")


def test_rules_of_ones_own():
    data = shop()
    rules = {"any rating": LabelRule(label="like", event_types=frozenset({"rating"}), at_least=3, weight=0.2)}
    found = weak_labels(data.histories(), data, rules)
    assert found.labels.tolist() == [-1, -1, -1, 1, 1, -1, -1]
    assert found.weights[3] == 0.2
    assert weak_labels(data.histories(), data, {}).labels.tolist() == [UNLABELLED] * 7


def test_four_and_five_against_one_and_two():
    data = rated([(0, item, float(item + 1)) for item in range(5)])
    assert weak_labels(data.histories(), data).labels.tolist() == [-1, -1, -1, -1, -1]  # plain interactions
    rules = {
        "low": LabelRule(label="dislike", at_most=0.25, of_scale=True),
        "high": LabelRule(label="like", at_least=0.75, of_scale=True),
    }
    assert weak_labels(data.histories(), data, rules).labels.tolist() == [0, 0, -1, 1, 1]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"label": "like"}, "would label everything"),
        ({"label": "like", "at_least": 4, "at_most": 2}, "no value"),
        ({"label": "love", "at_least": 4}, "label"),
        ({"label": "like", "at_lest": 4}, "no such setting"),
        ({"label": "like", "at_least": 4, "weight": 0}, "weight"),
    ],
)
def test_rules_that_say_nothing_are_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        LabelRule.of(settings)


def test_a_scale_that_is_not_there():
    data = rated([(0, 0, 3.0)], scale=None)
    with pytest.raises(DataError, match="no rating scale"):
        weak_labels(data.histories(), data, {"high": LabelRule(label="like", at_least=0.75, of_scale=True)})

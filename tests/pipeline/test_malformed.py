"""What comes through Python and is not what it should be: named, refused, and nothing is left of it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from penchant.errors import ConfigError, DataError
from penchant.records import Event

CHESS = "tags:chess"


def seen(model):
    return model.recommend("u-0", 20).items, model.interests("u-0"), model.history("u-0")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("text", 5), ("text", ["chess"]), ("value", "bad"), ("value", Decimal(3)), ("value", 10**400),
        ("user_id", None), ("user_id", 7), ("item_id", 3), ("event_type", None), ("event_id", 7),
        ("event_id", ["x"]), ("slate_id", 1), ("timestamp", "2026-01-02"), ("timestamp", 1.5),
        ("timestamp", datetime(2026, 1, 2, tzinfo=UTC)), ("timestamp", True),
    ],
)  # fmt: skip
def test_an_event_of_the_wrong_types_is_rejected_by_its_place_and_the_others_are_taken(model, column, value):
    good = [Event(user_id="u-0", item_id="3-1", event_id="a"), Event(user_id="u-0", item_id="3-2", event_id="b")]
    wrong: dict[str, Any] = {"user_id": "u-0", "item_id": "3-3", column: value}
    result = model.observe([good[0], Event(**wrong), good[1]])
    assert (result.accepted, result.duplicates) == (2, 0)
    assert [(fault.index, fault.column) for fault in result.rejected] == [(1, column)]
    assert result.rejected[0].reason
    assert [event.event_id for event in model.history("u-0", limit=2)] == ["b", "a"]
    assert model.interests("u-0").events == 16


def test_what_is_no_event_is_rejected_and_what_is_no_sequence_refused(model):
    result = model.observe([{"user_id": "u-0", "item_id": "3-1"}, None, Event(user_id="u-0", item_id="3-1")])
    assert result.accepted == 1
    assert [(fault.index, fault.column) for fault in result.rejected] == [(0, "event"), (1, "event")]
    before = seen(model)
    for events in (None, Event(user_id="u-0", item_id="3-1"), "events", {"user_id": "u-0"}, 5):
        with pytest.raises(DataError) as caught:
            model.observe(events)
        assert caught.value.hint
    assert seen(model) == before


def test_numbers_of_numpy_are_numbers(model):
    numbers: dict[str, Any] = {"value": np.float32(2), "timestamp": np.int64(5)}
    assert model.observe([Event(user_id="u-0", item_id="3-1", **numbers)]).accepted == 1
    assert model.interests("u-0", as_of=np.int64(14)) == model.interests("u-0", as_of=14)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"edit_id": 7}, "edit_id"), ({"user_id": None}, "user_id"), ({"user_id": 4}, "user_id"),
        ({"concept_id": 3}, "concept_id"), ({"action": None}, "action"), ({"action": ["more"]}, "action"),
        ({"action": "add", "concept_id": None, "text": 5}, "text"),
        ({"action": "forget", "concept_id": None, "event_id": 5}, "event_id"),
        ({"action": "undo", "concept_id": None, "undoes": 5}, "undoes"),
    ],
)  # fmt: skip
def test_an_edit_of_the_wrong_types_is_refused(model, what, said):
    before = seen(model)
    with pytest.raises(ConfigError, match=said) as caught:
        model.edit(**{"user_id": "u-0", "concept_id": CHESS, "action": "more", **what})
    assert caught.value.hint
    assert seen(model) == before
    assert model.edits("u-0") == []


@pytest.mark.parametrize("as_of", ["2026-01-02", datetime(2026, 1, 2, tzinfo=UTC), 3.5, True])
def test_a_moment_that_is_no_whole_number_is_refused(model, as_of):
    for read in (model.interests, model.drift):
        with pytest.raises(ConfigError, match="as_of") as caught:
            read("u-0", as_of=as_of)
        assert "microseconds" in caught.value.hint

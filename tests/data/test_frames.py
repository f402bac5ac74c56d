import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import penchant
from penchant.errors import BadRowError, ConfigError, SchemaError

EVENTS = {
    "user": ["a", "b", "a"],
    "item": [1, 2, 3],
    "timestamp": [dt.datetime(2020, 1, day) for day in (1, 2, 3)],  # noqa: DTZ001 — naive is taken as UTC
    "rating": [1.0, 2.0, None],
}
ITEMS = {"id": [1, 2, 3], "title": ["x", None, "z"], "genres": [["a", "b"], None, ["c"]], "price": [1, None, 3]}
FRAMES: list[Callable[[Any], Any]] = [pd.DataFrame, pl.DataFrame, pa.table, lambda data: pl.DataFrame(data).lazy()]


@pytest.mark.parametrize("frame", FRAMES)
def test_frames_of_every_kind_give_the_same_dataset(frame: Callable[[Any], Any]) -> None:
    data = penchant.Dataset.from_frames(frame(EVENTS), frame(ITEMS), name="mine")
    assert data.name == "mine"
    assert data.users.ids == ("a", "b")
    assert data.items.ids == ("1", "2", "3")
    assert data.items.attributes(0) == {"title": "x", "categories": ["a", "b"], "price": 1.0}
    assert data.events.timestamps.tolist() == [1577836800000000, 1578009600000000, 1577923200000000]
    np.testing.assert_array_equal(data.events.values, [1.0, np.nan, 2.0])
    assert data.clock == "time"
    assert data.rating_scale == (1.0, 2.0)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_first_bad_row_is_an_error_unless_asked_otherwise(frame: Callable[[Any], Any]) -> None:
    bad = frame({"user": ["a", None], "item": ["x", "y"]})
    with pytest.raises(BadRowError, match="interactions line 2, column 'user': no user"):
        penchant.Dataset.from_frames(bad)
    data = penchant.Dataset.from_frames(bad, settings={"strict": False})
    assert len(data.events) == 1
    assert data.report is not None
    assert data.report["conservation"][0]["quarantined"] == 1


def test_frames_are_checked() -> None:
    with pytest.raises(SchemaError, match="no column for user_id"):
        penchant.Dataset.from_frames(pd.DataFrame({"x": [1]}))
    with pytest.raises(SchemaError, match="not a frame"):
        penchant.Dataset.from_frames([1, 2])
    with pytest.raises(SchemaError, match="bytes"):
        penchant.Dataset.from_frames(pl.DataFrame({"user": [b"a"], "item": [1]}))
    with pytest.raises(ConfigError, match="no such setting"):
        penchant.Dataset.from_frames(pd.DataFrame(EVENTS), settings={"stricct": True})


def test_columns_can_be_named_and_mixed_objects_become_text() -> None:
    frame = pd.DataFrame(
        {"who": ["a", 2, 3.5], "what": ["x", "y", "x"], "flag": [True, None, False], "event_id": list("pqr")}
    )
    data = penchant.Dataset.from_frames(frame, settings={"map": {"user": "who", "item": "what"}})
    assert data.users.ids == ("a", "2", "3.5")
    assert data.event_id(2) == "r"


def test_a_timestamp_with_a_zone_is_converted() -> None:
    zone = dt.timezone(dt.timedelta(hours=8))
    frame = pl.DataFrame({"user": ["a"], "item": ["x"], "time": [dt.datetime(2020, 1, 1, 8, tzinfo=zone)]})
    assert penchant.Dataset.from_frames(frame).events.timestamps.tolist() == [1577836800000000]

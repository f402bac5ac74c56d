from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.data.dataset import Dataset, Table
from penchant.data.folder import load_dataset, save_dataset
from penchant.errors import BundleError
from tests.data.tables import imported
from tests.data.test_delimited import SLOW


def column(*values: Any) -> np.ndarray[Any, np.dtype[np.object_]]:
    return np.fromiter(values, dtype=object, count=len(values))


def world(**changes: Any) -> Dataset:
    users = Table(("u/1", "用户", "😀 x"), {"age": column(1, None, 3), "tags": column(["a", "b"], None, [])})
    items = Table(
        ("a", "b,c"),
        {
            "title": column("T", None),
            "price": column(1, 2.5),
            "new": column(*[True, None]),
            "vector": column([0.5, 1.0], None),
            "mixed": column("x", 3),
            "nested": column({"k": [1]}, None),
        },
    )
    data = {
        "name": "n",
        "users": users,
        "items": items,
        "user_rows": np.array([2, 0, 2, 1]),
        "item_rows": np.array([0, 1, -1, 1]),
        "timestamps": np.array([5, 6, 4, 4]),
        "values": np.array([1, np.nan, 3, 4]),
    }
    return Dataset.of_rows(**{**data, **changes})


def test_a_saved_dataset_loads_the_same(tmp_path: Path) -> None:
    data = world()
    assert data.save(tmp_path / "d") == tmp_path / "d"
    again = Dataset.load(tmp_path / "d")
    assert again.fingerprint == data.fingerprint
    assert again.users.attributes(0) == {"age": 1, "tags": ["a", "b"]}
    assert again.items.attributes(0) == {
        "title": "T", "price": 1.0, "new": True, "vector": [0.5, 1.0], "mixed": "x", "nested": '{"k":[1]}',
    }  # fmt: skip
    assert again.items.attributes(1)["mixed"] == "3"
    assert again.events.keys.tolist() == [0, 1, 2, 3]


@settings(SLOW, max_examples=20)
@given(data=st.data())
def test_any_dataset_loads_the_same(tmp_path: Path, data: st.DataObject) -> None:
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    ids = data.draw(st.lists(text, min_size=1, max_size=5, unique=True))
    n = data.draw(st.integers(0, 12))
    rows = st.lists(st.integers(0, len(ids) - 1), min_size=n, max_size=n)
    titles = data.draw(st.lists(st.none() | text, min_size=len(ids), max_size=len(ids)))
    made = world(
        users=Table(tuple(ids)),
        items=Table(tuple(ids), {"title": column(*titles)}),
        user_rows=np.array(data.draw(rows), dtype=np.int64),
        item_rows=np.array(data.draw(rows), dtype=np.int64),
        timestamps=np.array(data.draw(st.lists(st.integers(-9, 9), min_size=n, max_size=n)), dtype=np.int64),
        values=np.array(data.draw(st.lists(st.floats(allow_infinity=False), min_size=n, max_size=n)), dtype=np.float64),
    )
    save_dataset(made, tmp_path / "d")
    again = load_dataset(tmp_path / "d")
    assert again.users.ids == again.items.ids == tuple(ids)
    assert list(again.items.columns["title"]) == titles
    for name in ("users", "items", "timestamps"):
        assert getattr(again.events, name).tolist() == getattr(made.events, name).tolist()
    np.testing.assert_array_equal(again.events.values, made.events.values)


def test_ids_and_texts_of_events_survive(tmp_path: Path) -> None:
    text = "event_id,user,item,time,text,platform\ne-1,u,a,1600000000,hi,web\n,u,b,1600000001,,app\n"
    _, folder = imported(tmp_path, "events.csv", text)
    data = Dataset.load(folder)
    assert [data.event_id(int(key)) for key in data.events.keys] == ["e-1", "e1"]
    save_dataset(data, tmp_path / "again")
    again = Dataset.load(tmp_path / "again")
    assert again.events.texts is not None
    assert again.events.platforms is not None
    assert (again.events.texts.tolist(), again.events.platforms.tolist()) == (["hi", None], ["web", "app"])
    assert again.event_id(0) == "e-1"
    assert again.report == data.report


def test_a_dataset_may_have_no_events(tmp_path: Path) -> None:
    empty = world().select(np.zeros(4, dtype=bool))
    again = load_dataset(save_dataset(empty, tmp_path / "d"))
    assert (len(again.events), again.n_users, again.n_items) == (0, 3, 2)


@pytest.mark.parametrize("file", ["events.parquet", "items.parquet", "users.parquet", "dataset.json"])
@pytest.mark.parametrize("damage", ["missing", "half", "altered"])
def test_a_damaged_folder_is_refused(tmp_path: Path, file: str, damage: str) -> None:
    folder = save_dataset(world(), tmp_path / "d")
    path = folder / file
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    else:
        data = data[: len(data) // 2] if damage == "half" else data[:-9] + b"!" + data[-8:]
        path.write_bytes(bytes(data))
    if (file, damage) == ("dataset.json", "altered"):
        path.write_bytes(b'{"format_version": 1}')
    with pytest.raises(BundleError) as caught:
        load_dataset(folder)
    assert caught.value.hint


def test_another_kind_and_a_newer_format_are_refused(tmp_path: Path) -> None:
    folder = save_dataset(world(), tmp_path / "d")
    manifest = orjson.loads((folder / "dataset.json").read_bytes())
    for change, match in (({"format_version": 99}, "format 99"), ({"kind": "bundle"}, "holds a bundle")):
        (folder / "dataset.json").write_bytes(orjson.dumps(manifest | change))
        with pytest.raises(BundleError, match=match):
            load_dataset(folder)
    with pytest.raises(BundleError, match="No dataset at"):
        load_dataset(tmp_path / "none")


def test_events_that_name_unknown_ids_are_refused(tmp_path: Path) -> None:
    folder = save_dataset(world(), tmp_path / "d")
    other = save_dataset(world(users=Table(("x", "y", "z"))), tmp_path / "other")
    (folder / "users.parquet").write_bytes((other / "users.parquet").read_bytes())
    with pytest.raises(BundleError, match="altered"):
        load_dataset(folder)
    with pytest.raises(BundleError, match="does not hold"):
        load_dataset(folder, verify=False)

"""What the rules of cleaning and merging do to rows that are good."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from penchant.data.dataset import Dataset
from penchant.data.importing import ImportConfig, Origin, import_source
from penchant.encoders import render_users
from penchant.errors import SchemaError, SourceError
from tests.data.tables import events_of, imported, quarantined, query

HEADER = "user_id,item_id,timestamp,rating\n"


def test_counts_per_type_are_those_of_the_raw_file(tmp_path: Path) -> None:
    types = ["browse", "click", "purchase", "click", "browse", "browse"]
    text = "user,item,behavior_type,time\n" + "".join(
        f"u,i{k},{kind},16000000{k:02d}\n" for k, kind in enumerate(types)
    )
    report, folder = imported(tmp_path, "log.csv", text)
    data = Dataset.load(folder)
    counts = Counter(data.event_types[code] for code in data.events.types)
    assert dict(report.event_types) == dict(counts) == dict(Counter(types))
    assert [data.event_types[code] for code in data.events.types] == types


def test_ties_in_time_keep_the_files_order(tmp_path: Path) -> None:
    text = HEADER + "u,b,1600000000,1\nv,x,1600000000,1\nu,a,1600000000,1\nu,c,1500000000,1\nu,0,1600000000,1\n"
    _, folder = imported(tmp_path, "events.csv", text)
    assert [row[1] for row in events_of(folder) if row[0] == "u"] == ["c", "b", "a", "0"]


def test_further_columns_are_kept_whatever_they_are_called(tmp_path: Path) -> None:
    text = "user_id,item_id,fault,Fault,moment,x y,,record\nu,i,1,2,3,4,5,6\n"
    _, folder = imported(tmp_path, "events.csv", text)
    columns = [row[0] for row in query("DESCRIBE SELECT * FROM read_parquet(?)", folder / "events.parquet")]
    assert columns[:5] == ["user_id", "item_id", "event_type", "timestamp", "value"]
    assert columns[5:] == ["fault_", "Fault_2", "moment_", "x y", "column_7", "record_"]
    assert query("FROM read_parquet(?)", folder / "events.parquet")[0][5:] == ("1", "2", "3", "4", "5", "6")


def test_repeats_are_duplicates_only_where_an_order_shows_it(tmp_path: Path) -> None:
    plays = "user,item\nu,i\nu,i\nu,j\n"
    report, _ = imported(tmp_path, "plays.csv", plays)
    assert (report.events, report.rules()) == (3, {})
    report, _ = imported(tmp_path, "rated.csv", "user,item,rating\nu,i,4\nu,i,4\nu,i,5\n")
    assert (report.events, report.rules()) == (2, {"exact_duplicate": 1})
    report, _ = imported(tmp_path, "placed.csv", "user,item,position\nu,i,1\nu,i,1\nu,i,2\n")
    assert (report.events, report.clock) == (2, "position")


def test_items_and_users_are_merged_filled_and_stubbed(tmp_path: Path) -> None:
    source = tmp_path / "shop"
    source.mkdir()
    (source / "interactions.csv").write_text(HEADER + "u,a,1600000000,5\nw,z,1600000000,4\n")
    (source / "items.csv").write_text(
        "item_id,title,price,zip,ok,tags\n"
        'a,,5,01234,true,"[\'x\', ""y\'s""]"\n'
        "a,Shoe,6,,false,\n"
        ",No id,1,0,true,[]\n"
        " b,  ,x,9,true,\n"
    )
    (source / "users.csv").write_text("user_id,age\nu,30\nv,\n")
    report = import_source(source, tmp_path / "dataset")
    data = Dataset.load(tmp_path / "dataset")
    assert data.items.ids == ("a", " b", "z")
    assert data.items.attributes(0) == {"title": "Shoe", "tags": ["x", "y's"], "price": "5", "zip": "01234", "ok": True}
    assert data.users.ids == ("u", "v", "w")
    assert report.rules() == {
        "duplicate_id_merged": 1, "empty_text": 1, "unknown_item_id": 1, "unknown_user_id": 1,
    }  # fmt: skip
    assert [(row["file"], row["line"], row["reason"]) for row in quarantined(tmp_path / "dataset")] == [
        ("items.csv", 4, "no id")
    ]
    items = next(account for account in report.files if account.file == "items.csv")
    assert (items.records, items.kept, items.quarantined, sum(items.dropped.values())) == (4, 2, 1, 1)


def test_ids_that_a_frame_wrote_as_reals_are_whole_again(tmp_path: Path) -> None:
    _, folder = imported(tmp_path, "events.csv", "user_id,item_id\n1.0,7\n,8\n2.0,9.5\n")
    assert events_of(folder, ["user_id", "item_id"]) == [("1", "7"), ("2", "9.5")]


def test_two_platforms_merge_into_one_history(tmp_path: Path) -> None:
    """One user, two exports that agree in nothing but the user's id."""
    (tmp_path / "web.csv").write_text("user_id,item_id,event_type,timestamp\nu,a,pv,1600000000\nu,b,buy,1600000300\n")
    (tmp_path / "app.jsonl").write_text(
        '{"uid": "u", "sku": "c", "action": "View", "ms": 1600000100000}\n'
        '{"uid": "u", "sku": "b", "action": "fav", "ms": 1600000200000}\n'
    )
    report = import_source(
        tmp_path / "web.csv",
        tmp_path / "dataset",
        platform="web",
        merge=[Origin(path=tmp_path / "app.jsonl", platform="app")],
        config=ImportConfig.of({"map": {"time": "ms"}}),
    )
    events = events_of(tmp_path / "dataset", ["item_id", "event_type", "platform", "timestamp // 1000000"])
    assert events == [
        ("a", "view", "web", 1600000000),
        ("c", "view", "app", 1600000100),
        ("b", "favorite", "app", 1600000200),
        ("b", "purchase", "web", 1600000300),
    ]
    assert report.rules()["event_type_renamed"] == 4
    assert [account.file for account in report.files] == ["web/web.csv", "app/app.jsonl"]
    data = Dataset.load(tmp_path / "dataset")
    assert data.events.platforms is not None
    assert data.events.platforms.tolist() == ["web", "app", "app", "web"]


def test_sources_with_and_without_time_do_not_merge(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,item,timestamp\nu,a,1600000000\n")
    (tmp_path / "b.csv").write_text("user,item\nu,a\n")
    with pytest.raises(SchemaError, match="one clock"):
        import_source(tmp_path / "a.csv", tmp_path / "dataset", merge=[Origin(path=tmp_path / "b.csv")])
    with pytest.raises(SourceError, match="both called"):
        import_source(tmp_path / "a.csv", tmp_path / "dataset", merge=[Origin(path=tmp_path / "a.csv")])


def test_event_types_can_be_chosen_and_renamed(tmp_path: Path) -> None:
    text = "user,item,type,time\nu,a,pv,1600000000\nu,b,buy,1600000001\nu,c,,1600000002\n"
    asked: dict[str, Any] = {"types": frozenset({"purchase"}), "rename_types": {"buy": "purchase"}}
    report, folder = imported(tmp_path, "log.csv", text, **asked)
    assert events_of(folder, ["item_id", "event_type"]) == [("b", "purchase")]
    assert report.files[0].dropped == {"other_event_type": 2}


def test_searches_views_and_comments_stay_apart(tmp_path: Path) -> None:
    source = tmp_path / "log"
    source.mkdir()
    (source / "views.csv").write_text("user,item,time\nu,a,1600000000\n")
    (source / "comments.csv").write_text("user,item,comment,time\nu,a,Too salty,1600000010\n")
    (source / "searches.csv").write_text("user,query,time\nu,soup,1600000005\n")
    (source / "items.csv").write_text("id,title\na,Crisps\n")
    import_source(source, tmp_path / "dataset")
    data = Dataset.load(tmp_path / "dataset")
    assert data.events.texts is not None
    found = [
        (data.event_types[kind], data.title(item) if item >= 0 else None, text)
        for kind, item, text in zip(data.events.types, data.events.items, data.events.texts, strict=True)
    ]
    assert found == [("view", "Crisps", None), ("search", None, "soup"), ("comment", "Crisps", "Too salty")]
    (user,) = render_users(data)
    assert (user.browsed, user.comments, user.searches) == (("Crisps",), ("Too salty",), ("soup",))

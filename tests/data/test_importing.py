from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.data.conservation import RULES, FileAccount, prove
from penchant.data.dataset import Dataset
from penchant.data.importing import ImportConfig, import_layouts
from penchant.data.layout import Layout, Reading, SourceFile
from penchant.data.sources.detection import find_layout
from penchant.data.staging import Rows
from penchant.errors import (
    BadRowError,
    BundleError,
    ConfigError,
    ConservationError,
    PenchantError,
    SchemaError,
    SourceError,
)
from tests.data.tables import events_of, imported, quarantined
from tests.data.test_delimited import SLOW

HEADER = "user_id,item_id,timestamp,rating\n"


def test_events_are_typed_and_sorted_and_ids_survive(tmp_path: Path) -> None:
    ids = ["a/b", "c d", " lead", "😀", "用户,一", 'q"q', "%2F", "new\nline", "007", "1.50"]
    rows = [
        f'"{id_.replace(chr(34), chr(34) * 2)}",i-{k},16000000{10 - k:02d},{k % 5 + 1}\n' for k, id_ in enumerate(ids)
    ]
    report, folder = imported(tmp_path, "events.csv", HEADER + "".join(rows))
    data = Dataset.load(folder)
    assert data.users.ids == tuple(ids)
    assert data.clock == "time"
    assert report.event_types == {"rating": 10}
    assert report.rating_scale == (1.0, 5.0)
    assert data.events.timestamps.tolist() == [(1600000010 - k) * 1_000_000 for k in range(10)]


BAD = """user_id,item_id,timestamp,rating,comment
u1,i1,1600000000,5,fine
u1,i1,1600000000,5,fine
,i1,1600000000,5,x
NaN,i1,1600000000,5,x
u2,null,1600000000,5,
u2,i2,yesterday,5,x
u2,i2,,5,x
u2,i2,12,5,x
u2,i2,99999999999999999999,5,x
u2,i2,1600000000,five,x
u2,i2,1600000000,inf,x
u2,i2,1600000000,6,x
u3,i3,2020-09-13T12:26:40Z,nan, \t
u4,i4,1600000000123,,"two
lines"
"""


def test_bad_rows_are_set_aside_with_line_column_and_reason(tmp_path: Path) -> None:
    report, folder = imported(tmp_path, "events.csv", BAD, rating_scale=(1, 5))
    found = [(row["line"], row["column"], row["reason"]) for row in quarantined(folder)]
    assert found == [
        (4, "user_id", "no user"),
        (5, "user_id", "no user"),
        (6, "item_id", "no item and no text"),
        (7, "timestamp", "'yesterday' is no time in s, ms, µs, ns or ISO 8601"),
        (8, "timestamp", "no time"),
        (9, "timestamp", "'12' is not between March 1973 and 2200"),
        (10, "timestamp", "'99999999999999999999' is not between March 1973 and 2200"),
        (11, "rating", "'five' is no finite number"),
        (12, "rating", "'inf' is no finite number"),
        (13, "rating", "'6' is outside the scale 1 to 5"),
    ]
    account = report.files[0]
    assert (account.records, account.kept, account.quarantined, dict(account.dropped)) == (
        14, 3, 10, {"exact_duplicate": 1},
    )  # fmt: skip
    assert report.rules() == {"exact_duplicate": 1, "value_nan": 1, "empty_text": 1}
    assert set(report.rules()) <= set(RULES)
    assert report.times == {"seconds": 2, "milliseconds": 1, "ISO 8601": 1}
    assert quarantined(folder)[0]["raw"] == ",i1,1600000000,5,x"
    kept = events_of(folder, ["user_id", "timestamp", "value", "text"])
    assert kept == [
        ("u1", 1600000000000000, 5.0, "fine"),
        ("u3", 1600000000000000, None, None),
        ("u4", 1600000000123000, None, "two\nlines"),
    ]


def test_strict_stops_at_the_first_bad_row_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadRowError, match="line 4, column 'user_id': no user") as caught:
        imported(tmp_path, "events.csv", BAD, strict=True)
    assert "--strict" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["events.csv"]


@settings(SLOW, max_examples=25)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["u1", "u2", "", "nan", " "]),
            st.sampled_from(["i1", "i2", "none"]),
            st.sampled_from(["1600000000", "1600000001000", "2020-01-01", "x", ""]),
            st.sampled_from(["1", "5", "0", "z", "nan"]),
            st.sampled_from(["", ",", '"', ' "a"']),
        ),
        max_size=25,
    )
)
def test_records_are_conserved_and_events_are_the_kept_ones(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    text = HEADER + "u9,i9,1600000000,3\n" + "".join(",".join(row[:4]) + row[4] + "\n" for row in rows)
    report, folder = imported(tmp_path, "events.csv", text, rating_scale=(1, 5))
    account = report.files[0]
    assert account.records == len(rows) + 1
    assert account.records == account.kept + account.quarantined + sum(account.dropped.values())
    assert account.kept == report.events == len(events_of(folder))
    assert account.quarantined == len(quarantined(folder))


def test_a_silent_loss_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB giving fewer rows than the scan counted is an error, not a smaller dataset."""
    (tmp_path / "events.csv").write_text(HEADER + "".join(f"u,i{k},16000000{k:02d},1\n" for k in range(50)))

    def losing(layout: Layout) -> Layout:
        def read(file: SourceFile, reading: Reading, name: str) -> Rows:
            rows = file.read(reading, name)
            return replace(rows, relation=f"(FROM {rows.relation} LIMIT 49)")

        files = tuple(replace(file, read=lambda r, n, f=file: read(f, r, n)) for file in layout.files)  # type: ignore[misc]
        return replace(layout, files=files)

    with pytest.raises(ConservationError, match="50 records read, but 49 kept"):
        import_layouts([losing(find_layout(tmp_path / "events.csv"))], tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


def test_the_proof_names_the_file() -> None:
    good = FileAccount(file="a", role="events", records=3, kept=1, quarantined=1, dropped=Counter(blank_line=1))
    prove([good])
    with pytest.raises(ConservationError, match="b: 3 records"):
        prove([good, replace(good, file="b", kept=2)])


@pytest.mark.parametrize(
    ("name", "content", "kind", "match"),
    [
        ("e.csv", "", SourceError, "is empty"),
        ("e.jsonl", "", SourceError, "is empty"),
        ("e.csv", "user_id,item_id\n", SourceError, "no events"),
        ("e.csv", "user_id,price\n1,2\n", SchemaError, "no column for item_id"),
        ("e.csv", "a,b\n1,2\n", SchemaError, "no column for user_id"),
        ("e.csv", "user_id,item_id\n,\n", SourceError, "None of the 1 event records"),
        ("e.jsonl", '{"a": 1}\n', SchemaError, "no column for user_id"),
    ],
)
def test_unusable_sources_are_refused_and_leave_nothing(
    tmp_path: Path, name: str, content: str, kind: type[PenchantError], match: str
) -> None:
    with pytest.raises(kind, match=match) as caught:
        imported(tmp_path, name, content)
    assert caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_columns_can_be_named(tmp_path: Path) -> None:
    text = "who,what,when,stars given\nu,i,2020-01-02,4\n"
    mapping = {"user": "who", "item": "what", "time": "when", "value": "stars given"}
    _, folder = imported(tmp_path, "events.csv", text, map=mapping)
    assert events_of(folder, ["user_id", "item_id", "timestamp", "value"]) == [("u", "i", 1577923200000000, 4.0)]
    with pytest.raises(SchemaError, match="no file has a column 'nope'"):
        imported(tmp_path, "events.csv", text, map=mapping | {"value": "nope"})
    with pytest.raises(SchemaError, match="knows no field 'buyer'"):
        imported(tmp_path, "events.csv", text, map={"buyer": "who"})


def test_files_without_header_have_numbered_columns(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"header": False, "map": {"user": "1", "item": "2", "timestamp": "3"}}
    _, folder = imported(tmp_path, "events.csv", "u,i,1600000000\nu,j,1600000001\n", **asked)
    assert events_of(folder) == [("u", "i", 1600000000000000), ("u", "j", 1600000001000000)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_shows_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    text = HEADER.replace(",", delimiter) + delimiter.join(["u", "i", "1600000000", "5"]) + "\n"
    report, _ = imported(tmp_path, "events.csv", text)
    assert (report.events, report.clock) == (1, "time")


def test_files_may_know_no_quoting(tmp_path: Path) -> None:
    text = 'user\titem\tcomment\nu\ti\t"so-so\nv\tj\tfine\n'
    report, _ = imported(tmp_path, "events.tsv", text)
    assert (report.events, report.quarantined) == (1, 1)
    report, folder = imported(tmp_path, "events.tsv", text, quote="")
    assert events_of(folder, ["text"]) == [('"so-so',), ("fine",)]


@pytest.mark.parametrize(
    ("name", "source_format", "content"),
    [
        ("e.csv", "csv", "user,item\nu,a\nu,LONG\nv,b\n"),
        ("e.tsv", "tsv", 'user\titem\nu\ta\nu\t"LONG"\nv\tb\n'),
        ("e.jsonl", "jsonl", '{"user": "u", "item": "a"}\n{"user": "u", "item": "LONG"}\n{"user": "v", "item": "b"}\n'),
    ],
)
def test_lines_above_the_limit_are_set_aside_in_every_format(
    tmp_path: Path, name: str, source_format: str, content: str
) -> None:
    text = content.replace("LONG", "x" * 5000)
    report, folder = imported(tmp_path, name, text, format=source_format, max_record_bytes=1024)
    assert events_of(folder, ["user_id", "item_id"]) == [("u", "a"), ("v", "b")]
    (bad,) = quarantined(folder)
    assert "longer than 1024" in bad["reason"]
    assert report.files[0].records == 3


def test_an_older_dataset_stays_whole_where_the_import_fails(tmp_path: Path) -> None:
    imported(tmp_path, "good.csv", "user,item\nu,i\n")
    with pytest.raises(SchemaError):
        imported(tmp_path, "bad.csv", "x\n1\n")
    assert Dataset.load(tmp_path / "dataset").users.ids == ("u",)


def test_a_folder_that_is_no_dataset_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "thesis.txt").write_text("mine")
    with pytest.raises(BundleError, match="not a Penchant folder"):
        imported(tmp_path, "good.csv", "user,item\nu,i\n")
    assert (tmp_path / "dataset" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "wrong",
    [
        {"clock": "sundial"},
        {"rating_scale": (5, 1)},
        {"max_record_bytes": 1},
        {"threads": 0},
        {"unknown": 1},
        {"memory_limit": "much"},
    ],
)
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        ImportConfig.of(wrong)


def test_the_manifest_tells_what_happened(tmp_path: Path) -> None:
    report, folder = imported(tmp_path, "shop.csv", BAD, licence="CC0")
    manifest = orjson.loads((folder / "dataset.json").read_bytes())
    assert (manifest["name"], manifest["licence"], manifest["kind"]) == ("shop", "CC0", "dataset")
    assert manifest["counts"]["by_type"] == dict(report.event_types)
    assert manifest["conservation"] == [account.as_json() for account in report.files]
    assert {rule["rule"] for rule in manifest["rules"]} == set(report.rules())
    assert Dataset.load(folder).report is not None
    assert not (folder / "work").exists()


def test_the_same_source_gives_the_same_dataset(tmp_path: Path) -> None:
    text = HEADER + "".join(f"u{k % 7},i{k % 13},{1600000000 + k // 3},{k % 5}\n" for k in range(500))
    imported(tmp_path, "events.csv", text)
    first = Dataset.load(tmp_path / "dataset").fingerprint
    imported(tmp_path, "events.csv", text)
    assert Dataset.load(tmp_path / "dataset").fingerprint == first

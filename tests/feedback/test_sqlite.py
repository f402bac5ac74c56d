"""The embedded stores: what is acknowledged stays, a repeated id counts once, the log keeps its order."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from penchant.errors import NotFoundError, SchemaError, StoreError
from penchant.feedback import Stores, open_stores
from penchant.records import Edit, Event, Reason, RecommendedItem, Slate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a folder" / "store 100%?#.sqlite"


@pytest.fixture
def stores(path: Path):
    with open_stores(path) as stores:
        yield stores


def event(event_id: str | None, user_id: str = "u", **more) -> Event:
    return Event(event_id=event_id, user_id=user_id, item_id=more.pop("item_id", "i"), **more)


def edit(edit_id: str, action="more") -> Edit:
    return Edit(edit_id=edit_id, user_id="u", concept_id="c", action=action, edited_at=1)


def ids(stores: Stores) -> list[str]:
    entries = [logged.entry for logged in stores.log()]
    return [entry.edit_id if isinstance(entry, Edit) else str(entry.event_id) for entry in entries]


def test_an_event_comes_back_as_it_went_in(stores):
    odd = event(
        "e/1", "读者 🐉/x", item_id=None, event_type="search", timestamp=-(2**62), value=0.1, text="<b>", slate_id="s"
    )
    assert stores.add_events([odd, event("e2")]) == [True, True]
    assert [logged.entry for logged in stores.log()] == [odd, event("e2")]


def test_a_repeated_event_id_counts_once_and_the_first_stands(stores):
    assert stores.add_events([event("a", value=1.0), event("a", value=2.0), event("b")]) == [True, False, True]
    assert stores.add_events([event("b"), event("c")]) == [False, True]
    assert ids(stores) == ["a", "b", "c"]
    assert next(stores.log()).entry.value == 1.0
    assert stores.counts() == {"events": 3, "edits": 0, "slates": 0}


def test_more_ids_than_one_query_takes(stores):
    many = [event(f"e{i}") for i in range(1_100)]
    assert all(stores.add_events(many))
    assert not any(stores.add_events(many))
    stores.withdraw_events([e.event_id for e in many[:1_050]])
    assert len(ids(stores)) == 50


def test_events_and_edits_share_one_order(stores, path):
    stores.add_events([event("a")])
    stores.add_edit(edit("x"))
    stores.add_events([event("b")])
    stores.add_edit(edit("x", "less"))
    assert ids(stores) == ["a", "x", "b"]
    second = [logged.sequence for logged in stores.log()][1]
    assert [logged.entry for logged in stores.log(after=second)] == [event("b")]
    with open_stores(f"sqlite:///{path.parent}/other.sqlite") as other:
        assert ids(other) == []


def test_every_kind_of_edit_comes_back_as_it_went_in_and_a_repeated_id_counts_once(stores):
    odd = [
        edit("x"),
        Edit(edit_id="龙", user_id="读者 🐉", action="add", text="<b>", concept_id="c", strength=1.1, edited_at=2),
        Edit(edit_id="f", user_id="u", action="forget", event_id="e1"),
        Edit(edit_id="r", user_id="u", action="reset"),
        Edit(edit_id="z", user_id="u", action="undo", undoes="r"),
    ]
    assert [stores.add_edit(one) for one in [*odd, odd[1]]] == [True] * 5 + [False]
    assert [logged.entry for logged in stores.log()] == odd
    assert stores.counts()["edits"] == 5


OLD = """
CREATE TABLE penchant_schema (version INTEGER NOT NULL PRIMARY KEY, applied_at TEXT NOT NULL);
INSERT INTO penchant_schema VALUES (1, 'then');
CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO counters VALUES ('log', 7);
CREATE TABLE edits (sequence INTEGER NOT NULL PRIMARY KEY, edit_id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL,
    concept_id TEXT NOT NULL, action TEXT NOT NULL, edited_at BIGINT NOT NULL);
INSERT INTO edits VALUES (7, 'old', 'u', 'c', 'more', 1);
"""


def test_a_store_of_the_first_version_keeps_its_edits_and_takes_new_ones(tmp_path):
    with sqlite3.connect(tmp_path / "old.sqlite") as connection:
        connection.executescript(OLD)
    connection.close()
    for _ in range(2):
        with open_stores(tmp_path / "old.sqlite") as stores:
            assert stores.add_edit(edit("old", "less")) is False
            stores.add_edit(edit("new", "pin"))
            assert [logged.entry for logged in stores.log()] == [edit("old"), edit("new", "pin")]
            assert stores.counts()["edits"] == 2
            stores.withdraw_edit("never")
    with sqlite3.connect(tmp_path / "old.sqlite") as connection:
        assert connection.execute("SELECT version FROM penchant_schema ORDER BY version").fetchall() == [(1,), (3,)]
    connection.close()


def test_what_is_withdrawn_can_come_again(stores):
    stores.add_events([event("a"), event("b")])
    stores.add_edit(edit("x"))
    stores.withdraw_events(["a", "never"])
    stores.withdraw_events([])
    stores.withdraw_edit("x")
    assert ids(stores) == ["b"]
    assert stores.add_events([event("a")]) == [True]
    assert ids(stores) == ["b", "a"]


def test_a_long_log_is_read_in_pages(stores, monkeypatch):
    monkeypatch.setattr("penchant.feedback.sqlite._PAGE", 3)
    for n in range(4):
        stores.add_events([event(f"{n}a"), event(f"{n}b")])
        stores.add_edit(edit(f"{n}c"))
    assert ids(stores) == [f"{n}{letter}" for n in range(4) for letter in "abc"]


def test_an_event_without_an_id_is_refused_and_nothing_is_stored(stores):
    with pytest.raises(SchemaError, match="Event 1 has no event_id"):
        stores.add_events([event("a"), event(None)])
    assert stores.add_events([]) == []
    assert ids(stores) == []


@pytest.mark.parametrize("bad", [event("a", timestamp=2**70), event("a", text="\ud800")])
def test_a_value_the_store_cannot_hold_stores_nothing(stores, bad):
    with pytest.raises(SchemaError):
        stores.add_events([event("good"), bad])
    assert ids(stores) == []
    assert stores.add_events([event("good")]) == [True]


def test_a_slate_comes_back_as_it_was_served(stores, path):
    reason = Reason(source="concept", contribution=0.5, concept_id="c", concept="fantasy", evidence=("e1", "e2"))
    items = tuple(
        RecommendedItem(
            item_id=f"i/{n}", title="龙 & <x>", rank=n + 1, score=1.5, reasons=(reason,), other=0.25, residual=0.75
        )
        for n in range(12)
    )
    slate = Slate(
        user_id="u", slate_id="s", generated_at="t", bundle="b", policy="greedy", items=items, timings_ms={"score": 1.0}
    )
    stores.add_slate(slate)
    stores.add_slate(slate)
    empty = Slate(
        user_id="u", slate_id="0", generated_at="t", bundle="b", policy="greedy", items=(), cold=True, note="who?"
    )
    stores.add_slate(empty)
    stores.close()
    with open_stores(path) as again:
        assert again.slate("s") == slate
        assert again.slate("0") == empty
        assert again.counts()["slates"] == 2
        with pytest.raises(NotFoundError):
            again.slate("t")


def test_threads_share_a_store(stores):
    def add(thread: int) -> int:
        return sum(sum(stores.add_events([event(f"{thread}-{n}"), event(f"all-{n}")])) for n in range(10))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(8))) == 8 * 10 + 10
    assert len(set(ids(stores))) == len(ids(stores)) == 90
    sequences = [logged.sequence for logged in stores.log()]
    assert sequences == sorted(set(sequences))


def test_an_acknowledged_event_is_flushed(stores):
    """FULL (2) flushes the write-ahead file at each commit; nothing else survives a loss of power."""
    with stores._durable.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


WRITER = """
import sys
from penchant.feedback import open_stores
from penchant.records import Event
stores = open_stores(sys.argv[1])
for n in range(1_000_000):
    stores.add_events([Event(event_id=str(n), user_id="u", item_id="i")])
    print(n, flush=True)
"""


def test_kill_9_loses_nothing_acknowledged(path):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer:
        acknowledged = [writer.stdout.readline().strip() for _ in range(60)]
        writer.kill()
        acknowledged += writer.stdout.read().split()
    with open_stores(path) as stores:
        found = ids(stores)
        assert found[: len(acknowledged)] == acknowledged
        assert len(found) - len(acknowledged) in (0, 1)  # one may be on disk and not yet acknowledged
        assert stores.add_events([event("after")]) == [True]


def test_a_full_disk_is_a_store_error_and_stores_nothing(stores):
    with stores._durable.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError, match="full") as caught:
        stores.add_events([event(f"e{n}", text="x" * 2_000) for n in range(50)])
    assert caught.value.hint
    assert ids(stores) == []


def test_a_locked_store_says_so(stores, path, monkeypatch):
    with stores._durable.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=10")
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        stores.add_events([event("a")])
    blocker.close()
    assert stores.add_events([event("a")]) == [True]

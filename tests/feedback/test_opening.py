"""Opening stores: what cannot be opened is refused with what to do, and is left as it was."""

import os
import sqlite3
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from penchant.errors import SourceError, StoreError
from penchant.feedback import open_stores
from penchant.feedback.log_reading import read_log
from penchant.records import Event


def filled(path: Path, n: int = 400) -> Path:
    with open_stores(path) as stores:
        stores.add_events([Event(event_id=f"e{i}", user_id="u", item_id="i", text="x" * 50) for i in range(n)])
    return path


def test_urls_and_paths_open_the_same_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    filled(tmp_path / "s.sqlite", n=3)
    for url in ("s.sqlite", "sqlite:///s.sqlite", f"sqlite:///{tmp_path}/s.sqlite"):
        with open_stores(url) as stores:
            assert stores.counts()["events"] == 3


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://reader:secret@host/db", "postgresql"),
        ("sqlite://", "memory"),
        ("sqlite:///:memory:", "memory"),
        ("://", "cannot be read"),
    ],
)
def test_a_url_nothing_stands_behind(url, said):
    with pytest.raises(StoreError, match=said) as caught:
        open_stores(url)
    assert "sqlite:///" in caught.value.hint
    assert "secret" not in caught.value.message


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"not a database at all, but long enough to look at " * 50)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="damaged") as caught:
        open_stores(path)
    assert "backup" in caught.value.hint
    assert path.read_bytes() == before


def test_a_database_cut_in_half(tmp_path):
    path = filled(tmp_path / "s.sqlite")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="damaged"):
        open_stores(path)


def test_a_page_overwritten(tmp_path):
    path = filled(tmp_path / "s.sqlite")
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(os.urandom(8_192))
    with pytest.raises(StoreError, match="damaged"):
        open_stores(path)


def test_someone_elses_database_is_left_alone(tmp_path):
    path = tmp_path / "s.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StoreError, match="not a Penchant store"):
        open_stores(path)
    connection = sqlite3.connect(path)
    assert [name for (name,) in connection.execute("SELECT name FROM sqlite_master")] == ["theirs"]
    connection.close()


def test_a_newer_version_is_refused(tmp_path):
    path = filled(tmp_path / "s.sqlite", n=1)
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO penchant_schema VALUES (99, 'later')")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="version 99") as caught:
        open_stores(path)
    assert "Upgrade" in caught.value.hint


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file" / "s.sqlite", tmp_path):
        with pytest.raises(StoreError) as caught:
            open_stores(place)
        assert caught.value.hint


def test_an_empty_file_becomes_a_store(tmp_path):
    path = tmp_path / "s.sqlite"
    path.touch()
    assert filled(path, n=2) == path


@contextmanager
def an_ordinary_user():
    """Root may write anything: as root, be nobody for a moment."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_read_only_file_and_folder():
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        folder = Path(name)
        path = filled(folder / "s.sqlite", n=1)
        path.chmod(0o444)
        folder.chmod(0o555)
        with an_ordinary_user(), pytest.raises(StoreError, match=r"readonly|unable to open"):
            open_stores(path)
        with an_ordinary_user(), pytest.raises(StoreError, match="unable to open"):
            open_stores(folder / "new.sqlite")
        folder.chmod(0o755)


def test_a_store_is_no_log(tmp_path):
    with open_stores(str(tmp_path / "store.sqlite")):
        pass
    with pytest.raises(SourceError, match=r"is a store, not a log"):
        read_log(tmp_path / "store.sqlite")

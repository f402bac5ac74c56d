import multiprocessing
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.encoders import CachedEncoder
from penchant.encoders import cache as cache_module
from penchant.errors import ConfigError
from penchant.interfaces import Encoder
from penchant.progress import SILENT, Advance, Progress
from penchant.types import FloatArray

from .conftest import MakeEncoder
from .counting import Counting, encode_some


class Bars(Progress):
    """Name, total and steps done of each bar shown."""

    def __init__(self) -> None:
        self.shown: list[list[object]] = []

    @contextmanager
    def task(self, name: str, total: int | None = None) -> Iterator[Advance]:
        done = 0

        def advance(n: int = 1, status: str = "") -> None:
            nonlocal done
            done += n

        yield advance
        self.shown.append([name, total, done])


class Notes(Progress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def inner() -> Counting:
    return Counting()


def test_a_second_run_encodes_only_what_changed(inner: Counting, tmp_path: Path):
    texts = ["one", "two", "", "one", "三 🙂"]
    first = CachedEncoder(inner, tmp_path / "new" / "cache").encode(texts)
    assert sorted(inner.asked) == sorted(set(texts))
    np.testing.assert_array_equal(first, Counting().encode(texts))
    inner.asked.clear()
    again = CachedEncoder(inner, tmp_path / "new" / "cache")
    assert isinstance(again, Encoder)
    np.testing.assert_array_equal(again.encode(["four", *texts]), Counting().encode(["four", *texts]))
    assert inner.asked == ["four"]


@settings(max_examples=30, deadline=None)
@given(runs=st.lists(st.lists(st.text(st.characters(), max_size=3), max_size=12), max_size=4))
def test_equals_the_encoder_behind_it(tmp_path_factory: pytest.TempPathFactory, runs: list[list[str]]):
    cached = CachedEncoder(Counting(), tmp_path_factory.mktemp("cache"))
    for texts in runs:
        np.testing.assert_array_equal(cached.encode(texts), Counting().encode(texts))


def test_one_bar_for_what_is_encoded(tiny_encoder: MakeEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache_module, "_RUN", 4)
    cached, bars = CachedEncoder(tiny_encoder("bert"), tmp_path), Bars()
    texts = ["red", "", "red", *(f"book {i}" for i in range(8))]
    cached.encode(texts, progress=bars)
    cached.encode(texts, progress=bars)
    assert bars.shown == [["Encoding texts", 10, 10]]
    tiny_encoder("bert").encode(texts, progress=bars)
    assert bars.shown[1:] == [["Encoding texts", 10, 10]]


def test_half_a_surrogate_pair(inner: Counting, tmp_path: Path):
    assert CachedEncoder(inner, tmp_path).encode(["\ud83d"]).shape == (1, 5)


def test_no_texts_and_one_text(inner: Counting, tmp_path: Path):
    assert CachedEncoder(inner, tmp_path).encode([]).shape == (0, 5)
    with pytest.raises(ConfigError, match="several texts"):
        CachedEncoder(inner, tmp_path).encode("one")


def test_encoders_do_not_share_vectors(tmp_path: Path):
    for name in ("a", "b"):
        CachedEncoder(Counting(name), tmp_path).encode(["one"])
    found = CachedEncoder(Counting("b"), tmp_path)
    np.testing.assert_array_equal(found.encode(["one"]), Counting("b").encode(["one"]))
    assert (found.identity, found.dim, len(list(tmp_path.iterdir()))) == ("b", 5, 2)


@pytest.mark.parametrize("damage", ["garbage", "empty", "cut", "zeros in the middle", "another table"])
def test_a_damaged_file_is_encoded_again(inner: Counting, tmp_path: Path, damage: str):
    texts = [f"text {i}" for i in range(400)]
    cached = CachedEncoder(inner, tmp_path)
    expected = cached.encode(texts)
    whole = cached.file.read_bytes()
    cached.file.write_bytes(
        {
            "garbage": b"x" * 9000,
            "empty": b"",
            "cut": whole[: len(whole) // 2],
            "zeros in the middle": whole[:8192] + bytes(8192) + whole[16384:],
            "another table": b"",
        }[damage]
    )
    if damage == "another table":
        with closing(sqlite3.connect(cached.file)) as database, database:
            database.execute("CREATE TABLE vectors (something)")
    np.testing.assert_array_equal(cached.encode(texts), expected)
    inner.asked.clear()
    np.testing.assert_array_equal(cached.encode(texts), expected)
    assert inner.asked == []


def test_a_damaged_row_is_encoded_again(inner: Counting, tmp_path: Path):
    cached = CachedEncoder(inner, tmp_path)
    expected = cached.encode(["one", "two"])
    with closing(sqlite3.connect(cached.file)) as database, database:
        database.execute("UPDATE vectors SET vector = zeroblob(20)")
    inner.asked.clear()
    np.testing.assert_array_equal(cached.encode(["one", "two"]), expected)
    assert sorted(inner.asked) == ["one", "two"]
    assert not list(tmp_path.glob("*.damaged"))


def test_an_interrupted_run_keeps_what_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Failing(Counting):
        def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:  # noqa: ARG002
            if "text 25" in texts:
                raise KeyboardInterrupt
            return super().encode(texts)

    monkeypatch.setattr(cache_module, "_RUN", 10)
    texts = [f"text {i}" for i in range(40)]
    with pytest.raises(KeyboardInterrupt):
        CachedEncoder(Failing(), tmp_path).encode(texts)
    inner = Counting()
    CachedEncoder(inner, tmp_path).encode(texts)
    assert inner.asked == texts[20:]


def test_a_folder_that_cannot_be_written(inner: Counting, tmp_path: Path):
    (tmp_path / "file").write_text("x")
    notes = Notes()
    vectors = CachedEncoder(inner, tmp_path / "file" / "cache").encode(["one"], progress=notes)
    np.testing.assert_array_equal(vectors, Counting().encode(["one"]))
    assert "cannot be written" in notes.notes[0]


def test_a_locked_file_is_left_alone(inner: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache_module, "_WAIT_SECONDS", 0.05)
    cached, notes = CachedEncoder(inner, tmp_path), Notes()
    cached.encode(["one"])
    with closing(sqlite3.connect(cached.file)) as database:
        database.execute("BEGIN EXCLUSIVE")
        np.testing.assert_array_equal(cached.encode(["two"], progress=notes), Counting().encode(["two"]))
        database.rollback()
    assert any("cannot be written" in note for note in notes.notes)
    inner.asked.clear()
    cached.encode(["one", "two"])
    assert inner.asked == ["two"]


def test_several_processes_share_a_folder(inner: Counting, tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=encode_some, args=(tmp_path, 20 * i)) for i in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    texts = [f"text {i}" for i in range(100)]
    np.testing.assert_array_equal(CachedEncoder(inner, tmp_path).encode(texts), Counting().encode(texts))
    assert inner.asked == []
    assert not list(tmp_path.glob("*.damaged"))

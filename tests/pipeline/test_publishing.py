"""Versions of a bundle: written beside, switched in one step, gone back to; what fails leaves what stood."""

from pathlib import Path

import pytest

from penchant.artifacts import MANIFEST
from penchant.errors import BundleError, ConfigError
from penchant.pipeline.publishing import current, only, pointer_of, publish, roll_back, standing


def _write(text: str):
    def write(place: Path) -> None:
        place.mkdir()
        (place / MANIFEST).write_text(text)

    return write


@pytest.fixture
def books(tmp_path: Path) -> Path:
    _write("first")(tmp_path / "books")
    return tmp_path / "books"


def _read(bundle: Path) -> str:
    return (current(bundle) / MANIFEST).read_text()


def test_published_and_rolled_back_round_trip(books):
    assert current(books) == books
    assert publish(books, _write("second")).name == "books.v2"
    assert publish(books, _write("third")).name == "books.v3"
    assert _read(books) == "third"
    assert roll_back(books).current == "books.v2"
    assert _read(books) == "second"
    assert roll_back(books).current == "books"
    assert _read(books) == "first"
    with pytest.raises(ConfigError, match="nothing stood before"):
        roll_back(books)
    roll_back(books, to="books.v3")
    assert _read(books) == "third"
    assert publish(books, _write("fourth")).name == "books.v4"
    assert standing(books).versions == ("books", "books.v2", "books.v3", "books.v4")


def test_a_write_cut_short_leaves_what_stood(books):
    publish(books, _write("second"))

    def half(place: Path) -> None:
        place.mkdir()
        (place / "model").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(books, half)
    assert _read(books) == "second"
    assert publish(books, _write("third")).name == "books.v4"  # what was left over is not touched
    assert _read(books) == "third"


def test_cut_short_while_the_pointer_is_written(books, monkeypatch):
    publish(books, _write("second"))

    def killed(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            publish(books, _write("third"))
    assert _read(books) == "second"


def test_one_fitted_anew_stands_itself(books):
    publish(books, _write("second"))
    only(books)
    assert _read(books) == "first"
    with pytest.raises(ConfigError, match="has one version"):
        roll_back(books)


def test_lost_and_damaged_versions_are_named(books):
    place = publish(books, _write("second"))
    (place / MANIFEST).unlink()
    with pytest.raises(BundleError, match=r"books.v2, which is not there"):
        current(books)
    assert roll_back(books).current == "books"  # the way out
    pointer_of(books).write_text("{")
    with pytest.raises(BundleError, match="damaged"):
        current(books)


def test_no_such_version(books):
    publish(books, _write("second"))
    with pytest.raises(ConfigError, match="no other version") as told:
        roll_back(books, to="books.v9")
    assert told.value.hint == "There are: books."

"""MovieLens as GroupLens publishes it: 100K (`u.data`), 1M and 10M (`ratings.dat`), and later ones (`ratings.csv`).

The older files are Latin-1, without header or quoting: tab and bar in 100K, two colons in 1M and 10M.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from penchant.data.layout import Computed, Layout, Reading, SourceFile
from penchant.data.schema import Role
from penchant.data.sources.delimited import Delimited, header_of
from penchant.data.sources.tables import table_file
from penchant.data.staging import Column, Rows
from penchant.errors import SourceError

LICENCE = "MovieLens, GroupLens: research use, no redistribution or commercial use without permission"
GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
"""Genres of 100K in the order of its yes/no columns."""

_Shape = tuple[Role, str, tuple[str, ...]]
_EVENT = ("user_id", "item_id", "rating", "timestamp")
_HUNDRED_K: Mapping[str, _Shape] = {
    "u.data": ("events", "\t", _EVENT),
    "u.item": ("items", "|", ("item_id", "title", "release_date", "video_release_date", "imdb_url", *GENRES)),
    "u.user": ("users", "|", ("user_id", "age", "gender", "occupation", "zip")),
}
_MILLIONS: Mapping[str, _Shape] = {
    "ratings.dat": ("events", "::", _EVENT),
    "tags.dat": ("events", "::", ("user_id", "item_id", "text", "timestamp")),
    "movies.dat": ("items", "::", ("item_id", "title", "genres")),
    "users.dat": ("users", "::", ("user_id", "gender", "age", "occupation", "zip")),
}
_CSV: Mapping[str, Role] = {"ratings.csv": "events", "tags.csv": "events", "movies.csv": "items"}


def is_movielens(folder: Path) -> bool:
    """Whether a folder holds one of the layouts."""
    names = {path.name for path in folder.iterdir()}
    later = "movies.csv" in names and {"userId", "movieId", "rating"} <= header_of(folder / "ratings.csv")
    return later or bool(names & {"u.data", "ratings.dat"})


def movielens(source: Path) -> Layout:
    """The layout of a MovieLens folder, or of one of its rating files."""
    present = sorted(source.iterdir()) if source.is_dir() else [source]
    names = {path.name for path in present}
    if "u.data" in names:
        files, scale = _headless(present, _HUNDRED_K), (1.0, 5.0)
    elif "ratings.dat" in names:
        whole = "users.dat" in names or not source.is_dir()  # 10M has no users, but half stars
        files, scale = _headless(present, _MILLIONS), ((1.0, 5.0) if whole else (0.5, 5.0))
    elif "ratings.csv" in names:
        files, scale = [_csv(path) for path in present if path.name in _CSV], (0.5, 5.0)
    else:
        raise SourceError(
            f"{source} is no MovieLens layout: it has none of u.data, ratings.dat and ratings.csv.",
            hint="Give the folder that was in the archive.",
        )
    used = {file.name for file in files}
    return Layout(
        format="movielens",
        name=source.name if source.is_dir() else source.stem,
        files=tuple(replace(file, rating_scale=scale) if file.role == "events" else file for file in files),
        left_aside=tuple(
            (path.name, "not part of the layout that is read") for path in present if path.name not in used
        ),
        licence=LICENCE,
    )


def _headless(present: Sequence[Path], shapes: Mapping[str, _Shape]) -> list[SourceFile]:
    return [_file(path, *shapes[path.name]) for path in present if path.name in shapes]


def _file(path: Path, role: Role, delimiter: str, columns: tuple[str, ...]) -> SourceFile:
    def read(reading: Reading, name: str) -> Rows:
        file = reading.text_file(path, encoding="latin-1")
        return reading.stage(Delimited(file, delimiter=delimiter, quote="", columns=columns), name=name)

    file = SourceFile(role=role, name=path.name, read=read, event_type="tag" if path.name.startswith("tags") else None)
    if role != "items":
        return file
    if delimiter == "|":
        return replace(file, computed={"categories": _flagged, "year": _year}, left_out=frozenset(GENRES))
    return replace(
        file, computed={"categories": partial(_split, "genres"), "year": _year}, left_out=frozenset({"genres"})
    )


def _csv(path: Path) -> SourceFile:
    file = table_file(path, _CSV[path.name], name=path.name, format="csv")
    if path.name == "tags.csv":
        return replace(file, event_type="tag", given={"text": "tag"})
    if path.name == "movies.csv":
        computed: dict[str, Computed] = {"categories": partial(_split, "genres"), "year": _year}
        return replace(file, computed=computed, left_out=frozenset({"genres"}))
    return replace(file, event_type="rating")


def _flagged(columns: Mapping[str, Column]) -> str:
    parts = ", ".join(
        f"CASE WHEN {columns[genre].sql} = '1' THEN '{genre.replace(chr(39), chr(39) * 2)}' END" for genre in GENRES[1:]
    )
    return f"list_filter([{parts}], lambda x: x IS NOT NULL)"


def _split(name: str, columns: Mapping[str, Column]) -> str:
    return f"list_filter(string_split({columns[name].sql}, '|'), lambda x: x <> '(no genres listed)')"


def _year(columns: Mapping[str, Column]) -> str:
    return f"TRY_CAST(nullif(regexp_extract({columns['title'].sql}, '\\((\\d{{4}})\\)\\s*$', 1), '') AS BIGINT)"

"""A table, or a folder of tables, in any of CSV, TSV, JSON lines and Parquet; the text ones may be gzipped."""

import re
from pathlib import Path

from penchant.data.layout import Layout, Reading, SourceFile
from penchant.data.schema import Role, letters
from penchant.data.sources.delimited import Delimited
from penchant.data.sources.json_lines import JsonLines
from penchant.data.sources.parquet import parquet_rows
from penchant.data.staging import Rows
from penchant.errors import SourceError

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_STEMS: dict[str, tuple[Role, str | None]] = {
    **dict.fromkeys(("interactions", "interaction", "events", "event", "log", "logs", "behaviors"), ("events", None)),
    **dict.fromkeys(("ratings", "rating"), ("events", "rating")),
    **dict.fromkeys(("reviews", "review"), ("events", "review")),
    **dict.fromkeys(("comments", "comment"), ("events", "comment")),
    **dict.fromkeys(("searches", "search", "queries"), ("events", "search")),
    **dict.fromkeys(("views", "browses", "pageviews"), ("events", "view")),
    **dict.fromkeys(("clicks",), ("events", "click")),
    **dict.fromkeys(("purchases", "orders", "transactions"), ("events", "purchase")),
    **dict.fromkeys(
        ("items", "item", "products", "movies", "books", "articles", "catalog", "catalogue"), ("items", None)
    ),
    **dict.fromkeys(("users", "user", "userprofiles", "customers", "members"), ("users", None)),
    **dict.fromkeys(("relations", "itemrelations", "social", "friends", "links"), ("relations", None)),
}
"""What a file in a folder is, by its name; a number or word after - or . is a part of the same table."""
_DELIMITERS = (",", "\t", ";", "|")


def table_file(path: Path, role: Role, *, name: str, format: str, event_type: str | None = None) -> SourceFile:  # noqa: A002
    """One table as a source file."""

    def read(reading: Reading, name: str) -> Rows:
        if format == "parquet":
            return parquet_rows(reading.connection, path, name=name)
        if format == "jsonl":
            return reading.stage(JsonLines(reading.text_file(path, carriage_return_ends_lines=False)), name=name)
        file = reading.text_file(path)
        delimiter = reading.delimiter or ("\t" if format == "tsv" else delimiter_of(Delimited(file)))
        reader = Delimited(file, delimiter=delimiter, quote=reading.quote)
        if not reading.header:
            names = [str(k + 1) for k in range(reader.width)]
            reader = Delimited(file, delimiter=delimiter, quote=reading.quote, columns=names)
        return reading.stage(reader, name=name)

    return SourceFile(role=role, name=name, read=read, event_type=event_type)


def delimiter_of(reader: Delimited) -> str:
    """The delimiter of a CSV file: the one of comma, tab, semicolon and bar that cuts its header into most columns."""
    header = Delimited(reader.file, delimiter="\x1f", quote="").columns[0]
    return max(_DELIMITERS, key=lambda one: (header.count(one), -_DELIMITERS.index(one)))


def format_of(path: Path) -> str | None:
    """The format that a file's name tells; None where it tells none."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return FORMATS.get(suffixes[-1]) if suffixes else None


def single_table(path: Path, *, format: str) -> Layout:  # noqa: A002
    """A file of events."""
    stem = path.name.split(".")[0]
    event_type = _STEMS.get(letters(stem), ("events", None))[1]
    file = table_file(path, "events", name=path.name, format=format, event_type=event_type)
    return Layout(format=format, name=stem, files=(file,))


def folder_of_tables(folder: Path, *, format: str | None = None) -> Layout:  # noqa: A002
    """A folder whose files are named for what they hold. `SourceError` where none holds events."""
    files, aside = [], []
    for path in sorted(folder.iterdir()):
        found = format_of(path) if path.is_file() else None
        if found is None or (format is not None and found != format):
            if path.is_file() and not path.name.startswith("."):
                aside.append((path.name, "no table of this format"))
            continue
        known = _role_of(path)
        if known is None:
            aside.append((path.name, "its name is none of interactions, events, items, users, relations"))
            continue
        files.append(table_file(path, known[0], name=path.name, format=found, event_type=known[1]))
    if not any(file.role == "events" for file in files):
        names = ", ".join(path.name for path in sorted(folder.iterdir())[:12]) or "nothing"
        raise SourceError(
            f"{folder} holds no events: there is {names}.",
            hint="Name a file interactions.csv (or .tsv, .jsonl, .parquet), or give --format.",
        )
    return Layout(format=format or "folder", name=folder.name, files=tuple(files), left_aside=tuple(aside))


def _role_of(path: Path) -> tuple[Role, str | None] | None:
    stem = path.name.split(".")[0]
    for candidate in (stem, re.sub(r"[-_.]?(part)?[-_.]?\d+$", "", stem), stem.split("-")[0]):
        if letters(candidate) in _STEMS:
            return _STEMS[letters(candidate)]
    return None

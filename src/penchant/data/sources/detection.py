"""Which layout a source has: as the caller says, or by the names of its files and their first lines."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, get_args

from penchant.data.layout import Layout
from penchant.data.sources.tables import folder_of_tables, format_of, single_table
from penchant.errors import SourceError

Format = Literal["auto", "csv", "tsv", "jsonl", "parquet", "sequences", "recbole", "movielens", "amazon", "goodbooks"]
FORMATS: tuple[str, ...] = get_args(Format)

_LAYOUTS: Mapping[str, Callable[[Path], Layout]] = {}


def find_layout(source: Path, *, format: str = "auto") -> Layout:  # noqa: A002
    """The layout of a file or folder. `SourceError` where it is missing or of no known format."""
    if format not in FORMATS:
        raise SourceError(f"No format is called {format!r}.", hint=f"Formats: {', '.join(FORMATS)}.")
    if not source.exists():
        raise SourceError(f"No file or folder at {source}.", hint="Check the path.")
    if format in _LAYOUTS:
        return _LAYOUTS[format](source)
    if source.is_dir():
        return folder_of_tables(source, format=None if format == "auto" else format)
    found = format_of(source) if format == "auto" else format
    if found is None:
        raise SourceError(
            f"{source.name}: its name does not tell its format.",
            hint=f"Give --format, one of {', '.join(FORMATS[1:])}.",
        )
    return single_table(source, format=found)

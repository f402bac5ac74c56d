"""Which layout a source has: as the caller says, or by the names of its files and their first lines."""

from collections.abc import Callable, Mapping
from pathlib import Path

from penchant.data.layout import Layout
from penchant.data.sources.amazon import amazon, first_keys, kind_of
from penchant.data.sources.goodbooks import goodbooks, is_goodbooks
from penchant.data.sources.movielens import is_movielens, movielens
from penchant.data.sources.recbole import recbole
from penchant.data.sources.sequences import sequences
from penchant.data.sources.tables import folder_of_tables, format_of, single_table
from penchant.errors import SourceError

FORMATS = ("auto", "csv", "tsv", "jsonl", "parquet", "sequences", "recbole", "movielens", "amazon", "goodbooks")

_LAYOUTS: Mapping[str, Callable[[Path], Layout]] = {
    "sequences": sequences,
    "recbole": recbole,
    "movielens": movielens,
    "amazon": amazon,
    "goodbooks": goodbooks,
}


def find_layout(source: Path, *, format: str = "auto") -> Layout:  # noqa: A002
    """The layout of a file or folder. `SourceError` where it is missing or of no known format."""
    if format not in FORMATS:
        raise SourceError(f"No format is called {format!r}.", hint=f"Formats: {', '.join(FORMATS)}.")
    if not source.exists():
        raise SourceError(f"No file or folder at {source}.", hint="Check the path.")
    chosen = _recognised(source) if format == "auto" else format
    if chosen is not None and chosen in _LAYOUTS:
        return _LAYOUTS[chosen](source)
    if source.is_dir():
        return folder_of_tables(source, format=chosen)
    if chosen is None:
        raise SourceError(
            f"{source.name}: its name does not tell its format.",
            hint=f"Give --format, one of {', '.join(FORMATS[1:])}.",
        )
    return single_table(source, format=chosen)


def _recognised(source: Path) -> str | None:
    """The format of a source by its own signs; None for a folder of tables, or a file that shows none."""
    if source.is_file():
        if source.suffix == ".inter":
            return "recbole"
        if source.name in {"u.data", "ratings.dat"}:
            return "movielens"
        found = format_of(source)
        return "amazon" if found == "jsonl" and kind_of(first_keys(source)) == "reviews" else found
    if not source.is_dir():
        raise SourceError(f"{source} is neither a file nor a folder.", hint="Give a file or a folder of files.")
    if any(source.glob("*.inter")):
        return "recbole"
    if is_goodbooks(source):
        return "goodbooks"
    if is_movielens(source):
        return "movielens"
    lines = [path for path in source.iterdir() if path.is_file() and format_of(path) == "jsonl"]
    return "amazon" if any(kind_of(first_keys(path)) == "reviews" for path in lines) else None

"""goodbooks-10k: ratings.csv, books.csv, and the readers' shelf names in book_tags.csv and tags.csv.

Two releases exist. In the first, a rating's `book_id` is `id` of books.csv and `book_id` there is Goodreads' number; in
the later one the columns are called `book_id` and `goodreads_book_id`. Ratings stand in time order, without times.
"""

from dataclasses import replace
from pathlib import Path

from penchant.data.layout import Computed, Layout, Reading, SourceFile
from penchant.data.scanning import TextFile
from penchant.data.sources.delimited import Delimited, header_of
from penchant.data.sources.tables import table_file
from penchant.data.staging import Column, Rows
from penchant.errors import SourceError

LICENCE = "goodbooks-10k, Zygmunt Zając, CC BY-SA 4.0"
MOST_TAGS = 10
NOT_A_TOPIC = (
    "(^|-)(to-read|to-buy|read|reading|reads|re-read|reread|own|owned|owns|i-own|have|bought|buy|wish-?list|wishlist|tbr|"
    "dnf|abandoned|unfinished|library|librar.*|kindle|nook|e-?books?|audio-?books?|audible|audio|paperback|hardcover|"
    "favou?rites?|faves?|favs?|default|shelf|shelfari.*|calibre.*|book-?club|my-.*|books?|maybe|borrowed|lent|sold|"
    "collection|stars?|[0-9]+-stars?|series|gave-up|finished|must-read.*|all-time.*|general|other|misc)(-|$)|[0-9]{4}|^-+|^[0-9-]+$"
)
"""Shelf names that say what a reader did with a book, not what it is about."""


def is_goodbooks(folder: Path) -> bool:
    """Whether a folder holds the layout."""
    books = header_of(folder / "books.csv")
    return {"user_id", "book_id", "rating"} <= header_of(folder / "ratings.csv") and {"book_id", "title"} <= books


def goodbooks(source: Path) -> Layout:
    """The layout of the goodbooks folder."""
    if not source.is_dir() or not is_goodbooks(source):
        raise SourceError(
            f"{source} is no goodbooks layout: it needs ratings.csv and books.csv.",
            hint="Give the folder of the release; book_tags.csv and tags.csv beside them become the books' tags.",
        )
    tagged = (source / "book_tags.csv").is_file() and (source / "tags.csv").is_file()
    ratings = table_file(source / "ratings.csv", "events", name="ratings.csv", format="csv", event_type="rating")
    files = [replace(ratings, rating_scale=(1.0, 5.0), given={"item_id": "book_id"}), _books(source, tagged=tagged)]
    if tagged:
        lookups = {"book_tags.csv": "goodbooks_book_tags", "tags.csv": "goodbooks_tags"}
        files.extend(_lookup(source / name, table) for name, table in lookups.items())
    used = {file.name for file in files}
    aside = tuple((path.name, "not read") for path in sorted(source.glob("*.csv")) if path.name not in used)
    return Layout(format="goodbooks", name=source.name, files=tuple(files), left_aside=aside, licence=LICENCE)


def _books(folder: Path, *, tagged: bool) -> SourceFile:
    file = table_file(folder / "books.csv", "items", name="books.csv", format="csv")
    columns = Delimited(TextFile(path=folder / "books.csv")).columns
    own, elsewhere = ("book_id", "goodreads_book_id") if "goodreads_book_id" in columns else ("id", "book_id")
    computed: dict[str, Computed] = {"item_id": lambda found: found[own].sql}
    if tagged:
        computed["tags"] = lambda found: _tags(found[elsewhere])
    return replace(file, computed=computed, left_out=frozenset({own}), given={"title": "title"})


def _tags(goodreads_id: Column) -> str:
    return (
        '(SELECT list(name ORDER BY n DESC, name) FROM (SELECT t.tag_name AS name, TRY_CAST(b."count" AS BIGINT) AS n'
        f" FROM goodbooks_book_tags b JOIN goodbooks_tags t ON t.tag_id = b.tag_id"
        f" WHERE b.goodreads_book_id = {goodreads_id.sql} AND NOT regexp_matches(t.tag_name, '{NOT_A_TOPIC}')"
        f" ORDER BY n DESC, name LIMIT {MOST_TAGS}))"
    )


def _lookup(path: Path, table: str) -> SourceFile:
    def read(reading: Reading, name: str) -> Rows:
        return reading.stage(Delimited(reading.text_file(path)), name=name)

    return SourceFile(role="lookup", name=path.name, read=read, table=table)

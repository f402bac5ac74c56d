"""Amazon reviews and metadata (J. McAuley et al.) as JSON lines: the releases of 2014, 2018 and 2023.

What a file is shows in the keys of its first lines. Metadata of 2014 is written as Python dicts, which are read as
literals. Lists of related products become relations, not attributes: they were collected after the reviews.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from penchant.data.layout import Computed, Layout, Reading, SourceFile
from penchant.data.scanning import OverLong, TextFile
from penchant.data.sources.json_lines import JsonLines
from penchant.data.staging import Column, Rows
from penchant.errors import SourceError

LICENCE = "Amazon product data, J. McAuley et al.: for research; do not redistribute"
_RELATED = {
    "also_bought": "also_bought",
    "also_viewed": "also_viewed",
    "bought_together": "bought_together",
    "buy_after_viewing": "buy_after_viewing",
    "also_buy": "also_bought",
    "also_view": "also_viewed",
    "similar_item": "similar_item",
}
"""Columns of related products → the relation."""
_SAMPLE = 50
_ENTITIES = (
    ("&quot;", '"'),
    ("&#39;", "''"),
    ("&#34;", '"'),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&nbsp;", " "),
    ("&amp;", "&"),
)

Kind = Literal["reviews", "metadata"]


def amazon(source: Path) -> Layout:
    """The layout of a review file, or of a folder of review and metadata files."""
    paths = sorted(source.iterdir()) if source.is_dir() else [source]
    files, aside = [], []
    for path in paths:
        if not path.is_file() or path.name.startswith("."):
            continue
        keys = first_keys(path)
        kind = kind_of(keys)
        if kind is None:
            aside.append((path.name, "neither reviews nor metadata"))
        else:
            files.append(_reviews(path, keys) if kind == "reviews" else _metadata(path, keys))
    if not any(file.role == "events" for file in files):
        raise SourceError(
            f"{source} holds no Amazon reviews: lines with reviewerID and asin, or user_id and parent_asin.",
            hint="Give a review file, or a folder of review and metadata files.",
        )
    name = source.name.split(".")[0]
    return Layout(format="amazon", name=name, files=tuple(files), left_aside=tuple(aside), licence=LICENCE)


def kind_of(keys: set[str]) -> Kind | None:
    """What a file with these keys is."""
    if {"reviewerID", "asin"} <= keys or ({"user_id", "rating"} <= keys and keys & {"parent_asin", "asin"}):
        return "reviews"
    if keys & {"asin", "parent_asin"} and keys & {"title", "imUrl", "categories", "category", "main_category", "price"}:
        return "metadata"
    return None


def first_keys(path: Path) -> set[str]:
    """The keys of a file's first lines; none where they are no JSON objects (or Python dicts)."""
    file = TextFile(path=path, carriage_return_ends_lines=False, block_bytes=1 << 20)
    reader = JsonLines(file, literals=True)
    for chunk in file.chunks():
        if isinstance(chunk, OverLong):
            return set()
        if b"{" not in chunk.data[:100]:
            return set()
        lines = chunk.data.split(b"\n", _SAMPLE)[:_SAMPLE]
        reader.parse(b"\n".join(lines) + b"\n", 1)
        return set(reader.columns)
    return set()


def _reader(path: Path) -> Callable[[Reading, str], Rows]:
    def read(reading: Reading, name: str) -> Rows:
        file = reading.text_file(path, carriage_return_ends_lines=False)
        return reading.stage(JsonLines(file, literals=True), name=name)

    return read


def _reviews(path: Path, keys: set[str]) -> SourceFile:
    new = "user_id" in keys
    item = "parent_asin" if "parent_asin" in keys else "asin"
    head, body = ("title", "text") if new else ("summary", "reviewText")
    given = {"user_id": "user_id" if new else "reviewerID", "item_id": item}
    given |= {"value": "rating" if new else "overall"}
    given |= {"timestamp": "timestamp" if new else "unixReviewTime"}
    return SourceFile(
        role="events",
        name=path.name,
        read=_reader(path),
        given={field: column for field, column in given.items() if column in keys},
        computed={"text": lambda columns: _joined(columns, (head, body), ": ")},
        left_out=frozenset({head, body, "reviewTime"} - {"text"}),
        event_type="review",
        rating_scale=(1.0, 5.0),
    )


def _metadata(path: Path, keys: set[str]) -> SourceFile:
    computed: dict[str, Computed] = {
        "title": lambda columns: _plain(columns, "title"),
        "text": lambda columns: _joined(columns, ("description", "feature", "features"), "\n"),
        "categories": _categories,
        "price": _price,
    }
    for name in ("also_bought", "also_viewed", "bought_together", "buy_after_viewing"):
        computed[name] = _related(name)
    return SourceFile(
        role="items",
        name=path.name,
        read=_reader(path),
        given={"item_id": "parent_asin" if "parent_asin" in keys else "asin"},
        computed=computed,
        left_out=frozenset({"description", "feature", "features", "category", "main_cat", "main_category", "related"}),
        relation_lists=_RELATED,
    )


def _related(name: str) -> Computed:
    def sql(columns: Mapping[str, Column]) -> str:
        if "related" in columns:
            return f"json_extract({columns['related'].sql}, '$.{name}')::VARCHAR[]"
        return f"({columns[name].sql})::JSON::VARCHAR[]" if _is_list(columns, name) else "NULL::VARCHAR[]"

    return sql


def _is_list(columns: Mapping[str, Column], name: str) -> bool:
    return name in columns and columns[name].kind == "json_list"


def _plain(columns: Mapping[str, Column], name: str) -> str:
    """A text, or a list's texts on lines, without tags and entities."""
    if name not in columns:
        return "NULL::VARCHAR"
    sql = columns[name].sql
    text = f"array_to_string(({sql})::JSON::VARCHAR[], chr(10))" if _is_list(columns, name) else sql
    text = f"regexp_replace({text}, '</?[a-zA-Z][^>]*>', ' ', 'g')"
    for entity, character in _ENTITIES:
        text = f"replace({text}, '{entity}', '{character}')"
    return f"nullif(trim({text}), '')"


def _joined(columns: Mapping[str, Column], names: Sequence[str], between: str) -> str:
    found = [_plain(columns, name) for name in names if name in columns]
    return f"nullif(concat_ws('{between}', {', '.join(found)}), '')" if found else "NULL::VARCHAR"


def _categories(columns: Mapping[str, Column]) -> str:
    """Main category and path without repeats; 2014 has several paths."""
    lists = [f"[{columns[name].sql}]" for name in ("main_category", "main_cat") if name in columns]
    for name in ("categories", "category"):
        if _is_list(columns, name):
            sql = f"({columns[name].sql})::JSON"
            lists.append(
                f"CASE WHEN {columns[name].sql} LIKE '[[%' THEN flatten({sql}::VARCHAR[][]) ELSE {sql}::VARCHAR[] END"
            )
    if not lists:
        return "NULL::VARCHAR[]"
    whole = f"list_filter(flatten([{', '.join(lists)}]), lambda x: x IS NOT NULL)"
    text = f"list_transform({whole}, lambda x: replace(x, '&amp;', '&'))"
    return f"list_filter({text}, lambda x, i: list_position({text}, x) = i)"


def _price(columns: Mapping[str, Column]) -> str:
    if "price" not in columns:
        return "NULL::DOUBLE"
    digits = f"regexp_extract({columns['price'].sql}, '^\\$?\\s*(\\d[\\d,]*\\.?\\d*)', 1)"
    return f"TRY_CAST(replace({digits}, ',', '') AS DOUBLE)"

"""A dataset on disk: `events.parquet`, `items.parquet`, `users.parquet`, `relations.parquet`, `dataset.json`.

DuckDB reads and writes the files and joins ids to rows, so that no event passes through a Python object: N events take
36 bytes each in memory. The manifest holds the name, the clock, the event types and the rating scale beside each
file's hash; a folder cut in half, altered or of a newer format is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import duckdb
import numpy as np
import orjson

from penchant.artifacts import new_folder, read_manifest
from penchant.data.dataset import Clock, Dataset, Events, Table
from penchant.data.links import read_links, write_links
from penchant.errors import BundleError
from penchant.types import AnyArray, BoolArray, ObjectArray

MANIFEST = "dataset.json"
KIND = "dataset"
EVENT_COLUMNS: Mapping[str, str] = {
    "user_id": "VARCHAR",
    "item_id": "VARCHAR",
    "event_type": "VARCHAR",
    "timestamp": "BIGINT",
    "value": "DOUBLE",
    "text": "VARCHAR",
    "platform": "VARCHAR",
    "context": "VARCHAR",
    "slate_id": "VARCHAR",
    "event_id": "VARCHAR",
    "generated": "BOOLEAN",
}
"""The named columns of `events.parquet`; the first five are always there. A source's further columns stand beside."""

REPORT = ("source", "conservation", "rules", "quarantine", "augmentation")
"""Parts of the manifest that say how the data came to be."""

_ROWS_AT_ONCE = 2_000_000

_MAKE_AGAIN = "Copy the folder again whole, or make it again with `penchant import`."


def quoted(path: Path | str) -> str:
    """A path or text as an SQL string literal."""
    return "'" + str(path).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A column name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def load_dataset(path: Path | str, *, verify: bool = True) -> Dataset:
    """Read a dataset folder.

    `verify=False` skips the hashes of the files (their presence is still checked). Raises `BundleError` where the
    folder is missing, cut in half, altered or of a newer format.
    """
    folder = Path(path)
    manifest = read_manifest(folder, kind=KIND, name=MANIFEST, verify=verify)
    try:
        event_types = tuple(str(name) for name in manifest["event_types"])
        scale = manifest.get("rating_scale")
        with duckdb.connect() as connection:
            users = _read_table(connection, folder / "users.parquet", "user_id")
            items = _read_table(connection, folder / "items.parquet", "item_id")
            columns = columns_of(connection, folder / "events.parquet")
            events = _read_events(connection, folder / "events.parquet", columns, users, items, event_types)
            related = folder / "relations.parquet"
            links = read_links(connection, quoted(related)) if related.is_file() else None
    except (duckdb.Error, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{folder} cannot be read: {error}.", hint=_MAKE_AGAIN) from None
    return Dataset(
        name=str(manifest["name"]),
        users=users,
        items=items,
        events=events,
        event_types=event_types,
        clock=cast(Clock, manifest["clock"]),
        rating_scale=None if scale is None else (float(scale[0]), float(scale[1])),
        event_ids=EventIds(folder / "events.parquet", len(events)) if "event_id" in columns else None,
        licence=str(manifest.get("licence", "")),
        links=links,
        report={name: manifest[name] for name in REPORT if name in manifest} or None,
    )


def save_dataset(dataset: Dataset, path: Path | str, *, report: Mapping[str, Any] | None = None) -> Path:
    """Write a dataset to a folder, which takes its place only when whole; event keys start again at 0.

    `report` (conservation, rules, anything JSON) joins the manifest.
    """
    folder, events = Path(path), dataset.events
    manifest: dict[str, Any] = {
        "kind": KIND,
        "name": dataset.name,
        "clock": dataset.clock,
        "event_types": list(dataset.event_types),
        "rating_scale": dataset.rating_scale,
        "licence": dataset.licence,
        "counts": {"users": dataset.n_users, "items": dataset.n_items, "events": len(events)},
        **(report or dataset.report or {}),
    }
    with new_folder(folder, manifest, name=MANIFEST) as temporary, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        _write_table(connection, temporary / "users.parquet", "user_id", dataset.users)
        _write_table(connection, temporary / "items.parquet", "item_id", dataset.items)
        _register_ids(connection, "user_ids", dataset.users.ids)
        _register_ids(connection, "item_ids", dataset.items.ids)
        _register_ids(connection, "type_names", dataset.event_types)
        columns: dict[str, AnyArray] = {
            "place": np.arange(len(events)),
            "user": events.users,
            "item": events.items,
            "type": events.types,
            "timestamp": events.timestamps,
            "value": events.values,
        }
        if events.texts is not None:
            columns["text"] = events.texts
        if events.platforms is not None:
            columns["platform"] = events.platforms
        if events.generated is not None:
            columns["generated"] = events.generated
        if dataset.event_ids:
            columns["event_id"] = np.array([dataset.event_id(int(key)) for key in events.keys], dtype=object)
        connection.register("events", columns)
        further = "".join(
            f", {name}::{EVENT_COLUMNS[name]} AS {name}"
            for name in ("text", "platform", "event_id", "generated")
            if name in columns
        )
        connection.execute(
            "COPY (SELECT u.id AS user_id, i.id AS item_id, t.id AS event_type, timestamp::BIGINT AS timestamp,"
            f" CASE WHEN isnan(value) THEN NULL ELSE value END AS value{further}"
            " FROM events JOIN user_ids u ON u.row = user JOIN type_names t ON t.row = type"
            " LEFT JOIN item_ids i ON i.row = item ORDER BY place)"
            f" TO {quoted(temporary / 'events.parquet')} (FORMAT parquet, COMPRESSION zstd)"
        )
        if dataset.links is not None and len(dataset.links):
            write_links(connection, dataset.links, quoted(temporary / "relations.parquet"))
    return folder


class EventIds(Mapping[int, str]):
    """Event key → the id its source gave it, read from the events file when first asked."""

    def __init__(self, file: Path, size: int) -> None:
        self._file, self._size = file, size
        self._ids: ObjectArray | None = None

    def __getitem__(self, key: int) -> str:
        if self._ids is None:
            with duckdb.connect() as connection:
                self._ids = _fetch(connection, f"SELECT event_id FROM {quoted(self._file)}")["event_id"]
        if not 0 <= key < len(self._ids) or self._ids[key] is None:
            raise KeyError(key)
        return str(self._ids[key])

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._size))

    def __len__(self) -> int:
        return self._size


def columns_of(connection: duckdb.DuckDBPyConnection, file: Path) -> dict[str, str]:
    """A Parquet file's columns and their SQL types."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({quoted(file)})").fetchall()
    return {str(row[0]): str(row[1]) for row in rows}


def _fetch(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
    """Columns of a result as plain arrays: NULL is None in text columns and NaN in real ones."""
    columns: dict[str, Any] = {}
    for name, values in connection.execute(query).fetchnumpy().items():
        if isinstance(values, np.ma.MaskedArray):
            fill: Any = np.nan if values.dtype.kind == "f" else None if values.dtype.kind == "O" else -1
            mask, data = np.ma.getmaskarray(values), values.data
            data[mask] = fill
            columns[name] = data
        else:
            columns[name] = values
    return columns


def _read_table(connection: duckdb.DuckDBPyConnection, file: Path, id_column: str) -> Table:
    types = columns_of(connection, file)
    rows = connection.execute(f"SELECT * FROM read_parquet({quoted(file)})").fetchall()
    ids = tuple(str(row[list(types).index(id_column)]) for row in rows)
    columns = {
        name: np.fromiter((row[place] for row in rows), dtype=object, count=len(rows))
        for place, name in enumerate(types)
        if name != id_column
    }
    return Table(ids=ids, columns=columns)


def _read_events(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    columns: Mapping[str, str],
    users: Table,
    items: Table,
    event_types: Sequence[str],
) -> Events:
    _register_ids(connection, "user_ids", users.ids)
    _register_ids(connection, "item_ids", items.ids)
    _register_ids(connection, "type_names", event_types)
    size = int((connection.execute(f"SELECT count(*) FROM read_parquet({quoted(file)})").fetchone() or (0,))[0])
    texts = [name for name in ("text", "platform") if name in columns]
    marks = ["generated"] if columns.get("generated") == "BOOLEAN" else []  # a source's own column of that name is not
    kinds = {"user": np.int32, "item": np.int32, "type": np.int32, "timestamp": np.int64, "value": np.float64}
    found: dict[str, AnyArray] = {name: np.empty(size, dtype=kind) for name, kind in kinds.items()}
    found |= {name: np.empty(size, dtype=object) for name in texts} | {name: np.empty(size, np.bool_) for name in marks}
    further = "".join([f", e.{name}" for name in texts] + [f", coalesce(e.{name}, false) AS {name}" for name in marks])
    # Part by part, each put where its row numbers say: a join keeps no order, and one result would double the memory.
    for start in range(0, size, _ROWS_AT_ONCE):
        part = _fetch(
            connection,
            "SELECT e.file_row_number AS key, u.row AS user, coalesce(i.row, -1)::INTEGER AS item, t.row AS type,"
            " e.timestamp, e.value::DOUBLE AS value, e.item_id IS NOT NULL AND i.row IS NULL AS lost"
            f"{further}"
            f" FROM read_parquet({quoted(file)}, file_row_number = true) e"
            " LEFT JOIN user_ids u ON u.id = e.user_id LEFT JOIN item_ids i ON i.id = e.item_id"
            " LEFT JOIN type_names t ON t.id = e.event_type"
            f" WHERE e.file_row_number >= {start} AND e.file_row_number < {start + _ROWS_AT_ONCE}",
        )
        if part["lost"].any() or _missing(part["user"]) or _missing(part["type"]):
            raise ValueError("an event names a user, item or type that the folder does not hold")
        for name, values in found.items():
            values[part["key"]] = part[name]
    keys = np.arange(size, dtype=np.int64)
    if _unsorted(found["user"], found["timestamp"]):
        keys = np.lexsort((keys, found["timestamp"], found["user"])).astype(np.int64)
        found = {name: values[keys] for name, values in found.items()}
    return Events(
        users=found["user"],
        items=found["item"],
        types=found["type"],
        timestamps=found["timestamp"],
        values=found["value"],
        keys=keys,
        texts=found.get("text"),
        platforms=found.get("platform"),
        generated=found.get("generated"),
    )


def _missing(rows: AnyArray) -> bool:
    return bool((rows < 0).any())


def _unsorted(users: AnyArray, timestamps: AnyArray) -> bool:
    later: BoolArray = (users[1:] > users[:-1]) | ((users[1:] == users[:-1]) & (timestamps[1:] >= timestamps[:-1]))
    return not bool(later.all())


def _register_ids(connection: duckdb.DuckDBPyConnection, name: str, ids: Sequence[str]) -> None:
    """A table of (row INTEGER, id VARCHAR)."""
    connection.register(
        f"{name}_source", {"row": np.arange(len(ids), dtype=np.int32), "id": np.array(ids, dtype=object)}
    )
    connection.execute(f"CREATE TEMP TABLE {name} AS SELECT row, id::VARCHAR AS id FROM {name}_source")
    connection.unregister(f"{name}_source")


def _write_table(connection: duckdb.DuckDBPyConnection, file: Path, id_column: str, table: Table) -> None:
    """Write ids and attributes through a JSON lines file, which states every column's type instead of guessing it."""
    values = {name: [plain(value) for value in column] for name, column in table.columns.items()}
    types = {name: _sql_type(column) for name, column in values.items()}
    lines = file.with_suffix(".jsonl")
    with lines.open("wb") as out:
        for row, id_ in enumerate(table.ids):
            record = {id_column: id_, **{name: _as(types[name], column[row]) for name, column in values.items()}}
            out.write(orjson.dumps(record) + b"\n")
    shape = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in {id_column: "VARCHAR", **types}.items())
    connection.execute(
        f"COPY (SELECT * FROM read_json({quoted(lines)}, columns = {{{shape}}}, format = 'newline_delimited',"
        f" maximum_object_size = 268435456)) TO {quoted(file)} (FORMAT parquet, COMPRESSION zstd)"
    )
    lines.unlink()


def plain(value: Any) -> Any:
    """A value as JSON knows it: numpy scalars and arrays become Python's, NaN becomes None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _sql_type(values: Sequence[Any]) -> str:
    """The narrowest of the column types that holds every value."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {list}:
        parts = [part for value in values if value is not None for part in value]
        return f"{_sql_type(parts)}[]" if not any(isinstance(part, list | dict) for part in parts) else "VARCHAR[]"
    if kinds == {bool}:
        return "BOOLEAN"
    if kinds == {int}:
        return "BIGINT"
    if kinds and kinds <= {int, float}:
        return "DOUBLE"
    return "VARCHAR"


def _as(kind: str, value: Any) -> Any:
    """A value in the form that JSON lines need for a column type: what is no text in a text column becomes JSON."""
    if value is None:
        return None
    if kind == "VARCHAR":
        return (
            value
            if isinstance(value, str)
            else orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str).decode()
        )
    if kind == "VARCHAR[]":
        return [_as("VARCHAR", part) for part in value]
    return value

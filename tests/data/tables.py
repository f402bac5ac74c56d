"""Reading files back as rows, and writing the small sources that tests import."""

import gzip
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import orjson

from penchant.data.conservation import Report
from penchant.data.importing import ImportConfig, import_source
from penchant.data.quarantine import Quarantine
from penchant.data.staging import Rows, TextReader, stage


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def staged(reader: TextReader, folder: Path) -> tuple[Rows, list[tuple[str, ...]], list[dict[str, Any]]]:
    """A file's account, the rows that DuckDB then reads (empty fields as ""), and its quarantine."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with Quarantine(folder / "quarantine") as quarantine:
        rows = stage(reader, folder / "copy.txt", quarantine, name="file")
    columns = ", ".join(column.sql for column in rows.columns.values())
    found = _connection().execute(f"SELECT {columns} FROM {rows.relation}").fetchall()
    return rows, [tuple("" if value is None else value for value in row) for row in found], quarantined(folder)


def quarantined(folder: Path) -> list[dict[str, Any]]:
    """The rows set aside in a folder, by file and line."""
    files = sorted((folder / "quarantine").glob("*.jsonl"))
    rows = [orjson.loads(line) for file in files for line in file.read_bytes().splitlines()]
    return sorted(rows, key=lambda row: (row["file"], row["line"]))


def imported(tmp_path: Path, name: str, content: str | bytes, **settings: Any) -> tuple[Report, Path]:
    """Import one file; `format` goes to the import, the rest to its config."""
    source = tmp_path / name
    data = content.encode() if isinstance(content, str) else content
    source.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    source_format = settings.pop("format", "auto")
    target = tmp_path / "dataset"
    return import_source(source, target, format=source_format, config=ImportConfig.of(settings)), target


def query(sql: str, *files: Path) -> list[tuple[Any, ...]]:
    """Rows of an SQL query over Parquet files named ? in it."""
    return _connection().execute(sql, [str(file) for file in files]).fetchall()


def events_of(dataset: Path, columns: Sequence[str] = ("user_id", "item_id", "timestamp")) -> list[tuple[Any, ...]]:
    """Columns of a dataset's events in file order."""
    return query(f"SELECT {', '.join(columns)} FROM read_parquet(?)", dataset / "events.parquet")

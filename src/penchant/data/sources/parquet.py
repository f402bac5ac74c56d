"""Parquet files, as DuckDB reads them: row numbers are the lines."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import orjson

from penchant.data.folder import identifier, quoted
from penchant.data.schema import unique_names
from penchant.data.staging import Column, Rows, Shown
from penchant.errors import SourceError
from penchant.types import IntArray

_SHOWN_AT_ONCE = 1000


def parquet_rows(connection: duckdb.DuckDBPyConnection, path: Path, *, name: str) -> Rows:
    """The rows of a Parquet file. Raises `SourceError` where it is missing, cut short or not Parquet."""
    if not path.is_file():
        raise SourceError(f"No file at {path}.", hint="Check the path.")
    relation = f"read_parquet({quoted(path)}, binary_as_string = true)"
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        counted = connection.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata({quoted(path)})").fetchone()
    except duckdb.Error as error:
        raise SourceError(
            f"{path} is cut short or no Parquet file: {str(error).splitlines()[0]}.", hint="Fetch the file again whole."
        ) from None
    records = int(counted[0] or 0) if counted else 0
    columns = {
        unique: Column(sql=identifier(row[0]), kind="typed", sql_type=str(row[1]))
        for unique, row in zip(unique_names([str(row[0]) for row in described]), described, strict=True)
    }

    def show(rows: IntArray) -> Iterator[Shown]:
        numbered = f"read_parquet({quoted(path)}, binary_as_string = true, file_row_number = true)"
        fields = ", ".join(f"{quoted(name)}: {column.sql}" for name, column in columns.items())
        cursor = connection.cursor()
        cursor.register("wanted_rows", {"wanted": rows})
        cursor.execute(
            f"SELECT file_row_number, to_json({{{fields}}})::VARCHAR FROM {numbered}"
            " SEMI JOIN wanted_rows ON wanted = file_row_number ORDER BY 1"
        )
        while some := cursor.fetchmany(_SHOWN_AT_ONCE):
            for row, raw in some:
                yield Shown(int(row), int(row) + 1, raw, list(orjson.loads(raw).values()))

    return Rows(name=name, columns=columns, relation=relation, records=records, rows=records, show=show)

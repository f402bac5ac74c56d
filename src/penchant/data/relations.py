"""Links between ids: subject, relation, object. Their ids need not be in the catalogue.

`relations.parquet` also says of each end what it is: ``user``, ``item``, or NULL where the source does not tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from penchant.data.catalogue import CatalogueTable
from penchant.data.folder import quoted
from penchant.data.layout import SourceFile
from penchant.data.quarantine import Fault, Quarantine
from penchant.data.schema import ALIASES, letters, resolve
from penchant.data.staging import Rows
from penchant.data.values import id_text, missing, usable_columns

COLUMNS = ("subject", "relation", "object", "subject_kind", "object_kind")
_USERS = {*ALIASES["events"]["user_id"], "friendid"}
_ITEMS = {*ALIASES["events"]["item_id"], "relateditemid"}


@dataclass(frozen=True, kw_only=True)
class RelationTable:
    """A checked table of links in the work database; good rows have ``fault = 0``."""

    table: str
    rows: Rows
    faulty: int


def check_relations(
    connection: duckdb.DuckDBPyConnection, file: SourceFile, rows: Rows, table: str, quarantine: Quarantine
) -> RelationTable:
    """Make `table` from a file of links and send rows with an end missing to quarantine.

    A file without a relation column names all its links after itself. `SchemaError` where an end has no column.
    """
    columns = usable_columns(connection, file, rows)
    fields = resolve("relations", list(columns), given=file.given, where=rows.name, required=["subject", "object"])
    ends = {end: id_text(connection, columns[fields[end]], rows.relation) for end in ("subject", "object")}
    name = quoted(letters(Path(rows.name).stem) or "linked")
    if "relation" in fields:
        raw = f"{columns[fields['relation']].sql}::VARCHAR"
        name = f"CASE WHEN {missing(raw)} THEN {name} ELSE {raw} END"
    sorts = [_kind(fields[end], told) for end, told in zip(("subject", "object"), file.link_ends, strict=True)]
    connection.execute(
        f"CREATE TABLE {table} AS SELECT {ends['subject']} AS subject, {name} AS relation, {ends['object']} AS object,"
        f" {sorts[0]}::VARCHAR AS subject_kind, {sorts[1]}::VARCHAR AS object_kind,"
        " (CASE WHEN subject IS NULL THEN 1 WHEN object IS NULL THEN 2 ELSE 0 END)::UTINYINT AS fault"
        f" FROM {rows.relation}"
    )
    faults = connection.execute(f"SELECT rowid, fault FROM {table} WHERE fault > 0 ORDER BY 1").fetchall()
    kinds = {int(row): "subject" if fault == 1 else "object" for row, fault in faults}
    for shown in rows.show(np.array(list(kinds), dtype=np.int64)):
        end = kinds[shown.row]
        quarantine.add(rows.name, Fault(shown.line, fields[end], f"no {end}", shown.raw))
    return RelationTable(table=table, rows=rows, faulty=len(faults))


def write_relations(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[RelationTable],
    items: Sequence[CatalogueTable],
    file: Path,
) -> int:
    """Write `relations.parquet` from files of links and from the related-item lists of item files; 0 writes no file."""
    parts = [f"SELECT {', '.join(COLUMNS)} FROM {one.table} WHERE fault = 0" for one in tables]
    parts += [
        f"SELECT id, {quoted(relation)}, unnest({column}), 'item', 'item' FROM {one.table} WHERE __fault = 0"
        for one in items
        for column, relation in one.related.items()
    ]
    if not parts:
        return 0
    connection.execute(
        f"COPY (SELECT * FROM ({' UNION ALL '.join(parts)}) t({', '.join(COLUMNS)})) TO {quoted(file)}"
        " (FORMAT parquet, COMPRESSION zstd)"
    )
    found = connection.execute(f"SELECT count(*) FROM read_parquet({quoted(file)})").fetchone()
    n = int(found[0]) if found else 0
    if not n:
        file.unlink()
    return n


def _kind(column: str, told: str | None) -> str:
    """What an end is, as SQL: as the format tells, else by the name of its column."""
    name = letters(column)
    kind = told or ("user" if name in _USERS else "item" if name in _ITEMS else None)
    return "NULL" if kind is None else quoted(kind)

"""Files of items or users to checked tables: ids, the canonical columns, and every further attribute with its type."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb

from penchant.data.folder import identifier
from penchant.data.layout import SourceFile
from penchant.data.moments import LAST_MOMENT, moment_of
from penchant.data.quarantine import Fault, Quarantine
from penchant.data.schema import ALIASES, resolve
from penchant.data.staging import Column, Rows
from penchant.data.values import id_text, list_of, typed_attributes, usable_columns

LISTS = ("categories", "tags")


@dataclass(frozen=True, kw_only=True)
class CatalogueTable:
    """A checked table of items or users; good rows have ``fault = 0``. A related-item list is no attribute."""

    table: str
    file: SourceFile
    rows: Rows
    fields: Mapping[str, str]
    """Field → the source's column."""
    id_column: str
    """The source's name of the id."""
    columns: Mapping[str, str]
    """Column but the id → SQL type."""
    related: Mapping[str, str]
    """Column of the table that lists related items → the relation."""
    faulty: int
    repairs: Counter[str]


def check_catalogue(
    connection: duckdb.DuckDBPyConnection,
    role: Literal["items", "users"],
    file: SourceFile,
    rows: Rows,
    table: str,
) -> CatalogueTable:
    """Make `table` from a file of items or users, one row each. `SchemaError` where ids have no column."""
    id_field = "item_id" if role == "items" else "user_id"
    columns = usable_columns(connection, file, rows)
    given = {**file.given, **{name: name for name in file.computed if name in ALIASES[role]}}
    fields = resolve(role, list(columns), given=given, where=rows.name, required=[id_field])
    plain = {name: f"__c{k}" for k, name in enumerate(columns)}
    relation = f"(SELECT {', '.join(f'{columns[name].sql} AS {plain[name]}' for name in columns)} FROM {rows.relation})"
    source = {name: Column(sql=plain[name], kind=c.kind, sql_type=c.sql_type) for name, c in columns.items()}

    selected: dict[str, tuple[str, str]] = {}
    emptied: list[str] = []
    for field, column in fields.items():
        if field in LISTS:
            selected[field] = list_of(connection, source[column], relation, plural=True), "VARCHAR[]"
        elif field == "timestamp":
            selected |= _time(connection, column, source[column], relation)
        elif field != id_field:
            text = f"{source[column].sql}::VARCHAR"
            selected[field] = f"CASE WHEN trim({text}, E' \\t\\r\\n') = '' THEN NULL ELSE {text} END", "VARCHAR"
            emptied.append(f"CASE WHEN trim({text}, E' \\t\\r\\n') = '' THEN 1 ELSE 0 END")
    others = {name: source[name] for name in columns if name not in fields.values() and name not in file.relation_lists}
    for name, what in typed_attributes(connection, others, relation).items():
        selected[_free(name, selected, id_field)] = what
    listed = {column: f"__relation_{k}" for k, column in enumerate(file.relation_lists) if column in columns}
    parts = [f"{id_text(connection, source[fields[id_field]], relation)} AS id"]
    parts += [f"{sql} AS {identifier(name)}" for name, (sql, _) in selected.items()]
    parts += [f"{list_of(connection, source[column], relation, plural=True)} AS {n}" for column, n in listed.items()]
    connection.execute(
        f"CREATE TABLE {table} AS SELECT {', '.join(parts)}, ({' + '.join(emptied) or 0})::INTEGER AS __emptied,"
        f" (CASE WHEN id IS NULL THEN 1 ELSE 0 END)::UTINYINT AS __fault FROM {relation}"
    )
    facts = connection.execute(f"SELECT count_if(__fault > 0), sum(__emptied) FROM {table}").fetchone()
    faulty, empty = facts or (0, 0)
    return CatalogueTable(
        table=table,
        file=file,
        rows=rows,
        fields=fields,
        id_column=fields[id_field],
        columns={name: sql_type for name, (_, sql_type) in selected.items()},
        related={listed[column]: file.relation_lists[column] for column in listed},
        faulty=int(faulty),
        repairs=Counter({"empty_text": int(empty)} if empty else {}),
    )


def set_aside_without_id(
    connection: duckdb.DuckDBPyConnection, catalogue: CatalogueTable, quarantine: Quarantine
) -> None:
    """Send the rows without an id to quarantine."""
    if not catalogue.faulty:
        return
    rows = connection.execute(f"SELECT rowid FROM {catalogue.table} WHERE __fault > 0 ORDER BY 1").fetchnumpy()
    for shown in catalogue.rows.show(rows["rowid"]):
        fault = Fault(shown.line, catalogue.id_column, "no id", shown.raw)
        quarantine.add(catalogue.rows.name, fault)


def merge_tables(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[CatalogueTable], table: str
) -> tuple[dict[str, str], dict[str, int]]:
    """One table of all files with a row per id: (columns and their types, file → rows merged into an earlier one).

    The first row of an id stands; a column that it leaves empty is filled from the next row that has it.
    """
    columns: dict[str, str] = {}
    for one in tables:
        for name, sql_type in one.columns.items():
            same = next((known for known in columns if known.casefold() == name.casefold()), name)
            columns[same] = sql_type if columns.get(same, sql_type) == sql_type else _wider(columns[same], sql_type)
    parts = []
    for k, one in enumerate(tables):
        have = {name.casefold(): name for name in one.columns}
        values = [
            f"{identifier(have[name.casefold()]) if name.casefold() in have else 'NULL'}::{sql_type}"
            f" AS {identifier(name)}"
            for name, sql_type in columns.items()
        ]
        named = ", ".join(["id", f"{k} AS __part", "rowid AS __record", *values])
        parts.append(f"SELECT {named} FROM {one.table} WHERE __fault = 0")
    connection.execute(f"CREATE TABLE {table}_all AS {' UNION ALL '.join(parts)}")
    merged = connection.execute(
        "SELECT __part, count(*) FROM (SELECT __part,"
        f" row_number() OVER (PARTITION BY id ORDER BY __part, __record) AS n FROM {table}_all) WHERE n > 1 GROUP BY 1"
    ).fetchall()
    if merged:
        firsts = "".join(
            f", first({identifier(name)} ORDER BY __part, __record) FILTER ({identifier(name)} IS NOT NULL)"
            f" AS {identifier(name)}"
            for name in columns
        )
        connection.execute(
            f"CREATE TABLE {table} AS SELECT id, min(__part * 1099511627776 + __record) AS __first{firsts}"
            f" FROM {table}_all GROUP BY id"
        )
    else:
        connection.execute(
            f"CREATE TABLE {table} AS SELECT * EXCLUDE (__part, __record),"
            f" __part * 1099511627776 + __record AS __first FROM {table}_all"
        )
    connection.execute(f"DROP TABLE {table}_all")
    return columns, {tables[part].rows.name: int(n) for part, n in merged}


def _time(
    connection: duckdb.DuckDBPyConnection, name: str, column: Column, relation: str
) -> dict[str, tuple[str, str]]:
    """The item's time; where some values are no time, the source's column stays beside it."""
    moment = moment_of(connection, column, relation, clock="auto")
    readable = f"CASE WHEN {moment.value} > 0 AND {moment.value} < {LAST_MOMENT} THEN {moment.value} END"
    lost = connection.execute(
        f"SELECT count(*) FROM {relation} WHERE {column.sql} IS NOT NULL AND ({readable}) IS NULL"
    ).fetchone()
    found: dict[str, tuple[str, str]] = {}
    if moment.clock == "time":
        found["timestamp"] = readable, "BIGINT"
    if moment.clock != "time" or (lost and lost[0]):
        found[_free(name, found, "timestamp")] = f"{column.sql}::VARCHAR", "VARCHAR"
    return found


def _free(name: str, taken: Mapping[str, object], id_field: str) -> str:
    folded = {other.casefold() for other in taken} | {"id", "row", id_field}
    while name.casefold() in folded or name.startswith("__"):
        name = f"{name.lstrip('_')}_"
    return name


def _wider(a: str, b: str) -> str:
    if {a, b} <= {"BIGINT", "DOUBLE"}:
        return "DOUBLE"
    return "VARCHAR[]" if a.endswith("[]") and b.endswith("[]") else "VARCHAR"

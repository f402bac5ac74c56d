"""Every file of a source scanned and checked: what is left are good rows in the work database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from penchant.data.catalogue import CatalogueTable, check_catalogue, set_aside_without_id
from penchant.data.conservation import FileAccount
from penchant.data.events import EventSettings, EventTable, check_events, set_aside
from penchant.data.folder import identifier
from penchant.data.layout import Layout, Reading
from penchant.data.relations import RelationTable, check_relations
from penchant.data.staging import Rows
from penchant.data.watching import watched
from penchant.errors import SchemaError


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Checked tables of a source in the work database."""

    events: list[EventTable] = field(default_factory=list)
    items: list[CatalogueTable] = field(default_factory=list)
    users: list[CatalogueTable] = field(default_factory=list)
    relations: list[RelationTable] = field(default_factory=list)


def check_files(
    layouts: Sequence[Layout],
    reading: Reading,
    *,
    settings: EventSettings,
    given: Mapping[str, Sequence[str]],
) -> tuple[Tables, list[FileAccount]]:
    """Scan and check every file; bad rows are in quarantine afterwards.

    `given` maps fields to the columns that may hold them; each file takes the first that it has. `SchemaError` where no
    file has any.
    """
    tables, accounts, connection = Tables(), [], reading.connection
    scanned = [(file, file.read(reading, file.name)) for layout in layouts for file in layout.files]
    scanned.sort(key=lambda pair: pair[0].role != "lookup")  # other files' columns may be computed from them
    _refuse_unused(given, [rows for _, rows in scanned])
    for number, (file, rows) in enumerate(scanned):
        asked = {field: one for field, names in given.items() for one in reversed(names) if one in rows.columns}
        one = replace(file, given={**file.given, **asked})
        table = f"{file.role}_{number}"
        faulty_before = reading.quarantine.counts[rows.name]
        if one.role == "events":
            with watched(connection, reading.progress, f"Check {rows.name}"):
                events = check_events(connection, one, rows, table, settings=settings)
                set_aside(connection, events, reading.quarantine)
            tables.events.append(events)
        elif one.role in {"items", "users"}:
            role: Literal["items", "users"] = "items" if one.role == "items" else "users"
            catalogue = check_catalogue(connection, role, one, rows, table)
            set_aside_without_id(connection, catalogue, reading.quarantine)
            (tables.items if role == "items" else tables.users).append(catalogue)
        elif one.role == "relations":
            tables.relations.append(check_relations(connection, one, rows, table, reading.quarantine))
        else:
            connection.execute(f"CREATE TABLE {one.table} AS SELECT {_named(rows)} FROM {rows.relation}")
        in_table = connection.execute(f"SELECT count(*) FROM {one.table or table}").fetchone()
        account = FileAccount(file=rows.name, role=file.role, records=rows.records, dropped=Counter(rows.dropped))
        set_aside_here = reading.quarantine.counts[rows.name] - faulty_before
        account.quarantined = rows.quarantined + set_aside_here
        # Rows that DuckDB gave, not those we told it of: this is where a silent loss would show.
        account.kept = (int(in_table[0]) if in_table else 0) - rows.extra - set_aside_here
        accounts.append(account)
    return tables, accounts


def _named(rows: Rows) -> str:
    return ", ".join(f"{column.sql} AS {identifier(name)}" for name, column in rows.columns.items())


def _refuse_unused(given: Mapping[str, Sequence[str]], scanned: Sequence[Rows]) -> None:
    for short, names in given.items():
        for column in names:
            if not any(column in rows.columns for rows in scanned):
                having = "; ".join(f"{rows.name} has {', '.join(rows.columns)}" for rows in scanned)
                raise SchemaError(f"--map {short}={column}: no file has a column {column!r}.", hint=f"{having}.")

"""From any source to a dataset folder: scan, check, clean, number, sort, write, and prove that no record was lost."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import Field

from penchant.artifacts import new_folder
from penchant.config import Config
from penchant.data.assembly import Assembly, write_catalogue
from penchant.data.catalogue import CatalogueTable, check_catalogue, merge_tables, set_aside_without_id
from penchant.data.conservation import FileAccount, Report, prove, quarantine_summary
from penchant.data.events import EventSettings, EventTable, check_events, set_aside
from penchant.data.folder import KIND, MANIFEST, identifier, quoted
from penchant.data.layout import Layout, Reading
from penchant.data.quarantine import Quarantine
from penchant.data.relations import RelationTable, check_relations, write_relations
from penchant.data.scanning import MAX_RECORD_BYTES
from penchant.data.schema import check_given
from penchant.data.staging import Rows
from penchant.errors import ConservationError, SchemaError, SourceError
from penchant.progress import SILENT, Progress


class ImportConfig(Config):
    """How a source is read."""

    name: str | None = None
    """The dataset's name; None: the source's."""
    map: Mapping[str, str] = Field(default_factory=dict)
    """Field → column, for every file that has the column; wins over the columns' own names."""
    strict: bool = False
    """Raise at the first bad row instead of setting it aside."""
    clock: Literal["auto", "time", "position"] = "auto"
    time_format: str | None = None
    """strptime pattern of the time column."""
    rating_scale: tuple[float, float] | None = None
    """Lowest and highest rating; a rating outside is a bad row. None: what the format says, or as found."""
    types: frozenset[str] | None = None
    """Event types to keep; the others are dropped and counted."""
    encoding: str = "auto"
    delimiter: str | None = None
    header: bool = True
    """False: the first line is a row; columns are called 1, 2, 3 …"""
    max_record_bytes: int = Field(default=MAX_RECORD_BYTES, ge=1024)
    memory_limit: str = "1GB"
    """DuckDB's share; what does not fit goes to a temporary folder inside the target."""
    threads: int | None = Field(default=None, ge=1)


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Checked tables of a source in the work database."""

    events: list[EventTable] = field(default_factory=list)
    items: list[CatalogueTable] = field(default_factory=list)
    users: list[CatalogueTable] = field(default_factory=list)
    relations: list[RelationTable] = field(default_factory=list)


def import_layouts(
    layouts: Sequence[Layout], target: Path, *, config: ImportConfig | None = None, progress: Progress = SILENT
) -> Report:
    """Read sources into one dataset folder at `target`, which takes its place only when whole.

    Several layouts (platforms) merge into one history per user. Raises `SourceError` and `SchemaError` for a source
    that cannot be used, `BadRowError` under `strict`, `ConservationError` where records read are not records kept,
    set aside and dropped by a named rule.
    """
    config = config or ImportConfig()
    check_given(config.map)
    manifest: dict[str, Any] = {}
    with new_folder(target, manifest, name=MANIFEST) as folder, _work_database(folder, config) as (connection, work):
        with Quarantine(folder / "quarantine", strict=config.strict) as quarantine:
            reading = Reading(
                connection=connection,
                folder=work,
                quarantine=quarantine,
                progress=progress,
                encoding=config.encoding,
                delimiter=config.delimiter,
                header=config.header,
                max_record_bytes=config.max_record_bytes,
            )
            tables, accounts = _check(layouts, reading, config)
        report = _assemble(reading, tables, accounts, layouts, config, folder)
        manifest.update(kind=KIND, **report.manifest())
    return report


@contextmanager
def _work_database(folder: Path, config: ImportConfig) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A database on the target's disk, gone when the block ends."""
    work = folder / "work"
    work.mkdir()
    connection = duckdb.connect(str(work / "work.duckdb"))
    try:
        connection.execute(f"SET memory_limit = {quoted(config.memory_limit)}")
        connection.execute(f"SET temp_directory = {quoted(work / 'spill')}")
        connection.execute("SET preserve_insertion_order = true")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        if config.threads is not None:
            connection.execute(f"SET threads = {config.threads}")
        yield connection, work
    finally:
        connection.close()
        for path in sorted(work.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        work.rmdir()


def _check(layouts: Sequence[Layout], reading: Reading, config: ImportConfig) -> tuple[Tables, list[FileAccount]]:
    """Scan and check every file; bad rows are in quarantine afterwards."""
    tables, accounts, connection = Tables(), [], reading.connection
    settings = EventSettings(clock=config.clock, time_format=config.time_format, rating_scale=config.rating_scale)
    scanned = [(file, file.read(reading)) for layout in layouts for file in layout.files]
    _refuse_unused(config.map, [rows for _, rows in scanned])
    for number, (file, rows) in enumerate(scanned):
        asked = {field: column for field, column in config.map.items() if column in rows.columns}
        one = replace(file, given={**file.given, **asked})
        table = f"{file.role}_{number}"
        faulty_before = reading.quarantine.counts[rows.name]
        if one.role == "events":
            with reading.progress.task(f"Check {rows.name}", total=rows.rows) as advance:
                events = check_events(connection, one, rows, table, settings=settings)
                set_aside(connection, events, reading.quarantine)
                advance(rows.rows)
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


def _refuse_unused(given: Mapping[str, str], scanned: Sequence[Rows]) -> None:
    for short, column in given.items():
        if not any(column in rows.columns for rows in scanned):
            having = "; ".join(f"{rows.name} has {', '.join(rows.columns)}" for rows in scanned)
            raise SchemaError(f"--map {short}={column}: no file has a column {column!r}.", hint=f"{having}.")


def _assemble(
    reading: Reading,
    tables: Tables,
    accounts: list[FileAccount],
    layouts: Sequence[Layout],
    config: ImportConfig,
    folder: Path,
) -> Report:
    """Clean, number, sort and write the checked tables."""
    connection, progress = reading.connection, reading.progress
    assembly = Assembly(connection=connection, tables=tables.events, types=config.types)
    clock = assembly.clock
    by_name = {account.file: account for account in accounts}

    def drop(counts: Mapping[int, int], rule: str) -> None:
        for part, n in counts.items():
            account = by_name[tables.events[part].rows.name]
            account.dropped[rule] += n
            account.kept -= n

    with progress.task("Clean and sort", total=4) as advance:
        assembly.gather()
        drop(assembly.find_duplicates(), "exact_duplicate")
        advance(1, "duplicates")
        drop(assembly.spread(), "other_event_type")
        repairs: Counter[str] = Counter()
        columns: dict[str, dict[str, str]] = {"item": {}, "user": {}}
        for what, some in (("item", tables.items), ("user", tables.users)):
            if some:
                columns[what], merged = merge_tables(connection, some, f"{what}s")
                for file, n in merged.items():
                    by_name[file].dropped["duplicate_id_merged"] += n
                    by_name[file].kept -= n
            unknown = assembly.number(what, known=bool(some))
            if some and unknown:
                repairs[f"unknown_{what}_id"] = unknown
        advance(1, "ids")
        events = assembly.write_events(folder / "events.parquet")
        advance(1, "events")
        counts = {
            what: write_catalogue(connection, what, columns[what], folder / f"{what}s.parquet", known=bool(some))
            for what, some in (("item", tables.items), ("user", tables.users))
        }
        relations = write_relations(connection, tables.relations, tables.items, folder / "relations.parquet")
        advance(1, "catalogue")
    _refuse_nothing(events, accounts, reading.quarantine)
    prove(accounts)
    _prove_events(connection, tables, by_name, folder, events)
    checked: list[EventTable | CatalogueTable] = [*tables.events, *tables.items, *tables.users]
    for one in checked:
        repairs.update(one.repairs)
    times = Counter[str]()
    for table in tables.events:
        times.update(table.units)
    return Report(
        name=config.name or layouts[0].name,
        format="+".join(dict.fromkeys(layout.format for layout in layouts)),
        clock=clock,
        event_types=_types(connection, folder),
        rating_scale=_scale(connection, tables.events, config, folder),
        licence="; ".join(dict.fromkeys(layout.licence for layout in layouts if layout.licence)),
        users=counts["user"],
        items=counts["item"],
        events=events,
        relations=relations,
        files=accounts,
        repairs=repairs,
        times=times,
        reasons=quarantine_summary(reading.quarantine.reasons),
        columns={one.rows.name: one.fields for one in checked},
        left_aside=[entry for layout in layouts for entry in layout.left_aside],
    )


def _refuse_nothing(events: int, accounts: Sequence[FileAccount], quarantine: Quarantine) -> None:
    if events:
        return
    read = sum(account.records for account in accounts if account.role == "events")
    if not read:
        raise SourceError("The source has a header but no events.", hint="Give a file with rows.")
    reasons = quarantine_summary(quarantine.reasons, most=3)
    why = "; ".join(f"{file}: {reason} ({n} rows)" for file, reason, n in reasons) or "every row was dropped by a rule"
    raise SourceError(
        f"None of the {read} event records can be used. {why}.", hint="Check --format, --map and --encoding."
    )


def _prove_events(
    connection: duckdb.DuckDBPyConnection,
    tables: Tables,
    accounts: Mapping[str, FileAccount],
    folder: Path,
    events: int,
) -> None:
    """The events on disk are those of the kept records, no more and no fewer."""
    expected = connection.execute("SELECT count(*) FROM spread").fetchone()
    plain = not any(one.flags for one in tables.events)
    kept = sum(accounts[one.rows.name].kept + one.rows.extra for one in tables.events)
    if expected is None or expected[0] != events or (plain and kept != events):
        raise ConservationError(
            f"{kept} event rows were kept, but {events} events stand in {folder.name}/events.parquet.",
            hint="Nothing was written. Please report this with a sample of the source.",
        )


def _types(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    found = connection.execute(
        f"SELECT event_type, count(*) AS n FROM read_parquet({quoted(folder / 'events.parquet')})"
        " GROUP BY 1 ORDER BY n DESC, 1"
    ).fetchall()
    return {str(name): int(n) for name, n in found}


def _scale(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[EventTable], config: ImportConfig, folder: Path
) -> tuple[float, float] | None:
    """The scale of ratings: as declared, as the format has it, or as found; None where values are no ratings."""
    rated = [one for one in tables if one.rating]
    if not rated:
        return None
    if config.rating_scale is not None:
        return config.rating_scale
    declared = {one.file.rating_scale for one in rated}
    if len(declared) == 1 and None not in declared:
        return declared.pop()
    found = connection.execute(
        f"SELECT min(value), max(value) FROM read_parquet({quoted(folder / 'events.parquet')})"
    ).fetchone()
    return None if found is None or found[0] is None else (float(found[0]), float(found[1]))

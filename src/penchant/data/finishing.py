"""Checked tables to the files of a dataset folder and the report on them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from penchant.data.assembly import Assembly, write_catalogue
from penchant.data.catalogue import CatalogueTable, merge_tables
from penchant.data.checking import Tables
from penchant.data.conservation import FileAccount, Report, prove, quarantine_summary
from penchant.data.events import EventTable
from penchant.data.folder import quoted
from penchant.data.layout import Layout, Reading
from penchant.data.quarantine import Quarantine
from penchant.data.relations import write_relations
from penchant.data.watching import watched
from penchant.errors import ConservationError, SourceError


def finish(
    reading: Reading,
    tables: Tables,
    accounts: list[FileAccount],
    layouts: Sequence[Layout],
    folder: Path,
    *,
    name: str,
    types: frozenset[str] | None = None,
    rating_scale: tuple[float, float] | None = None,
) -> Report:
    """Clean, number, sort and write the checked tables.

    Raises `SourceError` where no event is left, and `ConservationError` where the records of a file do not add up.
    """
    connection, progress = reading.connection, reading.progress
    assembly = Assembly(connection=connection, tables=tables.events, types=types)
    clock = assembly.clock
    by_name = {account.file: account for account in accounts}

    def drop(counts: Mapping[int, int], rule: str) -> None:
        for part, n in counts.items():
            account = by_name[tables.events[part].rows.name]
            account.dropped[rule] += n
            account.kept -= n

    assembly.gather()
    with watched(connection, progress, "Find duplicates"):
        drop(assembly.find_duplicates(), "exact_duplicate")
    drop(assembly.spread(), "other_event_type")
    repairs: Counter[str] = Counter()
    columns: dict[str, dict[str, str]] = {"item": {}, "user": {}}
    with watched(connection, progress, "Number ids"):
        for what, some in (("item", tables.items), ("user", tables.users)):
            if some:
                columns[what], merged = merge_tables(connection, some, f"{what}s")
                for file, n in merged.items():
                    by_name[file].dropped["duplicate_id_merged"] += n
                    by_name[file].kept -= n
            unknown = assembly.number(what, known=bool(some))
            if some and unknown:
                repairs[f"unknown_{what}_id"] = unknown
    with watched(connection, progress, "Sort and write"):
        events = assembly.write_events(folder / "events.parquet")
    counts = {
        what: write_catalogue(connection, what, columns[what], folder / f"{what}s.parquet", known=bool(some))
        for what, some in (("item", tables.items), ("user", tables.users))
    }
    relations = write_relations(connection, tables.relations, tables.items, folder / "relations.parquet")
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
        name=name,
        format="+".join(dict.fromkeys(layout.format for layout in layouts)),
        clock=clock,
        event_types=_types(connection, folder),
        rating_scale=_scale(connection, tables.events, rating_scale, folder),
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
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[EventTable],
    given: tuple[float, float] | None,
    folder: Path,
) -> tuple[float, float] | None:
    """The scale of ratings: as declared, as the format has it, or as found; None where values are no ratings."""
    rated = [one for one in tables if one.rating]
    if not rated:
        return None
    if given is not None:
        return given
    declared = {one.file.rating_scale for one in rated}
    if len(declared) == 1 and None not in declared:
        return declared.pop()
    found = connection.execute(
        f"SELECT min(value), max(value) FROM read_parquet({quoted(folder / 'events.parquet')})"
    ).fetchone()
    return None if found is None or found[0] is None else (float(found[0]), float(found[1]))

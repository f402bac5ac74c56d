"""One file of events to a checked table: every value is cast, and each row that fails says in which column and why."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import duckdb

from penchant.data.dataset import Clock
from penchant.data.folder import EVENT_COLUMNS, identifier, quoted
from penchant.data.layout import SourceFile
from penchant.data.moments import FIRST_MOMENT, LAST_MOMENT, UNITS, Moment, moment_of
from penchant.data.quarantine import Fault, Quarantine
from penchant.data.schema import ENGAGEMENT, event_type_for, letters, resolve, value_kind
from penchant.data.staging import Column, Rows
from penchant.data.values import id_text, missing, usable_columns, yes

IMPRESSION = "impression"
"""The event type of a row whose yes/no columns all say no: the item was shown."""
_UNIT_MASK = 7
_NOTES = {8: "empty_text", 16: "event_type_filled", 32: "value_nan", 64: "event_type_renamed"}
"""Repairs, by bit of the `notes` column; its lowest bits say what unit a time was read in."""


@dataclass(frozen=True, kw_only=True)
class EventSettings:
    """What a caller may say about times and ratings."""

    clock: Literal["auto", "time", "position"] = "auto"
    time_format: str | None = None
    rating_scale: tuple[float, float] | None = None
    type_names: Mapping[str, str] = field(default_factory=dict)
    """What a source calls an event type, in letters and digits → its name in the dataset."""


@dataclass(frozen=True, slots=True)
class _Check:
    """A condition that makes a row bad, the canonical column it concerns, why, and whether to show what came."""

    condition: str
    column: str
    reason: str
    shown: bool = True


@dataclass(frozen=True, kw_only=True)
class EventTable:
    """A checked table of events in the work database; good rows have ``fault = 0``."""

    table: str
    file: SourceFile
    rows: Rows
    fields: Mapping[str, str]
    """Field → the source's column."""
    clock: Clock | None
    """None: the file has no order but its own."""
    extras: Mapping[str, str]
    """Further columns: name → SQL type."""
    flags: tuple[str, ...]
    """The event types of yes/no columns; bit k of the `flags` column is the k-th."""
    checks: tuple[_Check, ...]
    constants: Mapping[str, str]
    """Canonical column that is the same in every row → its SQL; the table does not hold it."""
    faulty: int
    repairs: Counter[str]
    units: Counter[str]
    """How times were read → rows."""

    @property
    def rating(self) -> bool:
        """Whether its values are ratings."""
        return "value" in self.fields and value_kind(self.fields["value"]) == "rating"


def check_events(
    connection: duckdb.DuckDBPyConnection, file: SourceFile, rows: Rows, table: str, *, settings: EventSettings
) -> EventTable:
    """Make `table` from a file of events, one row each, in the file's order (its `rowid`).

    Raises `SchemaError` where users, or both items and texts, have no column.
    """
    columns = usable_columns(connection, file, rows)
    fields = _fields(file, rows, list(columns))
    others = [name for name in columns if name not in fields.values()]
    # One subquery gives every source column a plain name, so that what follows need not know where it comes from.
    plain = {field: f"__{field}" for field in fields} | {name: f"__x{k}" for k, name in enumerate(others)}
    source = {field: Column(sql=plain[field], kind=c.kind, sql_type=c.sql_type) for field, c in _pick(columns, fields)}
    further = {
        name: Column(sql=plain[name], kind=columns[name].kind, sql_type=columns[name].sql_type) for name in others
    }
    named = [f"{columns[column].sql} AS {plain[field]}" for field, column in fields.items()]
    named += [f"{columns[name].sql} AS {plain[name]}" for name in others]
    relation = f"(SELECT {', '.join(named)} FROM {rows.relation})"

    flags = {} if "event_type" in fields or file.event_type else _flags(connection, further, relation)
    further = {name: column for name, column in further.items() if name not in flags.values()}
    moment = _moment(connection, source, relation, settings)
    selected, notes, checks = _select(connection, file, fields, source, moment, relation, settings)
    extras = {_free(name): column for name, column in further.items()}
    bits = [f"CASE WHEN {yes(plain[name])} THEN {1 << k} ELSE 0 END" for k, name in enumerate(flags.values())]
    parts = [f"{sql} AS {name}" for name, sql in selected.items()]
    parts += [f"{column.sql} AS {identifier(name)}" for name, column in extras.items()]
    parts += [f"({' + '.join(bits) or 0})::UINTEGER AS flags", f"({' + '.join(notes) or 0})::UTINYINT AS notes"]
    cases = " ".join(f"WHEN {check.condition} THEN {k}" for k, check in enumerate(checks, start=1))
    parts.append(f"(CASE {cases} ELSE 0 END)::UTINYINT AS fault")
    # What is the same in every row, and names that only lead to others, need not be stored.
    constants = {name: selected[name] for name in selected if _is_constant(selected[name])}
    ours = [name for name in selected if name not in {"named_type", *constants}]
    kept = ", ".join([*ours, *map(identifier, extras), *(["flags"] if flags else []), "notes", "fault"])
    connection.execute(f"CREATE TABLE {table} AS SELECT {kept} FROM (SELECT {', '.join(parts)} FROM {relation})")
    faulty, repairs, units = _count(connection, table)
    return EventTable(
        table=table,
        file=file,
        rows=rows,
        fields=fields,
        clock=moment.clock if moment else None,
        extras={name: column.sql_type if column.kind == "typed" else "VARCHAR" for name, column in extras.items()},
        flags=tuple(flags),
        checks=tuple(checks),
        constants=constants,
        faulty=faulty,
        repairs=repairs,
        units=units,
    )


def set_aside(connection: duckdb.DuckDBPyConnection, events: EventTable, quarantine: Quarantine) -> None:
    """Send the faulty rows of a table to quarantine, with their line and raw text from a second pass over the file."""
    if not events.faulty:
        return
    found = connection.execute(f"SELECT rowid, fault FROM {events.table} WHERE fault > 0 ORDER BY 1").fetchnumpy()
    places = {column: place for place, column in enumerate(events.rows.columns)}
    for shown, fault in zip(events.rows.show(found["rowid"]), found["fault"], strict=True):
        check = events.checks[fault - 1]
        column = events.fields.get(check.column, check.column)
        came = ""
        if check.shown and places.get(column, len(shown.values)) < len(shown.values):
            came = f"{shown.values[places[column]]!r} "
        reason = Fault(shown.line, column, came + check.reason, shown.raw)
        quarantine.add(events.rows.name, reason, kind=f"{column}: {check.reason}")


def _pick(columns: Mapping[str, Column], fields: Mapping[str, str]) -> list[tuple[str, Column]]:
    return [(field, columns[column]) for field, column in fields.items()]


def _fields(file: SourceFile, rows: Rows, columns: list[str]) -> dict[str, str]:
    given = {**file.given, **{name: name for name in file.computed if name in EVENT_COLUMNS}}
    fields = resolve("events", columns, given=given, where=rows.name, required=["user_id"])
    if "item_id" not in fields and "text" not in fields:
        resolve("events", columns, given=given, where=rows.name, required=["item_id"])
    return fields


def _moment(
    connection: duckdb.DuckDBPyConnection, source: Mapping[str, Column], relation: str, settings: EventSettings
) -> Moment | None:
    if "timestamp" in source:
        return moment_of(
            connection, source["timestamp"], relation, clock=settings.clock, time_format=settings.time_format
        )
    if "position" in source:
        return moment_of(connection, source["position"], relation, clock="position")
    return None


def _select(
    connection: duckdb.DuckDBPyConnection,
    file: SourceFile,
    fields: Mapping[str, str],
    source: Mapping[str, Column],
    moment: Moment | None,
    relation: str,
    settings: EventSettings,
) -> tuple[dict[str, str], list[str], list[_Check]]:
    """The canonical columns, the notes' terms, and what makes a row bad, first things first."""
    selected = {"user_id": id_text(connection, source["user_id"], relation)}
    checks = [_Check("user_id IS NULL", "user_id", "no user", shown=False)]
    notes: list[str] = []
    if "text" in source:
        raw = f"{source['text'].sql}::VARCHAR"
        selected["text"] = f"CASE WHEN {missing(raw)} THEN NULL ELSE {raw} END"
        notes.append(f"CASE WHEN {raw} IS NOT NULL AND {missing(raw)} THEN 8 ELSE 0 END")
    selected["item_id"] = id_text(connection, source["item_id"], relation) if "item_id" in source else "NULL::VARCHAR"
    wordless = " AND text IS NULL" if "text" in source else ""
    checks.append(
        _Check(f"item_id IS NULL{wordless}", "item_id", "no item" + (" and no text" if wordless else ""), shown=False)
    )
    default = file.event_type or event_type_for(fields.get("value"), fields.get("text"))
    if "event_type" in source:
        raw = f"{source['event_type'].sql}::VARCHAR"
        bare = f"CASE WHEN {raw} < '!' OR right({raw}, 1) <= ' ' THEN trim({raw}) ELSE {raw} END"
        named = f"CASE WHEN {missing(raw)} THEN '{default}' ELSE {bare} END"
        notes.append(f"CASE WHEN {missing(raw)} THEN 16 ELSE 0 END")
        if settings.type_names:
            names = ", ".join(f"{quoted(old)}: {quoted(new)}" for old, new in settings.type_names.items())
            bare = "regexp_replace(lower(named_type), '[\\W_]+', '', 'g')"
            selected["named_type"], named = named, f"coalesce((MAP {{{names}}})[{bare}], named_type)"
            notes.append("CASE WHEN event_type <> named_type THEN 64 ELSE 0 END")
        selected["event_type"] = named
    else:
        selected["event_type"] = quoted(settings.type_names.get(letters(default), default))
    selected["moment"] = moment.value if moment else "NULL::BIGINT"
    if moment:
        raw = source.get("timestamp", source.get("position", Column(sql="NULL"))).sql
        field = "timestamp" if "timestamp" in source else "position"
        notes.append(f"({moment.unit})::INTEGER")
        what = "is no time in s, ms, µs, ns or ISO 8601" if moment.clock == "time" else "is no position"
        checks.append(
            _Check(f"moment IS NULL AND {missing(f'{raw}::VARCHAR')}", field, f"no {moment.clock}", shown=False)
        )
        checks.append(_Check("moment IS NULL", field, what))
        if moment.clock == "time":
            first = 1 if settings.clock == "time" else FIRST_MOMENT
            impossible = f"moment < {first} OR moment >= {LAST_MOMENT}"
            checks.append(_Check(impossible, field, "is not between March 1973 and 2200"))
    if "value" in source:
        column = source["value"]
        number, text = f"TRY_CAST({column.sql} AS DOUBLE)", f"{column.sql}::VARCHAR"
        selected["value"] = f"CASE WHEN isfinite({number}) THEN {number} END"
        nothing = missing(text)
        notes.append(f"CASE WHEN {column.sql} IS NOT NULL AND {nothing} THEN 32 ELSE 0 END")
        checks.append(_Check(f"value IS NULL AND NOT {nothing}", "value", "is no finite number"))
        kind = value_kind(fields["value"])
        if kind in {"quantity", "dwell"}:
            checks.append(_Check("value < 0", "value", f"is an impossible {kind}: it is negative"))
        scale = settings.rating_scale or file.rating_scale
        if kind == "rating" and scale is not None:
            outside = f"value < {scale[0]} OR value > {scale[1]}"
            checks.append(_Check(outside, "value", f"is outside the scale {scale[0]:g} to {scale[1]:g}"))
    else:
        selected["value"] = "NULL::DOUBLE"
    for name in ("platform", "context", "slate_id", "event_id"):
        if name in source:
            raw = f"{source[name].sql}::VARCHAR"
            selected[name] = f"CASE WHEN {missing(raw)} THEN NULL ELSE {raw} END"
    if "platform" not in source and file.platform is not None:
        selected["platform"] = quoted(file.platform)
    return selected, notes, checks


def _flags(connection: duckdb.DuckDBPyConnection, columns: Mapping[str, Column], relation: str) -> dict[str, str]:
    """Event type → yes/no column, in the order in which types stand at one moment; only columns of 0 and 1."""
    named = {ENGAGEMENT[letters(name)]: name for name in columns if letters(name) in ENGAGEMENT}
    flags = {}
    for event_type in dict.fromkeys(ENGAGEMENT.values()):
        if event_type not in named:
            continue
        sql = f"{columns[named[event_type]].sql}::VARCHAR"
        strange = connection.execute(
            f"SELECT count(*) FROM (SELECT lower({sql}) AS v FROM {relation} LIMIT 20000)"
            " WHERE v NOT IN ('0', '1', '0.0', '1.0', 'true', 'false', 't', 'f', 'yes', 'no', '')"
        ).fetchone()
        if strange and not strange[0]:
            flags[event_type] = named[event_type]
    return flags


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, Counter[str], Counter[str]]:
    """Faulty rows, and the repairs and units of time among the others."""
    faulty, repairs, units = 0, Counter[str](), Counter[str]()
    for bad, notes, n in connection.execute(f"SELECT fault > 0, notes, count(*) FROM {table} GROUP BY 1, 2").fetchall():
        if bad:
            faulty += n
            continue
        repairs.update({name: n for bit, name in _NOTES.items() if notes & bit})
        if notes & _UNIT_MASK:
            units[UNITS[notes & _UNIT_MASK]] += n
    return faulty, repairs, units


def _is_constant(sql: str) -> bool:
    return sql.startswith(("NULL::", "'"))


def _free(name: str) -> str:
    """A further column's name, out of the way of the columns that are ours."""
    ours = {*EVENT_COLUMNS, "moment", "named_type", "flags", "notes", "fault", "row", "record", "part"}
    return f"{name}_" if name.casefold() in ours or name.startswith("__") else name

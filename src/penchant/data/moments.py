"""Timestamps in seconds, milliseconds, microseconds, nanoseconds, ISO 8601 or plain dates, all to UTC microseconds.

Plausible dates in the four units lie in ranges of magnitude that do not meet, so each value tells its own unit:
below 1e11 seconds, below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds. A column whose numbers all lie
below 1e8 (March 1973 in seconds) holds positions, not dates. A time without an offset is taken as UTC.
"""

from dataclasses import dataclass
from typing import Literal

import duckdb

from penchant.data.dataset import Clock
from penchant.data.folder import quoted
from penchant.data.staging import Column
from penchant.errors import SchemaError

UNITS = ("", "seconds", "milliseconds", "microseconds", "nanoseconds", "ISO 8601", "dates as given by a format")
"""What a moment was read from, by code."""
POSITIONS_BELOW = 1e8
FIRST_MOMENT = 100_000_000_000_000
"""1973-03-03 in µs: a smaller number among dates is a counter or a zero. `--clock time` lifts this."""
LAST_MOMENT = 7_258_118_400_000_000
"""2200-01-01 in µs."""
SAMPLE = 20_000

_DAY = r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$"
_SECOND = r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d$"


@dataclass(frozen=True, slots=True)
class Moment:
    """SQL of a column's moment: `value` (BIGINT: µs or a position; NULL where it is none) and `unit` (code)."""

    clock: Clock
    value: str
    unit: str


def moment_of(
    connection: duckdb.DuckDBPyConnection,
    column: Column,
    relation: str,
    *,
    clock: Literal["auto", "time", "position"] = "auto",
    time_format: str | None = None,
) -> Moment:
    """How to read a column, judged by its first rows. `time_format` is a strptime pattern and wins."""
    sql, sql_type = column.sql, column.sql_type
    if column.kind == "typed" and (sql_type.startswith("TIMESTAMP") or sql_type == "DATE"):
        stamp = f"epoch_us({sql}::TIMESTAMPTZ)" if "TIME ZONE" in sql_type else f"epoch_us({sql}::TIMESTAMP)"
        return Moment("time", stamp, f"CASE WHEN {sql} IS NULL THEN 0 ELSE 5 END")
    text = f"{sql}::VARCHAR"
    if time_format is not None:
        stamp = f"epoch_us(try_strptime({text}, {quoted(time_format)}))"
        return Moment("time", stamp, f"CASE WHEN {stamp} IS NULL THEN 0 ELSE 6 END")
    number = f"TRY_CAST({sql} AS DOUBLE)"
    facts = connection.execute(
        f"SELECT count(v), count(n), coalesce(max(abs(n)), 0), bool_and(regexp_matches(v, {quoted(_DAY)})),"
        f" bool_and(regexp_matches(v, {quoted(_SECOND)})) FROM (SELECT nullif({text}, '') AS v,"
        f" CASE WHEN isfinite({number}) THEN {number} END AS n FROM {relation} LIMIT {SAMPLE})"
    ).fetchone()
    values, numbers, largest, days, seconds = facts or (0, 0, 0, False, False)
    if clock != "position" and values and (days or seconds):
        pattern = "%Y%m%d" if days else "%Y%m%d%H%M%S"
        stamp = f"epoch_us(try_strptime({text}, {quoted(pattern)}))"
        return Moment("time", stamp, f"CASE WHEN {stamp} IS NULL THEN 0 ELSE 6 END")
    few = clock == "auto" and numbers > values // 2 and largest < POSITIONS_BELOW
    if clock == "position" or few:
        if clock == "position" and values and not numbers:
            raise SchemaError("The time column holds no numbers, so it cannot be positions.", hint="Use --clock time.")
        return Moment("position", f"CASE WHEN {number} = floor({number}) THEN TRY_CAST({number} AS BIGINT) END", "0")
    size = f"abs({number})"
    scaled = (
        f"CASE WHEN {size} < 1e11 THEN {number} * 1e6 WHEN {size} < 1e14 THEN {number} * 1e3"
        f" WHEN {size} < 1e17 THEN {number} ELSE {number} / 1e3 END"
    )
    stamp = f"TRY_CAST(round({scaled}) AS BIGINT)"
    unit = f"CASE WHEN {size} < 1e11 THEN 1 WHEN {size} < 1e14 THEN 2 WHEN {size} < 1e17 THEN 3 ELSE 4 END"
    if column.kind == "typed" and sql_type != "VARCHAR":
        return Moment("time", stamp, f"CASE WHEN {sql} IS NULL THEN 0 ELSE {unit} END")
    iso = f"epoch_us(TRY_CAST({sql} AS TIMESTAMPTZ))"
    value = f"CASE WHEN {number} IS NOT NULL THEN {stamp} ELSE {iso} END"
    return Moment("time", value, f"CASE WHEN {number} IS NOT NULL THEN {unit} ELSE 5 END")

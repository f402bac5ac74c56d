"""Checked tables of events, items and users to the files of a dataset: duplicates, rows of ids, order."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from penchant.data.dataset import Clock
from penchant.data.events import IMPRESSION, EventTable
from penchant.data.folder import EVENT_COLUMNS, identifier, quoted
from penchant.errors import SchemaError

_OURS = ("text", "platform", "context", "slate_id", "event_id")
_FIRST = 1099511627776
"""2⁴⁰: more rows than a file has, so that (part, row) orders as one number."""


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """The event tables of a source, about to become one."""

    connection: duckdb.DuckDBPyConnection
    tables: Sequence[EventTable]
    types: frozenset[str] | None = None
    """The event types to keep; None: all."""

    @property
    def clock(self) -> Clock:
        """The clock of all files. `SchemaError` where some have times and others only an order."""
        clocks = {one.clock for one in self.tables}
        if len(clocks) > 1:
            having = "; ".join(f"{one.rows.name}: {one.clock or 'no time column'}" for one in self.tables)
            raise SchemaError(
                f"The event files do not keep one clock: {having}.",
                hint="Import files with times and files without into two datasets, or drop one.",
            )
        return clocks.pop() or "position"

    def columns(self) -> dict[str, str]:
        """Optional columns of ours and further ones that any file has: name → SQL type."""
        found: dict[str, str] = {}
        for one in self.tables:
            have = {**dict.fromkeys(one.fields, "VARCHAR"), **({"platform": "VARCHAR"} if one.file.platform else {})}
            found |= {name: "VARCHAR" for name in _OURS if name in have}
        for one in self.tables:
            for name, sql_type in one.extras.items():
                same = next((known for known in found if known.casefold() == name.casefold()), name)
                found[same] = sql_type if found.get(same, sql_type) == sql_type else "VARCHAR"
        return found

    def gather(self) -> None:
        """Make the view `gathered`: the good rows of all tables under one set of columns."""
        columns = self.columns()
        parts = []
        for k, one in enumerate(self.tables):
            have = {name.casefold(): name for name in one.extras}
            have |= {name: name for name in _OURS if name in one.fields}
            sources = {name: identifier(have[name.casefold()]) for name in columns if name.casefold() in have}
            values = [
                f"({sources.get(name, one.constants.get(name, 'NULL'))})::{sql_type} AS {identifier(name)}"
                for name, sql_type in columns.items()
            ]
            named = ", ".join(["", *values]) if values else ""
            ours = ", ".join(
                f"{one.constants.get(name, name)} AS {name}"
                for name in ("user_id", "item_id", "event_type", "moment", "value")
            )
            flags = "flags" if one.flags else "0::UINTEGER AS flags"
            parts.append(
                f"SELECT {k} AS part, rowid AS record, {ours}, {flags}{named} FROM {one.table} WHERE fault = 0"
            )
        self.connection.execute(f"CREATE VIEW gathered AS {' UNION ALL '.join(parts)}")

    def find_duplicates(self) -> Counter[int]:
        """Make the table `duplicates` (part, record) of rows equal to an earlier one in every column: part → rows.

        Where a file gives no time, position or event id, equal rows may be real repeats and stay, unless they are
        ratings.
        """
        parts = [k for k, one in enumerate(self.tables) if not one.file.ordered and _repeats_are_errors(one)]
        self.connection.execute("CREATE TABLE duplicates (part INTEGER, record BIGINT)")
        if not parts:
            return Counter()
        among = f"part IN ({', '.join(map(str, parts))})"
        key = ", ".join(
            ["user_id", "item_id", "event_type", "moment", "value", "flags", *map(identifier, self.columns())]
        )
        # Most data has none: 64-bit hashes find out in one pass, and only their collisions are compared in full.
        self.connection.execute(
            f"CREATE TABLE repeated AS SELECT h FROM (SELECT hash({key}) AS h FROM gathered WHERE {among})"
            " GROUP BY h HAVING count(*) > 1"
        )
        self.connection.execute(
            "INSERT INTO duplicates SELECT part, record FROM (SELECT part, record,"
            f" row_number() OVER (PARTITION BY {key} ORDER BY part, record) AS n"
            f" FROM gathered WHERE {among} AND hash({key}) IN (SELECT h FROM repeated)) WHERE n > 1"
        )
        found = self.connection.execute("SELECT part, count(*) FROM duplicates GROUP BY 1").fetchall()
        return Counter({int(part): int(n) for part, n in found})

    def spread(self) -> Counter[int]:
        """Make the view `spread`: kept rows, one event each, or one for each yes of its yes/no columns.

        part → rows dropped because none of their types was asked for.
        """
        kept = "SELECT * FROM gathered"
        if self.connection.execute("SELECT 1 FROM duplicates LIMIT 1").fetchone():
            kept = "SELECT g.* FROM gathered g ANTI JOIN duplicates d ON d.part = g.part AND d.record = g.record"
        flagged = [(k, one) for k, one in enumerate(self.tables) if one.flags]
        if flagged:
            places = ", ".join(
                f"({k}, {0 if bit is None else 1 << bit}, {0 if bit is None else bit + 1}, {quoted(name)})"
                for k, one in flagged
                for bit, name in [(None, IMPRESSION), *enumerate(one.flags)]
            )
            with_flags = f"part IN ({', '.join(str(k) for k, _ in flagged)})"
            sql = (
                f"SELECT * EXCLUDE (flags), 0 AS place FROM ({kept}) WHERE NOT {with_flags} UNION ALL BY NAME"
                " SELECT k.* EXCLUDE (flags) REPLACE (f.event_type AS event_type), f.place FROM"
                f" (SELECT * FROM ({kept}) WHERE {with_flags}) k JOIN (VALUES {places}) f(part, bit, place, event_type)"
                " ON f.part = k.part AND CASE WHEN k.flags = 0 THEN f.bit = 0 ELSE (k.flags & f.bit) <> 0 END"
            )
        else:
            sql = f"SELECT * EXCLUDE (flags), 0 AS place FROM ({kept})"
        if self.types is None:
            self.connection.execute(f"CREATE VIEW spread AS {sql}")
            return Counter()
        wanted = f"event_type IN ({', '.join(map(quoted, sorted(self.types)))})"
        self.connection.execute(f"CREATE VIEW spread AS SELECT * FROM ({sql}) WHERE {wanted}")
        lost = self.connection.execute(
            f"SELECT part, count(*) FROM (SELECT part, record FROM ({sql}) GROUP BY part, record"
            f" HAVING NOT bool_or({wanted})) GROUP BY part"
        ).fetchall()
        return Counter({int(part): int(n) for part, n in lost})

    def number(self, what: str, known: bool) -> int:
        """Make the table `{what}_rows` (id, row): ids of the catalogue in its order, then others as events meet them.

        The number of ids that only events name.
        """
        column = f"{what}_id"
        catalogue = f"SELECT id, __first AS first, 0 AS origin FROM {what}s UNION ALL " if known else ""
        self.connection.execute(
            f"CREATE TABLE {what}_rows AS SELECT id, (row_number() OVER (ORDER BY origin, first) - 1)::INTEGER AS row,"
            f" origin FROM (SELECT id, min(origin) AS origin, arg_min(first, origin) AS first FROM ({catalogue}"
            f"SELECT {column} AS id, min(part * {_FIRST} + record) AS first, 1 AS origin FROM spread"
            f" WHERE {column} IS NOT NULL GROUP BY {column}) GROUP BY id)"
        )
        found = self.connection.execute(f"SELECT count(*) FROM {what}_rows WHERE origin = 1").fetchone()
        return int(found[0]) if found else 0

    def write_events(self, file: Path) -> int:
        """Write `events.parquet`, sorted by (user row, time, order in the source); the number of events."""
        # The narrower the key, the faster 20 M rows are sorted: file and row are one number.
        order = [f"part * {_FIRST} + record" if len(self.tables) > 1 else "record"]
        order += ["place"] if any(one.flags for one in self.tables) else []
        timed = any(one.clock is not None for one in self.tables)
        time = "moment" if timed else f"row_number() OVER (PARTITION BY u.row ORDER BY {', '.join(order)}) - 1"
        sorting = ", ".join(["u.row", *(["moment"] if timed else []), *order])
        further = [name for name in self.columns() if name not in EVENT_COLUMNS]
        ours = [name for name in _OURS if name in self.columns()]
        named = "".join(f", {identifier(name)}" for name in [*ours, *further])
        self.connection.execute(
            f"COPY (SELECT user_id, item_id, event_type, ({time})::BIGINT AS timestamp, value{named}"
            f" FROM spread JOIN user_rows u ON u.id = user_id ORDER BY {sorting})"
            f" TO {quoted(file)} (FORMAT parquet, COMPRESSION zstd)"
        )
        found = self.connection.execute(f"SELECT count(*) FROM read_parquet({quoted(file)})").fetchone()
        return int(found[0]) if found else 0


def write_catalogue(
    connection: duckdb.DuckDBPyConnection, what: str, columns: dict[str, str], file: Path, *, known: bool
) -> int:
    """Write `items.parquet` or `users.parquet` in row order, with a row for every id that only events name."""
    named = "".join(f", c.{identifier(name)}" for name in columns)
    joined = f" LEFT JOIN {what}s c ON c.id = r.id" if known else ""
    connection.execute(
        f"COPY (SELECT r.id AS {what}_id{named if known else ''} FROM {what}_rows r{joined} ORDER BY r.row)"
        f" TO {quoted(file)} (FORMAT parquet, COMPRESSION zstd)"
    )
    found = connection.execute(f"SELECT count(*) FROM {what}_rows").fetchone()
    return int(found[0]) if found else 0


def _repeats_are_errors(one: EventTable) -> bool:
    return one.clock is not None or one.rating or "event_id" in one.fields

"""What a dataset folder holds, in numbers: read with DuckDB, so that its size does not matter."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from penchant.artifacts import read_manifest
from penchant.data.folder import KIND, MANIFEST, columns_of, identifier, quoted
from penchant.data.leaks import Leak, find_leaks
from penchant.errors import BundleError
from penchant.types import MICROSECONDS_PER_DAY

_TEXTS = ("title", "text", "categories", "tags")


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How a count is spread over its owners."""

    least: float
    p25: float
    median: float
    mean: float
    p75: float
    p90: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Description:
    """Everything `penchant data describe` tells. Shares are in [0, 1]; times are UTC in ISO 8601, gaps in days."""

    name: str
    clock: str
    licence: str
    counts: Mapping[str, int]
    """users, items, events, relations; those with events; distinct pairs."""
    density: float
    """Distinct pairs / (users · items)."""
    events_per_user: Spread | None
    events_per_item: Spread | None
    one_event_users: float
    cold_items: float
    """Share of items without an event."""
    top_share: float
    """Share of the events on the most popular hundredth of the items with events."""
    first: str | None
    last: str | None
    days: float | None
    """Time from the first event to the last."""
    gaps: Mapping[str, float]
    """In days, between consecutive events of a user: median, p90, longest; and the longest of the whole log. Empty
    where there is no time."""
    future_events: int
    event_types: Mapping[str, int]
    tied_last_events: float
    """Share of users with two or more item events who have several items at their last time: which is last is the
    order of the file."""
    repeated_pairs: float
    """Share of item events whose user had met the item before."""
    values: Mapping[str, Any]
    """Of ratings, quantities or dwell: missing share, mean, and how often each label stands (up to 20 levels)."""
    liked: float | None
    """Share of ratings in the upper quarter of the scale."""
    text_coverage: Mapping[str, float]
    """Share of items with each of title, text, categories, tags, and with any of them."""
    missing: Mapping[str, Mapping[str, float]]
    """Table → column → share of rows without a value."""
    records: int
    quarantined: int
    rules: Mapping[str, int]
    left_aside: Sequence[Mapping[str, str]]
    leaks: Sequence[Leak] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def describe(folder: Path) -> Description:
    """Describe a dataset folder. Raises `BundleError` where it is missing, cut in half, altered or newer."""
    manifest = read_manifest(folder, kind=KIND, name=MANIFEST)
    try:
        with duckdb.connect() as connection:
            return _Reader(connection, folder, manifest).read()
    except duckdb.Error as error:
        raise BundleError(f"{folder} cannot be read: {error}.", hint="Make it again with `penchant import`.") from None


class _Reader:
    """Asks the folder's files one question after another."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.connection, self.folder, self.manifest = connection, folder, manifest
        self.timed = manifest["clock"] == "time"
        connection.execute("SET TimeZone = 'UTC'")
        for name in ("events", "items", "users", "relations"):
            if (folder / f"{name}.parquet").is_file():
                connection.execute(f"CREATE VIEW {name} AS FROM read_parquet({quoted(folder / name)} || '.parquet')")
        for what in ("user", "item"):
            connection.execute(
                f"CREATE TEMP TABLE per_{what} AS SELECT {what}_id, count(*) AS n FROM events"
                f" WHERE {what}_id IS NOT NULL GROUP BY 1"
            )

    def one(self, sql: str) -> tuple[Any, ...]:
        return self.connection.execute(sql).fetchone() or ()

    def read(self) -> Description:
        manifest, accounts = self.manifest, self.manifest.get("conservation", [])
        counts = self.counts()
        cells = counts["users"] * counts["items"]
        first, last, days, future = self.span()
        return Description(
            name=str(manifest["name"]),
            clock=str(manifest["clock"]),
            licence=str(manifest.get("licence", "")),
            counts=counts,
            density=counts["pairs"] / cells if cells else 0.0,
            events_per_user=self.spread("per_user"),
            events_per_item=self.spread("per_item"),
            one_event_users=_share(self.one("SELECT count_if(n = 1), count(*) FROM per_user")),
            cold_items=1 - counts["items_with_events"] / counts["items"] if counts["items"] else 0.0,
            top_share=self.top_share(counts["items_with_events"]),
            first=first,
            last=last,
            days=days,
            gaps=self.gaps() if self.timed else {},
            future_events=future,
            event_types=dict(self.rows("SELECT event_type, count(*) FROM events GROUP BY 1 ORDER BY 2 DESC, 1")),
            tied_last_events=self.tied_last_events(),
            repeated_pairs=1 - counts["pairs"] / counts["item_events"] if counts["item_events"] else 0.0,
            values=self.values(),
            liked=self.liked(),
            text_coverage=self.text_coverage(),
            missing={table: self.missing(table) for table in ("events", "items", "users")},
            records=sum(account["records"] for account in accounts),
            quarantined=sum(account["quarantined"] for account in accounts),
            rules={entry["rule"]: entry["count"] for entry in manifest.get("rules", [])},
            left_aside=manifest.get("source", {}).get("left_aside", []),
            leaks=find_leaks(self.connection, self.folder, clock=str(manifest["clock"])),
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def counts(self) -> dict[str, int]:
        relations = "SELECT count(*) FROM relations" if (self.folder / "relations.parquet").is_file() else "SELECT 0"
        found = self.one(
            "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM items), (SELECT count(*) FROM events),"
            f" ({relations}), (SELECT count(*) FROM per_user), (SELECT count(*) FROM per_item),"
            " (SELECT coalesce(sum(n), 0) FROM per_item),"
            " (SELECT count(*) FROM (SELECT DISTINCT user_id, item_id FROM events WHERE item_id IS NOT NULL))"
        )
        names = (
            "users",
            "items",
            "events",
            "relations",
            "users_with_events",
            "items_with_events",
            "item_events",
            "pairs",
        )
        return {name: int(value) for name, value in zip(names, found, strict=True)}

    def spread(self, table: str) -> Spread | None:
        found = self.one(
            "SELECT min(n), quantile_cont(n, 0.25), median(n), avg(n), quantile_cont(n, 0.75), quantile_cont(n, 0.9),"
            f" max(n) FROM {table}"
        )
        if found[0] is None:
            return None
        least, p25, median, mean, p75, p90, most = (float(value) for value in found)
        return Spread(least=least, p25=p25, median=median, mean=mean, p75=p75, p90=p90, most=most)

    def top_share(self, items: int) -> float:
        top = max(1, items // 100)
        return _share(
            self.one(
                f"SELECT (SELECT sum(n) FROM (SELECT n FROM per_item ORDER BY n DESC LIMIT {top})), sum(n)"
                " FROM per_item"
            )
        )

    def span(self) -> tuple[str | None, str | None, float | None, int]:
        if not self.timed:
            return None, None, None, 0
        first, last, width, future = self.one(
            "SELECT strftime(make_timestamp(min(timestamp)), '%Y-%m-%dT%H:%M:%SZ'),"
            " strftime(make_timestamp(max(timestamp)), '%Y-%m-%dT%H:%M:%SZ'), max(timestamp) - min(timestamp),"
            " count_if(timestamp > epoch_us(now())) FROM events"
        )
        return first, last, None if width is None else width / MICROSECONDS_PER_DAY, int(future)

    def gaps(self) -> dict[str, float]:
        of_users = self.one(
            "SELECT median(gap), quantile_cont(gap, 0.9), max(gap) FROM (SELECT timestamp - lag(timestamp) OVER"
            " (PARTITION BY user_id ORDER BY timestamp) AS gap FROM events)"
        )
        whole = self.one("SELECT max(gap) FROM (SELECT t - lag(t) OVER (ORDER BY t) AS gap FROM"
                         " (SELECT DISTINCT timestamp AS t FROM events))")  # fmt: skip
        names = ("median", "p90", "longest", "whole_log_longest")
        found = zip(names, (*of_users, *whole), strict=True)
        return {name: float(value) / MICROSECONDS_PER_DAY for name, value in found if value is not None}

    def tied_last_events(self) -> float:
        return _share(
            self.one(
                "SELECT count_if(tied > 1), count(*) FROM (SELECT count(DISTINCT e.item_id) AS tied FROM events e JOIN"
                " (SELECT user_id, max(timestamp) AS t, count(*) AS n FROM events WHERE item_id IS NOT NULL GROUP BY 1)"
                " l ON l.user_id = e.user_id AND l.t = e.timestamp WHERE l.n > 1 GROUP BY e.user_id)"
            )
        )

    def values(self) -> dict[str, Any]:
        missing, mean, levels = self.one(
            "SELECT avg((value IS NULL)::INTEGER), avg(value), approx_count_distinct(value) FROM events"
        )
        if mean is None:
            return {}
        labels = {}
        if levels <= 25:
            found = self.rows("SELECT value, count(*) FROM events WHERE value IS NOT NULL GROUP BY 1 ORDER BY 1")
            labels = {f"{value:g}": int(n) for value, n in found} if len(found) <= 20 else {}
        return {"missing": float(missing), "mean": float(mean), "labels": labels}

    def liked(self) -> float | None:
        scale = self.manifest.get("rating_scale")
        if scale is None or scale[0] == scale[1]:
            return None
        floor = scale[0] + 0.75 * (scale[1] - scale[0])
        return _share(self.one(f"SELECT count_if(value >= {floor}), count(value) FROM events"))

    def text_coverage(self) -> dict[str, float]:
        columns = columns_of(self.connection, self.folder / "items.parquet")
        have = {name: f"({identifier(name)} IS NOT NULL)" for name in _TEXTS if name in columns}
        if not have:
            return {"any": 0.0}
        asked = ", ".join(f"avg({sql}::INTEGER)" for sql in [*have.values(), f"({' OR '.join(have.values())})"])
        found = self.one(f"SELECT {asked} FROM items")
        return {name: float(value or 0) for name, value in zip([*have, "any"], found, strict=True)}

    def missing(self, table: str) -> dict[str, float]:
        columns = columns_of(self.connection, self.folder / f"{table}.parquet")
        asked = ", ".join(f"avg(({_empty(name, sql_type)})::INTEGER)" for name, sql_type in columns.items())
        return {
            name: float(value or 0)
            for name, value in zip(columns, self.one(f"SELECT {asked} FROM {table}"), strict=True)
        }


def _empty(name: str, sql_type: str) -> str:
    column = identifier(name)
    return f"{column} IS NULL OR len({column}) = 0" if sql_type.endswith("[]") else f"{column} IS NULL"


def _share(found: Sequence[Any]) -> float:
    part, whole = found
    return float(part or 0) / float(whole) if whole else 0.0

"""Attributes that may know what the events are yet to tell: figures and lists collected over everybody, for all time.

Two signs are looked for: a name that such columns go by, and a rank correlation with what the events themselves say
of the items (how often each is met, how well it is rated) that no attribute of its own nature would have.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
from scipy.stats import rankdata

from penchant.data.folder import columns_of, identifier, quoted
from penchant.data.schema import letters
from penchant.types import DoubleArray

Kind = Literal["aggregate", "related_items", "tags", "lookahead"]
CORRELATED = 0.8
"""|Spearman's ρ| from which a number is taken for an aggregate of the events."""
FEWEST_ITEMS = 50
FEWEST_RATINGS = 10
"""Items and ratings per item below which a correlation says nothing."""

_AGGREGATES = (
    "averagerating", "avgrating", "meanrating", "ratingaverage", "ratingscount", "ratingcount", "ratingnumber",
    "numratings", "numberofratings", "workratingscount", "reviewcount", "reviewscount", "worktextreviewscount",
    "numreviews", "textreviewscount", "popularity", "voteaverage", "votecount", "salesrank", "rank", "viewcount",
    "views", "playcount", "likescount", "likecount", "favoritecount", "downloads", "bestsellerrank", "fansusernum",
    "ratings1", "ratings2", "ratings3", "ratings4", "ratings5",
)  # fmt: skip
_RELATED = (
    "alsobought", "alsobuy", "alsoviewed", "alsoview", "boughttogether", "buyafterviewing", "similaritem",
    "similaritems", "related", "relateditems", "similarbooks", "recommendations",
)  # fmt: skip
_LOOKAHEAD = ("maxdate", "lastdate", "pricemaxdate", "profitability", "lastseen", "lastrating", "totalsales", "revenue")


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A column or table worth a warning."""

    table: str
    column: str
    kind: Kind
    why: str


def find_leaks(connection: duckdb.DuckDBPyConnection, folder: Path, *, clock: str) -> tuple[Leak, ...]:
    """Possible leaks of a dataset folder, of the items first."""
    found: list[Leak] = []
    for table in ("items", "users"):
        columns = columns_of(connection, folder / f"{table}.parquet")
        for column, sql_type in columns.items():
            leak = _by_name(table, column)
            if leak is None and table == "items" and sql_type in {"BIGINT", "DOUBLE"} and column != "timestamp":
                leak = _by_correlation(connection, folder, column)
            if leak is not None:
                found.append(leak)
        if table == "items" and "tags" in columns:
            when = "" if clock == "time" else " (and these events have no times to cut at)"
            found.append(
                Leak(
                    table=table,
                    column="tags",
                    kind="tags",
                    why=f"if users gave these tags, they were gathered from all events, later ones too{when}",
                )
            )
    if (folder / "relations.parquet").is_file():
        names = connection.execute(
            f"SELECT relation, count(*) FROM read_parquet({quoted(folder / 'relations.parquet')}) GROUP BY 1 ORDER BY 1"
        ).fetchall()
        found += [
            Leak(
                table="relations",
                column=str(name),
                kind="related_items",
                why=f"{n:,} links that were collected from what everybody did, after the events",
            )
            for name, n in names
            if letters(str(name)) in _RELATED
        ]
    return tuple(found)


def _by_name(table: str, column: str) -> Leak | None:
    name = letters(column)
    if name in _AGGREGATES:
        return Leak(
            table=table, column=column, kind="aggregate", why="by its name a figure over the whole site and all time"
        )
    if name in _RELATED:
        return Leak(
            table=table, column=column, kind="related_items", why="by its name a list made from what everybody did"
        )
    if name in _LOOKAHEAD:
        return Leak(table=table, column=column, kind="lookahead", why="by its name known only at the end of the data")
    return None


def _by_correlation(connection: duckdb.DuckDBPyConnection, folder: Path, column: str) -> Leak | None:
    items = quoted(folder / "items.parquet")
    found = connection.execute(
        f"SELECT i.{identifier(column)}::DOUBLE AS x, e.n, e.mean, e.rated FROM read_parquet({items}) i"
        " JOIN (SELECT item_id, count(*) AS n, avg(value) AS mean, count(value) AS rated"
        f" FROM read_parquet({quoted(folder / 'events.parquet')}) WHERE item_id IS NOT NULL GROUP BY 1) e"
        " ON e.item_id = i.item_id WHERE x IS NOT NULL"
    ).fetchnumpy()
    x, n = _plain(found["x"]), _plain(found["n"])
    rho = spearman(x, n)
    if abs(rho) >= CORRELATED:
        why = f"follows how often items are met (rank correlation {rho:.2f})"
        return Leak(table="items", column=column, kind="aggregate", why=why)
    often = _plain(found["rated"]) >= FEWEST_RATINGS
    rho = spearman(x[often], _plain(found["mean"])[often])
    if abs(rho) >= CORRELATED:
        why = f"follows how items are rated (rank correlation {rho:.2f})"
        return Leak(table="items", column=column, kind="aggregate", why=why)
    return None


def spearman(x: DoubleArray, y: DoubleArray) -> float:
    """Spearman's rank correlation; 0 where there are too few items or nothing varies."""
    if len(x) < FEWEST_ITEMS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def _plain(values: Any) -> DoubleArray:
    return np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)

"""Which columns are worth a feature: those that repeat, and those that ratings depend on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.data.features.columns import SIDES, Columns, Observed, Side, kind_of, words_of
from penchant.data.features.encoding import memberships
from penchant.data.imputation import TEXT_COLUMNS, is_missing
from penchant.errors import ConfigError
from penchant.types import AnyArray, DoubleArray, IntArray


class Select(Config):
    """Settings of the step."""

    step: Literal["select"] = "select"
    users: tuple[str, ...] | None = None
    """Columns that may be used; None: all."""
    items: tuple[str, ...] | None = None
    distinct_share: float = Field(default=0.5, gt=0, le=1)
    """A column of words with more distinct values than this share of its rows is an id, no feature."""
    min_association: float | None = None
    """Columns that explain less of the ratings than this are dropped. One that explains nothing by itself may still
    matter together with another."""
    max_columns: int | None = Field(default=None, ge=1)
    """The columns of each side that explain most."""

    def fit(self, columns: Mapping[Side, Columns], seen: Observed) -> "Selection":
        """Choose. `ConfigError` for a column that is asked for and not there."""
        kept: dict[Side, dict[str, float]] = {}
        dropped: dict[Side, dict[str, str]] = {}
        for side in SIDES:
            kept[side], dropped[side] = self._choose(side, columns[side], seen)
        return Selection(kept=kept, dropped=dropped)

    def _choose(self, side: Side, columns: Columns, seen: Observed) -> tuple[dict[str, float], dict[str, str]]:
        wanted = self.users if side == "users" else self.items
        strangers = sorted(set(wanted or ()) - set(columns))
        if strangers:
            raise ConfigError(
                f"select: the {side} have no column {', '.join(strangers)}.",
                hint=f"Their columns: {', '.join(columns) or 'none'}.",
            )
        found: dict[str, float] = {}
        dropped: dict[str, str] = {}
        for name, column in columns.items():
            asked = wanted is None or name in wanted
            reason = self._unfit(name, column) if asked else "not asked for"
            if reason:
                dropped[name] = reason
                continue
            found[name] = association(column, seen.rows(side)[seen.rated], seen.values[seen.rated])
        best = sorted(found, key=lambda name: (-found[name], name))
        for place, name in enumerate(best):
            if self.min_association is not None and found[name] < self.min_association:
                dropped[name] = f"explains {found[name]:.4f} of the ratings' variance"
            elif self.max_columns is not None and place >= self.max_columns:
                dropped[name] = f"{self.max_columns} columns explain more"
        return {name: found[name] for name in best if name not in dropped}, dropped

    def _unfit(self, name: str, values: AnyArray) -> str:
        """Why a column's training values can be no feature, "" where they can."""
        kind = kind_of(values)
        there = [value for value in values if not is_missing(value)]
        if kind == "empty":
            return "no values in training"
        if name in TEXT_COLUMNS:
            return "running text"
        distinct = len({word for value in there for word in words_of(value)})
        if distinct < 2:
            return "the same everywhere"
        if kind == "word" and distinct > self.distinct_share * len(there):
            return "nearly every row has a value of its own"
        return ""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What was kept, and what each kept column explains."""

    kept: Mapping[Side, Mapping[str, float]]
    """Side → column → share of the ratings' variance that it explains, adjusted; highest first."""
    dropped: Mapping[Side, Mapping[str, str]]
    """Side → column → why."""

    def apply(self, side: Side, columns: Columns) -> Columns:
        """The kept columns."""
        return {name: columns[name] for name in self.kept[side] if name in columns}

    def as_json(self) -> dict[str, Any]:
        """For a manifest and a report."""
        return {"step": "select", "kept": dict(self.kept), "dropped": dict(self.dropped)}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Selection":
        """What `as_json` gave."""
        return cls(kept=saved["kept"], dropped=saved["dropped"])


def association(column: AnyArray, rows_N: IntArray, values_N: DoubleArray) -> float:
    """The share of the ratings' variance that a column explains, in (−∞, 1]: ε² of one-way analysis of variance.

    ``ε² = 1 − (N − 1)/(N − k) · SS_within / SS_total`` over the k groups of equal value (Kelley 1935): unlike η² it
    does not grow with the number of values, and is about 0 for a column of chance. Numbers are grouped by tenths. Of
    several words a row the strongest counts: a group is "has it", the other "has it not"; the strongest of many words
    of chance is somewhat above 0. 0 without ratings.

    Worked: ratings 1, 1, 5, 5 in groups a, a, b, b: SS_within = 0, so 1; in groups a, b, a, b: SS_within = SS_total, so
    1 − 3/2 = −0.5.
    """
    if len(values_N) < 3 or not values_N.std():
        return 0.0
    kind = kind_of(column)
    if kind == "words":
        return _strongest(column, rows_N, values_N)
    if kind == "number":
        numbers = np.array([np.nan if is_missing(value) else float(value) for value in column])
        there = numbers[np.unique(rows_N)]
        there = there[~np.isnan(there)]
        edges = np.unique(np.quantile(there, np.linspace(0.1, 0.9, 9))) if len(there) else there
        codes = np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers, side="right"))
        return _epsilon(np.unique(codes, return_inverse=True)[1][rows_N], values_N)
    labels = np.array([" ".join(words_of(value)) for value in column])
    return _epsilon(np.unique(labels, return_inverse=True)[1][rows_N], values_N)


def _epsilon(groups_N: IntArray, values_N: DoubleArray) -> float:
    counts = np.bincount(groups_N)
    means = np.bincount(groups_N, values_N) / np.maximum(counts, 1)
    within = float(((values_N - means[groups_N]) ** 2).sum())
    total = float(((values_N - values_N.mean()) ** 2).sum())
    n, k = len(values_N), int((counts > 0).sum())
    return 1.0 - (n - 1) / (n - k) * within / total if n > k and total else 0.0


def _strongest(column: AnyArray, rows_N: IntArray, values_N: DoubleArray) -> float:
    """The highest ε² of the words, each of which parts the ratings in two groups; from sums over groups alone."""
    has, _ = memberships(column)
    off = values_N - values_N.mean()
    n, total = len(values_N), float((off**2).sum())
    counts = has.T @ np.bincount(rows_N, minlength=len(column))
    sums = has.T @ np.bincount(rows_N, off, minlength=len(column))
    parted = (counts > 0) & (counts < n)
    if not parted.any():
        return 0.0
    between = (sums[parted] ** 2 / counts[parted] * n / (n - counts[parted])).max()
    return float(1.0 - (n - 1) / (n - 2) * (1.0 - between / total))

"""Values that repeat: numbers in bins, dates as years, rare words together."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.data.features.columns import SIDES, Columns, Observed, Side, column_of, kind_of, shown, words_of
from penchant.data.imputation import is_missing
from penchant.types import AnyArray

YEAR = re.compile(r"(?<!\d)(1[5-9]|20)\d\d(?!\d)")
DATED_SHARE = 0.9
"""A column of words is one of dates where this share of its values holds a year, and few letters beside it."""
OTHER = "other"


class Transform(Config):
    """Settings of the step."""

    step: Literal["transform"] = "transform"
    bins: int = Field(default=8, ge=0)
    """Numbers become this many words, with as many training rows in each as equal numbers allow, or a word for each
    number where there are no more; 0 leaves them numbers."""
    logarithm: bool = False
    """Where bins are 0, numbers become ln(1 + x), if all of a column's are above −1: for counts and prices."""
    rare: int = Field(default=5, ge=1)
    """A word of fewer training rows is one of the others."""

    def fit(self, columns: Mapping[Side, Columns], seen: Observed) -> "Transformation":  # noqa: ARG002
        """Learn bins and words."""
        rules = {side: {name: self._rule(column) for name, column in columns[side].items()} for side in SIDES}
        return Transformation(rules=rules)

    def _rule(self, values: AnyArray) -> dict[str, Any]:
        there = [value for value in values if not is_missing(value)]
        kind = kind_of(there)
        if kind == "word" and _dated(there):
            return {"dates": True, **self._numbers([_year(value) for value in there])}
        if kind == "number":
            return self._numbers([float(value) for value in there])
        counts = Counter(word for value in there for word in words_of(value))
        return {"words": sorted(word for word, n in counts.items() if n >= self.rare)}

    def _numbers(self, numbers: list[float | None]) -> dict[str, Any]:
        known = np.array([number for number in numbers if number is not None])
        logarithm = self.logarithm and bool((known > -1).all())
        if not self.bins:
            return {"logarithm": logarithm}
        # An edge is a value that occurs: equal values are never parted.
        distinct = np.unique(known)
        edges = distinct[1:]
        if len(distinct) > self.bins:
            shares = np.arange(1, self.bins) / self.bins
            found = np.unique(np.quantile(known, shares, method="higher"))
            edges = found[found > distinct[0]] if found[-1] > distinct[0] else edges[:1]
        return {"logarithm": False, "edges": edges.tolist()}


@dataclass(frozen=True, kw_only=True)
class Transformation:
    """How each column is rewritten."""

    rules: Mapping[Side, Mapping[str, Mapping[str, Any]]]
    """Side → column → ``words`` kept, or ``edges`` of bins, or whether to take the ``logarithm``; ``dates`` first
    become years."""

    def apply(self, side: Side, columns: Columns) -> Columns:
        """The columns rewritten; one that training did not have is left alone."""
        rules = self.rules[side]
        return {name: _rewritten(column, rules[name]) if name in rules else column for name, column in columns.items()}

    def as_json(self) -> dict[str, Any]:
        """For a manifest and a report."""
        return {"step": "transform", "rules": dict(self.rules)}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Transformation":
        """What `as_json` gave."""
        return cls(rules=saved["rules"])


def _rewritten(column: AnyArray, rule: Mapping[str, Any]) -> AnyArray:
    if "words" in rule:
        kept = set(rule["words"])
        several = kind_of(column) == "words"

        def words(value: Any) -> Any:
            if is_missing(value):
                return None
            named = [word if word in kept else OTHER for word in words_of(value)]
            return list(dict.fromkeys(named)) if several else named[0]

        return column_of((words(value) for value in column), len(column))
    edges = np.array(rule["edges"]) if "edges" in rule else None

    def number(value: Any) -> Any:
        if is_missing(value):
            return None
        read = _year(value) if rule.get("dates") else _number(value)
        if read is None:
            return None
        if edges is not None:
            return _bin(read, edges)
        if not rule["logarithm"]:
            return read
        return float(np.log1p(read)) if read > -1 else None

    return column_of((number(value) for value in column), len(column))


def _bin(number: float, edges: AnyArray) -> str:
    """``below 24``, ``24 to 31``, ``31 and more``: a bin holds its lower edge."""
    place = int(np.searchsorted(edges, number, side="right"))
    if not len(edges):
        return "any"
    if place == 0:
        return f"below {shown(edges[0])}"
    lower = shown(edges[place - 1])
    return f"{lower} and more" if place == len(edges) else f"{lower} to {shown(edges[place])}"


def _dated(values: list[Any]) -> bool:
    return sum(_year(value) is not None for value in values) >= DATED_SHARE * max(len(values), 1)


def _year(value: Any) -> float | None:
    found = YEAR.search(str(value))
    return float(found.group()) if found and sum(c.isalpha() for c in str(value)) <= 12 else None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None

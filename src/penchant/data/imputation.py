"""Missing values filled by named rules whose figures come from the training part alone."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from penchant.config import Config
from penchant.data.dataset import Dataset, Table
from penchant.types import BoolArray, DoubleArray, ObjectArray

NumberRule = Literal["median", "mean", "most_frequent", "constant"]
WordRule = Literal["constant", "most_frequent"]
TEXT_COLUMNS = frozenset({"title", "text", "description", "abstract"})
"""Columns of running text: nothing stands in for a missing one."""


class ImputationConfig(Config):
    """Which rule fills what."""

    numbers: NumberRule = "median"
    words: WordRule = "constant"
    """For attributes with one word or phrase, such as a brand or a gender."""
    number: float = 0.0
    """The constant for numbers, and for a column without any value in training."""
    word: str = "unknown"
    values: bool = True
    """Fill events without a value: user mean, else item mean, else mean over all, of the training events."""


@dataclass(frozen=True, kw_only=True)
class Imputation:
    """Fitted rules. Save them with the model: `as_json` and `from_json`."""

    items: Mapping[str, tuple[str, Any]]
    """Column → (rule, what it fills in)."""
    users: Mapping[str, tuple[str, Any]]
    user_means: Mapping[str, float]
    item_means: Mapping[str, float]
    mean: float | None
    """None: values are left alone, or training has none."""

    @classmethod
    def fit(cls, train: Dataset, *, config: ImputationConfig | None = None) -> "Imputation":
        """Learn what to fill in from `train`: its events, and the attributes of the items and users they touch.

        An item or user without a training event adds nothing, so that a split hides its attributes too.
        """
        config = config or ImputationConfig()
        events = train.events
        touched_items = np.zeros(train.n_items, dtype=bool)
        touched_items[events.items[events.items >= 0]] = True
        touched_users = np.zeros(train.n_users, dtype=bool)
        touched_users[events.users] = True
        known = ~np.isnan(events.values)
        filled = config.values and bool(known.any())
        return cls(
            items=_rules(train.items, touched_items, config),
            users=_rules(train.users, touched_users, config),
            user_means=_means(train.users, events.users[known], events.values[known]) if filled else {},
            item_means=_means(train.items, events.items[known], events.values[known]) if filled else {},
            mean=float(events.values[known].mean()) if filled else None,
        )

    def apply(self, dataset: Dataset) -> tuple[Dataset, Counter[str]]:
        """The dataset without missing values, and rule → values filled (``items.price: median``).

        A column that training did not have is filled as one without any value there.
        """
        counts: Counter[str] = Counter()
        items = _filled(dataset.items, self.items, "items", counts)
        users = _filled(dataset.users, self.users, "users", counts)
        return replace(dataset, items=items, users=users, events=self._events(dataset, counts)), counts

    def _events(self, dataset: Dataset, counts: Counter[str]) -> Any:
        events = dataset.events
        empty = np.isnan(events.values)
        if self.mean is None or not empty.any():
            return events
        values = events.values.copy()
        of_user = _lookup(dataset.users, self.user_means)[events.users]
        of_item = np.append(_lookup(dataset.items, self.item_means), np.nan)[events.items]  # −1: the last, no item
        for rule, source in (("user mean", of_user), ("item mean", of_item), ("mean", np.full(len(values), self.mean))):
            chosen = np.isnan(values) & ~np.isnan(source)
            values[chosen] = source[chosen]
            counts.update({f"events.value: {rule}": int(chosen.sum())} if chosen.any() else {})
        return replace(events, values=values)

    def as_json(self) -> dict[str, Any]:
        """For a manifest."""
        return {
            "items": {name: list(rule) for name, rule in self.items.items()},
            "users": {name: list(rule) for name, rule in self.users.items()},
            "user_means": dict(self.user_means),
            "item_means": dict(self.item_means),
            "mean": self.mean,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Imputation":
        """What `as_json` gave."""
        return cls(
            items={name: (rule, fill) for name, (rule, fill) in saved["items"].items()},
            users={name: (rule, fill) for name, (rule, fill) in saved["users"].items()},
            user_means=saved["user_means"],
            item_means=saved["item_means"],
            mean=saved["mean"],
        )


def is_missing(value: Any) -> bool:
    """Whether an attribute's value is None or NaN."""
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124 — NaN is not itself


def _rules(table: Table, touched: BoolArray, config: ImputationConfig) -> dict[str, tuple[str, Any]]:
    return {name: _rule(name, column, touched, config) for name, column in table.columns.items()}


def _rule(name: str, column: ObjectArray, touched: BoolArray, config: ImputationConfig) -> tuple[str, Any]:
    """The rule of a column by what its values are, and what it fills in by those of the training part."""
    kinds = {type(value) for value in column if not is_missing(value)}
    seen = [value for value, use in zip(column, touched, strict=True) if use and not is_missing(value)]
    if kinds <= {list}:
        return ("no values", []) if kinds else ("constant", config.word)
    if kinds <= {int, float}:
        numbers = np.array(seen, dtype=np.float64)
        if not len(numbers) or config.numbers == "constant":
            return "constant", config.number
        if config.numbers == "most_frequent":
            return "most_frequent", _most_frequent(seen)
        return config.numbers, float(np.median(numbers) if config.numbers == "median" else numbers.mean())
    if name in TEXT_COLUMNS:
        return "empty text", ""
    if kinds == {bool} or (config.words == "most_frequent" and seen):
        return ("most_frequent", _most_frequent(seen)) if seen else ("constant", False)
    return "constant", config.word


def _most_frequent(values: list[Any]) -> Any:
    """The most frequent value; among equals the first in sorted order, so that no row order decides."""
    counts = Counter(values)
    most = max(counts.values())
    return min((value for value, n in counts.items() if n == most), key=str)


def _filled(table: Table, rules: Mapping[str, tuple[str, Any]], where: str, counts: Counter[str]) -> Table:
    columns = {}
    for name, column in table.columns.items():
        empty = np.fromiter((is_missing(value) for value in column), dtype=bool, count=len(column))
        columns[name] = column
        if empty.any():
            rule, fill = rules.get(name, ("constant", None))
            if name not in rules:
                rule, fill = _rule(name, column, np.zeros(len(column), dtype=bool), ImputationConfig())
            columns[name] = column.copy()
            for row in np.flatnonzero(empty):
                columns[name][row] = list(fill) if isinstance(fill, list) else fill
            counts[f"{where}.{name}: {rule}"] += int(empty.sum())
    return Table(ids=table.ids, columns=columns)


def _means(table: Table, rows: Any, values: DoubleArray) -> dict[str, float]:
    with_item = rows >= 0
    counts = np.bincount(rows[with_item], minlength=len(table))
    totals = np.bincount(rows[with_item], weights=values[with_item], minlength=len(table))
    return {table.ids[row]: float(totals[row] / counts[row]) for row in np.flatnonzero(counts)}


def _lookup(table: Table, means: Mapping[str, float]) -> DoubleArray:
    return np.array([means.get(id_, np.nan) for id_ in table.ids], dtype=np.float64)

"""Attribute columns as the steps see them, and what the training part says of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.imputation import is_missing
from penchant.types import BoolArray, DoubleArray, IntArray, ObjectArray

Side = Literal["users", "items"]
SIDES: tuple[Side, ...] = get_args(Side)
Kind = Literal["number", "word", "words", "empty"]
Columns: TypeAlias = Mapping[str, ObjectArray]
"""Column → one value a row: None or NaN where it is missing, a list where there are several."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The training part: which rows it touches, and who rated what how."""

    users: IntArray
    """(N,) of the events with an item"""
    items: IntArray
    values: DoubleArray
    """(N,) NaN where there is no rating"""
    n_users: int
    n_items: int

    @classmethod
    def of(cls, train: Dataset) -> Self:
        """The item events of a dataset."""
        events = train.events
        on_item = events.items >= 0
        return cls(
            users=events.users[on_item].astype(np.int64),
            items=events.items[on_item].astype(np.int64),
            values=events.values[on_item],
            n_users=train.n_users,
            n_items=train.n_items,
        )

    def rows(self, side: Side) -> IntArray:
        """(N,) the row of each event on one side."""
        return self.users if side == "users" else self.items

    def touched(self, side: Side) -> BoolArray:
        """Whether a row has a training event; what the others hold is not known yet."""
        there = np.zeros(self.n_users if side == "users" else self.n_items, dtype=np.bool_)
        there[self.rows(side)] = True
        return there

    @cached_property
    def rated(self) -> BoolArray:
        """(N,) whether the event has a rating."""
        return ~np.isnan(self.values)


def kind_of(values: Iterable[Any]) -> Kind:
    """What the values of a column are; a column of mixed kinds is one of words."""
    kinds = {type(value) for value in values if not is_missing(value)}
    if not kinds:
        return "empty"
    if list in kinds:
        return "words"
    return "number" if kinds <= {int, float} else "word"


def words_of(value: Any) -> list[str]:
    """A value as its words: none, one, or those of a list, each once and in its order."""
    if is_missing(value):
        return []
    if isinstance(value, list):
        return list(dict.fromkeys(str(one) for one in value if not is_missing(one)))
    return [shown(value) if isinstance(value, float) else str(value)]


def shown(number: float) -> str:
    """A number as a word; different ones read differently up to twelve digits."""
    return f"{number:.12g}"


def known(columns: Columns, rows: BoolArray) -> Columns:
    """The columns with nothing in the rows for which `rows` does not hold: whoever fits on them cannot read more."""
    return {
        name: column_of((value if there else None for value, there in zip(column, rows, strict=True)), len(column))
        for name, column in columns.items()
    }


def column_of(values: Iterable[Any], rows: int) -> ObjectArray:
    """An object array that keeps lists whole."""
    column = np.empty(rows, dtype=object)
    for row, value in enumerate(values):
        column[row] = value
    return column

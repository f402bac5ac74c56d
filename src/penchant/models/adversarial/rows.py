"""What generators read and write: rows of items, how each begins, and the attributes of who it is of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from penchant.data.dataset import Dataset, Table
from penchant.data.histories import Histories
from penchant.types import FloatArray, IntArray

NOTHING = -1
"""Where a row has no item (any more)."""
MOST_VALUES = 32
"""An attribute with more distinct values is an id or a text, not a group of users."""

Repeats = Literal["never", "not at once", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """B rows of at most L items."""

    items: IntArray
    """(B, L) item rows in order, `NOTHING` behind the last"""
    given: IntArray
    """(B,) how many of the first are the condition; the others are to be made"""
    lengths: IntArray
    """(B,) items in all, those to be made included"""
    attributes: FloatArray
    """(B, F)"""

    def __len__(self) -> int:
        return len(self.given)

    def take(self, rows: IntArray | slice) -> "Rows":
        """Some of the B rows."""
        return Rows(
            items=self.items[rows],
            given=self.given[rows],
            lengths=self.lengths[rows],
            attributes=self.attributes[rows],
        )

    def made(self, b: int) -> IntArray:
        """The items of row b behind its condition."""
        return self.items[b, int(self.given[b]) : int(self.lengths[b])]

    def batches(self, size: int) -> Iterator["Rows"]:
        """Runs of at most `size` rows."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))


@dataclass(frozen=True, slots=True)
class AttributeCoding:
    """Users' attributes as ones and zeros: a column for each value of each attribute with few values."""

    values: Mapping[str, Sequence[str]]
    """Attribute → its values; a user has 1 at each that is his, lists included."""

    @classmethod
    def fit(cls, users: Table) -> "AttributeCoding":
        """Every attribute with 2 to `MOST_VALUES` distinct values."""
        values = {name: sorted({text for entry in column for text in _texts(entry)}) for name, column in _plain(users)}
        return cls({name: texts for name, texts in values.items() if 2 <= len(texts) <= MOST_VALUES})

    @property
    def width(self) -> int:
        """F"""
        return sum(len(texts) for texts in self.values.values())

    def matrix(self, users: Table, rows: IntArray) -> FloatArray:
        """(B, F) of the users at `rows`; an attribute or value that is not known is all 0."""
        coded = np.zeros((len(rows), self.width), dtype=np.float32)
        start = 0
        for name, texts in self.values.items():
            place = {text: start + n for n, text in enumerate(texts)}
            start += len(texts)
            if name not in users.columns:
                continue
            for b, row in enumerate(rows.tolist()):
                for text in _texts(users.columns[name][row]):
                    if text in place:
                        coded[b, place[text]] = 1.0
        return coded


def first_rows(
    histories: Histories, attributes_BF: FloatArray, *, given: IntArray, lengths: IntArray, width: int | None = None
) -> Rows:
    """Rows that begin as these histories do: `given` (B,) items of each, at most as many as it has, and room up to
    `lengths` (B,).
    """
    given = np.minimum(given, histories.lengths)
    rows = Rows(
        items=np.full((len(given), int(width or lengths.max(initial=0))), NOTHING, dtype=np.int64),
        given=given.astype(np.int64),
        lengths=lengths.astype(np.int64),
        attributes=attributes_BF,
    )
    there = np.arange(rows.items.shape[1])[None, :] < given[:, None]
    rows.items[there] = histories.items[(histories.indptr[:-1, None] + np.arange(there.shape[1]))[there]]
    return rows


def windows(
    histories: Histories, attributes_BF: FloatArray, *, most: int, most_given: int, rng: np.random.Generator
) -> Rows:
    """One observed row of each history with an item: at most `most` consecutive items, of which the first 0 to
    `most_given`, drawn evenly, are the condition, and one at least is not.
    """
    there = np.flatnonzero(histories.lengths > 0)
    lengths = np.minimum(histories.lengths[there], most)
    begin = np.floor(rng.random(len(there)) * (histories.lengths[there] - lengths + 1)).astype(np.int64)
    cut = histories.between(there, begin, begin + lengths)
    rows = first_rows(cut, attributes_BF[there], given=lengths, lengths=lengths, width=most)
    given = np.floor(rng.random(len(there)) * (np.minimum(lengths - 1, most_given) + 1)).astype(np.int64)
    return Rows(items=rows.items, given=given, lengths=lengths, attributes=rows.attributes)


def repeats_of(dataset: Dataset) -> Repeats:
    """Whether anybody's history has an item twice, or twice at once."""
    histories = dataset.histories()
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    pairs = owners * dataset.n_items + histories.items
    if len(np.unique(pairs)) == len(pairs):
        return "never"
    return "any" if bool((np.diff(pairs) == 0).any()) else "not at once"


def _plain(users: Table) -> list[tuple[str, Any]]:
    return [(name, column) for name, column in users.columns.items() if name != "text"]


def _texts(entry: Any) -> list[str]:
    if entry is None or (isinstance(entry, float) and np.isnan(entry)):
        return []
    return [str(part) for part in entry] if isinstance(entry, list | tuple | np.ndarray) else [str(entry)]

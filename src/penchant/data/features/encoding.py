"""Columns as named numbers: what the steps leave becomes a sparse matrix, one column a feature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from penchant.data.features.columns import SIDES, Columns, Side, kind_of, words_of
from penchant.data.imputation import is_missing
from penchant.types import AnyArray, DoubleArray


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How each column becomes features, in this order.

    A word is 1 at its feature (``gender=F``), n words of a row are 1/√n at each of theirs, so that a row of many weighs
    as much as one of few. A number is ``(x − mean) / deviation`` of the training rows. A missing value, or a word that
    training did not have, is nothing at all: 0 everywhere.
    """

    rules: Mapping[Side, Mapping[str, Mapping[str, Any]]]
    """Side → column → ``words``, or ``mean`` and ``deviation``."""

    @classmethod
    def fit(cls, columns: Mapping[Side, Columns]) -> "Encoding":
        """Learn words, means and deviations."""
        return cls(rules={side: {name: _rule(column) for name, column in columns[side].items()} for side in SIDES})

    def names(self, side: Side) -> tuple[str, ...]:
        """The features of a side: ``users.gender=F``, ``users.age``."""
        return tuple(
            f"{side}.{column}{suffix}"
            for column, rule in self.rules[side].items()
            for suffix in ([f"={word}" for word in rule["words"]] if "words" in rule else [""])
        )

    def apply(self, side: Side, columns: Columns, rows: int) -> sp.csr_array:
        """(rows, F)"""
        parts = []
        for name, rule in self.rules[side].items():
            column = columns.get(name)
            if "words" in rule:
                parts.append(indicators(column, rule["words"], rows=rows))
            else:
                parts.append(sp.csr_array(_standardised(column, rule, rows)[:, None]))
        return sp.csr_array(sp.hstack(parts)) if parts else sp.csr_array((rows, 0))

    def as_json(self) -> dict[str, Any]:
        """For a manifest and a report."""
        return {"rules": dict(self.rules)}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Encoding":
        """What `as_json` gave."""
        return cls(rules=saved["rules"])


def indicators(column: AnyArray | None, words: Sequence[str], *, rows: int) -> sp.csr_array:
    """1/√n at each of a row's n words, (rows, words); a word not among `words` counts in n and has no column."""
    place = {word: k for k, word in enumerate(words)}
    indices: list[int] = []
    data: list[float] = []
    indptr = np.zeros(rows + 1, dtype=np.int64)
    for row in range(rows if column is not None else 0):
        found = words_of(column[row]) if column is not None else []
        known = sorted(place[word] for word in found if word in place)
        indices += known
        data += [1.0 / np.sqrt(max(len(found), 1))] * len(known)
        indptr[row + 1] = len(indices)
    return sp.csr_array((np.array(data), np.array(indices, dtype=np.int32), indptr), shape=(rows, len(words)))


def memberships(column: AnyArray) -> tuple[sp.csr_array, list[str]]:
    """1 at each of a row's words, (rows, words), and the words in sorted order."""
    words = sorted({word for value in column for word in words_of(value)})
    found = indicators(column, words, rows=len(column))
    return sp.csr_array((np.ones(found.nnz), found.indices, found.indptr), shape=found.shape), words


def _rule(values: AnyArray) -> dict[str, Any]:
    there = [value for value in values if not is_missing(value)]
    if kind_of(there) == "number":
        numbers = np.array(there, dtype=np.float64)
        return {"mean": float(numbers.mean()), "deviation": float(numbers.std()) or 1.0}
    return {"words": sorted({word for value in there for word in words_of(value)})}


def _standardised(column: AnyArray | None, rule: Mapping[str, Any], rows: int) -> DoubleArray:
    numbers = np.full(rows, np.nan)
    if column is not None:
        for row, value in enumerate(column):
            if isinstance(value, (int, float)) and not is_missing(value):
                numbers[row] = value
    return np.asarray(np.nan_to_num((numbers - rule["mean"]) / rule["deviation"], nan=0.0), dtype=np.float64)

"""The features that a user and an item have together, for any pairs of rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp

from penchant.data.features.columns import Columns, Side
from penchant.data.features.cross import Crossing
from penchant.data.features.encoding import indicators
from penchant.types import AnyArray, DoubleArray, IntArray


@dataclass(frozen=True, slots=True)
class _Part:
    """A column of the users with a column of the items."""

    users: sp.csr_array
    """(U, words)"""
    items: sp.csr_array
    """(I, words)"""
    features: IntArray
    """(user words, item words) the feature of each combination, −1 where it has none"""


class PairFeatures:
    """``x = x_user · x_item`` for each combination of a user's word and an item's that has a feature."""

    def __init__(self, parts: list[_Part], rows: Mapping[Side, int]) -> None:
        self._parts, self.rows = parts, rows
        self.width = sum(int((part.features >= 0).sum()) for part in parts)
        """C"""

    @classmethod
    def of_columns(cls, crossing: Crossing | None, columns: Mapping[Side, Columns], rows: Mapping[Side, int]) -> Self:
        """Of the columns that the crossing was fitted on; features in the order of its names."""
        parts, width = [], 0
        for pair in crossing.pairs if crossing else ():
            ours, theirs = (sorted({value[k] for value in pair["values"]}) for k in (0, 1))
            features = np.full((len(ours), len(theirs)), -1, dtype=np.int64)
            for our_word, their_word in pair["values"]:
                features[ours.index(our_word), theirs.index(their_word)] = width
                width += 1
            left = indicators(columns["users"].get(pair["users"]), ours, rows=rows["users"])
            right = indicators(columns["items"].get(pair["items"]), theirs, rows=rows["items"])
            parts.append(_Part(left, right, features))
        return cls(parts, rows)

    def of(self, users_P: AnyArray, items_P: AnyArray) -> sp.csr_array:
        """The features of P pairs of rows, (P, C); a user row of −1 has none."""
        owners, features, data = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
        for part in self._parts:
            (our_starts, our_lengths), (starts, lengths) = _entries(part.users, users_P), _entries(part.items, items_P)
            combinations = our_lengths * lengths
            owner = np.repeat(np.arange(len(users_P)), combinations)
            place = np.arange(len(owner)) - np.repeat(np.cumsum(combinations) - combinations, combinations)
            a, b = our_starts[owner] + place // lengths[owner], starts[owner] + place % lengths[owner]
            feature = part.features[part.users.indices[a], part.items.indices[b]]
            kept = feature >= 0
            owners.append(owner[kept])
            features.append(feature[kept])
            data.append((part.users.data[a] * part.items.data[b])[kept])
        where = (np.concatenate(owners), np.concatenate(features))
        return sp.csr_array((np.concatenate(data), where), shape=(len(users_P), self.width))

    def weighed(self, weights_C: DoubleArray) -> tuple[sp.csr_array, sp.csr_array]:
        """Rows (U, T) and (I, T) whose products are ``Σ_c weights_c x_c`` of each pair, without making the pairs.

        T counts the items' words: a user's row holds what each of them is worth to him.
        """
        users, items = [sp.csr_array((self.rows["users"], 0))], [sp.csr_array((self.rows["items"], 0))]
        for part in self._parts:
            worth = np.where(part.features >= 0, np.append(weights_C, 0.0)[part.features], 0.0)
            users.append(sp.csr_array(part.users @ sp.csr_array(worth)))
            items.append(part.items)
        return sp.csr_array(sp.hstack(users, format="csr")), sp.csr_array(sp.hstack(items, format="csr"))


def _entries(matrix: sp.csr_array, rows: AnyArray) -> tuple[IntArray, IntArray]:
    """Where the entries of each row start and how many there are; none for a row of −1."""
    there = rows >= 0
    safe = np.where(there, rows, 0)
    lengths = np.where(there, np.diff(matrix.indptr)[safe], 0) if matrix.shape[0] else np.zeros(len(rows))
    starts = matrix.indptr[safe]
    return starts.astype(np.int64), lengths.astype(np.int64)

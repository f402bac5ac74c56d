"""Diversity within a list: one minus the mean similarity of its pairs of items.

``1 − (2 / (n (n − 1))) Σ_{a<b} s(i_a, i_b)`` over the n items of a list; 0 for a list of fewer than two. What is
similar depends on what is known of the items, and the result says which was used:

* ``vectors``: cosine of item vectors, where they are given
* ``categories``: Jaccard ``|A ∩ B| / |A ∪ B|`` of categories and tags, where at least half the items have any
* ``co-occurrence``: cosine of the sets of training users, ``|U_a ∩ U_b| / √(|U_a| |U_b|)``
"""

from abc import ABC, abstractmethod
from itertools import combinations
from typing import Literal

import numpy as np
from scipy import sparse

from penchant.data.dataset import Dataset
from penchant.metrics.similarity import unit
from penchant.types import DoubleArray, FloatArray, IntArray, RowArray

Basis = Literal["vectors", "categories", "co-occurrence"]
LABELS = ("categories", "tags")


class ItemSimilarity(ABC):
    """Similarity of items in [−1, 1]."""

    by: Basis

    @abstractmethod
    def pair_sums(self, lists_BK: RowArray) -> DoubleArray:
        """Sum of the similarities of each list's pairs, (B,); −1 pads."""

    def diversity(self, lists_BK: RowArray) -> DoubleArray:
        """One minus the mean similarity of each list's pairs, (B,)."""
        there = (lists_BK >= 0).sum(axis=1)
        mean = self.pair_sums(lists_BK) / np.maximum(there * (there - 1) / 2, 1)
        return np.asarray(np.where(there >= 2, 1.0 - mean, 0.0))


class VectorSimilarity(ItemSimilarity):
    """Cosine of item vectors, (I, D); zero for an item with a zero vector."""

    by = "vectors"

    def __init__(self, item_vectors: FloatArray) -> None:
        self.vectors = unit(item_vectors)

    def pair_sums(self, lists_BK: RowArray) -> DoubleArray:
        """``Σ_{a<b} v_a·v_b = (‖Σ v‖² − Σ ‖v‖²) / 2``"""
        total = np.zeros((len(lists_BK), self.vectors.shape[1]))
        own = np.zeros(len(lists_BK))
        for column in lists_BK.T:
            vectors = np.where((column >= 0)[:, None], self.vectors[column], 0.0)
            total += vectors
            own += np.square(vectors).sum(axis=1)
        return np.asarray((np.square(total).sum(axis=1) - own) / 2)


class SetSimilarity(ItemSimilarity):
    """Overlap of the sets each item belongs to, `members` (I, sets) of ones: Jaccard for categories, else cosine."""

    def __init__(self, members: sparse.csr_array, *, by: Basis) -> None:
        self.members = members
        self.by = by
        self.sizes: DoubleArray = np.diff(members.indptr).astype(np.float64)

    def pair_sums(self, lists_BK: RowArray) -> DoubleArray:
        """Lists share pairs, those of a popular model almost all: each distinct pair is computed once."""
        similar = np.zeros(len(lists_BK))
        n_items = len(self.sizes)
        for a, b in combinations(range(lists_BK.shape[1]), 2):
            left, right = lists_BK[:, a].astype(np.int64), lists_BK[:, b].astype(np.int64)
            there = np.flatnonzero((left >= 0) & (right >= 0))
            pairs, place = np.unique(left[there] * n_items + right[there], return_inverse=True)
            similar[there] += self._of(pairs // n_items, pairs % n_items)[place]
        return similar

    def _of(self, left: IntArray, right: IntArray) -> DoubleArray:
        common = np.asarray(self.members[left].multiply(self.members[right]).sum(axis=1), dtype=np.float64).ravel()
        sizes, others = self.sizes[left], self.sizes[right]
        under = sizes + others - common if self.by == "categories" else np.sqrt(sizes * others)
        return np.divide(common, under, out=np.zeros_like(common), where=under > 0)


def item_similarity(train: Dataset, item_vectors: FloatArray | None = None) -> ItemSimilarity:
    """The best-founded similarity of a dataset's items: vectors where given, else labels, else co-occurrence."""
    if item_vectors is not None:
        return VectorSimilarity(item_vectors)
    labels = labels_of(train)
    if labels is not None:
        return SetSimilarity(labels, by="categories")
    events = train.events.where(train.events.items >= 0)
    return SetSimilarity(_members(events.items, events.users, (train.n_items, train.n_users)), by="co-occurrence")


def labels_of(train: Dataset) -> sparse.csr_array | None:
    """Ones where an item is in a category or has a tag, (I, labels); None where less than half the items have any."""
    codes: dict[str, int] = {}
    rows: list[int] = []
    sets: list[int] = []
    for name in LABELS:
        for row, values in enumerate(train.items.columns.get(name, ())):
            for value in [values] if isinstance(values, str) else values if values is not None else ():
                rows.append(row)
                sets.append(codes.setdefault(str(value), len(codes)))
    if 2 * len(set(rows)) < train.n_items or not rows:
        return None
    return _members(np.array(rows), np.array(sets), (train.n_items, len(codes)))


def _members(rows: IntArray | RowArray, sets: IntArray | RowArray, shape: tuple[int, int]) -> sparse.csr_array:
    matrix = sparse.csr_array((np.ones(len(rows), dtype=np.float32), (rows, sets)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix

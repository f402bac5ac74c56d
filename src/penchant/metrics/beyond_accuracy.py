"""What lists are like besides being right: coverage, novelty, concentration.

Lists are (B, K) item rows, best first; −1 pads a list that ran out of items.

* coverage ``|items in any list| / I``
* novelty, per list, the mean of ``−log2((n_i + 1) / (U + 1))`` bits: n_i training users of the item among U. One is
  added to both so that an item nobody has used is finite; the rarest item scores ``log2(U + 1)``.
* overlap of a list with another, per list, ``|A ∩ B| / |A|``: between the answers to two requests it is the stability
* Gini ``Σ_j (2j − I − 1) x_(j) / (I Σ x)`` of how often each item is recommended, x ascending: 0 where every item is
  shown equally often, towards 1 where few items get all places.
"""

import numpy as np

from penchant.types import DoubleArray, IntArray, RowArray


def recommended_counts(lists_BK: RowArray, n_items: int) -> IntArray:
    """(I,) in how many places each item stands."""
    return np.bincount(lists_BK[lists_BK >= 0], minlength=n_items).astype(np.int64)


def coverage(counts: IntArray) -> float:
    """The share of all items that stand in any list."""
    return float(np.count_nonzero(counts) / max(1, len(counts)))


def gini(counts: IntArray) -> float:
    """How unequally the places are shared out among all items; 0 where there are no places."""
    total = int(counts.sum())
    if not total:
        return 0.0
    n = len(counts)
    return float(np.sum((2.0 * np.arange(1, n + 1) - n - 1) * np.sort(counts)) / (n * total))


def overlap(lists_BK: RowArray, others_BK: RowArray) -> DoubleArray:
    """The share of each list's items that stand in the other list too, at any place, (B,); 1 for an empty list."""
    found = (lists_BK[:, :, None] == others_BK[:, None, :]).any(axis=2) & (lists_BK >= 0)
    sizes = (lists_BK >= 0).sum(axis=1)
    return np.asarray(np.where(sizes > 0, found.sum(axis=1) / np.maximum(sizes, 1), 1.0))


def novelty(lists_BK: RowArray, item_users: IntArray, n_users: int) -> DoubleArray:
    """Mean surprise of each list's items in bits, (B,); 0 for an empty list."""
    bits = -np.log2((item_users + 1.0) / (n_users + 1.0))
    there = lists_BK >= 0
    return np.asarray(np.where(there, bits[lists_BK], 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1))

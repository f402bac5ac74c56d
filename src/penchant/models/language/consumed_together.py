"""What a fine-tuning on behaviour reads of histories: what came before each event, and items that are met together."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from penchant.data.histories import Histories
from penchant.types import FloatArray, IntArray, RowArray


@dataclass(frozen=True)
class Contexts:
    """Each event that has one before it, as the item that came and the fading history that it came after."""

    before: sp.csr_array
    """(C, I): ``decay^(k−1)`` at the item k events before; an item met twice counts twice."""
    targets: RowArray
    """(C,) the items that came"""

    @classmethod
    def of(cls, histories: Histories, *, n_items: int, decay: float, most: int) -> "Contexts":
        """The contexts of histories, of at most `most` events each."""
        owners = np.repeat(np.arange(len(histories)), histories.lengths)
        places = np.arange(len(histories.items)) - histories.indptr[owners]
        events = np.flatnonzero(places > 0)
        lengths = np.minimum(places[events], most)
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        ages = np.repeat(indptr[1:], lengths) - np.arange(indptr[-1])  # from the oldest to 1
        read = histories.items[np.repeat(events, lengths) - ages]
        fades = np.power(decay, ages - 1.0).astype(np.float32)
        before = sp.csr_array((fades, read, indptr), shape=(len(events), n_items))
        before.sum_duplicates()
        return cls(before=before, targets=histories.items[events])

    @cached_property
    def by_target(self) -> sp.csr_array:
        """(I, C): which contexts an item came after."""
        cases = np.arange(len(self.targets))
        ones = np.ones(len(cases), dtype=np.float32)
        return sp.csr_array((ones, (self.targets, cases)), shape=(self.before.shape[1], len(cases)))

    @cached_property
    def together(self) -> sp.csr_array:
        """(I, I) how much two items are met one after the other, either way round."""
        directed = sp.csr_array(self.by_target @ self.before)
        return sp.csr_array(directed + directed.T)

    def cases_of(self, items: RowArray) -> IntArray:
        """The contexts that one of the items came after."""
        return np.asarray(self.by_target[items].indices, dtype=np.int64)


def neighbour_batches(
    contexts: Contexts, items: RowArray, *, size: int, neighbours: int, rng: np.random.Generator
) -> Iterator[RowArray]:
    """Every item once, in batches of `size` (the last one may be smaller): an item, up to `neighbours` of those met
    with it that no other has taken, then another item.

    Items that are alike in use then meet as candidates for one another's cases, which tells more than what was drawn
    from afar (Robinson et al. 2021, "Contrastive learning with hard negative samples"). Neighbours are drawn by how
    often the two meet, over the root of how often the neighbour is met at all.
    """
    together, left = contexts.together, np.zeros(contexts.before.shape[1], dtype=np.bool_)
    left[items] = True
    often: FloatArray = np.sqrt(np.maximum(np.bincount(contexts.targets, minlength=len(left)), 1)).astype(np.float32)
    groups: list[RowArray] = []
    for item in rng.permutation(items):
        if not left[item]:
            continue
        left[item] = False
        span = slice(together.indptr[item], together.indptr[item + 1])
        others, met = together.indices[span], together.data[span]
        others, met = others[left[others]], met[left[others]]
        if len(others) > neighbours:
            weights = met / often[others]
            others = rng.choice(others, neighbours, replace=False, p=weights / weights.sum())
        left[others] = False
        groups.append(np.concatenate([[item], others]))
    order = rng.permutation(len(groups))
    joined = np.concatenate([groups[n] for n in order]) if groups else np.zeros(0, dtype=np.int64)
    for start in range(0, len(joined), size):
        yield joined[start : start + size].astype(np.int32)

"""Which concepts an item keeps, and which concepts enough items keep."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from penchant.concepts.proposals import Proposal
from penchant.types import BoolArray


def select(
    proposals: Sequence[Proposal], n_items: int, *, max_per_item: int, min_items: int
) -> tuple[BoolArray, sp.csr_array]:
    """Which proposals are kept, (P,), and the activations of those, (I, C).

    An item keeps the `max_per_item` of its concepts with the fewest items: the most telling. A concept that fewer than
    `min_items` items then keep is dropped, its places go to others, and so on until every concept left is kept by
    enough. a_ic is proportional to the proposal's weight, and a row's squares sum to 1.
    """
    sizes = np.array([len(proposal.rows) for proposal in proposals], dtype=np.int64)
    columns = np.repeat(np.arange(len(proposals)), sizes)
    nothing = np.zeros(0, dtype=np.int64)
    rows = np.concatenate([proposal.rows for proposal in proposals]) if len(proposals) else nothing
    weights = np.concatenate([p.weights for p in proposals]).astype(np.float64) if len(proposals) else np.zeros(0)
    order = np.lexsort((columns, sizes[columns], rows))
    rows, columns, weights = rows[order], columns[order], weights[order]
    kept = sizes >= min_items
    while True:
        open_ = np.flatnonzero(kept[columns])
        first = np.searchsorted(rows[open_], rows[open_], side="left")
        chosen = open_[np.arange(len(open_)) - first < max_per_item]
        active = np.bincount(columns[chosen], minlength=len(proposals))
        short = kept & (active < min_items)
        if not short.any():
            break
        # Half of them, the smallest first: their places may be what the others lack.
        worst = np.flatnonzero(short)[np.argsort(active[short], kind="stable")]
        kept[worst[: (len(worst) + 1) // 2]] = False
    place = np.cumsum(kept) - 1
    activations = sp.coo_array(
        (weights[chosen], (rows[chosen], place[columns[chosen]])), shape=(n_items, int(kept.sum()))
    ).tocsr()
    activations.sort_indices()
    lengths = np.sqrt(np.asarray(activations.power(2).sum(axis=1)).ravel())
    activations.data = activations.data / np.repeat(np.where(lengths > 0, lengths, 1), np.diff(activations.indptr))
    return kept, activations.astype(np.float32)

"""Whether a generator says the same thing over and over."""

import numpy as np

from penchant.models.adversarial.rows import NOTHING, Rows
from penchant.types import IntArray


def item_entropy(items: IntArray) -> float:
    """``H = −Σ_i p_i ln p_i`` of the items' shares, in nats; 0 where all are one.

    Worked: items 1, 1, 2, 2: ln 2 = 0.69315.
    """
    _, counts = np.unique(items, return_counts=True)
    shares = counts / max(counts.sum(), 1)
    return float(-(shares * np.log(shares)).sum())


def collapse(made_BL: IntArray, observed: Rows, *, n_items: int) -> dict[str, float]:
    """Figures of B generated rows beside the observed rows of the same conditions and lengths.

    ``distinct``: distinct rows over distinct observed ones, each behind its condition and as a set. ``entropy``: that
    of the generated items over that of the observed ones. ``coverage``: share of `n_items` that some row has. All are
    0 to about 1; a generator that has collapsed is near 0 in them.
    """
    places = np.arange(made_BL.shape[1])[None, :] >= observed.given[:, None]

    def behind(items_BL: IntArray) -> tuple[IntArray, int]:
        there = places & (items_BL != NOTHING)
        rows = {tuple(sorted(row[mask].tolist())) for row, mask in zip(items_BL, there, strict=True)}
        return items_BL[there], len(rows)

    (made, kinds), (real, real_kinds) = behind(made_BL), behind(observed.items)
    entropy = item_entropy(real)
    return {
        "distinct": kinds / max(real_kinds, 1),
        "entropy": item_entropy(made) / entropy if entropy else 1.0,
        "coverage": len(np.unique(made)) / max(n_items, 1),
    }

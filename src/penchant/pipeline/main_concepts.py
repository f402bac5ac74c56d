"""What each item of a bundle is about first of all."""

from pathlib import Path

import numpy as np
import scipy.sparse as sp

from penchant.pipeline import bundle
from penchant.types import IntArray


def main_concepts(path: Path) -> dict[str, str]:
    """The concept that each item of a bundle activates most, by item id; items that activate none are left out."""
    fitted, *_ = bundle.load(path)
    concepts, ids = fitted.vocabulary.concepts, fitted.dataset.items.ids
    strongest = strongest_concepts(fitted.vocabulary.activations)
    return {ids[i]: concepts[c].id for i, c in enumerate(strongest.tolist()) if c >= 0}


def strongest_concepts(activations_IC: sp.csr_array) -> IntArray:
    """argmax_c a_ic, (I,); of equal activations the first concept, −1 where none is above 0."""
    items = np.repeat(np.arange(activations_IC.shape[0]), np.diff(activations_IC.indptr))
    order = np.lexsort((-activations_IC.indices, activations_IC.data, items))  # of an item, the strongest is last
    order = order[activations_IC.data[order] > 0]
    found = np.full(activations_IC.shape[0], -1, dtype=np.int64)
    found[items[order]] = activations_IC.indices[order]
    return found

"""Which concepts lead an item."""

import numpy as np
import scipy.sparse as sp


def leading_of(activations_IC: sp.csr_array) -> sp.csr_array:
    """(I, C) float32, 1 for the concepts that lead an item: those with at least half of its largest activation."""
    rows = np.repeat(np.arange(activations_IC.shape[0]), np.diff(activations_IC.indptr))
    largest = np.zeros(activations_IC.shape[0])
    np.maximum.at(largest, rows, activations_IC.data)
    kept = (activations_IC.data >= 0.5 * largest[rows]) & (activations_IC.data > 0)
    entries = np.ones(int(kept.sum()), dtype=np.float32), (rows[kept], activations_IC.indices[kept])
    return sp.csr_array(sp.coo_array(entries, shape=activations_IC.shape))

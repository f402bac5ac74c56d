"""Nearness in concept space: a sparse vector of interests against the concepts that items activate."""

import numpy as np
import scipy.sparse as sp

from penchant.types import DoubleArray


def concept_cosines(activations_IC: sp.csr_array, interests_C: DoubleArray) -> DoubleArray:
    """``cos(w, a_i) = Σ_c w_c a_ic / (‖w‖ ‖a_i‖)`` of every item, (I,); 0 where either has no concept.

    Every axis has a name, so the share ``w_c a_ic / (‖w‖ ‖a_i‖)`` of each is the reason for the nearness.
    """
    lengths = np.sqrt(np.asarray(activations_IC.multiply(activations_IC).sum(axis=1), dtype=np.float64)).ravel()
    lengths = lengths * float(np.linalg.norm(interests_C))
    dots = np.asarray(activations_IC @ interests_C, dtype=np.float64)
    return np.divide(dots, lengths, out=np.zeros(len(dots)), where=lengths > 0)

"""Where items without events lie: among those that read like them."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from penchant.metrics.similarity import unit
from penchant.types import FloatArray, IntArray

TEMPERATURE = 0.1
"""Of the weights of neighbours, in cosine."""
AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Inheritance:
    """The vectors of R items without events, as weighted means over the nearest of those with events by text.

    ::

        z_i = ℓ_i unit( Σ_{j in N(i)} a_ij z_j ),   a_ij = softmax_j( cos(x_i, x_j) / TEMPERATURE )
        ℓ_i = Σ_{j in N(i)} a_ij ‖z_j‖

    N(i) are the `k` items with events whose centred texts x are most alike. The projection of a text alone lands where
    texts lie; what neighbours have learned from behaviour lands where users look (cf. Saveski and Mantrach 2014, local
    collective embeddings).
    """

    rows_R: IntArray
    neighbours_RK: IntArray
    weights_RK: FloatArray

    @classmethod
    def of(cls, text: FloatArray | None, counts: IntArray, *, k: int) -> "Inheritance | None":
        """From the items' text vectors (I, D) and how many events they have; None where no item needs or can give."""
        if text is None or not k:
            return None
        present = np.any(text != 0, axis=1)
        rows, givers = np.flatnonzero(present & (counts == 0)), np.flatnonzero(present & (counts > 0))
        if not len(rows) or not len(givers):
            return None
        vectors = unit((text - text[present].mean(axis=0)) * present[:, None])
        kept = min(k, len(givers))
        found, weights = [], []
        for start in range(0, len(rows), AT_ONCE):
            alike = vectors[rows[start : start + AT_ONCE]] @ vectors[givers].T
            best = np.argpartition(alike, len(givers) - kept, axis=1)[:, len(givers) - kept :]
            cosines = np.take_along_axis(alike, best, axis=1)
            raised = np.exp((cosines - cosines.max(axis=1, keepdims=True)) / TEMPERATURE)
            found.append(givers[best])
            weights.append(raised / raised.sum(axis=1, keepdims=True))
        return cls(rows, np.concatenate(found), np.concatenate(weights).astype(np.float32))

    def matrix(self, n_items: int) -> sp.csr_array:
        """a, (I, I): rows of the R items, columns of those they inherit from."""
        rows = np.repeat(self.rows_R, self.neighbours_RK.shape[1])
        return sp.csr_array((self.weights_RK.ravel(), (rows, self.neighbours_RK.ravel())), shape=(n_items, n_items))

    def apply(self, vectors_ID: FloatArray) -> FloatArray:
        """The item vectors with those of the R items put in place."""
        placed, lengths = vectors_ID.copy(), np.linalg.norm(vectors_ID, axis=1)
        for start in range(0, len(self.rows_R), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            weights, givers = self.weights_RK[part], self.neighbours_RK[part]
            given = np.einsum("rk,rkd->rd", weights, vectors_ID[givers])
            placed[self.rows_R[part]] = unit(given) * (weights * lengths[givers]).sum(axis=1)[:, None]
        return placed

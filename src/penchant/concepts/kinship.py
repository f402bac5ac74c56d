"""Kinds whose items read alike: where they begin, and which items may take them.

What the same people buy need not be of one kind: a dictionary of behaviour alone puts studs for nails beside hair dye
and no word describes what it found. Here a kind has a place among texts too, the mean t_k of its items' texts weighted
by their activations, and only items whose text lies near it may take it::

    cos(x_i − x̄, t_k) ≥ near,    t_k = Σ_i a_ik (x_i − x̄) / ‖x_i − x̄‖
"""

import numpy as np
import scipy.sparse as sp

from penchant.types import BoolArray, DoubleArray, FloatArray, IntArray

TURNS = 8
"""Of k-means: kinds move on with the dictionary afterwards."""
LEAST_LENGTH = 1e-9


class ItemTexts:
    """Unit vectors of I items' texts around their mean; zero for an item without one."""

    def __init__(self, vectors_ID: FloatArray) -> None:
        there = np.any(vectors_ID != 0, axis=1)
        centre = vectors_ID[there].mean(axis=0) if there.any() else np.zeros(vectors_ID.shape[1], dtype=np.float32)
        self.vectors: FloatArray = unit_rows(np.where(there[:, None], vectors_ID - centre, np.float32(0.0)))
        """(I, D) float32"""

    def centroids(self, activations_IK: sp.csr_array) -> FloatArray:
        """t_k of length one, (K, D); zero for a kind without items or texts."""
        return unit_rows(np.asarray(activations_IK.T @ self.vectors, dtype=np.float32))

    def near(self, centroids_KD: FloatArray, least: float) -> sp.csr_array:
        """(I, K) 1 where an item's text has at least this cosine with a kind's."""
        parts = [
            sp.csr_array((self.vectors[start : start + 2048] @ centroids_KD.T >= least).astype(np.float64))
            for start in range(0, len(self.vectors), 2048)
        ]
        return sp.csr_array(sp.vstack(parts, format="csr") if parts else (0, len(centroids_KD)))

    def coherence(self, activations_IK: sp.csr_array) -> DoubleArray:
        """(K,) the mean cosine of the texts of two items of a kind, weighted by their activations.

        ``(‖Σ_i a_i x_i‖² − Σ_i a_i²) / ((Σ_i a_i)² − Σ_i a_i²)``: 0 on average for items at random, since the texts'
        mean is taken off; 1 where all texts are the same; 0 as well for a kind of fewer than two items.
        """
        active = activations_IK.multiply(np.any(self.vectors != 0, axis=1)[:, None]).tocsc()
        total = np.asarray(active.T @ self.vectors.astype(np.float64))
        own = np.asarray(active.power(2).sum(axis=0)).ravel()
        pairs = np.asarray(active.sum(axis=0)).ravel() ** 2 - own
        mean = ((total**2).sum(axis=1) - own) / np.where(pairs > LEAST_LENGTH, pairs, 1.0)
        return np.asarray(np.where(pairs > LEAST_LENGTH, mean, 0.0))


def alike_in_both(
    left_ID: DoubleArray, texts: ItemTexts, number: int, *, counted_I: BoolArray, least: int, rng: np.random.Generator
) -> tuple[DoubleArray, FloatArray]:
    """Kinds to begin with: at most `number` groups of items that are alike in what names leave over *and* in text.

    k-means (Lloyd 1982; seeds by k-means++, Arthur and Vassilvitskii 2007) on both vectors side by side, each scaled to
    a mean square of one. Groups of fewer than `least` items are no beginning. Gives the mean of `left_ID` of each
    group, (K, D), and its text's centroid.
    """
    rows = np.flatnonzero(counted_I & np.any(texts.vectors != 0, axis=1))
    both = np.concatenate([_of_size_one(left_ID[rows]), _of_size_one(texts.vectors[rows])], axis=1).astype(np.float32)
    places = both[far_apart(both, min(number, len(rows)), rng)]
    member = np.zeros(len(rows), dtype=np.int64)
    for _ in range(TURNS if len(places) else 0):
        member = _nearest(both, places)
        groups = _groups(member, len(places))
        places = np.asarray(groups @ both, dtype=np.float32)
    groups = _groups(member, len(places))
    groups = groups[np.bincount(member, minlength=len(places))[: len(places)] >= least]
    return np.asarray(groups @ left_ID[rows]), unit_rows(np.asarray(groups @ texts.vectors[rows], dtype=np.float32))


def far_apart(vectors_ID: DoubleArray | FloatArray, n: int, rng: np.random.Generator) -> IntArray:
    """`n` of the rows or fewer, each drawn in proportion to its squared distance from those drawn before."""
    squares = (vectors_ID.astype(np.float64) ** 2).sum(axis=1)
    chosen: list[int] = []
    distances = squares.copy()
    while len(chosen) < n and distances.sum() > LEAST_LENGTH:
        chosen.append(int(rng.choice(len(distances), p=distances / distances.sum())))
        one = vectors_ID[chosen[-1]]
        distances = np.minimum(distances, np.maximum(squares - 2 * (vectors_ID @ one) + one @ one, 0.0))
        distances[chosen[-1]] = 0.0
    return np.array(chosen, dtype=np.int64)


def unit_rows(vectors: FloatArray) -> FloatArray:
    """Rows of length one; those of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > LEAST_LENGTH, lengths, 1.0), dtype=np.float32)


def _of_size_one(vectors: DoubleArray | FloatArray) -> DoubleArray:
    size = float(np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1).mean())) if len(vectors) else 1.0
    return np.asarray(vectors / max(size, LEAST_LENGTH), dtype=np.float64)


def _nearest(vectors: FloatArray, places: FloatArray) -> IntArray:
    squares = (places**2).sum(axis=1)
    parts = [
        (squares - 2 * vectors[start : start + 2048] @ places.T).argmin(axis=1)
        for start in range(0, len(vectors), 2048)
    ]
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])


def _groups(member: IntArray, n: int) -> sp.csr_array:
    """(K, N) that takes means of groups; an empty group's is zero."""
    sizes = np.maximum(np.bincount(member, minlength=n), 1)
    return sp.coo_array((1.0 / sizes[member], (member, np.arange(len(member)))), shape=(n, len(member))).tocsr()

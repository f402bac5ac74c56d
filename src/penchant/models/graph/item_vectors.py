"""What the item graph knows of each item, as a vector: features for other models, the sequence tracker first."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from penchant.data.dataset import Dataset
from penchant.errors import ConfigError
from penchant.interfaces import FitOptions
from penchant.metrics.similarity import unit
from penchant.models.graph.interactions import linked, symmetric
from penchant.models.graph.smoothing import scaled
from penchant.models.neighborhood import ItemKNN
from penchant.models.neighborhood_config import ItemKNNConfig
from penchant.progress import SILENT, Progress
from penchant.seeding import numpy_rng
from penchant.types import AnyArray, DoubleArray, FloatArray

NAME = "item_graph_vectors"
EVEN, LOOP = 5.0, 0.5
OVERSAMPLING = 16
"""Directions tried beyond those kept."""
ROUNDS = 4
"""How often the directions are sharpened; each round halves the error of a slowly falling spectrum or better."""


def item_graph_vectors(
    dataset: Dataset,
    dim: int,
    *,
    seed: int = 0,
    neighbours: ItemKNNConfig | None = None,
    links: Sequence[str] = (),
    link_weight: float = 1.0,
    progress: Progress = SILENT,
) -> FloatArray:
    """Graph-smoothed vectors of all items, (I, D): unit rows, zero for an item without an edge.

    ::

        S   = κ + link_weight · D^−½ R D^−½          each divided by its mean row sum; κ: see `ItemKNN`, R: links
        A   = ln(1 + 5 S) / its mean row sum + ½ I   the logarithm evens out heavy edges, I is a loop at each item
        A   ≈ P Σ Qᵀ                                 the D/2 largest singular values
        v_i = unit( [ P_i √Σ, Q_i √Σ ] )

    A is directed: P says what an item leads to, Q what leads to it, and ``[P√Σ]_j · [Q√Σ]_i`` is the smoothed edge from
    j to i. Two items are alike where their neighbours are, though they may never have met: the low rank passes along
    walks of any length (Ou et al. 2016 give this factorisation of directed proximities). Only the events of the dataset
    handed in are read, so hand in the training part. The same seed gives the same vectors. A D above 2·I, or odd, ends
    in zero columns.

    Raises `ConfigError` for a D below 2, and what `ItemKNN.fit` and the links raise.
    """
    if dim < 2:
        raise ConfigError(f"Graph vectors have 2 dimensions or more; {dim} came.", hint="Take 32 or 64.")
    directed = neighbours or ItemKNNConfig(similarity="cooccurrence")
    graph = scaled(ItemKNN(directed).fit(dataset, options=FitOptions(progress=progress)).neighbours)
    if links:
        graph = sp.csr_array(graph + link_weight * scaled(symmetric(linked(dataset, "item", links, model=NAME))))
    vectors = np.zeros((dataset.n_items, dim), dtype=np.float32)
    half = min(dim // 2, dataset.n_items)
    if graph.nnz:
        with progress.task("Item graph vectors") as advance:
            left, values, right = truncated_svd(_evened(graph), half, rng=numpy_rng(seed, NAME))
            roots = np.sqrt(values)
            vectors[:, :half], vectors[:, half : 2 * half] = left * roots, right * roots
            advance()
    edges = np.diff(graph.indptr) + np.bincount(graph.indices, minlength=dataset.n_items)
    return np.asarray(unit(np.where(edges[:, None] > 0, vectors, np.float32(0.0))), dtype=np.float32)


def _evened(graph: sp.csr_array) -> sp.csr_array:
    """A, from S. The loops keep an item near to itself where many others share its neighbours (Kipf and Welling 2017);
    they and the logarithm were chosen on validation of two datasets, by how well the vectors alone retrieve.
    """
    even = scaled(sp.csr_array((np.log1p(EVEN * graph.data), graph.indices, graph.indptr), shape=graph.shape))
    return sp.csr_array(even + LOOP * sp.eye_array(graph.shape[0], format="csr"))


def truncated_svd(
    matrix: sp.csr_array, rank: int, *, rng: np.random.Generator
) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """The largest singular values σ (rank,), falling, and their vectors: left (M, rank) and right (N, rank).

    Randomised subspace iteration (Halko, Martinsson and Tropp 2011), with an orthonormal basis kept at every product.
    The sign of each pair of vectors is the one that makes the left one's largest coordinate positive. Ranks beyond the
    matrix's own have σ = 0.
    """
    wide = min(rank + OVERSAMPLING, *matrix.shape)
    transposed = matrix.T.tocsr()
    basis: AnyArray = np.linalg.qr(matrix @ rng.standard_normal((matrix.shape[1], wide)))[0]
    for _ in range(ROUNDS):
        basis = np.linalg.qr(transposed @ basis)[0]
        basis = np.linalg.qr(matrix @ basis)[0]
    small = (transposed @ basis).T  # (wide, N) = basisᵀ A
    inner, values, right = np.linalg.svd(small, full_matrices=False)
    left = (basis @ inner)[:, :rank]
    signs = np.where(left[np.abs(left).argmax(axis=0), np.arange(left.shape[1])] < 0, -1.0, 1.0)
    return left * signs, values[:rank], right[:rank].T * signs

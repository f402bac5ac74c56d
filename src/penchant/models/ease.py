"""EASE: the item-item weights of a linear autoencoder, in closed form."""

import math
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field
from scipy.linalg.lapack import dpotrf, dpotri

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.errors import TrainingError, UnsupportedError
from penchant.interfaces import FitOptions, Recommender
from penchant.models.interactions import Signal, SignalConfig, faded
from penchant.models.saving import fitted, read_model, write_model
from penchant.types import DoubleArray, FloatArray, RowArray

NAME = "ease"
BYTES = 8 + 4
"""A double for the Gram matrix, inverted in place, and a single for the weights, per pair of items."""
GIB = 2**30
BLOCK = 256
"""Columns of the Gram matrix made at once."""


class EASEConfig(Config):
    """Settings of `EASE`."""

    regularization: float = Field(default=500.0, gt=0)
    """λ: the larger, the more a weight must be worth."""
    decay: float = Field(default=0.8, gt=0, le=1)
    """Weight of an event of the history asked about relative to the one after it; 1 in the paper."""
    signal: SignalConfig = SignalConfig()
    """What a user's events on an item amount to."""
    memory_gib: float = Field(default=2.5, gt=0)
    """The fit takes 12 bytes for each pair of items that have events; a catalogue that needs more is refused."""


class EASE(Recommender):
    """An autoencoder without a hidden layer: each item is predicted from a history's other items.

    ::

        min over W with diag(W) = 0 of  ‖X − X W‖² + λ ‖W‖²
        P   = (Xᵀ X + λ 1)⁻¹
        W_ji = −P_ji / P_ii  (j ≠ i),  0 on the diagonal
        s_bi = Σ_j x_bj W_ji

    X, (U, I), holds what each user's events on an item amount to (see `Signal`). Unit: that of X; a score near 1 says
    "touched". Weights may be negative: unlike neighbours, they know that one item makes another less likely. H. Steck,
    "Embarrassingly shallow autoencoders for sparse data" (2019). A user enters only through his row, so anyone with a
    history is served.

    Only items with training events take part; the others score 0. Time grows with the cube of their number, memory with
    its square: `fit` raises `UnsupportedError` before it starts where that is more than `memory_gib`, and what
    `Signal.fit` raises. Caveat: blind to the order of a history.
    """

    reads_text: ClassVar[bool] = False
    config: EASEConfig

    def __init__(self, config: EASEConfig | None = None) -> None:
        super().__init__(config or EASEConfig())
        self._signal: Signal | None = None
        self._warm: RowArray | None = None
        self._weights: FloatArray | None = None
        self._n_items = 0

    @property
    def weights(self) -> FloatArray:
        """W, over the items with training events, (I', I')."""
        return fitted(self._weights, NAME)

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Invert the Gram matrix."""
        self._signal = Signal.fit(dataset, self.config.signal, model=NAME)
        warm = np.flatnonzero(dataset.item_counts()).astype(np.int32)
        self._check_memory(len(warm), dataset)
        rows = self._signal.matrix(dataset.histories(), dataset.n_items)[:, warm]
        with (options or FitOptions()).progress.task("EASE", total=3) as advance:
            gram = _gram(rows)
            gram[np.diag_indices(len(warm))] += self.config.regularization
            advance()
            inverse = _inverse_of(gram)
            advance()
            self._weights = _weights_of(inverse)
            advance()
        self._warm, self._n_items = warm, dataset.n_items
        return self

    def score(self, histories: Histories) -> FloatArray:
        """The scores s_bi, (B, I)."""
        signal, warm = fitted(self._signal, NAME), fitted(self._warm, NAME)
        rows = faded(signal.matrix(histories, self._n_items), histories, self.config.decay)[:, warm].astype(np.float32)
        scores = np.zeros((len(histories), self._n_items), dtype=np.float32)
        scores[:, warm] = rows @ self.weights
        return scores

    def save(self, folder: Path) -> None:
        """Write the weights."""
        arrays = {"weights": self.weights, "warm": fitted(self._warm, NAME)}
        facts = {"n_items": self._n_items, "signal": fitted(self._signal, NAME).facts()}
        write_model(folder, NAME, self.config, arrays=arrays, facts=facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the weights."""
        needs = ("weights", "warm", "n_items", "signal")
        config, facts, arrays = read_model(folder, NAME, EASEConfig, needs=needs)
        model = cls(config)
        model._signal, model._n_items = Signal.of_facts(facts["signal"]), int(facts["n_items"])
        model._warm, model._weights = arrays["warm"], arrays["weights"]
        return model

    def _check_memory(self, n_warm: int, dataset: Dataset) -> None:
        allowed = math.isqrt(int(self.config.memory_gib * GIB / BYTES))
        if n_warm > allowed:
            raise UnsupportedError(
                f"{NAME} would need {BYTES * n_warm**2 / GIB:.1f} GiB for the {n_warm:,} items with events of "
                f"{dataset.name!r}; {self.config.memory_gib:g} GiB allow {allowed:,} items.",
                hint="Raise ease.memory_gib where the machine has more, or use item_knn or als: they grow with events.",
            )


def _gram(rows: sp.csr_array) -> DoubleArray:
    """Xᵀ X, (I', I'), in Fortran order; by blocks of columns, since the whole sparse product could be larger."""
    n = rows.shape[1]
    gram = np.zeros((n, n), order="F")
    columns, transposed = rows.tocsc(), rows.T.tocsr()
    for start in range(0, n, BLOCK):
        gram[:, start : start + BLOCK] = (transposed @ columns[:, start : start + BLOCK]).toarray()
    return gram


def _inverse_of(gram: DoubleArray) -> DoubleArray:
    """The inverse of a positive definite matrix by Cholesky, in its own memory; only the lower triangle is filled."""
    if not len(gram):
        return gram
    factor, failed = dpotrf(gram, lower=True, overwrite_a=True)
    if not failed:
        inverse, failed = dpotri(factor, lower=True, overwrite_c=True)
    if failed:
        raise TrainingError(
            "The Gram matrix of ease cannot be inverted: its regularization is too small for its numbers.",
            hint="Raise ease.regularization.",
        )
    return np.asarray(inverse, dtype=np.float64)


def _weights_of(inverse: DoubleArray) -> FloatArray:
    """W_ji = −P_ji / P_ii without its diagonal, from the lower triangle of P."""
    n = len(inverse)
    weights, diagonal = np.zeros((n, n), dtype=np.float32), np.diagonal(inverse).copy()
    for i in range(n):
        below = inverse[i + 1 :, i]
        weights[i + 1 :, i] = -below / diagonal[i]
        weights[i, i + 1 :] = -below / diagonal[i + 1 :]
    return weights

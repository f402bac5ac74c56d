"""Interests from likes and dislikes of user text: concepts learned by what people write and then take or leave.

For a user's text vector x and an item's activations a, whether he likes the item is

    M(x, a) = σ( Σ_c a_c q_c(x) ),   q_c(x) = w_c·x + b_c

and W (C, D), b (C,) minimise ``−1/N Σ [ y log M + (1 − y) log(1 − M) ] + penalty/2 |W|²``: the binary cross-entropy of
concept representation learning. q_c(x) is the user's interest in concept c, w_c its direction in the space of texts.
It is convex in W and b: there is one answer, and no seed. Beside it stand concepts fitted on the ranking model's item
vectors (supervised by what ranks) and on item texts alone (unsupervised); `agreement` says how far two of them agree.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from pydantic import Field
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.stats import rankdata

from penchant.config import Config
from penchant.errors import BundleError, DataError
from penchant.interests.text.logistic import binary_cross_entropy, check_labels, minimum, sigmoid
from penchant.types import AnyArray, DoubleArray, FloatArray

FILE = "concept_fit.safetensors"
RUN = 16_384
"""Active pairs of text and concept computed at a time, which bounds the memory."""


class ConceptFitConfig(Config):
    """How directions are learned."""

    penalty: float = Field(default=1e-3, ge=0)
    iterations: int = Field(default=500, ge=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptFit:
    """Directions of concepts in the space of user texts."""

    directions: DoubleArray
    """W, (C, D)"""
    offsets: DoubleArray
    """b, (C,)"""

    def interests(self, texts_UD: FloatArray) -> DoubleArray:
        """q, (U, C): log odds by which a user with such a text likes what is wholly of a concept."""
        return np.asarray(texts_UD @ self.directions.T + self.offsets)

    def log_odds(self, texts_ND: FloatArray, activations_NC: sp.csr_array) -> DoubleArray:
        """(N,) logits of M: whether the writer of text n likes the item with activations n."""
        return np.asarray(activations_NC.multiply(self.interests(texts_ND)).sum(axis=1), dtype=np.float64).ravel()

    def save(self, folder: Path) -> None:
        """Write the fit into an existing folder."""
        save_file({"directions": self.directions, "offsets": self.offsets}, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> "ConceptFit":
        """Read what `save` wrote; `BundleError` where it is missing or damaged."""
        try:
            parts = load_file(folder / FILE)
            return cls(directions=parts["directions"], offsets=parts["offsets"])
        except (OSError, SafetensorError, KeyError):
            raise BundleError(f"{folder} holds no whole concept fit.", hint="Fit it again.") from None


def fit_concepts(
    texts_ND: FloatArray,
    activations_NC: sp.csr_array,
    labels_N: DoubleArray,
    *,
    config: ConceptFitConfig | None = None,
) -> ConceptFit:
    """Learn W and b from N pairs of a user's text vector and the activations of an item he liked (y = 1) or not (0).

    A concept that no pair activates keeps w_c = 0, b_c = 0. Time O(steps · (N D K + C D)) for K active concepts a pair.
    `DataError` where shapes differ, a value is not finite or a label is outside [0, 1].
    """
    config = config or ConceptFitConfig()
    texts, labels = np.asarray(texts_ND, dtype=np.float64), np.asarray(labels_N, dtype=np.float64)
    activations = activations_NC.astype(np.float64)
    check_labels(texts, labels)
    if activations.shape[0] != len(texts) or not np.isfinite(activations.data).all():
        raise DataError(
            f"Activations are {activations.shape} for {len(texts)} texts, or not finite.",
            hint="Give one row of activations for each text.",
        )
    n_concepts, dim = activations.shape[1], texts.shape[1]
    rows = np.repeat(np.arange(len(texts)), np.diff(activations.indptr))
    transposed = activations.T.tocsr()

    def objective(parameters: DoubleArray) -> tuple[float, DoubleArray]:
        directions, offsets = parameters[:-n_concepts].reshape(n_concepts, dim), parameters[-n_concepts:]
        logits = np.zeros(len(texts))
        for start in range(0, len(rows), RUN):
            # q only where a is not zero: (active pairs,) dot products instead of (N, C) of them.
            some = slice(start, start + RUN)
            on, of = activations.indices[some], rows[some]
            interest = np.einsum("ad,ad->a", texts[of], directions[on]) + offsets[on]
            np.add.at(logits, of, activations.data[some] * interest)
        loss = float(binary_cross_entropy(logits, labels).mean() + 0.5 * config.penalty * (directions**2).sum())
        error = (sigmoid(logits) - labels) / len(labels)
        slope = transposed @ (error[:, None] * texts) + config.penalty * directions
        return loss, np.concatenate([slope.ravel(), transposed @ error])

    found = minimum(objective, np.zeros(n_concepts * (dim + 1)), iterations=config.iterations)
    return ConceptFit(directions=found[:-n_concepts].reshape(n_concepts, dim), offsets=found[-n_concepts:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far two fits agree about the same rows (users or items) and concepts."""

    pearson: float
    """Mean over concepts of the correlation over rows."""
    spearman: float
    """The same of ranks."""
    overlap: float
    """Mean over rows of the share of each other's top concepts."""
    concepts: int
    """Concepts in which both fits vary; the others have no correlation and are left out."""


def agreement(first_RC: AnyArray, second_RC: AnyArray, *, top: int = 5) -> Agreement:
    """Compare two readings of R rows in C concepts: interests of users, or activations of items.

    Random readings have correlations near 0 and an overlap near top / C; equal ones 1. `DataError` where shapes differ.
    """
    first, second = np.asarray(first_RC, dtype=np.float64), np.asarray(second_RC, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 2 or not first.size or not 1 <= top <= first.shape[1]:
        raise DataError(
            f"Readings of shapes {first.shape} and {second.shape} cannot be compared by their top {top}.",
            hint="Give two (rows, concepts) arrays of one shape, with at least `top` concepts.",
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise DataError("A reading is not finite.", hint="Leave out rows that a fit has nothing to say of.")
    best = [np.argsort(-reading, axis=1, kind="stable")[:, :top] for reading in (first, second)]
    shared = [len(set(a) & set(b)) / top for a, b in zip(best[0].tolist(), best[1].tolist(), strict=True)]
    by_value, varying = _correlations(first, second)
    by_rank, _ = _correlations(rankdata(first, axis=0), rankdata(second, axis=0))
    return Agreement(pearson=by_value, spearman=by_rank, overlap=float(np.mean(shared)), concepts=varying)


def _correlations(first_RC: DoubleArray, second_RC: DoubleArray) -> tuple[float, int]:
    a, b = first_RC - first_RC.mean(axis=0), second_RC - second_RC.mean(axis=0)
    scale = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    varies = scale > 1e-12
    if not varies.any():
        return float("nan"), 0
    return float(((a * b).sum(axis=0)[varies] / scale[varies]).mean()), int(varies.sum())

"""The concept space: item vectors as sums of named directions and a residual."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.concepts.vocabulary import Vocabulary
from penchant.config import Config
from penchant.types import FloatArray


class ConceptSpaceConfig(Config):
    """How the directions are fitted."""

    ridge: float = Field(default=1.0, gt=0)
    """λ, in items: a concept on few items is drawn towards zero as if λ further items had none of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptSpace:
    """z_i = μ + Σ_c a_ic d_c + r_i, exactly: r is what is left over.

    So for any user vector u the score splits with nothing lost: u·z_i = u·μ + Σ_c a_ic (u·d_c) + u·r_i.
    """

    mean: FloatArray
    """μ, (D,)"""
    directions: FloatArray
    """d, (C, D)"""
    residuals: FloatArray
    """r, (I, D)"""
    explained: float
    """Share of the variance of z around μ that the concepts account for (R²)."""

    def readings(self, user_vectors_BD: FloatArray) -> FloatArray:
        """u·d_c, (B, C): how far each user leans to each concept, in score units."""
        return user_vectors_BD @ self.directions.T


def space_of(
    item_vectors_ID: FloatArray, mean_D: FloatArray, directions_CD: FloatArray, activations_IC: sp.csr_array
) -> ConceptSpace:
    """The space of directions that are known: what they leave over is the residual."""
    residuals = (item_vectors_ID - (mean_D + activations_IC @ directions_CD)).astype(np.float32)
    total = float(((item_vectors_ID - mean_D).astype(np.float64) ** 2).sum())
    return ConceptSpace(
        mean=mean_D,
        directions=directions_CD,
        residuals=residuals,
        explained=1.0 - float((residuals.astype(np.float64) ** 2).sum()) / total if total > 0 else 0.0,
    )


def fit_concept_space(
    item_vectors_ID: FloatArray, vocabulary: Vocabulary, config: ConceptSpaceConfig | None = None
) -> ConceptSpace:
    """Ridge regression of item vectors on concept activations: D = (AᵀA + λI)⁻¹ Aᵀ (Z − 1μᵀ).

    The vectors are those the ranking uses, so the directions mean what the ranker means. Hoerl and Kennard, "Ridge
    regression", Technometrics 12(1), 1970.
    """
    config = config or ConceptSpaceConfig()
    A: sp.csr_array = vocabulary.activations.astype(np.float64)
    Z = item_vectors_ID.astype(np.float64)
    mean = Z.mean(axis=0)
    centred = Z - mean
    n_concepts = A.shape[1]
    directions = np.zeros((n_concepts, Z.shape[1]))
    if n_concepts:
        gram = (A.T @ A).toarray() + config.ridge * np.eye(n_concepts)
        directions = np.linalg.solve(gram, A.T @ centred)
    return space_of(item_vectors_ID, mean.astype(np.float32), directions.astype(np.float32), vocabulary.activations)

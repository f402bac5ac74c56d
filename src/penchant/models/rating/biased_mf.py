"""Matrix factorisation of ratings with biases."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.data.histories import Histories
from penchant.models.rating.half_step import Entries, with_ones
from penchant.models.rating.predictor import FactorModel, Training
from penchant.models.rating.ratings import rating_matrix, rows_of
from penchant.seeding import numpy_rng
from penchant.types import AnyArray, DoubleArray


class BiasedMFConfig(Config):
    """Settings of `BiasedMF`."""

    dim: int = Field(default=20, ge=1)
    """K"""
    regularization: float = Field(default=13.0, gt=0)
    """λ, of vectors."""
    bias_regularization: float = Field(default=4.0, gt=0)
    """λ_b, of biases."""
    iterations: int = Field(default=20, ge=1)


class BiasedMF(FactorModel):
    """A rating is what user and item have in common, on top of what each is by himself.

    ::

        r̂_ui = μ + σ (b_u + b_i + q_i · p_u)
        L     = Σ_{(u,i) rated} (r_ui − r̂_ui)² / σ² + λ_b (Σ b_u² + Σ b_i²) + λ (Σ ‖p_u‖² + Σ ‖q_i‖²)

    Y. Koren, R. Bell and C. Volinsky, "Matrix factorization techniques for recommender systems" (2009). Departures: it
    is minimised by exact half steps (Bell and Koren 2007), b_u and p_u together and then b_i and q_i, so that L never
    rises; and λ weighs a vector once, not once for each of its ratings.

    Only b_i and q_i are kept. b_u and p_u are solved from the history handed in by the last half step, which is exact:
    a trained user's history gives his trained vector, and an empty one gives 0. Costs the number of ratings times K² an
    iteration. Unit: the rating's.

    `fit` raises `UnsupportedError` without ratings.
    """

    name: ClassVar[str] = "biased_mf"
    config_class: ClassVar[type[Config]] = BiasedMFConfig
    kept: ClassVar[tuple[str, ...]] = ("items",)
    config: BiasedMFConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.losses: list[float] = []
        """L after each iteration; empty for a loaded model."""

    def learn(self, training: Training) -> Mapping[str, AnyArray]:
        """Users and items in turn."""
        width, ratings = self.config.dim + 1, training.scale.standardised(training.ratings)
        by_user, by_item = Entries.of(ratings, dim=width), Entries.of(ratings.T.tocsr(), dim=width)
        items = numpy_rng(training.options.seed, self.name).normal(scale=0.1, size=(ratings.shape[1], width))
        items[:, 0] = 0.0
        self.losses = []
        with training.options.progress.task("Factors of ratings", total=self.config.iterations) as advance:
            for _ in range(self.config.iterations):
                users = self._half_step(by_user, items)
                items = self._half_step(by_item, users)
                self.losses.append(self._loss(ratings, users, items))
                advance(1, f"loss {self.losses[-1]:.0f}")
        return {"items": items}

    def user_factors(self, histories: Histories) -> DoubleArray:
        """[b_u, 1, p_u], (B, 2 + K): the half step for each history."""
        items = self.arrays["items"]
        rows = Entries.of(self.scale.standardised(rating_matrix(histories, len(items))), dim=items.shape[1])
        return np.insert(self._half_step(rows, items), 1, 1.0, axis=1)

    def item_factors(self) -> DoubleArray:
        """[1, b_i, q_i], (I, 2 + K)."""
        return np.insert(self.arrays["items"], 0, 1.0, axis=1)

    def _half_step(self, rows: Entries, fixed: DoubleArray) -> DoubleArray:
        """The best [bias, vector] of the rows while those of the columns stand still, (rows, 1 + K)."""
        precision = np.diag([self.config.bias_regularization] + [self.config.regularization] * self.config.dim)
        return rows.solve(with_ones(fixed), offsets=fixed[:, 0], precision=precision)

    def _loss(self, ratings: sp.csr_array, users: DoubleArray, items: DoubleArray) -> float:
        rows, columns = rows_of(ratings), ratings.indices
        shared = np.einsum("nk,nk->n", users[rows, 1:], items[columns, 1:])
        errors = ratings.data - users[rows, 0] - items[columns, 0] - shared
        biases = sum(float((side[:, 0] ** 2).sum()) for side in (users, items))
        vectors = sum(float((side[:, 1:] ** 2).sum()) for side in (users, items))
        return (
            float((errors**2).sum()) + self.config.bias_regularization * biases + self.config.regularization * vectors
        )

"""SVD++: matrix factorisation of ratings in which what a user rated says something before how he rated it."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.data.histories import Histories
from penchant.models.rating.half_step import Entries, with_ones
from penchant.models.rating.predictor import FactorModel, Training
from penchant.models.rating.ratings import rating_matrix, rows_of, touched
from penchant.models.rating.regression import Regression
from penchant.seeding import numpy_rng
from penchant.types import AnyArray, DoubleArray


class SVDPPConfig(Config):
    """Settings of `SVDPP`."""

    dim: int = Field(default=20, ge=1)
    """K"""
    regularization: float = Field(default=13.0, gt=0)
    """λ, of the vectors p and q."""
    implicit_regularization: float = Field(default=40.0, gt=0)
    """λ_y, of the vectors y."""
    bias_regularization: float = Field(default=4.0, gt=0)
    """λ_b, of biases."""
    iterations: int = Field(default=20, ge=1)


class SVDPP(FactorModel):
    """A user's vector starts where the items he touched put it, rated or not.

    ::

        r̂_ui = μ + σ (b_u + b_i + q_i · z_u),     z_u = p_u + |N(u)|^−1/2 Σ_{j ∈ N(u)} y_j
        L     = Σ_{(u,i) rated} (r_ui − r̂_ui)² / σ² + λ_b (Σ b_u² + Σ b_i²) + λ (Σ ‖p_u‖² + Σ ‖q_i‖²) + λ_y Σ ‖y_j‖²

    Y. Koren, "Factorization meets the neighborhood" (2008). Departures: N(u) holds all items of the history, whatever
    the event; λ weighs a vector once, not once for each of its ratings; and L is minimised by exact steps in turn, so
    that it never rises: (b_u, z_u) are ridge regressions towards where y puts them, (b_i, q_i) are ridge regressions,
    and y is one regression of z on what was touched, ``(Xᵀ X + λ_y/λ) Y = Xᵀ Z`` with rows ``x_u = |N(u)|^−1/2`` at
    N(u).

    b_i, q_i and y are kept. b_u and z_u are solved from the history handed in by the half step, which is exact; a
    history without any rating still has a vector. Unit: the rating's.

    `fit` raises `UnsupportedError` without ratings.
    """

    name: ClassVar[str] = "svdpp"
    config_class: ClassVar[type[Config]] = SVDPPConfig
    kept: ClassVar[tuple[str, ...]] = ("items", "implicit")
    config: SVDPPConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.losses: list[float] = []
        """L after each iteration; empty for a loaded model."""

    def learn(self, training: Training) -> Mapping[str, AnyArray]:
        """Users, what they touched, and items in turn."""
        width, ratings = self.config.dim + 1, training.scale.standardised(training.ratings)
        by_user, by_item = Entries.of(ratings, dim=width), Entries.of(ratings.T.tocsr(), dim=width)
        seen = touched(training.dataset.histories(), training.dataset.n_items)
        seen_by, regression = seen.T.tocsr(), Regression(seen)
        items = numpy_rng(training.options.seed, self.name).normal(scale=0.1, size=(ratings.shape[1], width))
        items[:, 0] = 0.0
        implicit = np.zeros((ratings.shape[1], self.config.dim))
        ridge = self.config.implicit_regularization / self.config.regularization
        self.losses = []
        with training.options.progress.task("Factors of ratings", total=self.config.iterations) as advance:
            for _ in range(self.config.iterations):
                users = self._half_step(by_user, items, seen @ implicit)
                implicit = regression.solve(seen_by @ users[:, 1:], ridge=ridge, start=implicit)
                items = self._half_step(by_item, users)
                self.losses.append(self._loss(ratings, users, items, implicit, seen))
                advance(1, f"loss {self.losses[-1]:.0f}")
        return {"items": items, "implicit": implicit}

    def user_factors(self, histories: Histories) -> DoubleArray:
        """[b_u, 1, z_u], (B, 2 + K): the half step for each history."""
        items = self.arrays["items"]
        rows = Entries.of(self.scale.standardised(rating_matrix(histories, len(items))), dim=items.shape[1])
        starts = touched(histories, len(items)) @ self.arrays["implicit"]
        return np.insert(self._half_step(rows, items, starts), 1, 1.0, axis=1)

    def item_factors(self) -> DoubleArray:
        """[1, b_i, q_i], (I, 2 + K)."""
        return np.insert(self.arrays["items"], 0, 1.0, axis=1)

    def _half_step(self, rows: Entries, fixed: DoubleArray, starts: DoubleArray | None = None) -> DoubleArray:
        """The best [bias, vector] of the rows, vectors drawn to `starts` (rows, K), or to 0, (rows, 1 + K)."""
        precision = np.diag([self.config.bias_regularization] + [self.config.regularization] * self.config.dim)
        means = None if starts is None else np.insert(starts, 0, 0.0, axis=1)
        return rows.solve(with_ones(fixed), offsets=fixed[:, 0], precision=precision, means=means)

    def _loss(
        self,
        ratings: sp.csr_array,
        users: DoubleArray,
        items: DoubleArray,
        implicit: DoubleArray,
        seen: sp.csr_array,
    ) -> float:
        rows, columns = rows_of(ratings), ratings.indices
        shared = np.einsum("nk,nk->n", users[rows, 1:], items[columns, 1:])
        errors = ratings.data - users[rows, 0] - items[columns, 0] - shared
        own = users[:, 1:] - seen @ implicit
        return (
            float((errors**2).sum())
            + self.config.bias_regularization * float((users[:, 0] ** 2).sum() + (items[:, 0] ** 2).sum())
            + self.config.regularization * float((own**2).sum() + (items[:, 1:] ** 2).sum())
            + self.config.implicit_regularization * float((implicit**2).sum())
        )

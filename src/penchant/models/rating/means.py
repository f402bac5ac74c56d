"""The bias model: how far an item is above the mean, and how far a user is."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.data.histories import Histories
from penchant.models.rating.predictor import FactorModel, Training
from penchant.models.rating.ratings import rating_matrix, rows_of
from penchant.types import AnyArray, DoubleArray


class RatingMeansConfig(Config):
    """Settings of `RatingMeans`."""

    item_damping: float = Field(default=10.0, ge=0)
    """λ_i: ratings at the mean that every item starts with."""
    user_damping: float = Field(default=15.0, ge=0)
    """λ_u: the same for users."""
    iterations: int = Field(default=10, ge=1)


class RatingMeans(FactorModel):
    """Damped means of items and users.

    ::

        b_i = Σ_{u rated i} (r_ui − μ − b_u) / (λ_i + n_i)
        b_u = Σ_{i rated by u} (r_ui − μ − b_i) / (λ_u + n_u)          in turn, from b_u = 0
        r̂   = μ + b_u + b_i

    Koren, "Factor in the neighbors" (2010); the turns minimise ``Σ (r − r̂)² + λ_i Σ b_i² + λ_u Σ b_u²``. A new user has
    b_u = 0 and gets the items by damped mean: one 5-star rating moves an item by 1 / (λ_i + 1) of its distance from μ,
    so it does not top the list. b_u is computed from the history handed in by the line above, which for a trained user
    is what the last turn gave. It orders items alike for everybody. Unit: the rating's.

    `fit` raises `UnsupportedError` without ratings.
    """

    name: ClassVar[str] = "rating_means"
    config_class: ClassVar[type[Config]] = RatingMeansConfig
    kept: ClassVar[tuple[str, ...]] = ("item_biases",)
    config: RatingMeansConfig

    def learn(self, training: Training) -> Mapping[str, AnyArray]:
        """Items and users in turn."""
        return {"item_biases": self.biases(training.scale.standardised(training.ratings))[1]}

    def biases(self, ratings: sp.csr_array) -> tuple[DoubleArray, DoubleArray]:
        """b_u (U,) and b_i (I,) of ratings (U, I) less their mean, in the unit of the ratings."""
        columns, owners = ratings.indices, rows_of(ratings)
        of_users, of_items = np.zeros(ratings.shape[0]), np.zeros(ratings.shape[1])
        counts = np.bincount(columns, minlength=ratings.shape[1])
        for _ in range(self.config.iterations):
            left = ratings.data - of_users[owners]
            of_items = _damped(np.bincount(columns, left, minlength=len(counts)), counts, self.config.item_damping)
            of_users = self.user_biases(ratings, of_items)
        return of_users, of_items

    def user_biases(self, ratings: sp.csr_array, item_biases: DoubleArray) -> DoubleArray:
        """b_u (B,) of rows of ratings less their mean."""
        left = ratings.data - item_biases[ratings.indices]
        sums = np.bincount(rows_of(ratings), left, minlength=ratings.shape[0])
        return _damped(sums, np.diff(ratings.indptr), self.config.user_damping)

    def user_factors(self, histories: Histories) -> DoubleArray:
        """[b_u, 1], (B, 2)."""
        biases = self.arrays["item_biases"]
        own = self.user_biases(self.scale.standardised(rating_matrix(histories, len(biases))), biases)
        return np.stack([own, np.ones(len(own))], axis=1)

    def item_factors(self) -> DoubleArray:
        """[1, b_i], (I, 2)."""
        biases = self.arrays["item_biases"]
        return np.stack([np.ones(len(biases)), biases], axis=1)


def _damped(sums: AnyArray, counts: AnyArray, damping: float) -> DoubleArray:
    """``sum / (damping + n)``; 0 where both are 0."""
    below = damping + counts
    return np.divide(sums, below, out=np.zeros(len(sums)), where=below > 0)

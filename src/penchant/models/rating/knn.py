"""Ratings from neighbours: how the user rated similar items, or how similar users rated the item."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.data.histories import Histories
from penchant.models.interactions import csr_arrays, csr_of
from penchant.models.rating.co_rated import RatingSimilarity, alike
from penchant.models.rating.means import RatingMeans, RatingMeansConfig
from penchant.models.rating.predictor import RatingModel, Training
from penchant.models.rating.ratings import Scale, rating_matrix, rows_of, with_data
from penchant.models.sparse_similarity import neighbours
from penchant.types import AnyArray, DoubleArray, FloatArray, IntArray, RowArray

CELLS = 4_000_000
"""Neighbours × items held at once: 32 MB of doubles."""


class RatingKNNConfig(Config):
    """Settings of `RatingKNN`."""

    by: Literal["item", "user"] = "item"
    """Whose neighbours: items like the one asked for, or users like the one who asks."""
    similarity: RatingSimilarity = "pearson_baseline"
    """``pearson``: over co-rated items, about the means there; ``pearson_baseline``: about what the bias model says;
    ``cosine``: of the ratings as they are, over co-rated items."""
    shrinkage: float = Field(default=100.0, ge=0)
    """A similarity over n shared ratings weighs (n − 1) / (n − 1 + shrinkage)."""
    neighbours: int = Field(default=40, ge=1)
    """K"""
    centre: Literal["baseline", "mean", "none"] = "baseline"
    """What neighbours' ratings are relative to: the bias model, the item's mean (by user, the user's), or nothing."""
    stored_neighbours: int = Field(default=1_000, ge=1)
    """By item: neighbours kept of each, the nearest."""
    means: RatingMeansConfig = RatingMeansConfig()
    """The bias model's."""


class RatingKNN(RatingModel):
    """The similarity-weighted mean of the K nearest neighbours' ratings.

    ::

        by item   r̂_ui = c_ui + Σ_{j ∈ N(i; u)} s_ij (r_uj − c_uj) / Σ_{j ∈ N(i; u)} s_ij
        by user   r̂_ui = c_ui + Σ_{v ∈ N(u; i)} s_uv (r_vi − c_vi) / Σ_{v ∈ N(u; i)} s_uv

    N(i; u) are the K items most similar to i among those that u rated, N(u; i) the K users most similar to u among
    those who rated i, similarity above 0 only. c is μ + b_u + b_i (see `RatingMeans`), or the mean of the item (by
    item) or of the user (by user), or 0; without neighbours r̂ is c, and μ where c is 0.

    By user: Resnick et al. (1994), by item: Sarwar et al. (2001); baselines and shrinkage: Koren, "Factor in the
    neighbors" (2010). By item, the neighbours of items are kept and the history handed in says which of them u rated;
    by user, the training ratings are kept and the history is compared with each stored user, so that a stranger is
    answered like anybody, and a trained user finds himself among his neighbours for items he rated. Unit: the rating's.

    `fit` raises `UnsupportedError` without ratings. Caveat: an item without ratings gets c alone.
    """

    name: ClassVar[str] = "rating_knn"
    config_class: ClassVar[type[Config]] = RatingKNNConfig
    kept: ClassVar[tuple[str, ...]] = ("item_biases", "item_means", "stored.data", "stored.indices", "stored.indptr")
    config: RatingKNNConfig

    def learn(self, training: Training) -> Mapping[str, AnyArray]:
        """Neighbours of the items, or the ratings of the users."""
        about_mean = with_data(training.ratings, training.ratings.data - training.scale.mean)
        biases, means = self._item_figures(about_mean)
        arrays: dict[str, AnyArray] = {"item_biases": biases, "item_means": means}
        if self.config.by == "user":
            return arrays | csr_arrays(training.ratings, "stored")
        compared = self._compared(training.ratings, training.scale, biases).T.tocsr()
        found = neighbours(
            compared,
            compared,
            alike=self._alike,
            damping=0.0,
            k=self.config.stored_neighbours,
            same=True,
            progress=training.options.progress,
        )
        # By the neighbour: the rows of a history are then what is needed to answer it.
        return arrays | csr_arrays(found.T.tocsr(), "stored")

    def estimate(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
        """What the neighbours say, (P,)."""
        estimates = np.empty(len(cases_P))
        order = np.argsort(cases_P, kind="stable")
        ends = np.searchsorted(cases_P[order], np.arange(len(histories) + 1))
        answer = self._answering(histories)
        for b in np.unique(cases_P):
            pairs = order[ends[b] : ends[b + 1]]
            estimates[pairs] = answer(int(b), items_P[pairs])
        return estimates

    def score(self, histories: Histories) -> FloatArray:
        """Predicted ratings of all items, (B, I)."""
        answer, items = self._answering(histories), np.arange(self.n_items, dtype=np.int32)
        scores = np.empty((len(histories), len(items)), dtype=np.float32)
        for b in range(len(histories)):
            scores[b] = self.scale.clipped(answer(b, items))
        return scores

    def _answering(self, histories: Histories) -> Callable[[int, RowArray], DoubleArray]:
        """From a history's place and A items to what its user would give them, (A,)."""
        ratings = rating_matrix(histories, self.n_items)
        own = self._user_figure(ratings)
        if self.config.by == "item":
            return lambda b, items: self._by_item(_row(ratings, b), own[b], items)
        stored = self._stored()
        ours, theirs = (self._compared(rows, self.scale, self.arrays["item_biases"]) for rows in (ratings, stored))
        figures = self._user_figure(stored)
        return lambda b, items: self._by_user(self._alike(ours[[b]], theirs), stored, figures, own[b], items)

    def _by_item(self, rated: tuple[RowArray, DoubleArray], own: float, items_A: RowArray) -> DoubleArray:
        history, values = rated
        near = self._stored()[history]
        left = values - self._centre(own, history)
        centre = self._centre(own, items_A)
        for start in range(0, len(items_A), size := max(1, CELLS // max(len(history), 1))):
            part = slice(start, start + size)
            weights = near[:, items_A[part]].toarray()  # (L, A)
            centre[part] += _weighted_mean(_largest(weights, self.config.neighbours), left[:, None])
        return centre

    def _by_user(
        self, similar: sp.csr_array, stored: sp.csr_array, figures: DoubleArray, own: float, items_A: RowArray
    ) -> DoubleArray:
        order = np.lexsort((similar.indices, -similar.data))
        order = order[similar.data[order] > 0]
        near, weights = similar.indices[order], similar.data[order]
        rated = stored[near]
        centre = self._centre(own, items_A)
        for start in range(0, len(items_A), size := max(1, CELLS // max(len(near), 1))):
            part = slice(start, start + size)
            chosen = rated[:, items_A[part]]
            there = with_data(chosen, np.ones(chosen.nnz)).toarray() > 0  # (V, A), nearest first
            taken = there & (np.cumsum(there, axis=0) <= self.config.neighbours)
            left = chosen.toarray() - self._centre(figures[near][:, None], items_A[part])
            centre[part] += _weighted_mean(weights[:, None] * taken, left)
        return centre

    def _stored(self) -> sp.csr_array:
        """By item: row j holds the items that j is a neighbour of; by user: the ratings of training."""
        return csr_of(self.arrays, "stored", (len(self.arrays["stored.indptr"]) - 1, self.n_items))

    def _alike(self, left_MF: sp.csr_array, right_NF: sp.csr_array) -> sp.csr_array:
        return alike(left_MF, right_NF, self.config.similarity, shrinkage=self.config.shrinkage)

    def _compared(self, ratings: sp.csr_array, scale: Scale, item_biases: DoubleArray) -> sp.csr_array:
        """The numbers that similarity is taken of."""
        if self.config.similarity != "pearson_baseline":
            return ratings
        about_mean = with_data(ratings, ratings.data - scale.mean)
        own = RatingMeans(self.config.means).user_biases(about_mean, item_biases)
        return with_data(ratings, about_mean.data - own[rows_of(ratings)] - item_biases[ratings.indices])

    def _item_figures(self, about_mean: sp.csr_array) -> tuple[DoubleArray, DoubleArray]:
        """Biases and means of the items, (I,) each, about μ; 0 for an item without ratings."""
        _, biases = RatingMeans(self.config.means).biases(about_mean)
        counts = np.bincount(about_mean.indices, minlength=about_mean.shape[1])
        sums = np.bincount(about_mean.indices, about_mean.data, minlength=about_mean.shape[1])
        return biases, sums / np.maximum(counts, 1)

    def _user_figure(self, ratings: sp.csr_array) -> DoubleArray:
        """Of each row what `_centre` needs to know, (B,): the user's bias, or his mean, about μ."""
        about_mean = with_data(ratings, ratings.data - self.scale.mean)
        if self.config.centre == "baseline":
            return RatingMeans(self.config.means).user_biases(about_mean, self.arrays["item_biases"])
        sums = np.bincount(rows_of(ratings), about_mean.data, minlength=ratings.shape[0])
        return sums / np.maximum(np.diff(ratings.indptr), 1)

    def _centre(self, own: DoubleArray | float, items: RowArray) -> DoubleArray:
        """c, in the shape that `own` and `items` make together."""
        offset = 0.0 * own + np.zeros(len(items))  # a weighted mean does not change with what it is about
        if self.config.centre == "baseline":
            offset = own + self.arrays["item_biases"][items]
        elif self.config.centre == "mean":
            offset = offset + (own if self.config.by == "user" else self.arrays["item_means"][items])
        return np.asarray(self.scale.mean + offset, dtype=np.float64)


def _row(matrix: sp.csr_array, b: int) -> tuple[RowArray, DoubleArray]:
    part = slice(int(matrix.indptr[b]), int(matrix.indptr[b + 1]))
    return matrix.indices[part], matrix.data[part]


def _largest(weights_LA: DoubleArray, k: int) -> DoubleArray:
    """Only the k largest of each column, those above 0."""
    length = len(weights_LA)
    if length > k:
        rest = np.argpartition(weights_LA, length - k, axis=0)[: length - k]
        np.put_along_axis(weights_LA, rest, 0.0, axis=0)
    return np.maximum(weights_LA, 0.0)


def _weighted_mean(weights: DoubleArray, values: DoubleArray) -> DoubleArray:
    """Over the first axis; 0 where all weights are."""
    total = weights.sum(axis=0)
    mean: DoubleArray = np.divide((weights * values).sum(axis=0), total, out=np.zeros(len(total)), where=total > 0)
    return mean

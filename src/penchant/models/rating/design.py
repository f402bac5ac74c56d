"""The rows x of a factorization machine, one for each pair of a user and an item, and what its weights make of them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp

from penchant.data.dataset import Dataset
from penchant.data.features.pair_features import PairFeatures
from penchant.data.features.pipeline import FeaturePipeline
from penchant.models.rating.ratings import with_data
from penchant.types import AnyArray, DoubleArray


@dataclass(frozen=True, slots=True)
class Design:
    """What is known of users, of items and of their pairs, without who the user is.

    A row holds 1 at the item, the features of the user, those of the item, and those of the two together, in this
    order.
    """

    users: sp.csr_array
    """(U, F)"""
    items: sp.csr_array
    """(I, G)"""
    pairs: PairFeatures

    @classmethod
    def of(cls, pipeline: FeaturePipeline | None, dataset: Dataset) -> Self:
        """The features of a dataset's rows; without a pipeline there are none."""
        if pipeline is None:
            nothing = PairFeatures([], {"users": dataset.n_users, "items": dataset.n_items})
            return cls(sp.csr_array((dataset.n_users, 0)), sp.csr_array((dataset.n_items, 0)), nothing)
        features = pipeline.apply(dataset.users, dataset.items)
        return cls(features.users, features.items, features.pairs)

    @property
    def paired(self) -> int:
        """Columns of a row that have vectors: I + F + G. Those of the two together come after them."""
        return self.items.shape[0] + self.users.shape[1] + self.items.shape[1]

    @property
    def width(self) -> int:
        """Columns of a row: I + F + G + C."""
        return self.paired + self.pairs.width

    def of_pairs(self, users_P: AnyArray, items_P: AnyArray) -> sp.csr_array:
        """The rows of P pairs, (P, width)."""
        n = len(items_P)
        who = sp.csr_array((np.ones(n), (np.arange(n), items_P)), shape=(n, self.items.shape[0]))
        parts = [who, self.users[users_P], self.items[items_P], self.pairs.of(users_P, items_P)]
        return sp.csr_array(sp.hstack(parts, format="csr"))

    def tables(self, bias: float, weights: DoubleArray, vectors: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Users (U, D) and items (I, D) whose dot products are ŷ without who the user is, D = 2 + K + T.

        ::

            a_u = [ 1 , w·x_u + ½(‖t_u‖² − Σ_j x_uj² ‖v_j‖²) , t_u , worth of item words ],      t_u = Σ_j x_uj v_j
            z_i = [ w₀ + w·x_i + ½(‖s_i‖² − Σ_j x_ij² ‖v_j‖²) , 1 , s_i , words ],               s_i = Σ_j x_ij v_j

        because ``½(‖t + s‖² − …)`` is the two halves and ``t·s``. `weights` (width,) and `vectors` (width, K).
        """
        n, f = self.items.shape[0], self.users.shape[1]
        own, of_items = slice(n, n + f), np.r_[0:n, n + f : self.paired]
        x_items = sp.csr_array(sp.hstack([sp.eye_array(n), self.items], format="csr"))
        worth, words = self.pairs.weighed(weights[self.paired :])
        alone_u, sums_u = _side(self.users, weights[own], vectors[own])
        alone_i, sums_i = _side(x_items, weights[of_items], vectors[of_items])
        users = np.column_stack([np.ones(len(alone_u)), alone_u, sums_u, worth.toarray()])
        items = np.column_stack([bias + alone_i, np.ones(n), sums_i, words.toarray()])
        return users, items


def _side(x: sp.csr_array, weights: DoubleArray, vectors: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """``w·x + ½(‖Σ_j x_j v_j‖² − Σ_j x_j² ‖v_j‖²)`` (rows,) and ``Σ_j x_j v_j`` (rows, K)."""
    sums = np.asarray(x @ vectors)
    squares = with_data(x, x.data**2) @ (vectors**2).sum(axis=1)
    return np.asarray(x @ weights + 0.5 * ((sums**2).sum(axis=1) - squares)), sums

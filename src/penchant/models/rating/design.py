"""The rows x of a factorization machine: one for each pair of a user and an item."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp

from penchant.data.dataset import Dataset
from penchant.data.features.pair_features import PairFeatures
from penchant.data.features.pipeline import FeaturePipeline
from penchant.models.interactions import csr_arrays, csr_of
from penchant.types import AnyArray, IntArray


@dataclass(frozen=True, slots=True)
class Design:
    """What is known of users, of items and of their pairs, without who the user is.

    A row holds 1 at the item, the features of the user, those of the item, and those of the two together.
    """

    users: sp.csr_array
    """(U, F)"""
    items: sp.csr_array
    """(I, G)"""
    pairs: PairFeatures

    @classmethod
    def of(cls, pipeline: FeaturePipeline, dataset: Dataset) -> Self:
        """The features of a dataset's rows."""
        features = pipeline.apply(dataset.users, dataset.items)
        return cls(features.users, features.items, features.pairs)

    @property
    def width(self) -> int:
        """Columns of a row: I + F + G + C."""
        return self.items.shape[0] + self.users.shape[1] + self.items.shape[1] + self.pairs.width

    def of_pairs(self, users_P: AnyArray, items_P: AnyArray) -> sp.csr_array:
        """The rows of P pairs, (P, width); a user row of −1 has no features of the user."""
        n = len(items_P)
        known = users_P >= 0
        safe: IntArray = np.where(known, users_P, 0)
        ours = sp.csr_array(self.users[safe].multiply(known[:, None])) if len(safe) else self.users[:0]
        who = sp.csr_array((np.ones(n), (np.arange(n), items_P)), shape=(n, self.items.shape[0]))
        return sp.csr_array(sp.hstack([who, ours, self.items[items_P], self.pairs.of(users_P, items_P)], format="csr"))

    def arrays(self) -> dict[str, AnyArray]:
        """Everything, by name, to be saved."""
        widths = np.array([self.users.shape[1], self.items.shape[1]], dtype=np.int64)
        return {
            **csr_arrays(self.users, "users"),
            **csr_arrays(self.items, "item_features"),
            **self.pairs.arrays(),
            "design.widths": widths,
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        """What `arrays` gave, among others."""
        users, items = (int(width) for width in arrays["design.widths"])
        rows = (len(arrays[f"{name}.indptr"]) - 1 for name in ("users", "item_features"))
        shapes = zip(rows, (users, items), strict=True)
        ours, theirs = (
            csr_of(arrays, name, shape) for name, shape in zip(("users", "item_features"), shapes, strict=True)
        )
        return cls(ours, theirs, PairFeatures.of_arrays(arrays))

"""What all models of ratings share: they are fitted on ratings, answer within their scale, and are saved as arrays."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.interfaces import FitOptions, RatingPredictor
from penchant.models.rating.ratings import Scale, observed
from penchant.models.saving import fitted, read_model, write_model
from penchant.types import AnyArray, DoubleArray, FloatArray, IntArray, RowArray

CELLS = 4_000_000
"""Gathered numbers held at once: 32 MB of doubles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What a model learns from."""

    ratings: sp.csr_array
    """(U, I), the last of each pair"""
    scale: Scale
    dataset: Dataset
    options: FitOptions


class RatingModel(RatingPredictor):
    """A subclass says what is learned from the ratings and how a rating is estimated; what is the same for all is here.

    All that is learned is in named arrays and in the scale, so a model is read back bit for bit. Nothing is kept of the
    users: what is said of one follows from the history handed in (and from his attributes, where a model reads them).
    """

    reads_text: ClassVar[bool] = False
    name: ClassVar[str]
    """As registered."""
    config_class: ClassVar[type[Config]]
    kept: ClassVar[tuple[str, ...]]
    """The names of the arrays without which it cannot answer."""

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config or self.config_class())
        self._scale: Scale | None = None
        self._arrays: dict[str, AnyArray] | None = None
        self._facts: dict[str, Any] = {}

    @property
    def scale(self) -> Scale:
        """The ratings' range and mean."""
        return fitted(self._scale, self.name)

    @property
    def arrays(self) -> dict[str, AnyArray]:
        """What was learned."""
        return fitted(self._arrays, self.name)

    @property
    def n_items(self) -> int:
        """I"""
        return int(fitted(self._facts or None, self.name)["n_items"])

    @abstractmethod
    def learn(self, training: Training) -> Mapping[str, AnyArray]:
        """The arrays to keep."""

    @abstractmethod
    def estimate(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
        """What `predict` gives before it is brought within the scale, (P,)."""

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Learn from the dataset's ratings. `UnsupportedError` where it has none."""
        ratings, scale = observed(dataset, model=self.name)
        training = Training(ratings=ratings, scale=scale, dataset=dataset, options=options or FitOptions())
        self._arrays = dict(self.learn(training))
        self._scale = scale
        self._facts = {**self.facts(), "scale": scale.facts(), "n_items": dataset.n_items}
        return self

    def facts(self) -> dict[str, Any]:
        """Further JSON to keep."""
        return {}

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Take back what `facts` gave; called once the arrays are there."""

    def predict(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
        """The rating that the user of history ``cases_P[p]`` would give item ``items_P[p]``, (P,), within the scale."""
        return self.scale.clipped(self.estimate(histories, cases_P, items_P))

    def save(self, folder: Path) -> None:
        """Write the arrays."""
        write_model(folder, self.name, self.config, arrays=self.arrays, facts=self._facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read them."""
        config, facts, arrays = read_model(folder, cls.name, cls.config_class, needs=("scale", "n_items", *cls.kept))
        model = cls(config)
        model._scale, model._facts, model._arrays = Scale.of_facts(facts["scale"]), facts, dict(arrays)
        model.restore(facts)
        return model


class FactorModel(RatingModel):
    """A rating is a dot product: ``r̂ = μ + σ u_b · z_i``, where biases are coordinates whose partner is 1."""

    @abstractmethod
    def user_factors(self, histories: Histories) -> DoubleArray:
        """u, (B, D), from the histories alone."""

    @abstractmethod
    def item_factors(self) -> DoubleArray:
        """z, (I, D)"""

    def estimate(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
        """μ + σ u · z for each pair."""
        products = dot_products(self.user_factors(histories), self.item_factors(), cases_P, items_P)
        return self.scale.mean + self.scale.spread * products

    def score(self, histories: Histories) -> FloatArray:
        """Predicted ratings of all items, (B, I), by one product."""
        ratings = self.scale.mean + self.scale.spread * (self.user_factors(histories) @ self.item_factors().T)
        return self.scale.clipped(ratings).astype(np.float32)


def dot_products(users: DoubleArray, items: DoubleArray, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
    """``u · z`` of each pair, (P,), from users (B, D) and items (I, D)."""
    products = np.empty(len(cases_P))
    size = max(1, CELLS // max(users.shape[1], 1))
    for start in range(0, len(cases_P), size):
        part = slice(start, start + size)
        products[part] = np.einsum("pd,pd->p", users[cases_P[part]], items[items_P[part]])
    return products

"""Content-based recommendation: items that are about what the history is about."""

from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.errors import DataError, UnsupportedError
from penchant.interfaces import FitOptions, Recommender
from penchant.metrics.similarity import dot, similarity, unit
from penchant.models.holdout import check_vectors
from penchant.models.saving import fitted, read_model, write_model
from penchant.types import AnyArray, DoubleArray, FloatArray, RowArray

NAME = "content_based"


class ContentBasedConfig(Config):
    """Settings of `ContentBased`."""

    similarity: Literal["cosine", "dot", "pearson", "hyperbolic", "hyperbolic_cosine"] = "cosine"
    """See `penchant.metrics.similarity`. Items have length one here: the hyperbolic ones order as the cosine does."""
    decay: float = Field(default=0.8, gt=0, le=1)
    """Weight of a history's event relative to the one after it."""
    attribute_weight: float = Field(default=1.0, ge=0)
    """Weight of the user's own attributes beside a most recent event's 1."""


class ContentBased(Recommender):
    """Similarity of an item's text with the texts of a fading history.

    ::

        x_i   = (t_i − mean of t) / ‖t_i − mean of t‖        t: text vectors of the items; zero where there is no text
        u_b   = Σ_k decay^(L−k) x_{h_k} + attribute_weight · y_b
        s_bi  = similarity(u_b, x_i)          cos(u_b, x_i) where not set otherwise

    ``y_b`` is the vector of the user's own attributes, centred in the same way, where the dataset has any. Unit: cosine
    in [−1, 1], or its weighted sum. Pazzani and Billsus (2007) give the family. It needs no other user, so an item
    without events is ranked by its text, and a user without events by his attributes.

    `fit` raises `UnsupportedError` without item text and `DataError` for vectors that do not fit the dataset.
    """

    folds_in_items: ClassVar[bool] = True
    config: ContentBasedConfig

    def __init__(self, config: ContentBasedConfig | None = None) -> None:
        super().__init__(config or ContentBasedConfig())
        self._items: FloatArray | None = None
        self._users: FloatArray | None = None

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Centre the text vectors."""
        options = options or FitOptions()
        check_vectors(dataset, options)
        if options.item_vectors is None or not np.any(options.item_vectors):
            raise UnsupportedError(
                f"{NAME} needs item text, and {dataset.name!r} has none.",
                hint="Import items with titles or descriptions, or use the model item_knn.",
            )
        texts = options.item_vectors
        present = np.any(texts != 0, axis=1)
        mean = texts[present].mean(axis=0)
        self._items = unit((texts - mean) * present[:, None])
        self._users = None
        if options.user_vectors is not None and np.any(options.user_vectors):
            if options.user_vectors.shape[1] != texts.shape[1]:
                raise DataError(
                    f"The user vectors have {options.user_vectors.shape[1]} numbers, and the item vectors have "
                    f"{texts.shape[1]}.",
                    hint="Encode users and items with the same encoder.",
                )
            described = np.any(options.user_vectors != 0, axis=1)
            self._users = unit((options.user_vectors - mean) * described[:, None])
        return self

    def user_vectors(self, histories: Histories) -> FloatArray:
        """Vectors u_b, (B, D): what each history is about. Zero where neither history nor user has text."""
        items = fitted(self._items, NAME)
        histories.check_items(len(items))
        ages = np.repeat(histories.indptr[1:], histories.lengths) - 1 - np.arange(len(histories.items))
        fades = np.power(self.config.decay, ages).astype(np.float32)
        shape = (len(histories), len(items))
        vectors: FloatArray = sp.csr_array((fades, histories.items, histories.indptr), shape=shape) @ items
        if self._users is not None:
            known = histories.users >= 0
            vectors[known] += np.float32(self.config.attribute_weight) * self._users[histories.users[known]]
        return vectors

    def score(self, histories: Histories) -> FloatArray:
        """The scores s_bi, (B, I)."""
        items, name = fitted(self._items, NAME), self.config.similarity
        users = self.user_vectors(histories)
        if name == "cosine":  # the items' vectors have length one already
            return np.asarray(dot(unit(users), items), dtype=np.float32)
        scores = np.asarray(similarity(name)(users, items), dtype=np.float32)
        if name.startswith("hyperbolic"):  # there a zero vector lies in the middle, near to everyone
            scores[:, ~items.any(axis=1)] = scores.min(axis=1, keepdims=True, initial=np.inf)
        return scores

    def score_items(self, history: Histories, items: RowArray) -> DoubleArray:
        """One user's scores of the given items, (K,), for much less than those of all."""
        vectors, users = fitted(self._items, NAME)[items], self.user_vectors(history)
        return np.asarray(similarity(self.config.similarity)(users, vectors)[0], dtype=np.float64)

    def event_weights(self, history: Histories, items: RowArray) -> DoubleArray:
        """What each event of one user's history adds to the score of the given items, (L, K).

        ``e_kj = decay^(L−k) x_{h_k} · x_j / ‖u_b‖`` (not divided for ``dot``): the columns sum to the score of a user
        without attributes. `UnsupportedError` for a similarity whose scores are no such sums.
        """
        name = self.config.similarity
        if name not in {"cosine", "dot"}:
            raise UnsupportedError(
                f"Scores by the similarity {name!r} are no sums over the history's events.", hint="Use cosine or dot."
            )
        vectors = fitted(self._items, NAME)
        fades = self.config.decay ** np.arange(len(history.items) - 1, -1, -1.0)
        read = vectors[history.items].astype(np.float64) * fades[:, None]
        length = float(np.linalg.norm(read.sum(axis=0))) if name == "cosine" else 1.0
        return np.asarray(read @ vectors[items].T / (length or 1.0))

    def save(self, folder: Path) -> None:
        """Write the centred vectors."""
        arrays: dict[str, AnyArray] = {"items": fitted(self._items, NAME)}
        if self._users is not None:
            arrays["users"] = self._users
        write_model(folder, NAME, self.config, arrays=arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the centred vectors."""
        config, _, arrays = read_model(folder, NAME, ContentBasedConfig, needs=("items",))
        model = cls(config)
        model._items, model._users = arrays["items"], arrays.get("users")
        return model

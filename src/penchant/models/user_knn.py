"""User-based collaborative filtering: what the users with the most similar histories touched."""

from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field, model_validator

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.interfaces import FitOptions, Recommender
from penchant.models.interactions import Signal, SignalConfig, csr_arrays, csr_of, faded, with_data
from penchant.models.saving import fitted, read_model, write_model
from penchant.models.sparse_similarity import Similarity, neighbours, similarity
from penchant.types import DoubleArray, FloatArray

NAME = "user_knn"


class UserKNNConfig(Config):
    """Settings of `UserKNN`."""

    similarity: Literal["decayed", "cosine", "pearson"] = "decayed"
    decay: float = Field(default=0.9, gt=0, le=1)
    """Weight of an event relative to the one after it; a setting of ``decayed``."""
    neighbours: int = Field(default=100, ge=1)
    """K: users asked."""
    signal: SignalConfig = SignalConfig()
    """What a user's events on an item amount to."""
    damping: float = Field(default=0.0, ge=0)
    """A similarity that rests on n shared items weighs n / (n + damping)."""
    weighted_mean: bool = False
    """Average over the neighbours who know the item only: the textbook prediction of a rating, which ranks worse."""

    @model_validator(mode="after")
    def _mean_of_something(self) -> Self:
        if self.weighted_mean and self.signal.values == "touch":
            raise ValueError("the weighted mean of touches is 1 for every item: set signal.values to value or count")
        return self


class UserKNN(Recommender):
    """The similarity-weighted mean of what the K most similar users did.

    ::

        w_bv   similarity of the history of b with that of stored user v, times n_bv / (n_bv + damping)
        N_b    the K stored users with the highest w_bv, those above 0
        s_bi = c_b + Σ_{v ∈ N_b} w_bv f_vi (x_vi − c_v) / Σ_{v ∈ N_b} w_bv

    ``x_vi`` is what v's events on i amount to (see `Signal`), 0 where there are none. Of ratings, ``c`` is a user's
    mean and an unrated item counts as it, so that the unit is the rating's; otherwise ``c = 0`` and, for touches, s is
    the share of the neighbours who touched the item. With `weighted_mean` the divisor is ``Σ w_bv f_vi`` over the
    neighbours with an event on i: the prediction of Resnick et al. (1994); an item none of them knows gets ``c_b``. A
    history without neighbours is answered by all users alike.

    * ``cosine``: of the rows x (Breese, Heckerman and Kadie 1998); ``f = 1``
    * ``pearson``: over the items both rated where x are ratings, over all items otherwise, untouched as 0; ``f = 1``
    * ``decayed``: cosine of the rows f x, where ``f_vi = decay^(events of v after his last on i)``: whose latest
      interests are alike, and what are these users' latest. Recency in neighbours after Ludewig and Jannach (2018)

    Neighbours are found by the history handed in, so a user who came a minute ago is answered like any other, and one
    whose own events were in the training data may find himself among them. Instance-based: the stored histories are the
    model. `fit` raises what `Signal.fit` raises.
    """

    reads_text: ClassVar[bool] = False
    config: UserKNNConfig

    def __init__(self, config: UserKNNConfig | None = None) -> None:
        super().__init__(config or UserKNNConfig())
        self._signal: Signal | None = None
        self._stored: sp.csr_array | None = None
        self._fades: DoubleArray | None = None

    @property
    def _centred(self) -> bool:
        """Whether numbers are ratings, told against their user's mean."""
        signal = fitted(self._signal, NAME)
        return signal.rated and signal.values == "value"

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:  # noqa: ARG002
        """Store the histories."""
        self._signal = Signal.fit(dataset, self.config.signal, model=NAME)
        histories = dataset.histories()
        active = histories.take(np.flatnonzero(histories.lengths))
        self._stored = self._signal.matrix(active, dataset.n_items)
        self._fades = self._faded(active, with_data(self._stored, np.ones(self._stored.nnz))).data
        return self

    def similar_users(self, histories: Histories) -> sp.csr_array:
        """w, (B, stored users): the K neighbours of each history among the users with events, in row order."""
        stored = fitted(self._stored, NAME)
        rows = fitted(self._signal, NAME).matrix(histories, stored.shape[1])
        kind: Similarity = "pearson" if self.config.similarity == "pearson" else "cosine"
        return neighbours(
            self._faded(histories, rows),
            with_data(stored, stored.data * fitted(self._fades, NAME)),
            alike=partial(similarity, kind=kind, rated=self._centred),
            damping=self.config.damping,
            k=self.config.neighbours,
        )

    def score(self, histories: Histories) -> FloatArray:
        """The scores s_bi, (B, I)."""
        signal, stored = fitted(self._signal, NAME), fitted(self._stored, NAME)
        weights = self.similar_users(histories)
        alone = np.flatnonzero(np.diff(weights.indptr) == 0)
        scores = self._mean(weights, stored)
        if len(alone) and stored.shape[0]:
            scores[alone] = self._mean(sp.csr_array(np.ones((1, stored.shape[0]))), stored)
        if self._centred:
            scores += _row_means(signal.matrix(histories, stored.shape[1]), otherwise=signal.mean)[:, None]
        return scores.astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the stored histories."""
        stored = fitted(self._stored, NAME)
        arrays = csr_arrays(stored, "stored") | {"fades": fitted(self._fades, NAME)}
        facts = {"shape": list(stored.shape), "signal": fitted(self._signal, NAME).facts()}
        write_model(folder, NAME, self.config, arrays=arrays, facts=facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read them."""
        needs = ("shape", "signal", "stored.data", "stored.indices", "stored.indptr", "fades")
        config, facts, arrays = read_model(folder, NAME, UserKNNConfig, needs=needs)
        model = cls(config)
        model._signal = Signal.of_facts(facts["signal"])
        model._stored = csr_of(arrays, "stored", (int(facts["shape"][0]), int(facts["shape"][1])))
        model._fades = arrays["fades"]
        return model

    def _faded(self, histories: Histories, rows: sp.csr_array) -> sp.csr_array:
        """Rows of x to rows of f x."""
        return faded(rows, histories, self.config.decay) if self.config.similarity == "decayed" else rows

    def _mean(self, weights: sp.csr_array, stored: sp.csr_array) -> DoubleArray:
        """Σ_v w_bv f_vi (x_vi − c_v) / Σ_v w_bv, (B, I); 0 where nothing weighs."""
        fades, numbers = fitted(self._fades, NAME), stored.data
        if self._centred:
            numbers = numbers - np.repeat(_row_means(stored, otherwise=0.0), np.diff(stored.indptr))
        sums = np.asarray((weights @ with_data(stored, fades * numbers)).toarray(), dtype=np.float64)
        if self.config.weighted_mean:
            masses = np.asarray((weights @ with_data(stored, fades)).toarray(), dtype=np.float64)
        else:
            masses = np.broadcast_to(np.asarray(weights.sum(axis=1)).reshape(-1, 1), sums.shape)
        return np.divide(sums, masses, out=np.zeros_like(sums), where=masses > 0)


def _row_means(rows: sp.csr_array, *, otherwise: float) -> DoubleArray:
    """The mean of each row's entries, (B,); `otherwise` for a row without any."""
    lengths = np.diff(rows.indptr)
    sums = np.asarray(rows.sum(axis=1), dtype=np.float64).ravel()
    return np.where(lengths > 0, sums / np.maximum(lengths, 1), otherwise)

"""What a user's friends touched."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.errors import UnsupportedError
from penchant.interfaces import FitOptions, Recommender
from penchant.models.graph.interactions import linked
from penchant.models.interactions import Signal, SignalConfig, csr_arrays, csr_of
from penchant.models.saving import fitted, read_model, write_model
from penchant.types import AnyArray, FloatArray

NAME = "social"


class SocialConfig(Config):
    """Settings of `Social`."""

    links: tuple[str, ...] | None = None
    """Relations whose links are friendships; None: all between users."""
    taste: float = Field(default=4.0, ge=0)
    """How much more a friend counts for each unit of cosine between his items and the user's; 0: all count alike."""
    length_power: float = Field(default=0.5, ge=0)
    """A friend with n items gives each a weight of n to minus this."""


class Social(Recommender):
    """The items of a user's friends.

    ::

        s_bi = Σ_{f in friends(b)} w_bf x_fi n_f^−length_power / Σ_f w_bf,     w_bf = 1 + taste · cos(x_b, x_f)

    x_fi is 1 where friend f touched item i in training, n_f how many he touched; x_b is the history handed in. The
    weighted mean over friends follows Golbeck (2006); `taste` lets those count more who like the same (as trust and
    similarity are joined by Jamali and Ester 2009). Unit: a mean in [0, 1].

    A user the dataset does not know (row −1), and one without friends, gets 0 for every item: blend this with another
    model. `fit` raises `UnsupportedError` for a dataset without links between users.
    """

    folds_in_users: ClassVar[bool] = False
    reads_text: ClassVar[bool] = False
    config: SocialConfig

    def __init__(self, config: SocialConfig | None = None) -> None:
        super().__init__(config or SocialConfig())
        self._signal: Signal | None = None
        self._friends: sp.csr_array | None = None
        self._touched: sp.csr_array | None = None

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:  # noqa: ARG002
        """Remember who is whose friend, and what each touched."""
        friends = linked(dataset, "user", self.config.links, model=NAME)
        if not friends.nnz:
            raise UnsupportedError(
                f"{NAME} needs links between users, and {dataset.name!r} has none.",
                hint="Import a file of friends (user_id, friend_id) beside the events, or use user_knn.",
            )
        self._friends = friends
        self._signal = Signal.fit(dataset, SignalConfig(), model=NAME)
        self._touched = self._signal.matrix(dataset.histories(), dataset.n_items)
        return self

    def score(self, histories: Histories) -> FloatArray:
        """The scores s_bi, (B, I)."""
        touched, friends = fitted(self._touched, NAME), fitted(self._friends, NAME)
        known = np.flatnonzero(histories.users >= 0)
        asked = friends[histories.users[known]]  # (known, U)
        lengths = np.diff(touched.indptr).astype(np.float64)
        rows = np.repeat(np.arange(len(known)), np.diff(asked.indptr))
        weights = np.ones(asked.nnz)
        if self.config.taste:
            own = fitted(self._signal, NAME).matrix(histories.take(known), touched.shape[1])
            shared = np.asarray(own[rows].multiply(touched[asked.indices]).sum(axis=1), dtype=np.float64).ravel()
            roots = np.sqrt(np.diff(own.indptr)[rows] * lengths[asked.indices])
            weights += self.config.taste * np.divide(shared, roots, out=np.zeros_like(shared), where=roots > 0)
        total = np.bincount(rows, weights=weights, minlength=len(known))
        weights /= np.maximum(total[rows], 1e-12)
        given = weights / np.maximum(lengths[asked.indices], 1.0) ** self.config.length_power
        scores = np.zeros((len(histories), touched.shape[1]), dtype=np.float32)
        scores[known] = (sp.csr_array((given, asked.indices, asked.indptr), shape=asked.shape) @ touched).toarray()
        return scores

    def save(self, folder: Path) -> None:
        """Write friends and what they touched."""
        touched, friends = fitted(self._touched, NAME), fitted(self._friends, NAME)
        arrays: dict[str, AnyArray] = {**csr_arrays(touched, "touched"), **csr_arrays(friends, "friends")}
        facts = {"signal": fitted(self._signal, NAME).facts(), "users": touched.shape[0], "items": touched.shape[1]}
        write_model(folder, NAME, self.config, arrays=arrays, facts=facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read them."""
        needs = ("signal", "users", "items", "touched.data", "friends.data")
        config, facts, arrays = read_model(folder, NAME, SocialConfig, needs=needs)
        model, n = cls(config), int(facts["users"])
        model._signal = Signal.of_facts(facts["signal"])
        model._touched = csr_of(arrays, "touched", (n, int(facts["items"])))
        model._friends = csr_of(arrays, "friends", (n, n))
        return model

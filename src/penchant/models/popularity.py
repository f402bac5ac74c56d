"""Two scorers that know nothing of the user: what everyone likes, and chance."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.interfaces import FitOptions, Recommender
from penchant.models.saving import fitted, read_model, write_model
from penchant.seeding import derive, numpy_rng
from penchant.types import FloatArray


class PopularityConfig(Config):
    """Settings of `Popularity`."""

    count_repeats: bool = False
    """Count every event of a user on an item; otherwise a user counts once for an item."""


class Popularity(Recommender):
    """The share of users who touched the item.

    ``s_bi = n_i / U`` for every user b, with ``n_i`` the number of distinct users of item i (of its events where
    `count_repeats`) and U the number of users. Unit: users per user, in [0, 1] without repeats.
    """

    reads_text: ClassVar[bool] = False
    config: PopularityConfig

    def __init__(self, config: PopularityConfig | None = None) -> None:
        super().__init__(config or PopularityConfig())
        self._shares: FloatArray | None = None

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:  # noqa: ARG002
        """Count."""
        histories = dataset.histories()
        items = histories.items.astype(np.int64)
        if not self.config.count_repeats:
            owners = np.repeat(np.arange(len(histories)), histories.lengths)
            items = np.unique(owners * dataset.n_items + items) % max(dataset.n_items, 1)
        counts = np.bincount(items, minlength=dataset.n_items)
        self._shares = (counts / max(dataset.n_users, 1)).astype(np.float32)
        return self

    def score(self, histories: Histories) -> FloatArray:
        """The same row for every user, (B, I)."""
        return np.tile(fitted(self._shares, "popularity"), (len(histories), 1))

    def save(self, folder: Path) -> None:
        """Write the shares."""
        write_model(folder, "popularity", self.config, arrays={"shares": fitted(self._shares, "popularity")})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the shares."""
        config, _, arrays = read_model(folder, "popularity", PopularityConfig, needs=("shares",))
        model = cls(config)
        model._shares = arrays["shares"]
        return model


class RandomConfig(Config):
    """Settings of `RandomOrder`."""


class RandomOrder(Recommender):
    """Chance: a uniform score in [0, 1) for each item and history, the floor that every model must clear.

    The draw is seeded by the fit's seed and by the history's own events, so the same question gets the same answer in
    whatever batch it is asked.
    """

    reads_text: ClassVar[bool] = False
    config: RandomConfig

    def __init__(self, config: RandomConfig | None = None) -> None:
        super().__init__(config or RandomConfig())
        self._n_items: int | None = None
        self._seed = 0

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Remember the catalogue's size and the seed."""
        self._n_items = dataset.n_items
        self._seed = derive((options or FitOptions()).seed, "random")
        return self

    def score(self, histories: Histories) -> FloatArray:
        """Uniform scores, (B, I)."""
        n_items = fitted(self._n_items, "random")
        scores = np.empty((len(histories), n_items), dtype=np.float32)
        for b in range(len(histories)):
            events = histories.items[histories.of(b)].astype(np.int64).tobytes().hex()
            scores[b] = numpy_rng(self._seed, str(histories.users[b]), events).random(n_items, dtype=np.float32)
        return scores

    def save(self, folder: Path) -> None:
        """Write the catalogue's size and the seed."""
        facts = {"n_items": fitted(self._n_items, "random"), "seed": self._seed}
        write_model(folder, "random", self.config, facts=facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read them."""
        config, facts, _ = read_model(folder, "random", RandomConfig, needs=("n_items", "seed"))
        model = cls(config)
        model._n_items, model._seed = int(facts["n_items"]), int(facts["seed"])
        return model

"""What everyone likes lately."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.interfaces import FitOptions, Recommender
from penchant.models.saving import fitted, read_model, write_model
from penchant.types import MICROSECONDS_PER_DAY, DoubleArray, FloatArray

NAME = "recent_popularity"


class RecentPopularityConfig(Config):
    """Settings of `RecentPopularity`."""

    half_life_days: float = Field(default=30.0, gt=0)
    """Age at which an event counts half, where the dataset knows times."""
    half_life_events: float = Field(default=10.0, gt=0)
    """The same in events of the same user that came after, where it knows positions only."""
    lasting: float = Field(default=0.01, ge=0, le=1)
    """Share of its weight that an event never loses, so that old items keep an order among themselves."""
    count_repeats: bool = False
    """Count every event of a user on an item; otherwise only the last."""


class RecentPopularity(Recommender):
    """The number of users who touched the item, each event fading with its age.

    ::

        s_bi = (1/U) Σ over events e on i of  lasting + (1 − lasting) · 2^(−a_e / half_life)

    ``a_e`` is the event's age at the last event of the training data, in days; where the dataset's clock is
    ``position`` no age is known across users, and ``a_e`` counts the events of the same user that came after. The same
    for every user. Unit: users per user, in [0, 1] without repeats. With ``lasting = 1`` it is `Popularity`.

    The order does not depend on when it is asked: a later moment scales the fading parts of all items alike.
    """

    reads_text: ClassVar[bool] = False
    config: RecentPopularityConfig

    def __init__(self, config: RecentPopularityConfig | None = None) -> None:
        super().__init__(config or RecentPopularityConfig())
        self._shares: FloatArray | None = None

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:  # noqa: ARG002
        """Sum the faded events."""
        histories = dataset.histories()
        items = histories.items.astype(np.int64)
        weights = self.config.lasting + (1 - self.config.lasting) * np.exp2(-self._ages(dataset, histories))
        if not self.config.count_repeats:
            owners = np.repeat(np.arange(len(histories)), histories.lengths)
            backwards = (owners * dataset.n_items + items)[::-1]
            last = len(items) - 1 - np.unique(backwards, return_index=True)[1]
            items, weights = items[last], weights[last]
        sums = np.bincount(items, weights=weights, minlength=dataset.n_items)
        self._shares = (sums / max(dataset.n_users, 1)).astype(np.float32)
        return self

    def score(self, histories: Histories) -> FloatArray:
        """The same row for every user, (B, I)."""
        return np.tile(fitted(self._shares, NAME), (len(histories), 1))

    def save(self, folder: Path) -> None:
        """Write the shares."""
        write_model(folder, NAME, self.config, arrays={"shares": fitted(self._shares, NAME)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the shares."""
        config, _, arrays = read_model(folder, NAME, RecentPopularityConfig, needs=("shares",))
        model = cls(config)
        model._shares = arrays["shares"]
        return model

    def _ages(self, dataset: Dataset, histories: Histories) -> DoubleArray:
        """Each event's age in half-lives, (N,)."""
        if dataset.clock == "position":
            after = np.repeat(histories.indptr[1:], histories.lengths) - 1 - np.arange(len(histories.items))
            return np.asarray(after / self.config.half_life_events, dtype=np.float64)
        age = histories.timestamps.max(initial=0) - histories.timestamps
        return np.asarray(age / (self.config.half_life_days * MICROSECONDS_PER_DAY), dtype=np.float64)

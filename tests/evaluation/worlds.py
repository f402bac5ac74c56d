"""A tiny world, and scorers whose right answers are known."""

from pathlib import Path
from typing import Self

import numpy as np

from penchant.config import Config
from penchant.data.dataset import Clock, Dataset, Table
from penchant.data.histories import Histories
from penchant.interfaces import FitOptions, Recommender
from penchant.registry import Registry
from penchant.seeding import numpy_rng
from penchant.types import FloatArray

N_ITEMS = 50


def make_world(n_users: int = 150, *, seed: int = 0, clock: Clock = "time") -> Dataset:
    """Users walk through the items in steps of one, now and then jumping to a popular item."""
    rng = np.random.default_rng(seed)
    users, items, times = [], [], []
    for user in range(n_users):
        place = int(rng.integers(N_ITEMS))
        when = int(rng.integers(0, 200))
        for _ in range(int(rng.integers(3, 15))):
            users.append(user)
            items.append(place)
            times.append(when * 86_400_000_000)
            place = (place + 1) % N_ITEMS if rng.random() < 0.7 else int(rng.integers(5))
            when += int(rng.integers(0, 10))
    return Dataset.of_rows(
        name="walks",
        users=Table(tuple(f"u{user}" for user in range(n_users))),
        items=Table(tuple(f"i{item}" for item in range(N_ITEMS))),
        user_rows=np.array(users),
        item_rows=np.array(items),
        timestamps=np.array(times),
        clock=clock,
    )


class ScorerConfig(Config):
    """Settings of the scorers."""

    scale: float = 1.0


class Scorer(Recommender):
    """A scorer without learning; notes what it was fitted with."""

    def __init__(self, config: ScorerConfig) -> None:
        super().__init__(config)
        self.scale = config.scale
        self.fitted: tuple[Dataset, FitOptions] | None = None

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        self.fitted = (dataset, options or FitOptions())
        return self

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Self:
        raise NotImplementedError


class Constant(Scorer):
    """The same score for everything."""

    def score(self, histories: Histories) -> FloatArray:
        return np.full((len(histories), N_ITEMS), self.scale, dtype=np.float32)


class Walker(Scorer):
    """Knows the world: the next step first, then by popularity."""

    def score(self, histories: Histories) -> FloatArray:
        scores = np.tile(np.linspace(0.5, 0, N_ITEMS, dtype=np.float32), (len(histories), 1))
        last = histories.items[histories.indptr[1:] - 1]
        scores[np.arange(len(histories)), (last + 1) % N_ITEMS] = 1
        return scores


class Shuffler(Scorer):
    """Random scores that depend on the fit's seed."""

    def score(self, histories: Histories) -> FloatArray:
        assert self.fitted is not None
        rng = numpy_rng(self.fitted[1].seed, "shuffler", str(int(histories.keys.sum())))
        return rng.random((len(histories), N_ITEMS)).astype(np.float32)


class Broken(Scorer):
    """Scores that are not finite."""

    def score(self, histories: Histories) -> FloatArray:
        return np.full((len(histories), N_ITEMS), np.nan, dtype=np.float32)


class Narrow(Scorer):
    """Scores of the wrong shape."""

    def score(self, histories: Histories) -> FloatArray:
        return np.zeros((len(histories), 2), dtype=np.float32)


def make_registry(*classes: type[Scorer]) -> Registry[Recommender]:
    registry: Registry[Recommender] = Registry("recommender")
    for cls in classes or (Constant, Walker, Shuffler, Broken, Narrow):
        registry.register(cls.__name__.lower(), config=ScorerConfig, cls=cls, summary="")
    return registry

"""Every model of neighbours and factors in the known-answer world: far ahead of chance and of popularity."""

from typing import Any

import numpy as np
import pytest

from penchant.config import Config
from penchant.data.protocols import leave_one_out
from penchant.interfaces import FitOptions, Recommender
from penchant.models.ease import EASE, EASEConfig
from penchant.models.matrix_factorization.als import ALS, ALSConfig
from penchant.models.matrix_factorization.bpr import BPR, BPRConfig
from penchant.models.neighborhood import ItemKNN
from penchant.models.neighborhood_config import ItemKNNConfig
from penchant.models.popularity import Popularity, RandomOrder
from penchant.models.recent_popularity import RecentPopularity, RecentPopularityConfig
from penchant.models.user_knn import UserKNN, UserKNNConfig
from tests.models.measures import ndcg
from tests.worlds import genre_world

WORLD = genre_world()
SPLIT = leave_one_out(WORLD)
MODELS: dict[str, tuple[type[Recommender], type[Config], dict[str, Any]]] = {
    "user_knn": (UserKNN, UserKNNConfig, {}),
    "user_knn by cosine": (UserKNN, UserKNNConfig, {"similarity": "cosine"}),
    "user_knn by pearson": (UserKNN, UserKNNConfig, {"similarity": "pearson"}),
    "item_knn": (ItemKNN, ItemKNNConfig, {}),
    "item_knn by cosine": (ItemKNN, ItemKNNConfig, {"similarity": "cosine"}),
    "item_knn by pearson": (ItemKNN, ItemKNNConfig, {"similarity": "pearson"}),
    "ease": (EASE, EASEConfig, {"regularization": 20.0}),
    "als": (ALS, ALSConfig, {"dim": 16}),
    "bpr": (BPR, BPRConfig, {"dim": 16, "training": {"max_epochs": 20, "learning_rate": 0.02, "warmup_steps": 0}}),
}


@pytest.fixture(scope="module")
def floor() -> float:
    """The better of chance and popularity."""
    return max(ndcg(model.fit(SPLIT.train), SPLIT.test, WORLD) for model in (RandomOrder(), Popularity()))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_it_is_far_ahead_of_chance_and_popularity(name, floor):
    cls, config, settings = MODELS[name]
    model = cls(config.of(settings)).fit(SPLIT.train, options=FitOptions(validation=SPLIT.validation, seed=1))
    assert ndcg(model, SPLIT.test, WORLD) > 4 * floor


SMALL = genre_world(users=24)
QUICK = {"max_epochs": 2, "learning_rate": 0.02, "warmup_steps": 0}
CHANGES: list[tuple[type[Recommender], type[Config], dict[str, Any], dict[str, Any]]] = [
    (RecentPopularity, RecentPopularityConfig, {}, {"half_life_events": 3.0, "lasting": 0.5, "count_repeats": True}),
    (UserKNN, UserKNNConfig, {}, {"decay": 0.5, "neighbours": 2, "damping": 3.0, "similarity": "cosine"}),
    (ItemKNN, ItemKNNConfig, {"similarity": "cosine"}, {"decay": 0.9, "damping": 9.0, "max_neighbours": 3}),
    (EASE, EASEConfig, {}, {"regularization": 5.0, "decay": 1.0}),
    (
        ALS,
        ALSConfig,
        {"dim": 4, "iterations": 2},
        {
            "dim": 5,
            "alpha": 3.0,
            "confidence": "log",
            "regularization": 0.1,
            "frequency_scaling": 0.5,
            "decay": 1.0,
            "iterations": 3,
        },
    ),
    (
        BPR,
        BPRConfig,
        {"dim": 4, "training": QUICK, "smallest_batch": 64},
        {
            "dim": 5,
            "regularization": 0.1,
            "steps": 1,
            "smallest_batch": 128,
            "unwanted": 1,
            "folding_items": 9,
            "decay": 1.0,
            "training": {**QUICK, "max_epochs": 3},
        },
    ),
]
COUNTS = {"signal": {"values": "count"}}


@pytest.mark.parametrize(
    ("cls", "config", "base", "change"),
    [(cls, config, base, {k: v}) for cls, config, base, changes in CHANGES for k, v in changes.items()]
    + [(cls, config, base, COUNTS) for cls, config, base, _ in CHANGES if cls not in {RecentPopularity, BPR}],
)
def test_every_setting_reaches_the_scores(cls, config, base, change):
    options = FitOptions(validation=leave_one_out(SMALL).validation)
    before, after = (
        cls(config.of(settings)).fit(SMALL, options=options).score(SMALL.histories())
        for settings in (base, base | change)
    )
    assert not np.allclose(before, after, rtol=1e-4, atol=1e-6)

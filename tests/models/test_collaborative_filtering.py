"""Every model of neighbours and factors in the known-answer world: far ahead of chance and of popularity."""

from typing import Any

import pytest

from penchant.config import Config
from penchant.data.protocols import leave_one_out
from penchant.interfaces import FitOptions, Recommender
from penchant.models.ease import EASE, EASEConfig
from penchant.models.matrix_factorization.als import ALS, ALSConfig
from penchant.models.matrix_factorization.bpr import BPR, BPRConfig
from penchant.models.neighborhood import ItemKNN, ItemKNNConfig
from penchant.models.popularity import Popularity, RandomOrder
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

"""One fitted model that the pipeline's tests share; each test gets it without what others observed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from tests.worlds import genre_world

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SETTINGS: dict[str, Any] = {
    "text": False,
    "model": {"tracker": {"dim": 32, "training": {"max_epochs": 20, "warmup_steps": 5, "learning_rate": 0.01}}},
}


@pytest.fixture(scope="session")
def fitted():
    model = InterestModel(config=InterestModelConfig.of(SETTINGS), now=lambda: NOW).fit(genre_world())
    return model.fitted, model.config


@pytest.fixture
def model(fitted) -> InterestModel:
    learned, config = fitted
    return InterestModel(config=config, now=lambda: NOW).start(learned)

"""Readers who keep to few genres, and a model that may try any genre on them."""

from dataclasses import replace

import numpy as np

from penchant.pipeline.interest_model import InterestModel
from tests.pipeline.conftest import NOW


def explorer(fitted) -> InterestModel:
    """Every genre may be discovered, though each is on a quarter of the items."""
    learned, config = fitted
    discovery = replace(learned.discovery, narrow=np.ones_like(learned.discovery.narrow))
    return InterestModel(config=config, now=lambda: NOW).start(replace(learned, discovery=discovery))


def genres_of(model: InterestModel, user: str) -> set[str]:
    return {str(event.item_id).split("-")[0] for event in model.history(user, limit=500)}


def reader(model: InterestModel) -> str:
    """Someone who knows at least one genre and not all."""
    names = [f"u-{n}" for n in range(40)]
    return next(user for user in names if 0 < len(genres_of(model, user)) < 4)

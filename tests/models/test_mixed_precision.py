"""Every model that is trained by the one loop can be trained in fewer digits."""

from typing import Any

import numpy as np
import pytest

from penchant.interfaces import FitOptions
from penchant.models.catalogue import RECOMMENDERS
from tests.worlds import genre_world

WORLD = genre_world(users=24)
TRAINED = [
    "attentive_cf",
    "autoencoder",
    "bert4rec",
    "bpr",
    "caser",
    "gru4rec",
    "lightgcn",
    "neumf",
    "sasrec",
    "tracker",
    "two_tower",
]


@pytest.mark.parametrize("name", TRAINED)
def test_a_model_is_trained_in_bfloat16(name: str):
    settings: dict[str, Any] = {"training": {"max_epochs": 1, "evaluate_every": 1, "precision": "bfloat16"}}
    model = RECOMMENDERS.build(name, settings).fit(WORLD, options=FitOptions())
    assert np.isfinite(model.score(WORLD.histories())).all()

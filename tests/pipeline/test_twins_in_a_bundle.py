"""Generated users in a bundle: learned from, and nobody to anyone who asks."""

import json
from pathlib import Path

import numpy as np

from penchant.data.generated import PREFIX
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel, load
from penchant.pipeline.profile_export import export_profiles
from penchant.training.augmentation.twins import with_changed_histories
from tests.worlds import genre_world

CONFIG = {"text": False, "model": {"tracker": {"dim": 16, "training": {"max_epochs": 1}}}}
WORLD = genre_world(users=40)


def test_twins_are_learned_from_and_are_in_no_list_of_users(tmp_path: Path):
    data = with_changed_histories(WORLD, seed=0)
    place = tmp_path / "bundle"
    InterestModel(config=InterestModelConfig.of(CONFIG)).fit(data).save(place)
    model = load(place)
    assert model.fitted.dataset.n_users > WORLD.n_users
    assert model.fitted.dataset.events.generated is not None
    told = export_profiles(place, tmp_path / "all.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert [line["user_id"] for line in lines] == list(WORLD.users.ids)
    assert told.users == WORLD.n_users
    assert not model.find_users(PREFIX, 10)
    assert [user.user_id for user in model.find_users("u-7", 10)] == ["u-7"]
    assert np.isfinite(model.fitted.population.mean).all()

"""The steps together: fitted on the training part alone, each with a name by which it can be left out."""

from typing import Any

import numpy as np
import orjson
import pytest

from penchant.data.features.pipeline import FeatureConfig, FeaturePipeline
from penchant.errors import ConfigError
from tests.data.features.worlds import people_and_films

DATA = people_and_films()
CONFIG = FeatureConfig.of(
    {
        "steps": [
            {"step": "select"},
            {"step": "transform", "bins": 3},
            {"step": "cross", "users": [("job", "age")]},
            {"step": "reduce", "over": 10, "dim": 3},
        ]
    }
)
STEPS = ("select", "transform", "cross", "reduce")


def features(pipeline: FeaturePipeline, data: Any = DATA) -> list[np.ndarray]:
    made = pipeline.apply(data.users, data.items)
    users, items = (side.ravel() for side in np.meshgrid(np.arange(60), np.arange(45), indexing="ij"))
    return [made.users.toarray(), made.items.toarray(), made.pairs.of(users, items).toarray()]


def test_rows_without_training_events_teach_nothing():
    """Their attributes are of another kind altogether, and neither pipeline nor anybody else's features change."""
    other = people_and_films(
        users={"age": [*DATA.users.columns["age"][:50], *["ancient"] * 10], "zip": ["same"] * 60},
        items={"genres": [*DATA.items.columns["genres"][:40], *[["opera"]] * 5]},
    )
    here = people_and_films(users={"zip": ["same"] * 60})
    ours, theirs = (FeaturePipeline.fit(data, CONFIG) for data in (here, other))
    assert ours.as_json() == theirs.as_json()
    mine, made = features(ours, here), features(theirs, other)
    np.testing.assert_array_equal(mine[0][:50], made[0][:50])
    np.testing.assert_array_equal(mine[1][:40], made[1][:40])
    assert not np.array_equal(mine[1][40:], made[1][40:])  # they are still told apart


def test_every_part_has_as_many_names_as_features():
    for config in (CONFIG, FeatureConfig(), *(CONFIG.without(step) for step in STEPS)):
        pipeline = FeaturePipeline.fit(DATA, config)
        for part, made in zip(("users", "items", "pairs"), features(pipeline), strict=True):
            assert made.shape[1] == len(pipeline.names[part]) == len(set(pipeline.names[part]))
            assert made.shape[1] > 0 or part == "pairs"


@pytest.mark.parametrize("step", STEPS)
def test_each_step_can_be_left_out_by_name_and_does_something(step):
    whole, without = FeaturePipeline.fit(DATA, CONFIG), FeaturePipeline.fit(DATA, CONFIG.without(step))
    assert set(whole.report()["steps"]) == set(STEPS)
    assert set(without.report()["steps"]) == set(STEPS) - {step}
    assert whole.names != without.names
    if step == "cross":
        assert without.names["pairs"] == ()
    if step == "reduce":
        assert not any("component" in name for name in without.names["users"])


def test_a_fitted_pipeline_is_json():
    pipeline = FeaturePipeline.fit(DATA, CONFIG)
    again = FeaturePipeline.from_json(orjson.loads(orjson.dumps(pipeline.as_json())))
    assert again.names == pipeline.names
    for ours, theirs in zip(features(pipeline), features(again), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert orjson.dumps(pipeline.report())


def test_without_steps_every_column_is_encoded():
    names = FeaturePipeline.fit(DATA, FeatureConfig(steps=())).names
    assert {"users.age", "users.job=nurse", "users.zip=z3"} <= set(names["users"])
    assert "items.title=Film 3" in names["items"]


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (["select", "select"], "may be there once"),
        (["reduce", "select"], "must be the last step"),
        (["chop"], "chop"),
    ],
)
def test_steps_that_cannot_be_are_refused(steps, told):
    with pytest.raises(ConfigError, match=told):
        FeatureConfig.of({"steps": [{"step": step} for step in steps]})


def test_a_step_that_is_not_there_cannot_be_left_out():
    with pytest.raises(ConfigError, match="no step 'chop' to leave out") as caught:
        CONFIG.without("chop")
    assert "select, transform, cross, reduce" in caught.value.hint

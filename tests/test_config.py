"""Settings are finite numbers, save the few that say otherwise, and a table changes what it names alone."""

import math
from typing import Literal

import pytest
from pydantic import Field

from penchant.config import Config
from penchant.errors import ConfigError
from penchant.evaluation.off_policy.estimators import UncutConfig
from penchant.models.catalogue import RECOMMENDERS
from penchant.training.loop import TrainingConfig


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("model", "settings", "key"),
    [
        ("als", lambda value: {"alpha": value}, "alpha"),
        ("ease", lambda value: {"regularization": value}, "regularization"),
        (
            "ease",
            lambda value: {"signal": {"values": "count", "type_weights": {"rating": value}}},
            r"signal\.type_weights\.rating",
        ),
        ("svdpp", lambda value: {"regularization": value}, "regularization"),
        ("biased_mf", lambda value: {"regularization": value}, "regularization"),
    ],
)
def test_a_setting_that_is_not_finite_is_refused_by_its_name(model, settings, key, value):
    with pytest.raises(ConfigError, match=key):
        RECOMMENDERS.build(model, settings(value))


def test_a_cut_may_be_infinite_where_that_means_none():
    assert UncutConfig.of({"cut": math.inf}).cut == math.inf
    with pytest.raises(ConfigError, match="cut"):
        UncutConfig.of({"cut": math.nan})


@pytest.mark.parametrize("model", list(RECOMMENDERS))
def test_one_setting_of_a_models_table_leaves_the_others_as_the_model_has_them(model):
    usual = RECOMMENDERS[model].config.model_construct()
    tables = {name: value for name, value in usual if isinstance(value, Config)}
    for name, table in tables.items():
        same = {key: value for key, value in table if key == next(iter(type(table).model_fields))}
        assert getattr(RECOMMENDERS[model].config.of({name: same}), name) == table
        if isinstance(table, TrainingConfig):
            found = getattr(RECOMMENDERS[model].config.of({name: {"max_epochs": 7}}), name)
            assert found == table.model_copy(update={"max_epochs": 7})


class _One(Config):
    name: Literal["one"] = "one"
    size: int = 1


class _Other(Config):
    name: Literal["other"] = "other"


class _Middle(Config):
    choice: _One | _Other = _One(size=5)
    depth: int = 1


class _Outer(Config):
    middle: _Middle = _Middle(choice=_One(size=7), depth=2)
    made: _Middle = Field(default_factory=lambda: _Middle(depth=4))


def test_what_is_left_out_is_as_the_outermost_default_has_it():
    assert _Outer.of({"middle": {"depth": 3}}).middle == _Middle(choice=_One(size=7), depth=3)
    assert _Outer.of({"middle": {"choice": {"size": 9}}}).middle == _Middle(choice=_One(size=9), depth=2)
    assert _Outer.of({"middle": {"choice": {"name": "one"}}}).middle.choice == _One(size=7)
    assert _Outer.of({"middle": {"choice": {"name": "other"}}}).middle.choice == _Other()
    assert _Outer.of({"made": {"choice": {"size": 9}}}).made == _Middle(choice=_One(size=9), depth=4)
    with pytest.raises(ConfigError, match="size"):
        _Outer.of({"middle": {"choice": {"name": "other", "size": 2}}})

"""Settings are finite numbers, save the few that say otherwise."""

import math

import pytest

from penchant.errors import ConfigError
from penchant.evaluation.off_policy.estimators import UncutConfig
from penchant.models.catalogue import RECOMMENDERS


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

"""A search space as a person writes it."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.config import read_toml, to_toml
from penchant.errors import ConfigError
from penchant.hyperparameter_search.reading import space_of
from penchant.hyperparameter_search.space import Choice, LogUniform, Uniform, When, Whole, draws
from penchant.models.catalogue import RECOMMENDERS

SPACES = sorted((Path(__file__).resolve().parents[2] / "configs" / "spaces").glob("*.toml"))


def test_ranges_choices_and_fixed_settings():
    space, fixed = space_of(
        tomllib.loads("""
            heads = 2
            dim = { choices = [32, 64] }
            layers = { low = 1, high = 4 }
            batch = { low = 128, high = 8192, log = true }
            [training]
            rate = { low = 1e-4, high = 1e-2, log = true }
            decay = { low = 0.0, high = 0.005 }
            max_epochs = 12
        """),
        where="file",
    )
    assert fixed == {"heads": 2, "training": {"max_epochs": 12}}
    assert space == {
        "dim": Choice((32, 64)),
        "layers": Whole(1, 4),
        "batch": Whole(128, 8192, log=True),
        "training.rate": LogUniform(1e-4, 1e-2),
        "training.decay": Uniform(0.0, 0.005, digits=5),
    }


def test_a_condition_names_a_setting_by_its_points():
    space, _ = space_of(
        tomllib.loads("""
            heads = { choices = [2, 4], when = { "net.layers" = [3, 4] } }
            [net]
            layers = { low = 1, high = 4 }
        """),
        where="file",
    )
    assert space["heads"] == Choice((2, 4), when=When("net.layers", (3, 4)))
    assert str(space["heads"]) == "2, 4, where net.layers is 3 or 4"
    drawn = draws(space, 20, name="m", seed=0, fixed={})[1:]
    assert all(("heads" in one) == (one["net"]["layers"] > 2) for one in drawn)


def test_whole_numbers_reach_both_ends_and_logarithms_are_even():
    rng = np.random.default_rng(0)
    even = np.array([Whole(1, 4).draw(rng) for _ in range(400)])
    np.testing.assert_allclose(np.bincount(even)[1:] / 400, 0.25, atol=0.07)
    powers = np.array([Whole(10, 1000, log=True).draw(rng) for _ in range(400)])
    assert powers.min() >= 10
    assert powers.max() <= 1000
    assert (powers < 100).mean() == pytest.approx(0.5, abs=0.08)
    small = {Uniform(0.0, 0.005, digits=5).draw(rng) for _ in range(50)}
    assert len(small) > 30
    assert max(small) <= 0.005


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dim = 3", "searches nothing"),
        ("dim = { choices = [] }", "choices are a list"),
        ("dim = { choices = 3 }", "choices are a list"),
        ("dim = { low = 1 }", "dim has low"),
        ("dim = { low = 1, high = 4, steps = 2 }", "dim has low, high, steps"),
        ("dim = { low = 4, high = 1 }", "no range"),
        ('dim = { low = "a", high = "b" }', "no range"),
        ("dim = { low = 0, high = 4, log = true }", "above 0"),
        ("dim = { choices = [1, 'a'] }", "one type"),
        ("dim = { choices = [true, 1] }", "one type"),
        ("dim = { choices = [1, 2, 1] }", "comes twice"),
        ("dim = { low = -1.0, high = 4.0, log = true }", "above 0"),
        ("dim = { low = 1, high = 2, when = { a = 1 } }", "choices are a list"),
        ("[a.b]\ndim = { low = true, high = 4 }", "file: a.b.dim"),
    ],
)
def test_what_is_no_range_is_told_by_its_name(text, told):
    with pytest.raises(ConfigError, match=told) as caught:
        space_of(tomllib.loads(text), where="file")
    assert "low" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ("dim = { low = 1, high = 2, when = 3 }", "when is 3", "names one setting"),
        ("dim = { low = 1, high = 2, when = { a = [1], b = [1] } }", "when is", "names one setting"),
        ("dim = { low = 1, high = 2, when = { a = [1] } }", "waits for a, which is not searched", "none"),
        (
            "a = { choices = [1, 2] }\ndim = { low = 1, high = 2, when = { a = [3] } }",
            "a = 3, which it never is",
            "searched in: 1, 2",
        ),
    ],
)
def test_a_condition_that_cannot_come_true_is_told(text, told, hint):
    with pytest.raises(ConfigError, match=told) as caught:
        space_of(tomllib.loads(text), where="file")
    assert hint in caught.value.hint


@pytest.mark.parametrize("file", SPACES, ids=lambda file: file.stem)
def test_every_draw_of_the_spaces_in_configs_is_a_setting(file):
    space, fixed = space_of(read_toml(file), where=file.name)
    found = draws(space, 30, name=file.stem, seed=0, fixed=fixed)
    assert len(found) == 30
    for settings in found:
        RECOMMENDERS.build(file.stem, settings)


def test_the_space_of_the_default_model_holds_depth_and_width():
    space, _ = space_of(read_toml(SPACES[0].with_name("interest.toml")), where="interest")
    assert {"tracker.dim", "tracker.layers"} <= set(space)
    config = RECOMMENDERS["interest"].config
    sizes = set()
    for dim, layers in ((32, 1), (64, 3)):
        built: Any = config.of({"tracker": {"dim": dim, "layers": layers}})
        sizes.add((built.tracker.dim, built.tracker.layers))
    assert sizes == {(32, 1), (64, 3)}


def test_settings_written_as_toml_are_read_back():
    settings = {
        "interest": {
            "on": True,
            "name": 'a "quoted" \\ name é\n',
            "none of it": [1, 2.5, "x"],
            "tracker": {"dim": 64, "training": {"rate": 1e-05, "whole": 3.0}},
            "empty": {},
        },
        "plain": 1,
    }
    assert tomllib.loads(to_toml(settings)) == settings
    assert tomllib.loads(to_toml({"interest": {}})) == {"interest": {}}
    assert tomllib.loads(to_toml({"rows": [{"a": 1, "b": "x"}]})) == {"rows": [{"a": 1, "b": "x"}]}

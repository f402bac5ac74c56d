"""Which settings are tried: at random, over a grid, by what was learned."""

import math
import sys

import numpy as np
import pytest

from penchant.errors import ConfigError, MissingExtraError, NotFoundError
from penchant.hyperparameter_search import Choice, LogUniform, Space, Trial, Uniform, When, Whole, search
from penchant.hyperparameter_search.catalogue import SAMPLERS
from penchant.hyperparameter_search.optuna_sampling import frozen
from penchant.hyperparameter_search.space import Problem, draws

SPACE: Space = {
    "x": Uniform(-5.0, 5.0, digits=4),
    "net.rate": LogUniform(1e-5, 1.0),
    "net.depth": Whole(1, 8),
    "width": Whole(8, 512, log=True),
    "kind": Choice(("a", "b", [1, 2])),
    "slope": Uniform(0.0, 1.0, when=When("kind", ("b",))),
}
LEARNING = ("tpe", "gp", "hyperopt")


def valley(attempt):
    """Best at x = 1, rate = 0.01, depth 3, width 64, kind b, slope 0.25, where it is 0."""
    told = attempt.settings
    off = (told["x"] - 1) ** 2 + (math.log10(told["net"]["rate"]) + 2) ** 2 + (told["net"]["depth"] - 3) ** 2 / 4
    off += math.log2(told["width"] / 64) ** 2 / 4 + (told["kind"] != "b")
    return -off - (told.get("slope", 0.0) - 0.25) ** 2


def problem(space=SPACE, **options):
    return Problem(space=space, **{"fixed": {}, "name": "m", "seed": 0, **options})


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_every_method_stays_in_the_space_and_heeds_its_conditions(name):
    found = search(valley, SPACE, sampler=name, trials=13, fixed={"note": 1}).trials
    assert len(found) == 13
    assert all(trial.value is not None for trial in found)
    for trial in found:
        told = trial.settings
        assert told["note"] == 1
        assert -5 <= told["x"] <= 5
        assert 1e-5 <= told["net"]["rate"] <= 1
        assert told["net"]["depth"] in range(1, 9)
        assert isinstance(told["net"]["depth"], int)
        assert told["width"] in range(8, 513)
        assert told["kind"] in ("a", "b", [1, 2])
        assert ("slope" in told) == (told["kind"] == "b")
    assert len({str(trial.settings) for trial in found}) == 13


@pytest.mark.parametrize("name", LEARNING)
def test_one_seed_gives_one_list_whether_or_not_it_is_cut_short(name, tmp_path):
    whole = search(valley, SPACE, sampler=SAMPLERS.build(name, {"startup_trials": 4}), trials=6)
    options = {"sampler": SAMPLERS.build(name, {"startup_trials": 4}), "folder": tmp_path}
    search(valley, SPACE, trials=4, **options)
    again = search(valley, SPACE, trials=6, resume=True, **options)
    assert [t.settings for t in again.trials] == [t.settings for t in whole.trials]
    other = search(valley, SPACE, sampler=SAMPLERS.build(name, {"startup_trials": 4}), trials=1, seed=1)
    assert other.trials[0].settings != whole.trials[0].settings


@pytest.mark.parametrize(("name", "trials"), [("tpe", 30), ("gp", 15), ("hyperopt", 30)])
def test_what_learns_gets_nearer_to_a_planted_best_than_chance(name, trials):
    space: Space = {"x": Uniform(-5.0, 5.0, digits=4), "rate": LogUniform(1e-5, 1.0)}

    def near(attempt):
        return -((attempt.settings["x"] - 1) ** 2) - (math.log10(attempt.settings["rate"]) + 2) ** 2

    def mean_best(method):
        return np.mean([search(near, space, sampler=method, trials=trials, seed=seed).best.value for seed in range(3)])

    assert mean_best(name) > mean_best("random")
    learned = search(near, space, sampler=name, trials=trials, seed=0).trials
    values = [trial.value for trial in learned if trial.value is not None]
    assert np.median(values[-5:]) > np.median(values[:5])


def test_a_grid_has_every_point_once():
    space: Space = {"a": Choice((1, 2)), "b": Whole(3, 5), "c": Uniform(0.0, 1.0), "d": LogUniform(1.0, 100.0)}
    grid = SAMPLERS.build("grid", {"points": 3})
    found = [trial.settings for trial in search(lambda _: 0.0, space, sampler=grid).trials]
    assert len(found) == 2 * 3 * 3 * 3
    assert {tuple(one.values()) for one in found} == {
        (a, b, c, d) for a in (1, 2) for b in (3, 4, 5) for c in (0.0, 0.5, 1.0) for d in (1.0, 10.0, 100.0)
    }
    assert found[0] == {"a": 1, "b": 3, "c": 0.0, "d": 1.0}
    assert found[1]["d"] == 10.0
    fewer = search(lambda _: 0.0, space, sampler=grid, trials=4).trials
    assert [trial.settings for trial in fewer] == found[:4]


def test_a_grid_joins_what_a_condition_makes_equal_and_leaves_out_what_is_not_allowed():
    space: Space = {"kind": Choice(("a", "b")), "slope": Choice((1, 2, 3), when=When("kind", ("b",)))}
    grid = SAMPLERS.build("grid")
    asked = problem(space, allowed=lambda settings: settings.get("slope") != 2, first={})
    assert [grid.ask(asked, number, []) for number in range(5)] == [
        {},
        {"kind": "a"},
        {"kind": "b", "slope": 1},
        {"kind": "b", "slope": 3},
        None,
    ]
    assert grid.size(asked) == 4


def test_a_grid_that_nobody_will_wait_for_is_refused():
    space: Space = {str(n): Choice(tuple(range(10))) for n in range(6)}
    with pytest.raises(ConfigError, match="1,000,000 points"):
        search(valley, space, sampler="grid")


def test_random_draws_are_those_of_draws_and_the_logarithm_of_a_rate_is_even():
    found = [trial.settings for trial in search(valley, SPACE, trials=30, name="m", first=None).trials]
    assert found == [problem().settings(problem().values(one)) for one in found]
    assert draws(SPACE, 31, name="m", seed=0, fixed={})[1:] == found
    rates = [math.log10(one["net"]["rate"]) for one in draws(SPACE, 400, name="m", seed=3, fixed={})[1:]]
    assert np.histogram(rates, bins=5, range=(-5, 0))[0] / 399 == pytest.approx([0.2] * 5, abs=0.06)


@pytest.mark.parametrize("name", LEARNING)
def test_a_small_space_is_tried_once_and_ends(name):
    space: Space = {"a": Choice((True, False)), "b": Whole(1, 2)}
    found = search(lambda attempt: float(attempt.settings["b"]), space, sampler=name, trials=50)
    assert len(found.trials) == 4
    assert found.best.settings["b"] == 2


def test_what_failed_is_told_as_worse_than_all_and_avoided():
    """A half of the space always fails: of the draws that learned from it far fewer than half lie there."""

    def cliff(attempt):
        if attempt.settings["x"] > 0:
            raise ValueError("over the edge")
        return -abs(attempt.settings["x"] + 0.5)

    space: Space = {"x": Uniform(-5.0, 5.0, digits=4)}
    found = [search(cliff, space, sampler="tpe", trials=30, seed=seed) for seed in range(3)]
    late = [trial for one in found for trial in one.trials[10:]]
    assert sum(trial.value is None for trial in late) < 0.35 * len(late)
    failed = next(trial for trial in late if trial.value is None)
    assert failed.failure == "ValueError: over the edge"
    told = frozen(problem(space), failed)
    assert told is not None
    assert (told.state.name, told.value) == ("PRUNED", None)


def test_the_trial_with_the_defaults_is_learned_from_where_they_lie_in_the_space():
    asked = problem(first={"note": 1}, defaults={"x": 1.0, "net.rate": 5.0, "net.depth": 3, "width": None, "kind": "b"})
    assert asked.values({"note": 1}) == {"x": 1.0, "net.depth": 3, "kind": "b"}
    assert asked.values({"x": 2.0, "net": {"depth": 4}}) == {"x": 2.0, "net.depth": 4}


@pytest.mark.parametrize(("name", "module"), [("tpe", "optuna"), ("gp", "optuna"), ("hyperopt", "hyperopt")])
def test_without_its_library_a_method_names_the_extra_and_leaves_nothing(name, module, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match="not installed") as caught:
        search(valley, SPACE, sampler=name, folder=tmp_path / "study")
    assert "penchant[research]" in caught.value.hint
    assert not (tmp_path / "study").exists()
    assert search(valley, SPACE, trials=2).best.value is not None


def test_a_method_that_does_not_exist_is_told():
    with pytest.raises(NotFoundError, match="No search method is called 'luck'") as caught:
        search(valley, SPACE, sampler="luck")
    assert "tpe" in caught.value.hint


def test_pending_trials_are_not_tried_twice():
    space: Space = {"a": Choice((1, 2))}
    for name in LEARNING:
        done = [Trial.measured(0, {"a": 1}, [0.5], 0.1, [])]
        assert SAMPLERS.build(name).ask(problem(space), 1, done, [{"a": 2}]) is None
        assert SAMPLERS.build(name).ask(problem(space), 1, [], [{"a": 1}]) == {"a": 2}

"""Random search: the first trial is the defaults, the rest differ and stay within the space."""

from penchant.evaluation.peers.own_spaces import OWN_SPACES
from penchant.hyperparameter_search.space import Choice, LogUniform, Space, Uniform, draws
from penchant.models.catalogue import RECOMMENDERS

SPACE: Space = {"size": Choice((8, 16, 32)), "rate": LogUniform(1e-4, 1.0), "training.dropout": Uniform(0.1, 0.5)}


def test_the_first_trial_is_the_defaults_and_none_repeats():
    found = draws(SPACE, 20, name="m", seed=3, fixed={})
    assert found[0] == {}
    assert len(found) == 20
    assert len({str(one) for one in found}) == 20
    for one in found[1:]:
        assert one["size"] in {8, 16, 32}
        assert 1e-4 <= one["rate"] <= 1.0
        assert 0.1 <= one["training"]["dropout"] <= 0.5
    assert len({one["rate"] < 1e-2 for one in found[1:]}) == 2  # log-uniform: half of it lies below the middle power


def test_the_seed_and_the_name_decide():
    def of(seed: int, name: str) -> list[dict[str, object]]:
        return draws(SPACE, 5, name=name, seed=seed, fixed={})

    assert of(0, "m") == of(0, "m")
    assert of(0, "m") != of(1, "m")
    assert of(0, "m") != of(0, "n")
    assert draws(SPACE, 3, name="m", seed=0, fixed={}) == of(0, "m")[:3]


def test_what_is_fixed_is_not_drawn():
    fixed = {"size": 64, "training": {"epochs": 5}}
    found = draws(SPACE, 6, name="m", seed=0, fixed=fixed)
    assert found[0] == fixed
    assert all(one["size"] == 64 and one["training"]["epochs"] == 5 for one in found)
    assert all("dropout" in one["training"] for one in found[1:])
    assert fixed == {"size": 64, "training": {"epochs": 5}}


def test_a_small_space_gives_as_many_as_it_has():
    found = draws({"on": Choice((True, False))}, 50, name="m", seed=0, fixed={})
    assert found[0] == {}
    assert sorted(one["on"] for one in found[1:]) == [False, True]
    assert draws({}, 50, name="m", seed=0, fixed={"a": 1}) == [{"a": 1}]


def test_every_draw_of_our_own_spaces_is_a_setting():
    for name, space in OWN_SPACES.items():
        for settings in draws(space, 8, name=name, seed=1, fixed={}):
            RECOMMENDERS.build(name, settings)


def test_every_setting_of_a_space_reaches_the_model():
    for name, space in OWN_SPACES.items():
        config = RECOMMENDERS[name].config
        assert set(space) <= set(flat(config().model_dump())), name


def flat(settings: dict[str, object], before: str = "") -> list[str]:
    names = []
    for key, value in settings.items():
        names += flat(value, f"{before}{key}.") if isinstance(value, dict) else [f"{before}{key}"]
    return names

"""A search as a researcher calls it: several processes, an Optuna storage, what goes wrong."""

import sqlite3
import time

import optuna
import pytest

from penchant.errors import CheckpointError, ConfigError
from penchant.hyperparameter_search import Choice, Space, Uniform, search
from tests.hyperparameter_search.objectives import bowl, faulty, interrupted

SPACE: Space = {"x": Uniform(-3.0, 3.0, digits=4)}


def test_several_workers_find_what_one_finds(tmp_path):
    alone = search(bowl, SPACE, trials=8)
    together = search(bowl, SPACE, trials=8, workers=2, folder=tmp_path)
    assert [(t.number, t.settings, t.value) for t in together.trials] == [
        (t.number, t.settings, t.value) for t in alone.trials
    ]
    assert together.best.settings == alone.best.settings
    assert len(list(tmp_path.glob("trial-*.json"))) == 8


def test_a_trial_that_raises_or_dies_is_kept_and_the_others_go_on(tmp_path):
    found = search(
        faulty, {"x": Choice((0, 1, 2, 3, 4, 5))}, sampler="grid", workers=2, folder=tmp_path, storage=url(tmp_path)
    )
    assert [trial.value for trial in found.trials] == [0.0, None, None, None, 4.0, 5.0]
    assert found.trials[1].failure == "ZeroDivisionError: nothing to divide by"
    assert found.trials[2].failure == "Its process ended with code -9: killed, or out of memory."
    assert "no number" in found.trials[3].failure
    assert found.best.settings == {"x": 5}
    states = [trial.state.name for trial in stored(tmp_path).trials]
    assert sorted(states) == ["COMPLETE"] * 3 + ["FAIL"] * 3


def test_a_worker_that_is_interrupted_stops_all_and_the_search_goes_on(tmp_path):
    space: Space = {"x": Choice((1, 2, 3))}
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        search(interrupted, space, sampler="grid", workers=2, folder=tmp_path)
    assert time.monotonic() - began < 20
    assert (tmp_path / "stopped-0").exists()
    assert sorted(file.name for file in tmp_path.glob("begun-*.json")) == ["begun-0000.json", "begun-0001.json"]
    rest = search(lambda attempt: attempt.settings["x"], space, sampler="grid", folder=tmp_path, resume=True)
    assert [trial.value for trial in rest.trials] == [1.0, 2.0, 3.0]


def test_an_objective_that_cannot_be_sent_is_told():
    with pytest.raises(ConfigError, match="cannot be sent to other processes") as caught:
        search(lambda _: 0.0, SPACE, workers=2)
    assert "top of a module" in caught.value.hint


def url(folder):
    return f"sqlite:///{folder / 'search.db'}"


def stored(folder, name="search"):
    return optuna.load_study(study_name=name, storage=url(folder))


def test_optuna_reads_the_trials_from_the_storage(tmp_path):
    def objective(attempt):
        attempt.report(0.5, step=1)
        return bowl(attempt)

    found = search(objective, {**SPACE, "kind": Choice(("a", [1, 2]))}, sampler="tpe", trials=5, storage=url(tmp_path))
    study = stored(tmp_path)
    assert study.direction.name == "MAXIMIZE"
    assert [trial.value for trial in study.trials] == [trial.value for trial in found.trials]
    assert study.best_params["x"] == found.best.settings["x"]
    assert {trial.params["kind"] for trial in study.trials} <= {"a", "[1,2]"}
    assert study.trials[0].intermediate_values == {1: 0.5}


def test_a_search_goes_on_from_the_storage_alone(tmp_path):
    first = search(bowl, SPACE, trials=3, folder=tmp_path / "lost", storage=url(tmp_path))
    asked = []

    def counted(attempt):
        asked.append(attempt.number)
        return bowl(attempt)

    more = search(counted, SPACE, trials=5, folder=tmp_path / "new", storage=url(tmp_path), resume=True)
    assert asked == [3, 4]
    assert more.trials[:3] == first.trials
    assert len(stored(tmp_path).trials) == 5
    without = search(counted, SPACE, trials=5, folder=tmp_path / "lost", resume=True)
    assert without.trials[:3] == first.trials
    late = search(counted, SPACE, trials=5, folder=tmp_path / "lost", storage=f"sqlite:///{tmp_path}/b.db", resume=True)
    assert len(late.trials) == len(optuna.load_study(study_name="search", storage=f"sqlite:///{tmp_path}/b.db").trials)


def test_a_storage_is_neither_lost_nor_used_without_a_word(tmp_path):
    search(bowl, SPACE, trials=2, storage=url(tmp_path))
    with pytest.raises(CheckpointError, match="earlier search called 'search'"):
        search(bowl, SPACE, trials=2, storage=url(tmp_path))
    with pytest.raises(CheckpointError, match="another search: space was"):
        search(bowl, {"x": Uniform(0.0, 1.0)}, trials=2, storage=url(tmp_path), resume=True)
    search(bowl, SPACE, trials=2, name="other", storage=url(tmp_path))
    search(bowl, SPACE, trials=1, storage=url(tmp_path), resume=False)
    assert len(stored(tmp_path).trials) == 1
    assert len(stored(tmp_path, "other").trials) == 2


@pytest.mark.parametrize("storage", ["sqlite:////no/such/folder/x.db", "shelf:///x", "nonsense", "sqlite:///{}/text"])
def test_a_storage_that_cannot_be_opened_is_told_before_anything_is_written(tmp_path, storage):
    (tmp_path / "text").write_text("no database, but a long enough text " * 40)
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        search(bowl, SPACE, trials=2, folder=tmp_path / "study", storage=storage.format(tmp_path))
    assert "sqlite:///FILE.db" in caught.value.hint
    assert not (tmp_path / "study").exists()


def test_a_storage_of_something_else_is_told(tmp_path):
    with sqlite3.connect(tmp_path / "search.db") as database:
        database.execute("CREATE TABLE studies (n INTEGER)")
    with pytest.raises(ConfigError, match="cannot be used"):
        search(bowl, SPACE, trials=2, storage=url(tmp_path))


@pytest.mark.parametrize(
    ("options", "told"), [({"trials": 0}, "one trial or more"), ({"workers": 0}, "one worker or more")]
)
def test_counts_below_one_are_refused(options, told):
    with pytest.raises(ConfigError, match=told):
        search(bowl, SPACE, **options)


def test_what_has_nothing_to_do_with_the_settings_is_raised():
    def locked(attempt):
        raise CheckpointError("Another process is training with its state here.")

    with pytest.raises(CheckpointError, match="Another process"):
        search(locked, SPACE, trials=2)

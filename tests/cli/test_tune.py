"""`penchant tune` as a person types it."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from penchant.config import read_toml
from penchant.training.folders import unfinished
from penchant.training.loop import Trainer
from tests.worlds import genre_world

SPACE = """
[tracker]
dim = { choices = [8, 16] }
layers = { low = 1, high = 2 }
batch_tokens = 512
[tracker.training]
max_epochs = 2
evaluate_every = 1
warmup_steps = 2
learning_rate = { low = 1e-3, high = 3e-2, log = true }
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("tune")
    genre_world(users=48).save(folder / "data")
    (folder / "space.toml").write_text(SPACE)
    return folder


def timeless(result: dict[str, Any]) -> dict[str, Any]:
    for trial in (*result["trials"], result["best"]):
        trial.pop("seconds")
    return result


def test_stopped_within_a_trial_it_goes_on_and_its_settings_serve_fit_and_evaluate(
    penchant, world, tmp_path, monkeypatch
):
    data, steps, study = world / "data", 0, tmp_path / "study"
    command = ["tune", data, "--space", world / "space.toml", "--trials", "3", "--no-text", "--json"]
    code, out, err = penchant(*command, "--to", tmp_path / "whole")
    assert code == 0, err
    whole = timeless(json.loads(out))
    assert [trial["number"] for trial in whole["trials"]] == [0, 1, 2]
    assert {"tracker.dim", "tracker.layers", "tracker.training.learning_rate"} == set(whole["space"])
    assert whole["trials"][1]["settings"]["tracker"]["training"]["max_epochs"] == 2

    step = Trainer.step

    def counted(trainer: Trainer[Any], batch: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 3:
            signal.raise_signal(signal.SIGINT)
        return step(trainer, batch)

    monkeypatch.setattr(Trainer, "step", counted)
    code, _, err = penchant(*command, "--to", study)
    assert code == 130
    assert f"Interrupted. What was done is kept in {study}. Go on with: penchant tune" in err
    assert unfinished(study)
    code, _, err = penchant(*command, "--to", study)
    assert (code, "earlier search" in err) == (2, True)
    code, out, err = penchant(*command, "--to", study, "--resume")
    assert code == 0, err
    assert timeless(json.loads(out)) == whole
    assert not unfinished(study)

    found = penchant("evaluate", data, "--models", "interest", "--no-text", "--config", study / "evaluate.toml")
    assert found[0] == 0, found[2]
    fit = penchant("fit", data, "--to", tmp_path / "bundle", "--config", study / "fit.toml")
    assert fit[0] == 0, fit[2]
    config = json.loads((tmp_path / "bundle" / "manifest.json").read_text())["config"]
    best = read_toml(study / "fit.toml")["model"]["tracker"]
    assert config["text"] is False
    assert {key: config["model"]["tracker"][key] for key in best if key != "training"} == {
        key: value for key, value in best.items() if key != "training"
    }


def test_a_table_of_every_trial(penchant, world, tmp_path):
    (tmp_path / "space.toml").write_text("window = { choices = [2, 8] }\ndecay = { low = 0.4, high = 0.9 }\n")
    command = ["tune", world / "data", "--model", "item_knn", "--space", tmp_path / "space.toml", "--trials", "3"]
    code, out, err = penchant(*command, "--cross-validation", "users", "--folds", "3", "--to", tmp_path / "s")
    assert code == 0, err
    for text in ("NDCG@10 mean ± deviation over 3 folds", "window", "decay", "default", "±", "evaluate.toml"):
        assert text in out
    assert "Trial 2, 3 of 3" in err


def test_methods_storage_pruning_and_trackers_by_option(penchant, world, tmp_path):
    (tmp_path / "space.toml").write_text("window = { choices = [2, 8] }\ndecay = { low = 0.4, high = 0.9 }\n")
    command = [
        "tune",
        world / "data",
        "--model",
        "item_knn",
        "--space",
        tmp_path / "space.toml",
        "--to",
        tmp_path / "s",
    ]
    options = ["--method", "tpe", "--trials", "3", "--prune", "median", "--storage", f"sqlite:///{tmp_path}/s.db"]
    code, out, err = penchant(*command, *options, "--track", "tensorboard", "--json")
    assert code == 0, err
    assert json.loads(out)["protocol"]["method"] == "tpe"
    assert (tmp_path / "s.db").exists()
    code, out, err = penchant(*command[:-1], tmp_path / "g", "--method", "grid", "--json")
    assert code == 0, err
    assert len(json.loads(out)["trials"]) == 1 + 2 * 5
    code, _, err = penchant("runs", "diff", tmp_path / "s", tmp_path / "g")
    assert code == 1, err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--method", "luck"], "No search method is called 'luck'"),
        (["--prune", "all"], "No way of pruning is called 'all'"),
        (["--track", "excel"], "No tracker is called 'excel'"),
        (["--storage", "sqlite:////no/such/place/s.db"], "cannot be used"),
        (["--model", "nobody"], "No recommender is called 'nobody'"),
        (["--cross-validation", "items"], "users or time; 'items' came"),
        (["--space", "none.toml"], "No settings file"),
        (["--metric", "joy@10"], "no metric to tune by"),
        (["--protocol", "k-fold"], "no test part"),
    ],
)
def test_wrong_arguments_exit_two(penchant, world, tmp_path, arguments, told):
    space = [] if "--space" in arguments else ["--space", world / "space.toml"]
    code, out, err = penchant("tune", world / "data", *space, "--no-text", "--to", tmp_path / "s", *arguments)
    assert code == 2
    assert told in err
    assert "hint:" in err
    assert out == ""
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ("windw = { choices = [4] }", "windw: no such setting", "window"),
        ("[item_knn]\nwindow = { choices = [4] }", "item_knn: no such setting", "window"),
        ("", "searches nothing", "choices"),
        ("window = 4", "searches nothing", "choices"),
        ("window = { low = 0, high = 0.5 }", "window", ""),
        ("window = { choices = [4]", "space.toml", ""),
    ],
)
def test_a_space_that_is_none_is_told_before_anything_is_written(penchant, world, tmp_path, text, told, hint):
    space = tmp_path / "space.toml"
    space.write_text(text)
    code, out, err = penchant("tune", world / "data", "--model", "item_knn", "--space", space, "--to", tmp_path / "s")
    assert (code, out) == (2, "")
    assert told in err
    assert hint in err.partition("hint:")[2]
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("folds", ["1", "101"])
def test_folds_are_two_to_a_hundred(penchant, world, tmp_path, folds):
    asked = ["--space", world / "space.toml", "--cross-validation", "users", "--folds", folds, "--to", tmp_path / "s"]
    code, _, err = penchant("tune", world / "data", *asked)
    assert code == 2
    assert "Invalid value for '--folds'" in err


def test_a_search_has_one_trial_or_more(penchant, world, tmp_path):
    code, _, err = penchant(
        "tune", world / "data", "--space", world / "space.toml", "--trials", "0", "--to", tmp_path / "s"
    )
    assert code == 2
    assert "--trials" in err
    assert not (tmp_path / "s").exists()


def test_the_help_shows_a_space_instead_of_naming_a_file_that_is_not_installed(penchant, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = penchant("tune", "--help")
    assert code == 0
    assert "{ low = 0.4, high = 0.95 }" in " ".join(out.replace("│", " ").split())
    assert "configs/" not in out

"""Stopped by Ctrl-C or killed at any moment, a command goes on to the same result."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from penchant.cli.app import app
from penchant.data.dataset import Dataset
from penchant.errors import CheckpointError, TrainingError
from penchant.training import losses
from penchant.training.loop import Trainer
from tests.worlds import genre_world

EPOCHS = 8
CONFIG = f"""
text = false
[model.tracker]
dim = 16
batch_tokens = 256
[model.tracker.training]
max_epochs = {EPOCHS}
evaluate_every = 1
patience = 20
warmup_steps = 5
learning_rate = 0.01
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """A dataset, its settings, and what an unbroken fit makes of them."""
    folder: Path = tmp_path_factory.mktemp("world")
    genre_world(users=120).save(folder / "data")
    (folder / "config.toml").write_text(CONFIG)
    assert fit(folder, folder / "whole").exit_code == 0
    return folder


def words(world: Path, bundle: Path, *further: object) -> list[str]:
    return [str(w) for w in ("fit", world / "data", "--to", bundle, "--config", world / "config.toml", *further)]


def fit(world: Path, bundle: Path, *further: object) -> Result:
    return CliRunner().invoke(app, words(world, bundle, *further))


def stopped(world: Path, bundle: Path, number: signal.Signals) -> tuple[int, str]:
    """Start a fit, send it a signal at a random moment of its training: the exit code and what it said."""
    state = bundle.with_name(f"{bundle.name}.checkpoints") / "tracker" / "state.json"
    rng = np.random.default_rng()
    epoch, delay = rng.integers(1, EPOCHS - 2), 0.1 * rng.random()
    command = [sys.executable, "-m", "penchant", *words(world, bundle)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and process.poll() is None:
            if state.exists() and json.loads(state.read_bytes())["facts"]["epoch"] > epoch:
                break
            time.sleep(0.005)
        time.sleep(delay)
        process.send_signal(number)
        told = process.communicate()[1]
    return process.returncode, told


def contents(bundle: Path) -> dict[str, Any]:
    """Every file of the bundle but for when it was made and how long that took."""
    found: dict[str, Any] = {}
    for file in sorted(f for f in bundle.rglob("*") if f.is_file()):
        name = file.relative_to(bundle).as_posix()
        if name in {"MODEL_CARD.md", "model_card.json", "training.jsonl"}:  # they tell when, and how long it took
            continue
        if file.suffix != ".json":
            found[name] = file.read_bytes()
        elif file.name != "manifest.json":
            found[name] = _timeless(json.loads(file.read_bytes()))
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(v) for key, v in value.items() if key not in {"seconds", "costs"}}
    return [_timeless(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_fit_stopped_at_a_random_moment_goes_on_to_the_same_bundle(world, tmp_path, number, code):
    bundle, kept = tmp_path / "bundle", tmp_path / "bundle.checkpoints"
    returned, told = stopped(world, bundle, number)
    assert returned == code, told
    assert not bundle.exists()
    if number != signal.SIGKILL:
        last = told.strip().splitlines()[-1]
        assert last.startswith(f"Interrupted. What was done is kept in {kept}. Go on with: penchant fit ")
        assert last.endswith(f"--config {world / 'config.toml'} --resume")
        assert "Traceback" not in told
    refused = fit(world, bundle)
    assert isinstance(refused.exception, CheckpointError)
    resumed = fit(world, bundle, "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert "Training the interest tracker goes on. The state after" in resumed.stderr
    assert contents(bundle) == contents(world / "whole")
    assert sorted(tmp_path.iterdir()) == [bundle]  # the state is gone once the bundle stands


class CutShort:
    """A signal after so many steps of trainings; from then on trainings go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, steps: int, number: int = signal.SIGINT) -> None:
        self.left = steps
        step = Trainer.step

        def counted(trainer: Trainer[Any], batch: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                signal.raise_signal(number)
            return step(trainer, batch)

        monkeypatch.setattr(Trainer, "step", counted)


def test_a_request_to_terminate_is_answered_in_the_same_way(world, tmp_path, monkeypatch):
    CutShort(monkeypatch, 20, signal.SIGTERM)
    told = fit(world, tmp_path / "bundle")
    assert told.exit_code == 143
    assert "Interrupted. What was done is kept in" in told.stderr
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert fit(world, tmp_path / "bundle", "--resume").exit_code == 0
    assert contents(tmp_path / "bundle") == contents(world / "whole")


def test_other_settings_and_other_data_are_refused_and_what_differs_is_told(world, tmp_path, monkeypatch):
    bundle = tmp_path / "bundle"
    CutShort(monkeypatch, 20)
    assert fit(world, bundle).exit_code == 130
    (tmp_path / "other.toml").write_text(CONFIG.replace("0.01", "0.02"))
    other = fit(world, bundle, "--resume", "--config", tmp_path / "other.toml")
    assert isinstance(other.exception, CheckpointError)
    assert "settings.training.learning_rate was 0.01 and is 0.02" in other.exception.message
    assert "settings.dim" not in other.exception.message
    data = Dataset.load(world / "data")
    data.select(np.arange(len(data.events)) != 7).save(tmp_path / "fewer")
    fewer = CliRunner().invoke(
        app, [*words(world, bundle, "--resume")[:1], str(tmp_path / "fewer"), *words(world, bundle, "--resume")[2:]]
    )
    assert isinstance(fewer.exception, CheckpointError)
    assert "events was " in fewer.exception.message
    assert fit(world, bundle, "--no-resume").exit_code == 0
    assert contents(bundle) == contents(world / "whole")


def test_stopped_before_a_training_had_begun_there_is_nothing_to_go_on_from(world, tmp_path, monkeypatch):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("penchant.models.hybrid.ItemKNN.fit", stop)
    result = fit(world, tmp_path / "bundle")
    assert result.exit_code == 130
    assert "Nothing was done that could be kept" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_absurd_learning_rate_is_told_and_keeps_nothing_bad(world, tmp_path):
    absurd = CONFIG.replace("0.01", "1e30").replace("warmup_steps = 5", "warmup_steps = 0")
    (tmp_path / "absurd.toml").write_text(absurd)
    result = fit(world, tmp_path / "bundle", "--config", tmp_path / "absurd.toml")
    assert isinstance(result.exception, TrainingError)
    assert "diverged at step 2: its loss is nan" in result.exception.message
    assert "Lower the learning rate" in result.exception.hint
    assert [file.name for file in tmp_path.iterdir()] == ["absurd.toml"]  # no step was worth keeping


def test_a_training_that_diverges_later_gives_its_best_weights_and_says_so(world, tmp_path, monkeypatch):
    calls, whole = 0, losses.full_softmax_loss

    def diverging(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return whole(*arguments) * (float("nan") if calls == 30 else 1.0)

    monkeypatch.setattr("penchant.models.sequential.training.full_softmax_loss", diverging)
    result = fit(world, tmp_path / "bundle", "--json")
    assert result.exit_code == 0
    facts = json.loads(result.stdout)
    assert facts["stopped"] == "diverged"
    assert facts["validation"]["tracker"] > 0.1
    assert "diverged" in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["bundle"]


def test_the_log_has_every_epoch_once_though_the_fit_was_stopped(world, tmp_path, monkeypatch):
    log, bundle = tmp_path / "log.jsonl", tmp_path / "bundle"
    log.write_text('{"run": "another", "epoch": 1}\n')
    CutShort(monkeypatch, 25)
    assert fit(world, bundle, "--log", log).exit_code == 130
    assert fit(world, bundle, "--log", log, "--resume").exit_code == 0
    first, *told = [json.loads(line) for line in log.read_text().splitlines()]
    assert first == {"run": "another", "epoch": 1}
    assert {row["run"] for row in told} == {"tracker"}
    assert [row["part"] for row in (told[0], told[-1])] == ["begin", "end"]
    assert [row["epoch"] for row in told if row["part"] == "train"] == list(range(1, EPOCHS + 1))
    rows = [row for row in told if row["part"] == "validation"]
    record = json.loads((bundle / "model" / "tracker" / "model.json").read_text())["facts"]["training"]
    assert max(row["epoch"] for row in rows if row["best"]) == record["best_epoch"]
    assert max(rows, key=lambda row: row["value"])["epoch"] == record["best_epoch"]
    assert all(row["gap"] == pytest.approx(row["training"] - row["value"]) for row in rows)


def test_an_evaluation_goes_on_to_the_same_numbers(world, tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text("[tracker]\ndim = 8\n[tracker.training]\nmax_epochs = 6\n")
    arguments = ["evaluate", str(world / "data"), "--models", "item_knn,tracker", "--no-text", "--seeds", "0,1"]
    arguments += ["--config", str(tmp_path / "config.toml"), "--json", "-"]

    def run(*further: str) -> Result:
        return CliRunner().invoke(app, [*arguments, *further])

    whole = json.loads(run().stdout)
    steps = CutShort(monkeypatch, 10_000)
    run("--checkpoints", str(tmp_path / "kept"))
    each = (10_000 - steps.left) // 2
    assert not (tmp_path / "kept").exists()
    steps.left = each + each // 2  # amid the second seed's training
    assert run().exit_code == 130
    refused = run()
    assert isinstance(refused.exception, CheckpointError)
    before = steps.left
    resumed = run("--resume")
    assert resumed.exit_code == 0
    assert before - steps.left == each - each // 2
    found = json.loads(resumed.stdout)
    for one, other in zip(whole["results"], found["results"], strict=True):
        assert one["metrics"] == other["metrics"]
    assert any("was stopped and went on" in note for note in found["notes"])
    assert not any("went on" in note for note in whole["notes"])

"""What trackers wrote, read back by their own readers."""

import sys
import time
import warnings
from pathlib import Path

import pytest

from penchant.errors import ConfigError, MissingExtraError
from penchant.training.records import Costs, EpochRecord, Fact, TrainingRecord
from penchant.training.runs import TrainingRun
from penchant.training.tracking.catalogue import TRACKERS, trackers_named
from tests.training.trainings import Toy

COSTS = Costs(seconds=3.0, busy_seconds=2.0, peak_memory=10, trainable=4, parameters=5, device="cpu", watt_hours=0.5)
EPOCHS = tuple(
    EpochRecord(
        epoch=n, loss=2.0 / n, gradient_norm=0.5, validation=0.1 * n if n > 1 else None, seconds=0.1, training=0.3
    )
    for n in (1, 2, 3)
)
RECORD = TrainingRecord(epochs=EPOCHS, best_epoch=3, best_value=0.3, stopped="epochs", seconds=3.0, test_value=0.25)
FACTS: dict[str, Fact] = {"settings.dim": 64, "seed": 0, "device": "cpu", "note": None}


def tell(tracker, run="fit/tracker"):
    tracker.begin(run, FACTS)
    for record in EPOCHS:
        tracker.epoch(record)
    tracker.end(RECORD, COSTS)


def of_tensorboard(folder: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard" / "fit" / "tracker"))
    events.Reload()
    return {name: [(one.step, one.value) for one in events.Scalars(name)] for name in events.Tags()["scalars"]}


def of_mlflow(folder: Path):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("penchant")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("fit/tracker", "FINISHED")
    assert run.data.params == {name: str(value) for name, value in FACTS.items()}
    return {
        name: [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
    }


@pytest.mark.parametrize(("name", "read"), [("tensorboard", of_tensorboard), ("mlflow", of_mlflow)])
def test_what_is_written_is_read_back(name, read, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tell(TRACKERS[name](tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = read(tmp_path)
    assert [step for step, _ in found["train/loss"]] == [1, 2, 3]
    assert [value for _, value in found["train/loss"]] == pytest.approx([2.0, 1.0, 2 / 3])
    assert [step for step, _ in found["validation/value"]] == [2, 3]
    assert found["best/value"] == [(3, pytest.approx(0.3))]
    assert found["test/value"] == [(3, 0.25)]
    assert found["costs/watt_hours"] == [(3, 0.5)]
    assert "start/value" not in found


def test_a_run_that_goes_on_takes_the_place_of_what_it_told(tmp_path):
    tracker = TRACKERS["tensorboard"](tmp_path)
    tracker.begin("fit/tracker", FACTS)
    tracker.epoch(EPOCHS[0])
    tell(TRACKERS["tensorboard"](tmp_path))
    assert [step for step, _ in of_tensorboard(tmp_path)["train/loss"]] == [1, 2, 3]


def test_wandb_keeps_its_files_without_a_network_and_tells_nothing_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    tell(TRACKERS["wandb_offline"](tmp_path))
    (file,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    words = (b"settings.dim", b"train/loss", b"validation/value", b"best/value", b"fit/tracker")
    ends = time.monotonic() + 60
    while not all(word in (told := file.read_bytes()) for word in words):  # a process of wandb's writes it
        assert time.monotonic() < ends, told[:200]
        time.sleep(0.1)
    for word in (b"hostname", str(Path.cwd()).encode(), b"requirements.txt"):
        assert word not in told
    assert not list(tmp_path.glob("wandb/offline-run-*/files/requirements.txt"))


def test_a_training_tells_its_trackers(tmp_path):
    run = TrainingRun(
        name="fit/tracker", identity={}, folder=None, resume=None, log=None,
        trackers=trackers_named(["tensorboard"], tmp_path),
    )  # fmt: skip
    record = Toy().train(run)
    found = of_tensorboard(tmp_path)
    assert [step for step, _ in found["train/loss"]] == [one.epoch for one in record.epochs]
    assert found["best/value"][0] == (record.best_epoch, pytest.approx(record.best_value))


@pytest.mark.parametrize(
    ("name", "module"),
    [("tensorboard", "torch.utils.tensorboard"), ("wandb_offline", "wandb"), ("mlflow", "mlflow.tracking")],
)
def test_without_its_library_a_tracker_names_the_extra(name, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match="not installed") as caught:
        TRACKERS[name](tmp_path).begin("run", {})
    assert "penchant[research]" in caught.value.hint


@pytest.mark.parametrize("name", ["tensorboard", "wandb_offline", "mlflow"])
def test_a_place_that_cannot_be_written_is_told(name, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot follow the training"):
        TRACKERS[name](tmp_path / "file").begin("run", {})


def test_a_tracker_that_does_not_exist_is_told(tmp_path):
    with pytest.raises(ConfigError, match="No tracker is called 'excel'") as caught:
        trackers_named(["mlflow", "excel"], tmp_path)
    assert "wandb_offline" in caught.value.hint
    assert len(trackers_named(["mlflow", "mlflow"], tmp_path)) == 1

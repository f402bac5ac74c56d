"""Which training a run is, and the log of its epochs."""

import errno
import json
import signal
from dataclasses import replace

import numpy as np
import pytest

from penchant.config import Config
from penchant.data.dataset import Table
from penchant.data.links import Links
from penchant.errors import ConfigError
from penchant.interfaces import FitOptions
from penchant.models.holdout import held_out
from penchant.progress import Progress
from penchant.training.records import Costs, EpochRecord, TrainingRecord
from penchant.training.runs import RunLog, training_run
from tests.training.trainings import STEPS, Toy, run_in
from tests.worlds import genre_world

WORLD = genre_world(users=12)


class Inner(Config):
    rate: float = 0.1
    sizes: tuple[int, ...] = (4, 8)


class Settings(Config):
    width: int = 4
    inner: Inner = Inner()


def identity(tmp_path, *, dataset=WORLD, config=None, name="toy", **options):
    run = training_run(
        FitOptions(checkpoints=tmp_path, **options), dataset=dataset, config=config or Settings(), name=name
    )
    assert run is not None
    return run.identity


def test_without_a_place_or_a_log_there_is_no_run(tmp_path):
    assert training_run(FitOptions(), dataset=WORLD, config=Settings(), name="toy") is None
    run = training_run(FitOptions(run_log=tmp_path / "log"), dataset=WORLD, config=Settings(), name="toy")
    assert run is not None
    assert (run.folder, run.log, run.name, run.identity) == (None, tmp_path / "log", "toy", {})


def test_the_same_work_has_the_same_identity(tmp_path):
    vectors = np.ones((WORLD.n_items, 3), dtype=np.float32)
    cases = held_out(WORLD, FitOptions())[1]
    first, again = (
        identity(tmp_path, item_vectors=vectors.copy(), validation=cases, dataset=genre_world(users=12))
        for _ in range(2)
    )
    assert first == again
    assert first["settings.inner.rate"] == 0.1
    assert first["settings.inner.sizes"] == "[4,8]"


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        ("settings.width", {"config": Settings(width=5)}),
        ("settings.inner.sizes", {"config": Settings(inner=Inner(sizes=(4,)))}),
        ("model", {"name": "other"}),
        ("seed", {"seed": 1}),
        ("events", {"dataset": WORLD.select(np.arange(len(WORLD.events)) > 0)}),
        ("attributes", {"dataset": replace(WORLD, items=Table(WORLD.items.ids))}),
        ("attributes", {"dataset": replace(WORLD, rating_scale=(1.0, 5.0))}),
        ("links", {"dataset": replace(WORLD, links=Links.of_pairs("friend", "user", [0], [1]))}),
        ("validation cases", {"validation": held_out(WORLD, FitOptions())[1]}),
        ("item vectors", {"item_vectors": np.zeros((60, 3), dtype=np.float32)}),
        ("user vectors", {"user_vectors": np.zeros((12, 3), dtype=np.float32)}),
    ],
)
def test_other_work_has_another_and_one_name_says_what_is_other(tmp_path, key, changed):
    was, now = identity(tmp_path), identity(tmp_path, **changed)
    assert [name for name in was | now if was.get(name) != now.get(name)] == [key]


def test_parts_have_folders_and_names_of_their_own(tmp_path):
    options = FitOptions(checkpoints=tmp_path, run="interest.seed-0", seed=3).part("tracker")
    assert (options.checkpoints, options.run, options.seed) == (tmp_path / "tracker", "interest.seed-0/tracker", 3)
    assert FitOptions().part("tracker").checkpoints is None


def epoch(number: int, validation: float | None, training: float | None = None) -> EpochRecord:
    return EpochRecord(
        epoch=number,
        loss=1.5,
        gradient_norm=0.5,
        validation=validation,
        seconds=0.1,
        training=training,
        learning_rate=0.01,
    )


COSTS = Costs(seconds=0.4, busy_seconds=0.3, peak_memory=10**6, trainable=10, parameters=12, device="cpu")


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_training_and_a_validation_row_for_each_epoch_and_one_for_the_test(tmp_path):
    log = RunLog(tmp_path / "deep" / "log.jsonl")
    log.begin("a", {"training.learning_rate": 0.1})
    epochs = (epoch(1, None), epoch(2, 0.25, 0.5), epoch(3, 0.2, 0.6), epoch(4, 0.3, 0.7))
    for record in epochs:
        log.epoch(record)
    whole = TrainingRecord(
        epochs=epochs, best_epoch=4, best_value=0.3, stopped="epochs", seconds=0.4, start_value=0.1, test_value=0.2
    )
    log.end(whole, COSTS)
    rows = rows_of(log.path)
    assert {row["run"] for row in rows} == {"a"}
    parts = {part: [row for row in rows if row["part"] == part] for part in ("begin", "train", "validation", "test")}
    assert parts["begin"][0]["facts"] == {"training.learning_rate": 0.1}
    assert [row["epoch"] for row in parts["train"]] == [1, 2, 3, 4]
    assert [(row["epoch"], row["best"]) for row in parts["validation"]] == [(2, True), (3, False), (4, True)]
    assert rows[2] == {
        "run": "a", "part": "train", "epoch": 2, "loss": 1.5, "gradient_norm": 0.5, "learning_rate": 0.01,
        "seconds": 0.1,
    }  # fmt: skip
    assert rows[3] == {
        "run": "a", "part": "validation", "epoch": 2, "value": 0.25, "training": 0.5, "gap": 0.25, "best": True,
    }  # fmt: skip
    assert parts["test"] == [{"run": "a", "part": "test", "epoch": 4, "value": 0.2}]
    assert rows[-1]["part"] == "end"
    assert (rows[-1]["stopped"], rows[-1]["start_value"], rows[-1]["trainable"]) == ("epochs", 0.1, 10)


def test_a_run_begun_again_replaces_its_rows_and_no_others(tmp_path):
    path = tmp_path / "log.jsonl"
    for run, epochs in (("a", [epoch(1, 0.1), epoch(2, 0.2)]), ("b", [epoch(1, 0.3)]), ("a", [epoch(1, 0.4)])):
        log = RunLog(path)
        log.begin(run, {})
        for record in epochs:
            log.epoch(record)
    found = [(row["run"], row["value"]) for row in rows_of(path) if row["part"] == "validation"]
    assert found == [("b", 0.3), ("a", 0.4)]


def test_half_a_line_left_by_a_killed_process_is_dropped(tmp_path):
    path = tmp_path / "log.jsonl"
    RunLog(path).begin("b", {})
    with path.open("a") as file:
        file.write('{"run": "b", "epo')
    RunLog(path).begin("a", {})
    assert [row["run"] for row in rows_of(path)] == ["b", "a"]


def test_a_file_that_is_no_log_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("milk\neggs\n")
    with pytest.raises(ConfigError, match="not a log"):
        RunLog(path).begin("a", {})
    assert path.read_text() == "milk\neggs\n"
    with pytest.raises(ConfigError, match="cannot be written"):
        RunLog(tmp_path / "notes.txt" / "below").begin("a", {})


def test_a_training_writes_its_log(tmp_path):
    record = Toy().train(run_in(None, log=tmp_path / "log.jsonl"))
    rows = rows_of(tmp_path / "log.jsonl")
    assert [row["loss"] for row in rows if row["part"] == "train"] == [one.loss for one in record.epochs]
    validated = [row for row in rows if row["part"] == "validation"]
    assert [row["value"] for row in validated] == [e.validation for e in record.epochs if e.validation is not None]
    assert max(row["epoch"] for row in validated if row["best"]) == record.best_epoch
    assert validated[0]["gap"] == pytest.approx(0.25)
    assert {row["run"] for row in rows} == {"toy"}
    begun = rows[0]["facts"]
    assert (begun["training.learning_rate"], begun["training.weight_decay"], begun["device"]) == (0.05, 0.01, "cpu")
    assert begun["trainable"] == 4 * 8 + 8 + 2 * 8 + 8 + 1 + 1
    assert isinstance(record, TrainingRecord)
    assert record.gap == pytest.approx(0.25)
    assert record.costs is not None
    assert rows[-1]["seconds"] == record.costs.seconds == record.seconds
    assert (rows[-1]["parameters"], rows[-1]["processes"]) == (begun["parameters"], 1)
    assert record.costs.peak_memory > 1e6
    assert record.costs.watt_hours == pytest.approx(record.costs.busy_seconds * 10 / 3600)


class Follower:
    """A tracker that remembers what it was told, and may fail at one of it."""

    def __init__(self, fails_at: str = "") -> None:
        self.told: list[str] = []
        self.fails_at = fails_at

    def hear(self, what: str) -> None:
        self.told.append(what)
        if what == self.fails_at:
            raise OSError(errno.ENOSPC, "No space left on device")

    def begin(self, run, facts):
        self.hear(f"begin {run} at {facts['training.learning_rate']}")

    def epoch(self, record):
        self.hear(f"epoch {record.epoch}")

    def end(self, record, costs):
        self.hear(f"end {len(record.epochs)} on {costs.device}")


def test_trackers_hear_of_a_training_from_its_beginning_though_it_was_stopped(tmp_path):
    first, second = Follower(), Follower()
    stopped = Toy(before_step=lambda step: signal.raise_signal(signal.SIGINT) if step == 2 * STEPS + 1 else None)
    with pytest.raises(KeyboardInterrupt):
        stopped.train(replace(run_in(tmp_path), trackers=(first,)))
    assert first.told == ["begin toy at 0.05", "epoch 1", "epoch 2"]
    Toy().train(replace(run_in(tmp_path, resume=True), trackers=(second,)))
    assert second.told == ["begin toy at 0.05", *(f"epoch {n}" for n in range(1, 7)), "end 6 on cpu"]


def test_a_tracker_that_fails_is_left_behind_and_the_training_goes_on():
    notes: list[str] = []

    class Notes(Progress):
        def note(self, text):
            notes.append(text)

    failing, other = Follower("epoch 2"), Follower()
    record = Toy().train(replace(run_in(None), trackers=(failing, other)), progress=Notes())
    assert failing.told[-1] == "epoch 2"
    assert other.told[-1] == "end 6 on cpu"
    assert len(record.epochs) == 6
    assert any("No space left on device" in note and "goes on without" in note for note in notes)
    with pytest.raises(OSError, match="No space"):
        Toy().train(replace(run_in(None), trackers=(Follower("begin toy at 0.05"),)))


def test_an_epoch_in_one_line():
    assert epoch(4, None).describe() == "epoch 4, loss 1.5000, 0.1 s"
    told = "epoch 4, loss 1.5000, validation 0.0531, training 0.0820 (gap +0.0289), 0.1 s"
    assert epoch(4, 0.0531, 0.0820).describe() == told

"""Which training a run is, and the log of its epochs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from penchant.config import Config
from penchant.data.dataset import Table
from penchant.data.links import Links
from penchant.errors import ConfigError
from penchant.interfaces import FitOptions
from penchant.models.holdout import held_out
from penchant.training.records import EpochRecord, TrainingRecord
from penchant.training.runs import RunLog, training_run
from tests.training.trainings import Toy, run_in
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
    return EpochRecord(epoch=number, loss=1.5, gradient_norm=0.5, validation=validation, seconds=0.1, training=training)


def test_a_row_for_each_epoch(tmp_path):
    log = RunLog(tmp_path / "deep" / "log.jsonl", "a")
    log.begin([])
    for record in (epoch(1, None), epoch(2, 0.25, 0.5), epoch(3, 0.2, 0.6), epoch(4, 0.3, 0.7)):
        log.add(record)
    rows = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert [row["best"] for row in rows] == [False, True, False, True]
    assert rows[1] == {
        "run": "a", "epoch": 2, "loss": 1.5, "gradient_norm": 0.5, "validation": 0.25, "training": 0.5, "gap": 0.25,
        "best": True, "seconds": 0.1,
    }  # fmt: skip


def test_a_run_begun_again_replaces_its_rows_and_no_others(tmp_path):
    path = tmp_path / "log.jsonl"
    for run, epochs in (("a", [epoch(1, 0.1), epoch(2, 0.2)]), ("b", [epoch(1, 0.3)]), ("a", [epoch(1, 0.4)])):
        RunLog(path, run).begin(epochs)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["run"], row["validation"]) for row in rows] == [("b", 0.3), ("a", 0.4)]


def test_half_a_line_left_by_a_killed_process_is_dropped(tmp_path):
    path = tmp_path / "log.jsonl"
    RunLog(path, "b").begin([epoch(1, 0.3)])
    with path.open("a") as file:
        file.write('{"run": "b", "epo')
    RunLog(path, "a").begin([epoch(1, 0.1)])
    assert [json.loads(line)["run"] for line in path.read_text().splitlines()] == ["b", "a"]


def test_a_file_that_is_no_log_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("milk\neggs\n")
    with pytest.raises(ConfigError, match="not a log"):
        RunLog(path, "a").begin([])
    assert path.read_text() == "milk\neggs\n"
    with pytest.raises(ConfigError, match="cannot be written"):
        RunLog(tmp_path / "notes.txt" / "below", "a").begin([])


def test_a_training_writes_its_log(tmp_path):
    record = Toy().train(run_in(None, log=tmp_path / "log.jsonl"))
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["validation"] for row in rows] == [one.validation for one in record.epochs]
    assert max(row["epoch"] for row in rows if row["best"]) == record.best_epoch
    assert rows[1]["gap"] == pytest.approx(0.25)
    assert {row["run"] for row in rows} == {"toy"}
    assert isinstance(record, TrainingRecord)
    assert record.gap == pytest.approx(0.25)


def test_an_epoch_in_one_line():
    assert epoch(4, None).describe() == "epoch 4, loss 1.5000, 0.1 s"
    told = "epoch 4, loss 1.5000, validation 0.0531, training 0.0820 (gap +0.0289), 0.1 s"
    assert epoch(4, 0.0531, 0.0820).describe() == told

"""Trials are kept as they are done."""

import json

import pytest

from penchant.errors import CheckpointError, TrainingError
from penchant.hyperparameter_search import Choice, Measured, search
from penchant.hyperparameter_search.trials import best_of
from penchant.progress import Progress

SPACE = {"x": Choice((1, 2, 3))}


class Objective:
    """Higher x is better, 3 diverges; stops before a trial if told to."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.asked: list[int] = []
        self.stop_at = stop_at

    def __call__(self, attempt):
        if attempt.number == self.stop_at:
            raise KeyboardInterrupt
        self.asked.append(attempt.number)
        if attempt.settings.get("x") == 3:
            raise TrainingError("The training diverged.")
        x = attempt.settings.get("x", 0)
        return Measured(folds=[x - 0.5, x + 0.5, x], seconds=1.25)


def run(objective, folder, **options):
    return search(objective, SPACE, **{"sampler": "grid", "first": {}, "folder": folder, **options})


def test_every_trial_is_kept_with_mean_and_spread(tmp_path):
    found = run(Objective(), tmp_path)
    assert [trial.value for trial in found.trials] == [0.0, 1.0, 2.0, None]
    assert found.trials[1].spread == pytest.approx(0.5)
    assert found.trials[3].failure == "The training diverged."
    assert found.best.number == 2
    kept = [json.loads(file.read_text()) for file in sorted(tmp_path.glob("trial-*.json"))]
    assert [one["number"] for one in kept] == [0, 1, 2, 3]
    assert kept[2]["folds"] == [1.5, 2.5, 2.0]
    assert sorted(file.name for file in tmp_path.iterdir() if "trial" not in file.name) == ["study.json"]


def test_a_search_cut_short_goes_on_without_repeating_a_trial(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(Objective(stop_at=2), tmp_path / "cut")
    assert json.loads((tmp_path / "cut" / "begun-0002.json").read_text()) == {"x": 2}
    rest = Objective()
    found = run(rest, tmp_path / "cut", resume=True)
    assert rest.asked == [2, 3]
    assert found.trials[:3] == run(Objective(), tmp_path / "whole").trials[:3]


def test_a_search_that_ended_is_extended(tmp_path):
    run(Objective(), tmp_path, trials=2)
    more = Objective()
    assert len(run(more, tmp_path, resume=True).trials) == 4
    assert more.asked == [2, 3]


def test_an_earlier_search_is_neither_lost_nor_used_without_a_word(tmp_path):
    run(Objective(), tmp_path, trials=2)
    with pytest.raises(CheckpointError, match="earlier search") as caught:
        run(Objective(), tmp_path)
    assert "--resume" in caught.value.hint
    again = Objective()
    run(again, tmp_path, trials=1, resume=False)
    assert again.asked == [0]
    assert len(list(tmp_path.glob("trial-*.json"))) == 1


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"fixed": {"y": 1}}, "fixed was {} and is {'y': 1}"),
        ({"sampler": "random"}, "method was GridSampler"),
        ({"pruner": "median"}, "pruning was None and is MedianPruner"),
    ],
)
def test_another_search_is_refused(tmp_path, changed, told):
    run(Objective(), tmp_path, trials=2)
    with pytest.raises(CheckpointError, match=told):
        run(Objective(), tmp_path, resume=True, **changed)


@pytest.mark.parametrize("name", ["trial-0001.json", "begun-0003.json", "study.json"])
def test_a_damaged_one_is_refused(tmp_path, name):
    run(Objective(), tmp_path, trials=2)
    (tmp_path / name).write_text('[{"number": 1}')
    with pytest.raises(CheckpointError, match="damaged"):
        run(Objective(), tmp_path, resume=True)


def test_where_all_fail_that_is_said(tmp_path):
    with pytest.raises(TrainingError, match="Every trial failed"):
        best_of([])
    with pytest.raises(TrainingError, match="The first: The training diverged"):
        search(Objective(), {"x": Choice((3,))}, sampler="grid")


def test_progress_is_told_after_each_trial():
    notes: list[str] = []

    class Notes(Progress):
        def note(self, text: str) -> None:
            notes.append(text)

    search(Objective(), {"x": Choice((2, 1, 3))}, sampler="grid", progress=Notes())
    assert notes == [
        "Trial 0, 1 of 3: 2.0000 (the best so far), 1.2 s",
        "Trial 1, 2 of 3: 1.0000 (trial 0 leads with 2.0000), 1.2 s",
        "Trial 2: The training diverged.",
    ]

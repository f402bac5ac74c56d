"""Trials are kept as they are done."""

import json

import pytest

from penchant.errors import CheckpointError, TrainingError
from penchant.hyperparameter_search.study import Study, best_of, search
from penchant.progress import Progress

CANDIDATES = [{}, {"x": 1}, {"x": 2}, {"x": 3}]
IDENTITY = {"model": "toy", "seed": 0}


class Measure:
    """Higher x is better, 3 diverges; stops before a trial if told to."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.asked: list[int] = []
        self.stop_at = stop_at

    def __call__(self, number, settings):
        if number == self.stop_at:
            raise KeyboardInterrupt
        self.asked.append(number)
        if settings.get("x") == 3:
            raise TrainingError("The training diverged.")
        x = settings.get("x", 0)
        return [x - 0.5, x + 0.5, x], 1.25


def test_every_trial_is_kept_with_mean_and_spread(tmp_path):
    trials = search(CANDIDATES, Measure(), Study(tmp_path, IDENTITY))
    assert [trial.value for trial in trials] == [0.0, 1.0, 2.0, None]
    assert trials[1].spread == pytest.approx(0.5)
    assert trials[3].failure == "The training diverged."
    assert best_of(trials).number == 2
    kept = [json.loads(file.read_text()) for file in sorted(tmp_path.glob("trial-*.json"))]
    assert [one["number"] for one in kept] == [0, 1, 2, 3]
    assert kept[2]["folds"] == [1.5, 2.5, 2.0]


def test_a_search_cut_short_goes_on_without_repeating_a_trial(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        search(CANDIDATES, Measure(stop_at=2), Study(tmp_path, IDENTITY))
    rest = Measure()
    found = search(CANDIDATES, rest, Study(tmp_path, IDENTITY), resume=True)
    assert rest.asked == [2, 3]
    assert found == search(CANDIDATES, Measure(), Study(tmp_path / "whole", IDENTITY))


def test_a_search_that_ended_is_extended(tmp_path):
    search(CANDIDATES[:2], Measure(), Study(tmp_path, IDENTITY))
    more = Measure()
    assert len(search(CANDIDATES, more, Study(tmp_path, IDENTITY), resume=True)) == 4
    assert more.asked == [2, 3]


def test_an_earlier_search_is_neither_lost_nor_used_without_a_word(tmp_path):
    search(CANDIDATES[:2], Measure(), Study(tmp_path, IDENTITY))
    with pytest.raises(CheckpointError, match="earlier search") as caught:
        search(CANDIDATES, Measure(), Study(tmp_path, IDENTITY))
    assert "--resume" in caught.value.hint
    again = Measure()
    search(CANDIDATES[:1], again, Study(tmp_path, IDENTITY), resume=False)
    assert again.asked == [0]
    assert len(list(tmp_path.glob("trial-*.json"))) == 1


def test_another_search_and_a_damaged_one_are_refused(tmp_path):
    search(CANDIDATES[:2], Measure(), Study(tmp_path, IDENTITY))
    with pytest.raises(CheckpointError, match="seed was 0 and is 1"):
        search(CANDIDATES, Measure(), Study(tmp_path, {**IDENTITY, "seed": 1}), resume=True)
    (tmp_path / "trial-0001.json").write_text('{"number": 1')
    with pytest.raises(CheckpointError, match="damaged"):
        search(CANDIDATES, Measure(), Study(tmp_path, IDENTITY), resume=True)
    (tmp_path / "study.json").write_text("[]")
    with pytest.raises(CheckpointError, match="damaged"):
        search(CANDIDATES, Measure(), Study(tmp_path, IDENTITY), resume=True)


def test_where_all_fail_that_is_said():
    with pytest.raises(TrainingError, match="Every trial failed"):
        best_of([])


def test_progress_is_told_after_each_trial(tmp_path):
    notes: list[str] = []

    class Notes(Progress):
        def note(self, text: str) -> None:
            notes.append(text)

    search([{"x": 2}, {"x": 1}, {"x": 3}], Measure(), Study(tmp_path, IDENTITY), progress=Notes())
    assert notes == [
        "Trial 0, 1 of 3: 2.0000 (the best so far), 1.2 s",
        "Trial 1, 2 of 3: 1.0000 (trial 0 leads with 2.0000), 1.2 s",
        "Trial 2: The training diverged.",
    ]

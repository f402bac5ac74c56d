"""A training cut short at any moment goes on to the same weights, bit for bit."""

import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from penchant.errors import CheckpointError, TrainingError
from penchant.progress import Progress
from penchant.training import keeping
from penchant.training.folders import unfinished
from tests.training.trainings import STEPS, Toy, run_in, same


class Notes(Progress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def unbroken() -> Toy:
    toy = Toy()
    toy.record = toy.train(None)  # type: ignore[attr-defined]
    return toy


def without_seconds(record) -> dict[str, Any]:
    value = asdict(record)
    value.pop("seconds")
    value.pop("costs")
    for epoch in value["epochs"]:
        epoch.pop("seconds")
    return value


def cut_short(folder: Path, *, at: int, by, resume: bool | None = None, **settings) -> None:
    """Train until step `at`, where `by` is called."""
    toy = Toy(before_step=lambda step: by() if step == at else None)
    with pytest.raises(KeyboardInterrupt):
        toy.train(run_in(folder, resume=resume), **settings)


def crash() -> None:
    raise KeyboardInterrupt


def control_c() -> None:
    signal.raise_signal(signal.SIGINT)


def test_keeping_a_state_changes_nothing(unbroken, tmp_path):
    toy = Toy()
    record = toy.train(run_in(tmp_path / "state"))
    assert same(toy.weights, unbroken.weights)
    assert without_seconds(record) == without_seconds(unbroken.record)
    assert {file.suffix for file in (tmp_path / "state").iterdir()} == {".json", ".safetensors", ".lock"}


@pytest.mark.parametrize("by", [crash, control_c])
@pytest.mark.parametrize("at", [1, STEPS, STEPS + 1, 3 * STEPS + 2, 6 * STEPS])
def test_it_goes_on_as_if_it_had_never_stopped(unbroken, tmp_path, at, by):
    cut_short(tmp_path, at=at, by=by)
    toy = Toy()
    torch.manual_seed(999)  # what the process had drawn before must not matter
    toy.numpy.normal(size=11)
    record = toy.train(run_in(tmp_path, resume=True))
    assert same(toy.weights, unbroken.weights)
    assert without_seconds(record) == without_seconds(unbroken.record)
    assert toy.calls == 6 * STEPS - (at if by is control_c else STEPS * ((at - 1) // STEPS))


def test_ctrl_c_keeps_every_step_and_says_where(tmp_path):
    notes = Notes()
    toy = Toy(before_step=lambda step: control_c() if step == STEPS + 3 else None)
    with pytest.raises(KeyboardInterrupt):
        toy.train(run_in(tmp_path), progress=notes)
    assert notes.notes[-1] == "Stopped after 1 epoch and 3 steps of epoch 2."
    toy = Toy()
    toy.train(run_in(tmp_path, resume=True), progress=notes)
    kept = f"The state after 1 epoch and 3 steps of epoch 2 is kept in {tmp_path}."
    assert f"Training goes on. {kept}" in notes.notes
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait_for_the_step(tmp_path):
    def impatient(step: int) -> None:
        if step == 4:
            control_c()
            control_c()
            pytest.fail("the second one was held back")

    with pytest.raises(KeyboardInterrupt):
        Toy(before_step=impatient).train(run_in(tmp_path))


def test_sigterm_is_answered_only_after_the_state_is_written(unbroken, tmp_path):
    def leave(*_: object) -> None:
        raise SystemExit(143)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        toy = Toy(before_step=lambda step: signal.raise_signal(signal.SIGTERM) if step == 7 else None)
        with pytest.raises(SystemExit):
            toy.train(run_in(tmp_path))
    finally:
        signal.signal(signal.SIGTERM, before)
    toy = Toy()
    toy.train(run_in(tmp_path, resume=True))
    assert same(toy.weights, unbroken.weights)
    assert toy.calls == 6 * STEPS - 7


def test_a_program_that_handles_sigterm_itself_goes_on(unbroken, tmp_path):
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
    try:
        toy = Toy(before_step=lambda step: signal.raise_signal(signal.SIGTERM) if step == 7 else None)
        toy.train(run_in(tmp_path))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [1]
    assert same(toy.weights, unbroken.weights)


def test_cut_short_again_and_again(unbroken, tmp_path):
    for at in (4, 9, 3, 8):  # steps of each attempt
        cut_short(tmp_path, at=at, by=control_c, resume=True)
    toy = Toy()
    record = toy.train(run_in(tmp_path, resume=True))
    assert same(toy.weights, unbroken.weights)
    assert toy.calls == 6 * STEPS - 24
    assert record.seconds > sum(epoch.seconds for epoch in record.epochs) * 0.99


def test_within_an_epoch_the_state_is_written_when_it_is_time(unbroken, tmp_path):
    def kill_after_seven() -> Toy:
        return Toy(before_step=lambda step: crash() if step == 8 else None)

    run = run_in(tmp_path)
    always = type(run)(name=run.name, identity=run.identity, folder=tmp_path, resume=None, log=None, every_seconds=1e-9)
    before, keeping.WRITING_SHARE = keeping.WRITING_SHARE, 1e9
    try:
        with pytest.raises(KeyboardInterrupt):
            kill_after_seven().train(always)
    finally:
        keeping.WRITING_SHARE = before
    toy = Toy()
    toy.train(run_in(tmp_path, resume=True))
    assert toy.calls == 6 * STEPS - 7
    assert same(toy.weights, unbroken.weights)


def test_a_training_that_had_ended_gives_what_it_gave(unbroken, tmp_path):
    Toy().train(run_in(tmp_path))
    toy, notes = Toy(), Notes()
    record = toy.train(run_in(tmp_path, resume=True), progress=notes)
    assert toy.calls == 0
    assert same(toy.weights, unbroken.weights)
    assert not toy.module.training
    assert without_seconds(record) == without_seconds(unbroken.record)
    assert "had ended" in notes.notes[0]


def test_patience_is_remembered(tmp_path):
    settings: dict[str, Any] = {"learning_rate": 0.0, "max_epochs": 30, "evaluate_every": 1, "patience": 3}
    whole = Toy().train(None, **settings)
    assert (whole.stopped, len(whole.epochs)) == ("patience", 4)
    cut_short(tmp_path, at=3 * STEPS + 1, by=crash, **settings)
    record = Toy().train(run_in(tmp_path, resume=True), **settings)
    assert (record.stopped, record.best_epoch, len(record.epochs)) == ("patience", 1, 4)


def test_without_a_word_a_state_is_neither_lost_nor_used(tmp_path):
    cut_short(tmp_path, at=8, by=crash)
    files = sorted(tmp_path.iterdir())
    with pytest.raises(CheckpointError, match="earlier training") as caught:
        Toy().train(run_in(tmp_path))
    assert "--resume" in caught.value.hint
    assert "--no-resume" in caught.value.hint
    assert sorted(tmp_path.iterdir()) == files


def test_begun_again_it_is_replaced(unbroken, tmp_path):
    cut_short(tmp_path, at=8, by=crash)
    toy = Toy()
    toy.train(run_in(tmp_path, resume=False))
    assert toy.calls == 6 * STEPS
    assert same(toy.weights, unbroken.weights)
    assert len([file for file in tmp_path.iterdir() if file.suffix == ".safetensors"]) == 1


def test_resuming_where_there_is_nothing_begins(unbroken, tmp_path):
    toy = Toy()
    toy.train(run_in(tmp_path, resume=True))
    assert same(toy.weights, unbroken.weights)


def test_a_nan_keeps_the_state_before_it(tmp_path):
    toy = Toy(before_step=lambda step: toy.module.scale.data.fill_(float("nan")) if step == STEPS + 2 else None)
    with pytest.raises(TrainingError, match="its loss is nan") as caught:  # the first validation is after epoch 2
        toy.train(run_in(tmp_path))
    assert f"The state after 1 epoch is kept in {tmp_path}" in caught.value.message
    assert "learning rate" in caught.value.hint
    again = Toy()
    record = again.train(run_in(tmp_path, resume=True))
    assert record.stopped == "epochs"
    assert again.calls == 5 * STEPS


def test_weights_that_are_not_finite_never_replace_a_good_state(tmp_path):
    """A step too large leaves infinite weights and a finite loss behind: seen before they are validated or kept."""
    toy = Toy()

    def loss(batch):
        if toy.calls == 3 * STEPS - 1:
            toy.module.scale.grad = None
            with torch.no_grad():
                toy.module.layers.get_parameter("3.bias").fill_(float("inf"))
            toy.calls += 1
            return toy.module.scale * 1.0
        return Toy.loss(toy, batch)

    toy.loss = loss  # type: ignore[method-assign]
    notes = Notes()
    record = toy.train(run_in(tmp_path), progress=notes)
    assert (record.stopped, record.best_epoch) == ("diverged", 2)
    assert "a weight is not finite" in notes.notes[-1]
    assert all(torch.isfinite(tensor).all() for tensor in toy.weights.values())
    assert unfinished(tmp_path) == [tmp_path]

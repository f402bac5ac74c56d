"""A training's state on disk: whose it is, whether it is whole, who may write it, and how it goes away."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from penchant.errors import CheckpointError
from penchant.progress import Progress
from penchant.training.checkpoints import StateFolder, TrainingState, held
from penchant.training.folders import clear, seconds_kept, states_of, unfinished
from penchant.training.randomness import Generator, random_states, set_random_states
from tests.full_disk import files_up_to, room_again
from tests.training.trainings import Toy, run_in

IDENTITY = {"model": "toy", "settings.width": 4, "events": "e0"}


def state(value: float = 1.0) -> TrainingState:
    return TrainingState(facts={"seconds": 2.5, "epoch": 3}, tensors={"a": torch.full((), value), "b": torch.arange(6)})


def written(folder: Path, *states: TrainingState) -> StateFolder:
    folder.mkdir(parents=True, exist_ok=True)
    states_there = StateFolder(folder, IDENTITY)
    for one in states or (state(),):
        states_there.write(one)
    return states_there


def test_what_is_read_is_what_was_written_last(tmp_path):
    found = written(tmp_path, state(1.0), state(0.1)).read(resume=True)
    assert found is not None
    assert found.facts == {"seconds": 2.5, "epoch": 3}
    assert found.tensors["a"].shape == ()
    assert found.tensors["a"].item() == np.float32(0.1)
    assert found.tensors["b"].tolist() == [0, 1, 2, 3, 4, 5]
    assert found.tensors["b"].dtype == torch.int64
    assert len(list(tmp_path.iterdir())) == 2  # the first state's arrays are gone


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"settings.width": 5}, "settings.width was 4 and is 5"),
        ({"events": "e1"}, "events was e0 and is e1"),
        ({"penchant": "9"}, "penchant was not set and is 9"),
    ],
)
def test_a_state_of_another_training_is_refused_and_what_differs_is_told(tmp_path, changed, told):
    written(tmp_path)
    with pytest.raises(CheckpointError, match="of another training") as caught:
        StateFolder(tmp_path, {**IDENTITY, **changed}).read(resume=True)
    assert told in caught.value.message
    assert "--no-resume" in caught.value.hint


@pytest.mark.parametrize("cut", [0.0, 0.5, 0.99])
def test_a_file_cut_short_is_refused(tmp_path, cut):
    states = written(tmp_path)
    for file in tmp_path.iterdir():
        whole = file.read_bytes()
        file.write_bytes(whole[: int(cut * len(whole))])
        with pytest.raises(CheckpointError, match=r"damaged|cut short") as caught:
            states.read(resume=True)
        assert "--no-resume" in caught.value.hint
        file.write_bytes(whole)


def test_a_file_altered_or_missing_is_refused(tmp_path):
    states = written(tmp_path)
    arrays = next(tmp_path.glob("*.safetensors"))
    whole = bytearray(arrays.read_bytes())
    whole[-3] ^= 1
    arrays.write_bytes(whole)
    with pytest.raises(CheckpointError, match="altered"):
        states.read(resume=True)
    arrays.unlink()
    with pytest.raises(CheckpointError, match="missing"):
        states.read(resume=True)


def test_a_state_of_a_newer_format_is_refused(tmp_path):
    states = written(tmp_path)
    manifest = json.loads((tmp_path / "state.json").read_text())
    (tmp_path / "state.json").write_text(json.dumps({**manifest, "format_version": 99}))
    with pytest.raises(CheckpointError, match="format 99"):
        states.read(resume=True)


def test_a_state_without_what_the_module_needs_is_refused(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Toy(before_step=lambda step: None if step < 7 else _stop()).train(run_in(tmp_path))
    toy = Toy()
    toy.module.add_module("extra", nn.Linear(2, 2))
    with pytest.raises(CheckpointError, match="not this model's"):
        toy.train(run_in(tmp_path, resume=True))


def _stop() -> None:
    raise KeyboardInterrupt


def test_killed_while_writing_the_old_state_stays(tmp_path, monkeypatch):
    """Whatever part of a new state is on disk, the one before is what is read."""
    states = written(tmp_path, state(1.0))
    (tmp_path / "state.deadbeef.safetensors").write_bytes(b"half a file")
    (tmp_path / ".state.json.0123.partial").write_bytes(b"{")
    found = states.read(resume=True)
    assert found is not None
    assert found.tensors["a"].item() == 1.0
    states.write(state(2.0))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_place_that_cannot_be_written_is_told_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("precious")
    toy = Toy()
    with pytest.raises(CheckpointError, match="cannot be written"):
        toy.train(run_in(tmp_path / "file" / "below"))
    assert toy.calls == 0


def test_a_full_disk_later_is_a_note(tmp_path):
    notes = []

    class Notes(Progress):
        def note(self, text: str) -> None:
            notes.append(text)

    def fill(step: int) -> None:
        if step == 3:
            files_up_to(1000)  # the system itself refuses more, as it does on a full disk

    with room_again():
        record = Toy(before_step=fill).train(run_in(tmp_path), progress=Notes())
    assert record.stopped == "epochs"
    assert any("too large" in note and "goes on without" in note for note in notes)


def test_a_full_disk_at_once_is_told_at_once(tmp_path):
    toy = Toy()
    with room_again():
        files_up_to(1000)
        with pytest.raises(CheckpointError, match="cannot be written"):
            toy.train(run_in(tmp_path))
    assert toy.calls == 0


def test_two_trainings_do_not_write_the_same_state(tmp_path):
    written(tmp_path)
    with held(tmp_path):
        for attempt in (lambda: Toy().train(run_in(tmp_path, resume=True)), lambda: clear(tmp_path)):
            with pytest.raises(CheckpointError, match="Another process"):
                attempt()
    clear(tmp_path)
    assert not tmp_path.exists()


def test_clear_takes_away_states_and_nothing_else(tmp_path):
    written(tmp_path / "runs" / "a" / "tracker")
    written(tmp_path / "runs" / "b")
    (tmp_path / "runs" / "b" / "mine.txt").write_text("precious")
    assert unfinished(tmp_path / "runs") == [tmp_path / "runs" / "a" / "tracker", tmp_path / "runs" / "b"]
    assert seconds_kept(tmp_path / "runs") == 5.0
    clear(tmp_path / "runs")
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [tmp_path / "runs" / "b" / "mine.txt"]
    assert not (tmp_path / "runs" / "a").exists()
    clear(tmp_path / "nothing")


def test_states_of_other_work_are_refused_and_those_of_finished_work_go(tmp_path):
    folder = tmp_path / "states"

    def cut_short() -> None:
        with states_of({"models": ["a"]}, folder, resume=None):
            written(folder / "a")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_short()
    with pytest.raises(CheckpointError, match="earlier trainings"), states_of({"models": ["a"]}, folder, resume=None):
        pass
    with pytest.raises(CheckpointError, match="models was"), states_of({"models": ["b"]}, folder, resume=True):
        pass
    with states_of({"models": ["a"]}, folder, resume=True):
        assert unfinished(folder)
    assert not folder.exists()
    written(folder / "a")
    with states_of({"models": ["b"]}, folder, resume=False):
        assert not unfinished(folder)
    with pytest.raises(ValueError, match="early"), states_of({}, folder, resume=None):
        raise ValueError("early")
    assert not folder.exists()  # nothing had been kept


@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox])
def test_all_randomness_is_put_back(bits):
    numpy, torch_own = np.random.Generator(bits(5)), torch.Generator().manual_seed(6)
    generators: dict[str, Generator] = {"numpy": numpy, "torch": torch_own}

    def draw() -> list[float]:
        return [float(numpy.normal()), float(torch.rand((), generator=torch_own)), float(torch.rand(()))]

    draw()
    states = random_states(nn.Linear(1, 1), generators)
    first = draw()
    set_random_states(states, generators)
    assert draw() == first

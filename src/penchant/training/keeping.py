"""When a training's state is written: after each epoch, now and then within one, and when somebody stops it."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import torch

from penchant.errors import CheckpointError, PenchantError
from penchant.progress import Progress
from penchant.training.checkpoints import StateFolder, TrainingState, held
from penchant.training.interruption import Interruption
from penchant.training.records import Costs, EpochRecord, Fact, TrainingRecord
from penchant.training.runs import RunLog, TrainingRun
from penchant.training.tracker import Tracker

WRITING_SHARE = 0.05
"""Within an epoch at most this share of the time goes into writing."""


class Keeper:
    """Writes the state that a run asks for, tells its log and its trackers, and answers Ctrl-C and SIGTERM once the
    state is on disk.

    Where the run asks for no state, signals do what they always do. A state or a log that cannot be written is an error
    at the beginning and a note later: hours of training are not lost to a full disk. Weights that are not finite are
    never written, so that the last good state stays.
    """

    def __init__(self, run: TrainingRun | None, progress: Progress) -> None:
        self.run = run
        self.progress = progress
        self._come = ""
        self._states = StateFolder(run.folder, run.identity) if run and run.folder else None
        self._trackers: list[Tracker] = [RunLog(run.log)] if run and run.log else []
        self._trackers += run.trackers if run else ()
        self._interruption: Interruption | None = None
        self._open = ExitStack()
        self._due = float("inf")

    def __enter__(self) -> Self:
        if self._states is not None:
            self._open.enter_context(held(self._states.folder))
            self._interruption = self._open.enter_context(Interruption())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def read(self) -> TrainingState | None:
        """The state to go on from; None where the training begins from the beginning."""
        if self.run is None or self._states is None:
            return None
        state = self._states.read(resume=self.run.resume)
        if state is not None:
            self._come = _come(state)
        return state

    @property
    def keeps(self) -> bool:
        """Whether a state is kept at all."""
        return self._states is not None

    @property
    def kept(self) -> str:
        """What is on disk, as a sentence; "" before a step is."""
        return f"The state after {self._come} is kept in {self._states.folder}." if self._states and self._come else ""

    def begin(
        self, capture: Callable[[], TrainingState] | None, facts: Mapping[str, Fact], epochs: Sequence[EpochRecord]
    ) -> None:
        """Tell the run's facts and the epochs behind it, and write a first state: a place that cannot be written is an
        error now.
        """
        for tracker in self._trackers:
            tracker.begin(self.run.name if self.run else "", facts)
            for record in epochs:
                tracker.epoch(record)
        if capture is not None:
            self._write(capture)

    def after_step(self, capture: Callable[[], TrainingState]) -> None:
        """Write where it is time to; where somebody asks to stop, write and stop."""
        if self._asked_to_stop or time.perf_counter() >= self._due:
            self._keep(capture)
        self._stop_if_asked()

    def after_epoch(self, record: EpochRecord, capture: Callable[[], TrainingState] | None) -> None:
        """Tell the epoch, and write the state where there is one to go on from."""
        self._tell(lambda tracker: tracker.epoch(record))
        if capture is not None:
            self._keep(capture)
            self._stop_if_asked()

    def end(self, capture: Callable[[], TrainingState] | None, record: TrainingRecord, costs: Costs) -> None:
        """Write what came of the training: it need not be repeated where what follows it is cut short."""
        if capture is not None:
            self._keep(capture)
        self._tell(lambda tracker: tracker.end(record, costs))

    @property
    def _asked_to_stop(self) -> bool:
        return self._interruption is not None and self._interruption.waiting is not None

    def _stop_if_asked(self) -> None:
        if self._interruption is not None and self._asked_to_stop:
            self.progress.note(f"Stopped after {self._come or 'no step'}.")
            self._interruption.deliver()

    def _tell(self, what: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                what(tracker)
            except (PenchantError, OSError) as error:
                self._trackers.remove(tracker)
                told = error.message if isinstance(error, PenchantError) else f"{type(tracker).__name__}: {error}."
                self.progress.note(f"{told} The training goes on without.")

    def _keep(self, capture: Callable[[], TrainingState]) -> None:
        try:
            self._write(capture)
        except CheckpointError as error:
            self.progress.note(f"{error.message} The training goes on without.")

    def _write(self, capture: Callable[[], TrainingState]) -> None:
        if self._states is None or self.run is None:
            return
        began = time.perf_counter()
        state = capture()
        if all(bool(torch.isfinite(t).all()) for name, t in state.tensors.items() if name.startswith("module.")):
            self._states.write(state)
            self._come = _come(state)
        now = time.perf_counter()
        self._due = now + max(self.run.every_seconds, (now - began) / WRITING_SHARE)


def _come(state: TrainingState) -> str:
    """How far a state has come, such as ``3 epochs and 12 steps of epoch 4``; "" at the beginning."""
    ended, done = state.facts["epoch"] - 1, state.facts["done"]
    parts = [f"{ended} epoch{'s' * (ended > 1)}"] * (ended > 0)
    parts += [f"{done} step{'s' * (done > 1)} of epoch {ended + 1}"] * (done > 0)
    return " and ".join(parts)

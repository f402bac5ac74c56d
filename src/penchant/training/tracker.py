"""Whoever follows a training: the log file, and programs that draw its curves."""

from collections.abc import Mapping
from typing import Protocol

from penchant.training.records import Costs, EpochRecord, Fact, TrainingRecord


class Tracker(Protocol):
    """Told of a training as it goes, in this order: `begin` once, `epoch` for each, `end` once where it came to one.

    A training that goes on after a stop begins again, and every epoch behind it is told again. A tracker that raises a
    `PenchantError` at `begin` stops the training before its first step; one that raises later is noted, and the
    training goes on without it.
    """

    def begin(self, run: str, facts: Mapping[str, Fact]) -> None:
        """A run begins; `facts` are its settings, its device and its sizes."""

    def epoch(self, record: EpochRecord) -> None:
        """An epoch has ended."""

    def end(self, record: TrainingRecord, costs: Costs) -> None:
        """The training has ended."""

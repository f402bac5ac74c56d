"""Curves for TensorBoard: event files, which `tensorboard --logdir` reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.training.records import Costs, EpochRecord, Fact, TrainingRecord
from penchant.training.tracking.numbers import of_end, of_epoch, told_by

PLACE = "tensorboard"
HINT = "Choose another place for its files."


class TensorBoardTracker:
    """One folder of event files for each run, below ``tensorboard/``. What a run that goes on tells again takes the
    place of what it told before.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / PLACE
        self._writer: Any = None

    def begin(self, run: str, facts: Mapping[str, Fact]) -> None:
        """Open the run's files and write its facts as a text."""
        self._close()
        with told_by("TensorBoard", hint=HINT):
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder / run), purge_step=0)
            rows = "".join(f"| {name} | {value} |\n" for name, value in facts.items())
            self._writer.add_text("facts", f"| | |\n|---|---|\n{rows}", 0)

    def epoch(self, record: EpochRecord) -> None:
        """Add a point to each curve, and write it out."""
        with told_by("TensorBoard", hint=HINT):
            for name, value in of_epoch(record).items():
                self._writer.add_scalar(name, value, record.epoch)
            self._writer.flush()

    def end(self, record: TrainingRecord, costs: Costs) -> None:
        """Add what came of the run, at its best epoch."""
        with told_by("TensorBoard", hint=HINT):
            for name, value in of_end(record, costs).items():
                self._writer.add_scalar(name, value, record.best_epoch)
        self._close()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

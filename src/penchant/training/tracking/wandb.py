"""Runs for Weights & Biases, or its files alone, for `wandb sync` later."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.training.records import Costs, EpochRecord, Fact, TrainingRecord
from penchant.training.tracking.numbers import of_end, of_epoch, told_by

PROJECT = "penchant"
HINT = "Log in with `wandb login`, or keep its files only: --track wandb_offline."


class WandbTracker:
    """One run of the project ``penchant`` for each training.

    Sent are the run's facts and curves, and nothing of the machine, the program or the repository. `offline` writes to
    ``wandb/`` below the folder and asks no network; otherwise wandb's own settings decide (WANDB_MODE, WANDB_PROJECT).
    """

    def __init__(self, folder: Path, *, offline: bool = False) -> None:
        self.folder = folder
        self.offline = offline
        self._run: Any = None

    def begin(self, run: str, facts: Mapping[str, Fact]) -> None:
        """Open a run; its facts are its configuration."""
        self._finish()
        with told_by("Weights & Biases", hint=HINT):
            import os

            import wandb

            self.folder.mkdir(parents=True, exist_ok=True)
            self._run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", PROJECT),
                name=run,
                dir=str(self.folder),
                config=dict(facts),
                mode="offline" if self.offline else None,
                reinit="create_new",
                settings=wandb.Settings(
                    console="off",
                    silent=True,
                    disable_code=True,
                    disable_git=True,
                    x_disable_meta=True,
                    x_disable_stats=True,
                    x_disable_machine_info=True,
                    x_save_requirements=False,
                ),
            )

    def epoch(self, record: EpochRecord) -> None:
        """Add a point to each curve."""
        with told_by("Weights & Biases", hint=HINT):
            self._run.log(of_epoch(record), step=record.epoch)

    def end(self, record: TrainingRecord, costs: Costs) -> None:
        """Write what came of the run to its summary."""
        with told_by("Weights & Biases", hint=HINT):
            self._run.summary.update({"stopped": record.stopped, "device": costs.device, **of_end(record, costs)})
        self._finish()

    def _finish(self) -> None:
        if self._run is not None:
            self._run.finish()
            self._run = None

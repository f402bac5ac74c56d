"""Runs for MLflow, on its server or in a database file."""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penchant.training.records import Costs, EpochRecord, Fact, TrainingRecord
from penchant.training.tracking.numbers import of_end, of_epoch, told_by

EXPERIMENT = "penchant"
HINT = "Set MLFLOW_TRACKING_URI to a server, or to sqlite:///FILE.db in a folder that can be written to."
LONGEST = 500
"""Characters of a parameter; MLflow takes 6,000, and a page shows fewer."""


class MLflowTracker:
    """One run of the experiment ``penchant`` for each training: parameters, metrics by epoch, and what came of it.

    Where MLFLOW_TRACKING_URI names no server, the runs are in ``mlflow.db`` below the folder (`mlflow ui
    --backend-store-uri sqlite:///…`); MLflow's plain files are no longer kept up by MLflow.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._client: Any = None
        self._run = ""

    def begin(self, run: str, facts: Mapping[str, Fact]) -> None:
        """Open a run; its facts are its parameters."""
        self._close("KILLED")
        with _quiet(), told_by("MLflow", hint=HINT):
            from mlflow.entities import Param
            from mlflow.tracking import MlflowClient

            self.folder.mkdir(parents=True, exist_ok=True)
            place = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.folder.resolve() / 'mlflow.db'}"
            self._client = MlflowClient(tracking_uri=place)
            found = self._client.get_experiment_by_name(EXPERIMENT)
            experiment = self._client.create_experiment(EXPERIMENT) if found is None else found.experiment_id
            self._run = self._client.create_run(experiment, run_name=run).info.run_id
            told = [Param(name, str(value)[:LONGEST]) for name, value in facts.items()]
            for start in range(0, len(told), 100):
                self._client.log_batch(self._run, params=told[start : start + 100])

    def epoch(self, record: EpochRecord) -> None:
        """Add a point to each curve."""
        self._log(of_epoch(record), step=record.epoch)

    def end(self, record: TrainingRecord, costs: Costs) -> None:
        """Add what came of the run, at its best epoch."""
        self._log(of_end(record, costs), step=record.best_epoch)
        self._close("FINISHED")

    def _log(self, numbers: Mapping[str, float], *, step: int) -> None:
        with _quiet(), told_by("MLflow", hint=HINT):
            import time

            from mlflow.entities import Metric

            now = int(time.time() * 1000)
            self._client.log_batch(self._run, metrics=[Metric(name, v, now, step) for name, v in numbers.items()])

    def _close(self, status: str) -> None:
        if self._run:
            with _quiet(), told_by("MLflow", hint=HINT):
                self._client.set_terminated(self._run, status=status)
            self._run = ""


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow's database layer warns of SQLAlchemy's future and tells of every table that it makes."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

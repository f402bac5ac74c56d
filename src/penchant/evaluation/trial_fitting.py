"""What a trial is worth: its model fitted on each fold and measured on what it was not fitted on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from penchant.data.dataset import Table
from penchant.data.partition import Split
from penchant.evaluation.bench import Bench
from penchant.evaluation.rows import MODEL
from penchant.hyperparameter_search.attempts import Attempt, Measured
from penchant.interfaces import Encoder, Recommender
from penchant.metrics.ranking import ranking_metrics
from penchant.pipeline.encoding import item_vectors, user_vectors
from penchant.progress import SILENT, Progress
from penchant.registry import Registry
from penchant.training.records import Costs, EpochRecord, Fact, TrainingRecord
from penchant.training.tracker import Tracker
from penchant.types import FloatArray

FOLDS = "folds"
"""What reports of the mean over folds are called."""


@dataclass(slots=True)
class EpochReports:
    """A `Tracker`: tells a trial what every epoch of its trainings was worth on validation."""

    attempt: Attempt
    fold: str
    run: str = ""

    def begin(self, run: str, facts: Mapping[str, Fact]) -> None:
        """A training of the trial begins."""
        del facts
        self.run = "/".join([self.fold, *run.split("/")[1:]])  # the parts of a model, without the trial's own name

    def epoch(self, record: EpochRecord) -> None:
        """An epoch has ended; `PrunedError` where the trial is given up."""
        if record.validation is not None:
            self.attempt.report(record.validation, step=record.epoch, training=self.run)

    def end(self, record: TrainingRecord, costs: Costs) -> None:
        """The training has ended."""


class KnownTexts:
    """An `Encoder` that remembers what another one said, and can be sent to other processes without it."""

    def __init__(self, encoder: Encoder) -> None:
        self.name, self.licence, self.folder = encoder.name, encoder.licence, encoder.folder
        self.identity, self.dim = encoder.identity, encoder.dim
        self._encoder: Encoder | None = encoder
        self._known: dict[str, FloatArray] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_encoder": None}

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:
        """Unit vectors, (len(texts), D)."""
        if self._encoder is not None:
            self._known |= dict(zip(texts, self._encoder.encode(texts, progress=progress), strict=True))
        return np.stack([self._known[text] for text in texts])


@dataclass(kw_only=True)
class ValidationValue:
    """The objective of `tune`: the mean over the folds of a metric, on what each fold asks."""

    registry: Registry[Recommender]
    model: str
    asked: Sequence[Split]
    items: Table
    encoder: Encoder | None
    metric: str
    k: int
    exclude_history: bool
    seed: int
    run_log: Path | None = None
    trackers: Sequence[Tracker] = ()
    progress: Progress = SILENT

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process: neither the bars of this one nor a language model, but what it says of every
        text that trials may ask for.
        """
        kept = {name: value for name, value in self.__dict__.items() if name not in {"_bench", "_rows"}}
        encoder = None if self.encoder is None else KnownTexts(self.encoder)
        if encoder is not None and self.registry[self.model].cls.reads_text:
            item_vectors(self.items, encoder, progress=self.progress)
            for part in self.asked:
                user_vectors(part.train, encoder, progress=self.progress)
        return {**kept, "progress": SILENT, "encoder": encoder}

    def __call__(self, attempt: Attempt) -> Measured:
        """Fit and ask the trial's model, fold by fold."""
        row = f"trial-{attempt.number:04d}"
        self._rows[row] = {**attempt.settings, MODEL: self.model}
        values: list[float] = []
        seconds = 0.0
        for number, part in enumerate(self.asked, 1):
            run = self._bench.run(
                row,
                part,
                seed=self.seed,
                checkpoints=attempt.states,
                trackers=(EpochReports(attempt, f"fold {number}"), *self.trackers),
            )
            ranks = run.answers[self.exclude_history].ranks
            found = ranking_metrics(ranks, part.test.target_indptr, (self.k,))[self.metric]
            values.append(float(found.mean()))
            seconds += run.costs.fit_seconds + run.costs.score_seconds
            if len(self.asked) > 1 and number < len(self.asked):
                attempt.report(sum(values) / number, step=number, training=FOLDS)
        return Measured(folds=tuple(values), seconds=round(seconds, 3))

    @cached_property
    def _rows(self) -> dict[str, Mapping[str, Any]]:
        return {}

    @cached_property
    def _bench(self) -> Bench:
        """One for all trials, so that texts are encoded once."""
        return Bench(
            registry=self.registry,
            settings=self._rows,
            items=self.items,
            encoder=self.encoder,
            ks=(self.k,),
            exclude=(self.exclude_history,),
            progress=self.progress,
            resume=True,
            run_log=self.run_log,
        )

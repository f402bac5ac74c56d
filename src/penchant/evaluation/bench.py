"""One model at a time: built from its settings, fitted, asked, measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from penchant.data.dataset import Table
from penchant.data.partition import Split
from penchant.errors import ConfigError
from penchant.evaluation.fits import SharedFits
from penchant.evaluation.measuring import PeakMemory, Stopwatch
from penchant.evaluation.reranked import RerankedScores, item_facts
from penchant.evaluation.rows import Row
from penchant.evaluation.scoring import Answers, Scorer, ask
from penchant.interfaces import Encoder, FitOptions, Recommender
from penchant.pipeline.encoding import item_vectors, user_vectors
from penchant.progress import Progress
from penchant.registry import Registry
from penchant.seeding import tie_breaks
from penchant.training.folders import seconds_kept
from penchant.training.tracker import Tracker
from penchant.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What a model cost on one split."""

    fit_seconds: float
    score_seconds: float
    peak_mb: float
    peak_is: str
    """What the peak is the peak of."""
    resumed: bool = False
    """Whether a training went on from the state of an earlier run; `fit_seconds` then holds both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A model's answers to the test cases and what they cost."""

    answers: Mapping[bool, Answers]
    """With the history excluded (true) and not (false), as asked for."""
    costs: Costs
    before: Mapping[bool, Answers] | None = None
    """The answers to the same histories without their last event, where they were asked for."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all models of an evaluation have in common."""

    registry: Registry[Recommender]
    settings: Mapping[str, Mapping[str, Any]]
    items: Table
    encoder: Encoder | None
    ks: tuple[int, ...]
    exclude: tuple[bool, ...]
    progress: Progress
    fitted: Callable[[str, int, Recommender], None] | None = None
    """Told each model once it is fitted and has answered, with its name and seed."""
    checkpoints: Path | None = None
    resume: bool | None = None
    run_log: Path | None = None
    """As in `FitOptions`; every fit has a subfolder and a name of its own."""
    device: str = "auto"
    """As in `FitOptions`"""
    ask_before: bool = False
    """Whether models are also asked as they would have been one event earlier."""
    fits: SharedFits = field(default_factory=SharedFits)

    @cached_property
    def item_vectors(self) -> FloatArray | None:
        """Vectors of all items' texts, embedded once for all models; None without an encoder or without any text."""
        if self.encoder is None:
            return None
        return item_vectors(self.items, self.encoder, progress=self.progress)

    @property
    def text(self) -> str | None:
        """The encoder that read the texts, None where none did."""
        return self.encoder.identity if self.encoder is not None and self.item_vectors is not None else None

    def row(self, name: str) -> Row:
        """The model and settings behind a row's name."""
        return Row.of(name, self.settings.get(name))

    def _user_vectors(self, name: str, split: Split) -> FloatArray | None:
        """Vectors of what users say of themselves in the training part, for a model that reads text."""
        if self.encoder is None or not self.registry[self.row(name).model].cls.reads_text:
            return None
        return user_vectors(split.train, self.encoder, progress=self.progress)

    def check(self, models: tuple[str, ...]) -> None:
        """Build every model once: an unknown name or setting is an error before anything is fitted."""
        strangers = sorted(set(self.settings) - set(models))
        if strangers:
            raise ConfigError(
                f"There are settings for {', '.join(strangers)}, which are not evaluated.",
                hint=f"Evaluated are: {', '.join(models)}. One table a row: [{models[0]}].",
            )
        rows = [self.row(model) for model in models]
        for row in rows:
            self.registry.build(row.model, row.settings)
        self.fits.expect(rows)

    def run(
        self, name: str, split: Split, *, seed: int, checkpoints: Path | None = None, trackers: Sequence[Tracker] = ()
    ) -> Run:
        """Fit a model on the split's training part, tuned on its validation, and ask it the test cases.

        `checkpoints` is where this fit keeps its states, where that is not where all do; `trackers` follow it.
        """
        run = f"{name}.seed-{seed}.split-{split.hash[:8]}"
        states = checkpoints or self.checkpoints
        kept = None if states is None else states / run
        earlier = 0.0 if kept is None or not self.resume else seconds_kept(kept)
        options = FitOptions(
            # None makes a model hold out events of its own, which it may do where the protocol has none.
            validation=split.validation if len(split.validation) else None,
            item_vectors=self.item_vectors,
            user_vectors=self._user_vectors(name, split),
            seed=seed,
            progress=self.progress,
            checkpoints=kept,
            resume=self.resume,
            run_log=self.run_log,
            run=run,
            trackers=trackers,
            device=self.device,
        )
        peak, fitting, scoring = PeakMemory(), Stopwatch(), Stopwatch()
        row = self.row(name)
        found = self.fits.find(row, split.train, seed=seed)
        model, spent = found or (self.registry.build(row.model, row.settings), 0.0)
        if found is None:
            self.progress.note(f"{name}, seed {seed}: {len(split.train.events):,} training events")
            with fitting.running():
                model.fit(split.train, options=options)
            spent = fitting.seconds
            self.fits.keep(row, split.train, model, spent, seed=seed)
        ties = tie_breaks(split.train.items.ids, seed=seed)
        scorer: Scorer = model
        if not row.reranking.empty:
            facts = item_facts(split.train, self.item_vectors)
            scorer = RerankedScores(model, row.reranking, train=split.train, facts=facts, k=self.ks[-1], ties=ties)
        asked = row.asked(split.test, seed=seed)
        answered = partial(
            ask,
            scorer,
            name=name,
            n_items=split.train.n_items,
            k=self.ks[-1],
            ties=ties,
            exclude=self.exclude,
            progress=self.progress,
        )
        answers, before = answered(asked, watch=scoring), None
        if self.ask_before:
            before = answered(replace(asked, histories=asked.histories.without_tail(1)), watch=Stopwatch())
        costs = Costs(
            fit_seconds=spent + earlier,
            score_seconds=scoring.seconds,
            peak_mb=peak.megabytes,
            peak_is=peak.measures,
            resumed=earlier > 0,
        )
        if self.fitted is not None:
            self.fitted(name, seed, model)
        return Run(answers=answers, costs=costs, before=before)

"""One set of settings and what came of it."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penchant.errors import TrainingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A value on the way, before the trial's own is known."""

    training: str
    """Which training or fold of the trial it is from: values are compared with those of the same one."""
    step: int
    """How far it had come, such as an epoch."""
    value: float
    """Higher is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One set of settings and what it was worth on validation."""

    number: int
    """From 0; in `penchant tune` that is the model as it is by default."""
    settings: Mapping[str, Any]
    value: float | None
    """The mean over the folds, higher is better; None where it failed or was given up."""
    spread: float = 0.0
    """Standard deviation over the folds (n − 1); 0 for one."""
    folds: Sequence[float] = ()
    seconds: float = 0.0
    failure: str = ""
    """Why there is no value."""
    pruned: bool = False
    """Whether it was given up on the way, because others were better by then."""
    reports: Sequence[Report] = ()

    @classmethod
    def measured(
        cls, number: int, settings: Mapping[str, Any], folds: Sequence[float], seconds: float, reports: Sequence[Report]
    ) -> "Trial":
        """A trial with a value on each fold."""
        return cls(
            number=number,
            settings=settings,
            value=statistics.fmean(folds),
            spread=statistics.stdev(folds) if len(folds) > 1 else 0.0,
            folds=tuple(folds),
            seconds=seconds,
            reports=tuple(reports),
        )

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Trial":
        """A trial as JSON holds it; `TypeError` for what is none."""
        reports = tuple(Report(**report) for report in told.get("reports", ()))
        return cls(**{**told, "folds": tuple(told.get("folds", ())), "reports": reports})

    @property
    def last(self) -> float | None:
        """The last value that was reported."""
        return self.reports[-1].value if self.reports else None


def best_of(trials: Iterable[Trial]) -> Trial:
    """The trial with the highest value, the first of equals. `TrainingError` where all failed."""
    trials = list(trials)
    worth = [trial for trial in trials if trial.value is not None]
    if not worth:
        why = next((f" The first: {trial.failure}" for trial in trials if trial.failure), "")
        raise TrainingError(
            f"Every trial failed.{why}", hint="Search lower learning rates; each trial's file says more."
        )
    return max(worth, key=lambda trial: (trial.value, -trial.number))


def told(trial: Trial, trials: Iterable[Trial], total: int) -> str:
    """A trial that is done, in one line."""
    if trial.value is None:
        return f"Trial {trial.number}: {trial.failure}"
    best = best_of(trials)
    leads = "the best so far" if best.number == trial.number else f"trial {best.number} leads with {best.value:.4f}"
    return f"Trial {trial.number}, {trial.number + 1} of {total}: {trial.value:.4f} ({leads}), {trial.seconds:.1f} s"

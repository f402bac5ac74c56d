"""A trial while it is measured: what it is given, what it reports, and what becomes of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penchant.errors import CheckpointError, MissingExtraError, PenchantError
from penchant.hyperparameter_search.pruning import PrunedError, Pruner
from penchant.hyperparameter_search.trials import Report, Trial


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A trial under way, as its objective sees it."""

    number: int
    settings: Mapping[str, Any]
    states: Path | None = None
    """Where trainings may keep their states, so that a trial cut short goes on; cleared once it is done."""
    pruner: Pruner | None = None
    others: Sequence[Trial] = ()
    """Those that were done when it began."""
    reports: list[Report] = field(default_factory=list)

    def report(self, value: float, *, step: int, training: str = "") -> None:
        """Say how far it has come: `value`, higher is better, after `step`. A trial of several trainings or folds
        names the one it speaks of. Raises `PrunedError` where it is not worth going on: let it pass.
        """
        self.reports.append(Report(training=training, step=int(step), value=float(value)))
        if self.pruner is not None and self.pruner.prunes(self.reports, self.others):
            raise PrunedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What an objective found, where it says more than a number."""

    folds: Sequence[float]
    """The value on each fold."""
    seconds: float
    """What that took, where the objective knows better than the clock."""


Objective = Callable[[Attempt], float | Measured]


def tried(objective: Objective, attempt: Attempt) -> Trial:
    """Measure a trial. One that raises is kept as failed, one that is pruned as pruned.

    What has nothing to do with its settings is raised: a training's state that cannot be used, a missing library, and
    whatever stops the program.
    """
    began = time.perf_counter()

    def without(failure: str, *, pruned: bool = False) -> Trial:
        return Trial(
            number=attempt.number,
            settings=attempt.settings,
            value=None,
            seconds=round(time.perf_counter() - began, 3),
            failure=failure,
            pruned=pruned,
            reports=tuple(attempt.reports),
        )

    try:
        found = objective(attempt)
    except PrunedError:
        last = attempt.reports[-1]
        place = f"{last.training}, step {last.step}" if last.training else f"step {last.step}"
        return without(f"Given up at {place} with {last.value:.4f}: others were better there.", pruned=True)
    except (CheckpointError, MissingExtraError):
        raise
    except PenchantError as error:
        return without(error.message)
    except Exception as error:
        return without(f"{type(error).__name__}: {error}")
    if not isinstance(found, Measured):
        found = Measured(folds=(float(found),), seconds=round(time.perf_counter() - began, 3))
    if not found.folds or not all(value == value for value in found.folds):  # noqa: PLR0124
        return without(f"Its value is {found.folds!r}, which is no number.")
    return Trial.measured(attempt.number, attempt.settings, found.folds, found.seconds, attempt.reports)

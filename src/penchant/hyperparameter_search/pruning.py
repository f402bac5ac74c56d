"""Trials given up on the way: what their epochs and folds were worth, against the others at the same place."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.hyperparameter_search.trials import Report, Trial


class PrunedError(Exception):
    """Raised in a trial that is given up; not a fault, so no `PenchantError`."""


class Pruner(ABC):
    """Says whether a trial is worth going on with. It sees nothing but values, so that a search that goes on after a
    stop decides the same.
    """

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def prunes(self, reports: Sequence[Report], others: Sequence[Trial]) -> bool:
        """Whether to give up the trial that made these `reports`, the last of them now. `others` are those done."""


class MedianConfig(Config):
    """When the median decides."""

    after_trials: int = Field(default=5, ge=1)
    """Trials that must have come as far before any is given up."""
    after_steps: int = Field(default=0, ge=0)
    """A trial is left alone up to this step."""


class MedianPruner(Pruner):
    """Gives up a trial whose best value so far is below the median of what the others had at this step (Golovin et al.
    2017, Google Vizier), their own best up to it.

    Caveat: a trial that begins slowly and ends well is lost where its beginning is below the median.
    """

    config: MedianConfig

    def prunes(self, reports: Sequence[Report], others: Sequence[Trial]) -> bool:
        """Whether the best value so far is below the median of the others' best."""
        now = reports[-1]
        if now.step <= self.config.after_steps:
            return False
        beaten = [best for trial in others if (best := _best_up_to(trial.reports, now)) is not None]
        own = _best_up_to(reports, now)
        return len(beaten) >= self.config.after_trials and own is not None and own < float(np.median(beaten))


class HalvingConfig(Config):
    """Where the rungs are."""

    first: int = Field(default=1, ge=1)
    """The step of the first rung."""
    factor: int = Field(default=3, ge=2)
    """η: one of so many goes on from a rung, and the next rung is so many times as far."""


class HalvingPruner(Pruner):
    """Successive halving without waiting (Li et al. 2020, ASHA): at the rungs, steps ``first·ηʳ``, a trial goes on only
    as one of the best ``⌊n/η⌋`` of the n that came there, of which there must be η.
    """

    config: HalvingConfig

    def prunes(self, reports: Sequence[Report], others: Sequence[Trial]) -> bool:
        """Whether a rung is reached, and too many were better there."""
        now = reports[-1]
        if not self._is_rung(now.step):
            return False
        came = [value for trial in others if (value := _at(trial.reports, now)) is not None] + [now.value]
        kept = len(came) // self.config.factor
        return kept > 0 and sum(value > now.value for value in came) >= kept

    def _is_rung(self, step: int) -> bool:
        rung = self.config.first
        while rung < step:
            rung *= self.config.factor
        return rung == step


def _best_up_to(reports: Sequence[Report], now: Report) -> float | None:
    """The best value of the same training up to the step, where it came as far."""
    same = [report for report in reports if report.training == now.training]
    if not any(report.step >= now.step for report in same):
        return None
    return max((report.value for report in same if report.step <= now.step), default=None)


def _at(reports: Sequence[Report], now: Report) -> float | None:
    return next((r.value for r in reports if (r.training, r.step) == (now.training, now.step)), None)

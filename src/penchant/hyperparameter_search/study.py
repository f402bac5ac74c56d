"""Trials, each kept on disk as soon as it is done: a search cut short goes on, and one that ended can be extended."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from penchant.artifacts import FORMAT_VERSION, replace_file, write_json
from penchant.errors import CheckpointError, TrainingError
from penchant.progress import SILENT, Progress
from penchant.training.checkpoints import AGAIN, CHOOSE, LOCK, ONLY_AGAIN, differences, held
from penchant.training.folders import clear

STUDY = "study.json"
TRIALS = "trial-{:04d}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One set of settings and what it was worth on validation."""

    number: int
    """From 0, which is the model as it is by default."""
    settings: Mapping[str, Any]
    value: float | None
    """The mean over the folds, higher is better; None where it failed."""
    spread: float = 0.0
    """Standard deviation over the folds (n − 1); 0 for one."""
    folds: Sequence[float] = ()
    seconds: float = 0.0
    failure: str = ""
    """Why there is no value."""


class Study:
    """A folder with what is searched (``study.json``) and a file for each trial that is done."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self.identity: dict[str, Any] = orjson.loads(orjson.dumps(dict(identity)))

    @property
    def states(self) -> Path:
        """Where the trainings of the trial under way keep their states."""
        return self.folder / "states"

    def open(self, *, resume: bool | None) -> dict[int, Trial]:
        """The trials that are done. `CheckpointError` for a study of something else, for one that is damaged, and for
        one that nobody said what to do with (`resume` is None); False begins again.
        """
        file = self.folder / STUDY
        if file.exists() and resume is None:
            raise CheckpointError(f"{self.folder} holds an earlier search.", hint=CHOOSE)
        if file.exists() and resume:
            self._check(file)
            return {trial.number: trial for trial in self._trials()}
        for old in self.folder.glob(TRIALS.replace("{:04d}", "*")):
            old.unlink()
        clear(self.states)
        value = {"format_version": FORMAT_VERSION, "kind": "study", "identity": self.identity}
        replace_file(file, lambda place: write_json(place, value))
        return {}

    def add(self, trial: Trial) -> None:
        """Keep a trial that is done."""
        replace_file(self.folder / TRIALS.format(trial.number), lambda place: write_json(place, trial))

    def _check(self, file: Path) -> None:
        try:
            found = orjson.loads(file.read_bytes())
            was = dict(found["identity"])
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise CheckpointError(f"{file} is damaged.", hint=ONLY_AGAIN) from None
        if told := differences(was, self.identity):
            raise CheckpointError(
                f"{self.folder} holds another search: {'; '.join(told)}.",
                hint=f"Give the same data, space and options to go on. {AGAIN}",
            )

    def _trials(self) -> Iterable[Trial]:
        for file in sorted(self.folder.glob(TRIALS.replace("{:04d}", "*"))):
            try:
                trial = Trial(**orjson.loads(file.read_bytes()))
                yield replace(trial, folds=tuple(trial.folds))
            except (OSError, orjson.JSONDecodeError, TypeError):
                raise CheckpointError(f"{file} is damaged.", hint=ONLY_AGAIN) from None


def search(
    candidates: Sequence[Mapping[str, Any]],
    measure: Callable[[int, Mapping[str, Any]], tuple[Sequence[float], float]],
    study: Study,
    *,
    resume: bool | None = None,
    progress: Progress = SILENT,
) -> tuple[Trial, ...]:
    """Measure every candidate that the study does not hold yet.

    `measure` is given a trial's number and settings and gives its value on each fold and the seconds that took. One
    whose training diverges is kept as failed; the search goes on.
    """
    study.folder.mkdir(parents=True, exist_ok=True)
    with held(study.folder):
        done = study.open(resume=resume)
        for number, settings in enumerate(candidates):
            if number not in done:
                done[number] = _tried(number, settings, measure)
                study.add(done[number])
                clear(study.states)
                progress.note(_told(done[number], done.values(), len(candidates)))
        (study.folder / LOCK).unlink(missing_ok=True)
    return tuple(done[number] for number in range(len(candidates)))


def best_of(trials: Iterable[Trial]) -> Trial:
    """The trial with the highest value, the first of equals. `TrainingError` where all failed."""
    worth = [trial for trial in trials if trial.value is not None]
    if not worth:
        raise TrainingError("Every trial failed.", hint="Search lower learning rates; each trial's file says more.")
    return max(worth, key=lambda trial: (trial.value, -trial.number))


def _tried(
    number: int,
    settings: Mapping[str, Any],
    measure: Callable[[int, Mapping[str, Any]], tuple[Sequence[float], float]],
) -> Trial:
    try:
        folds, seconds = measure(number, settings)
    except TrainingError as error:
        return Trial(number=number, settings=settings, value=None, failure=error.message)
    return Trial(
        number=number,
        settings=settings,
        value=statistics.fmean(folds),
        spread=statistics.stdev(folds) if len(folds) > 1 else 0.0,
        folds=tuple(folds),
        seconds=seconds,
    )


def _told(trial: Trial, trials: Iterable[Trial], total: int) -> str:
    if trial.value is None:
        return f"Trial {trial.number}: {trial.failure}"
    best = best_of(trials)
    leads = "the best so far" if best.number == trial.number else f"trial {best.number} leads with {best.value:.4f}"
    return f"Trial {trial.number}, {trial.number + 1} of {total}: {trial.value:.4f} ({leads}), {trial.seconds:.1f} s"

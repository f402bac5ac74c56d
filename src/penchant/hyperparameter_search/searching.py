"""A search: a sampler chooses, an objective measures, a study keeps."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penchant.errors import ConfigError
from penchant.hyperparameter_search.attempts import Attempt, Objective
from penchant.hyperparameter_search.catalogue import PRUNERS, SAMPLERS
from penchant.hyperparameter_search.optuna_storage import OptunaStorage
from penchant.hyperparameter_search.pruning import Pruner
from penchant.hyperparameter_search.sampling import LearningSampler, Sampler
from penchant.hyperparameter_search.space import Problem, Space
from penchant.hyperparameter_search.study import Study
from penchant.hyperparameter_search.trials import Trial, best_of, told
from penchant.hyperparameter_search.workers import Alone, Workers
from penchant.progress import SILENT, Progress
from penchant.training.checkpoints import LOCK, held

TRIALS = 20
"""Where nobody says how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """Every trial of a search, and the best."""

    trials: tuple[Trial, ...]
    best: Trial


def search(
    objective: Objective,
    space: Space,
    *,
    sampler: str | Sampler = "random",
    pruner: str | Pruner | None = None,
    trials: int | None = None,
    seed: int = 0,
    fixed: Mapping[str, Any] | None = None,
    first: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    storage: str | None = None,
    resume: bool | None = None,
    workers: int = 1,
    name: str = "search",
    progress: Progress = SILENT,
) -> SearchResult:
    """Find the settings for which `objective` is highest: of a model, a schedule, a reranker, anything that has some.

    `objective` is called with an `Attempt`: ``attempt.settings`` are the settings to try, tables within tables, and it
    gives their value, higher is better, or `Measured` with one for each fold. ``attempt.report(value, step=epoch)``
    says how it goes on the way, so that a `pruner` (``median``, ``halving``) can give it up. One that raises is kept as
    failed, and the search goes on.

    `sampler` is ``random``, ``grid``, ``tpe``, ``gp`` or ``hyperopt``; `fixed` are settings of every trial, `first`
    those of trial 0. Without `trials` there are 20, of a grid all points. The same seed gives the same trials, with
    several `workers` only where the sampler does not learn.

    With a `folder` every trial is kept as a file; stopped, the same call with ``resume=True`` goes on, and with more
    `trials` it extends a search that has ended. `storage`, such as ``sqlite:///search.db``, keeps them in an Optuna
    storage as well, which optuna-dashboard shows.

    Raises `ConfigError` for what does not exist, `MissingExtraError` where a library is not installed,
    `CheckpointError` for an earlier search that nobody said what to do with, and `TrainingError` where all trials fail.
    """
    chosen = SAMPLERS.build(sampler) if isinstance(sampler, str) else sampler
    problem = Problem(space=space, fixed=dict(fixed or {}), name=name, seed=seed, first=first)
    identity = {
        "name": name,
        "space": {key: str(part) for key, part in space.items()},
        "fixed": dict(fixed or {}),
        "first": None if first is None else dict(first),
        "seed": seed,
    }
    return run(
        objective,
        problem,
        sampler=chosen,
        pruner=PRUNERS.build(pruner) if isinstance(pruner, str) else pruner,
        trials=trials,
        identity=identity,
        folder=folder,
        storage=storage,
        resume=resume,
        workers=workers,
        progress=progress,
    )


def run(
    objective: Objective,
    problem: Problem,
    *,
    sampler: Sampler,
    pruner: Pruner | None,
    trials: int | None,
    identity: Mapping[str, Any],
    folder: Path | None,
    storage: str | None,
    resume: bool | None,
    workers: int,
    progress: Progress,
) -> SearchResult:
    """A search of a problem that is put already; `identity` is what must be the same for it to go on."""
    if trials is not None and trials < 1:
        raise ConfigError(f"A search has one trial or more; {trials} came.", hint="Give a number such as 20.")
    if workers < 1:
        raise ConfigError(f"A search has one worker or more; {workers} came.", hint="Give a number such as 2.")
    if isinstance(sampler, LearningSampler):
        sampler.check()
    size = sampler.size(problem)
    total = size if trials is None and size is not None else trials or TRIALS
    identity = {**identity, "method": _told(sampler), "pruning": None if pruner is None else _told(pruner)}
    kept = None if storage is None else OptunaStorage(storage, problem, identity)
    with ExitStack() as open_:
        study = None if folder is None else Study(folder, identity)
        if folder is not None:
            open_.enter_context(held(folder))
        done = {} if study is None else study.open(resume=resume)
        if kept is not None:
            done = kept.open(done, resume=resume)
        course = _Course(problem=problem, sampler=sampler, pruner=pruner, total=total, done=done, study=study)
        runner: Alone | Workers = Alone(objective) if workers == 1 else Workers(objective, workers)
        open_.enter_context(runner)
        while course.begin(runner):
            for trial in runner.done():
                course.end(trial)
                if kept is not None:
                    kept.add(trial)
                progress.note(told(trial, course.done.values(), total))
    if folder is not None:
        (folder / LOCK).unlink(missing_ok=True)
    found = tuple(course.done[number] for number in sorted(course.done) if number < total)
    return SearchResult(trials=found, best=best_of(found))


@dataclass(slots=True, kw_only=True)
class _Course:
    """A search on its way."""

    problem: Problem
    sampler: Sampler
    pruner: Pruner | None
    total: int
    done: dict[int, Trial]
    study: Study | None
    begun: dict[int, dict[str, Any]] = field(init=False)
    """What was under way when the search was cut short."""
    under_way: dict[int, Mapping[str, Any]] = field(default_factory=dict, init=False)
    exhausted: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.begun = {} if self.study is None else self.study.begun()

    def begin(self, runner: Alone | Workers) -> bool:
        """Begin as many trials as there is room for; whether any is under way."""
        while runner.free and not self.exhausted:
            number = next((n for n in range(self.total) if n not in self.done and n not in self.under_way), None)
            settings = None if number is None else self._settings(number)
            if number is None or settings is None:
                self.exhausted = True
                break
            if self.study is not None and number not in self.begun:
                self.study.begin(number, settings)
            self.under_way[number] = settings
            states = None if self.study is None else self.study.states(number)
            runner.begin(
                Attempt(number=number, settings=settings, states=states, pruner=self.pruner, others=self._history)
            )
        return bool(self.under_way)

    def end(self, trial: Trial) -> None:
        """A trial is done."""
        del self.under_way[trial.number]
        self.done[trial.number] = trial
        if self.study is not None:
            self.study.add(trial)

    @property
    def _history(self) -> list[Trial]:
        return [self.done[number] for number in sorted(self.done)]

    def _settings(self, number: int) -> Mapping[str, Any] | None:
        """What was under way with this number when the search was cut short, else what the sampler says."""
        if number in self.begun:
            return self.begun[number]
        pending = [*self.under_way.values(), *self.begun.values()]
        return self.sampler.ask(self.problem, number, self._history, pending)


def _told(part: Sampler | Pruner) -> str:
    settings = ", ".join(f"{key}={value}" for key, value in part.config.model_dump().items())
    return f"{type(part).__name__}({settings})"

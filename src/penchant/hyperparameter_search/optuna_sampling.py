"""Bayesian optimisation by Optuna (Akiba et al. 2019): tree-structured Parzen estimators and Gaussian processes."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import Field

from penchant.config import Config
from penchant.errors import MissingExtraError
from penchant.hyperparameter_search.sampling import LearningSampler
from penchant.hyperparameter_search.space import Choice, LogUniform, Part, Problem, Space, Whole
from penchant.hyperparameter_search.trials import Trial
from penchant.seeding import derive

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial


def optuna_library() -> Any:
    """Optuna, quiet. `MissingExtraError` where it is not installed."""
    try:
        import optuna
    except ImportError:
        raise MissingExtraError(
            "Optuna is not installed; the methods tpe and gp, and --storage, need it.",
            hint="Install it with `pip install 'penchant[research]'`, or search with the method random or grid.",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


class OptunaSampler(LearningSampler):
    """Asks one of Optuna's samplers. It is told the history anew for every trial and seeded by the trial's number: no
    state of its own has to be kept.

    Trials that failed or were given up are told as pruned: worse than any that ended. The trial with the defaults is
    told where the defaults lie in the space.
    """

    def check(self) -> None:
        """`MissingExtraError` without Optuna."""
        optuna_library()

    @abstractmethod
    def sampler(self, problem: Problem, seed: int) -> "BaseSampler":
        """Optuna's sampler."""

    def suggest(
        self, problem: Problem, number: int, history: Sequence[Trial], pending: Sequence[Mapping[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        """What Optuna would try next; what it suggested in vain it is told to have failed."""
        optuna = optuna_library()
        seed = derive(problem.seed, "search", problem.name, str(number)) % 2**32
        study = optuna.create_study(direction="maximize", sampler=self.sampler(problem, seed))
        study.add_trials([made for trial in history if (made := frozen(problem, trial)) is not None])
        study.add_trials([running(problem, settings) for settings in pending])
        while True:
            trial = study.ask()
            yield dict(self._values(trial, problem.free))
            study.tell(trial, state=optuna.trial.TrialState.FAIL)

    @staticmethod
    def _values(trial: "optuna.Trial", space: Space) -> Iterator[tuple[str, Any]]:
        found: dict[str, Any] = {}
        for key, part in sorted(space.items(), key=lambda one: one[1].when is not None):
            if part.when is None or found[part.when.key] in part.when.values:
                found[key] = decoded(part, _suggested(trial, key, part))
                yield key, found[key]


class TPEConfig(Config):
    """When it begins to learn."""

    startup_trials: int = Field(default=10, ge=1)
    """Trials drawn at random before."""


class TPESampler(OptunaSampler):
    """Tree-structured Parzen estimators (Bergstra et al. 2011), all settings at once (Falkner et al. 2018); where some
    have a condition, each by itself.

    Settings are drawn where the density of good trials l(x) is high against that of the others g(x): of 24 candidates
    drawn from l, the one with the highest l(x)/g(x).
    """

    config: TPEConfig

    def sampler(self, problem: Problem, seed: int) -> "BaseSampler":
        """Optuna's TPE."""
        sampler: BaseSampler = optuna_library().samplers.TPESampler(
            seed=seed,
            n_startup_trials=self.config.startup_trials,
            multivariate=not any(part.when is not None for part in problem.free.values()),
        )
        return sampler


class GPConfig(Config):
    """When it begins to learn."""

    startup_trials: int = Field(default=10, ge=1)
    """Trials drawn at random before."""


class GPSampler(OptunaSampler):
    """A Gaussian process over the space (Matérn 5/2, a length for each setting); the next trial has the highest
    expected improvement, in logarithms (Ament et al. 2023). Slower than TPE.

    Settings with a condition are drawn at random; trials that failed are not learned from.
    """

    config: GPConfig

    def sampler(self, problem: Problem, seed: int) -> "BaseSampler":  # noqa: ARG002
        """Optuna's sampler with a Gaussian process."""
        sampler: BaseSampler = optuna_library().samplers.GPSampler(
            seed=seed, n_startup_trials=self.config.startup_trials
        )
        return sampler


def _suggested(trial: "optuna.Trial", key: str, part: Part) -> Any:
    if isinstance(part, Choice):
        return trial.suggest_categorical(key, [coded(value) for value in part.values])
    if isinstance(part, Whole):
        return trial.suggest_int(key, part.low, part.high, log=part.log)
    return trial.suggest_float(key, part.low, part.high, log=isinstance(part, LogUniform))


def distribution(part: Part) -> "BaseDistribution":
    """The same part of a space in Optuna's terms."""
    distributions = optuna_library().distributions
    made: BaseDistribution
    if isinstance(part, Choice):
        made = distributions.CategoricalDistribution([coded(value) for value in part.values])
    elif isinstance(part, Whole):
        made = distributions.IntDistribution(part.low, part.high, log=part.log)
    else:
        made = distributions.FloatDistribution(part.low, part.high, log=isinstance(part, LogUniform))
    return made


def coded(value: Any) -> Any:
    """A choice as Optuna stores it: numbers and texts as they are, lists and tables as JSON."""
    return value if isinstance(value, str | int | float | bool | None) else orjson.dumps(value).decode()


def decoded(part: Part, value: Any) -> Any:
    """What is tried for a value of Optuna's."""
    if isinstance(part, Choice):
        return next(own for own in part.values if coded(own) == value)
    return int(value) if isinstance(part, Whole) else part.rounded(value)


def frozen(problem: Problem, trial: Trial, about: Mapping[str, Any] | None = None) -> "FrozenTrial | None":
    """A trial that is done in Optuna's terms; None where what is searched is not known of it."""
    optuna = optuna_library()
    values = problem.values(trial.settings)
    if not values:
        return None
    ended = trial.value is not None
    made: FrozenTrial = optuna.trial.create_trial(
        state=optuna.trial.TrialState.COMPLETE if ended else optuna.trial.TrialState.PRUNED,
        value=trial.value if ended else trial.last,
        params={key: coded(value) for key, value in values.items()},
        distributions={key: distribution(problem.free[key]) for key in values},
        intermediate_values={n: report.value for n, report in enumerate(trial.reports, 1)},
        user_attrs=dict(about or {}),
    )
    return made


def running(problem: Problem, settings: Mapping[str, Any]) -> "FrozenTrial":
    """A trial under way in Optuna's terms."""
    optuna = optuna_library()
    values = problem.values(settings)
    made: FrozenTrial = optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING,
        params={key: coded(value) for key, value in values.items()},
        distributions={key: distribution(problem.free[key]) for key in values},
    )
    return made

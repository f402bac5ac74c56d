"""Tree-structured Parzen estimators by Hyperopt (Bergstra, Yamins and Cox 2013), where it is installed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from penchant.config import Config
from penchant.errors import MissingExtraError
from penchant.hyperparameter_search.sampling import LearningSampler
from penchant.hyperparameter_search.space import Choice, LogUniform, Part, Problem, Whole
from penchant.hyperparameter_search.trials import Trial
from penchant.seeding import derive


class HyperoptConfig(Config):
    """When it begins to learn."""

    startup_trials: int = Field(default=20, ge=1)
    """Trials drawn at random before."""


class HyperoptSampler(LearningSampler):
    """Hyperopt's own TPE: each setting by itself, 24 candidates, the older trials counted less.

    It is told the history anew for every trial. Trials that failed or were given up count as infinitely bad, and the
    settings of a condition that did not hold as not drawn.
    """

    config: HyperoptConfig

    def check(self) -> None:
        """`MissingExtraError` without Hyperopt."""
        _library()

    def suggest(
        self, problem: Problem, number: int, history: Sequence[Trial], pending: Sequence[Mapping[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        """What Hyperopt would try next, with another seed for every further suggestion."""
        del pending  # it has no notion of trials under way
        hyperopt = _library()
        domain = hyperopt.base.Domain(
            lambda _: 0.0, {key: _expression(key, part) for key, part in problem.free.items()}
        )
        trials = hyperopt.Trials()
        trials.insert_trial_docs([_document(problem, trial) for trial in history])
        trials.refresh()
        again = 0
        while True:
            seed = derive(problem.seed, "search", problem.name, str(number), str(again)) % 2**32
            (document,) = hyperopt.tpe.suggest(
                [number], domain, trials, seed, n_startup_jobs=self.config.startup_trials, verbose=False
            )
            drawn = document["misc"]["vals"]
            yield {key: _value(part, drawn[key][0]) for key, part in problem.free.items()}
            again += 1


def _library() -> Any:
    try:
        import hyperopt
    except ImportError:
        raise MissingExtraError(
            "Hyperopt is not installed.",
            hint="Install it with `pip install 'penchant[research]'`, or search with the method tpe or random.",
        ) from None
    return hyperopt


def _expression(key: str, part: Part) -> Any:
    hp = _library().hp
    if isinstance(part, Choice):
        return hp.choice(key, list(range(len(part.values))))
    if isinstance(part, Whole) and not part.log:
        return hp.uniformint(key, part.low, part.high)
    if isinstance(part, Whole | LogUniform):
        return hp.loguniform(key, math.log(part.low), math.log(part.high))
    return hp.uniform(key, part.low, part.high)


def _value(part: Part, drawn: Any) -> Any:
    if isinstance(part, Choice):
        return part.values[int(drawn)]
    if isinstance(part, Whole):
        return min(max(round(float(drawn)), part.low), part.high)
    return part.rounded(float(drawn))


def _document(problem: Problem, trial: Trial) -> dict[str, Any]:
    """A trial that is done as Hyperopt keeps it; lower losses are better there."""
    found = problem.values(trial.settings)
    values = {key: [_code(problem.free[key], found[key])] if key in found else [] for key in problem.free}
    misc = {
        "tid": trial.number,
        "cmd": ("domain_attachment", "FMinIter_Domain"),
        "workdir": None,
        "idxs": {key: [trial.number] if values[key] else [] for key in values},
        "vals": values,
    }
    ended = trial.value is not None
    return {
        "state": 2,  # done
        "tid": trial.number,
        "spec": None,
        "result": {"status": "ok", "loss": -float(trial.value or 0.0)} if ended else {"status": "fail"},
        "misc": misc,
        "exp_key": None,
        "owner": None,
        "version": 0,
        "book_time": None,
        "refresh_time": None,
    }


def _code(part: Part, value: Any) -> Any:
    return part.values.index(value) if isinstance(part, Choice) else value

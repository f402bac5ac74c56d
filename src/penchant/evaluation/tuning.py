"""Settings chosen on validation: trials over a stated space, with or without cross-validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from penchant.artifacts import write_json
from penchant.config import to_toml
from penchant.data.dataset import Dataset
from penchant.data.partition import Split
from penchant.data.polarity import consumption
from penchant.data.splitting import Protocol, SplitConfig, fold_count, split, splits
from penchant.errors import ConfigError, ProtocolError
from penchant.evaluation.rows import MODEL, Row
from penchant.evaluation.trial_fitting import ValidationValue
from penchant.hyperparameter_search.catalogue import PRUNERS, SAMPLERS
from penchant.hyperparameter_search.pruning import Pruner
from penchant.hyperparameter_search.sampling import Sampler
from penchant.hyperparameter_search.searching import run
from penchant.hyperparameter_search.space import Problem, Space, taken
from penchant.hyperparameter_search.trials import Trial
from penchant.interfaces import Encoder, Recommender
from penchant.metrics.ranking import PER_CASE
from penchant.models.catalogue import RECOMMENDERS
from penchant.progress import SILENT, Progress
from penchant.registry import Registry
from penchant.training.tracker import Tracker

CrossValidation = Literal["users", "time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningResult:
    """Every trial of a search, and the best."""

    dataset: Mapping[str, Any]
    """`name`, `fingerprint`"""
    protocol: Mapping[str, Any]
    """What was asked: `name`, `method`, `cross_validation`, `folds`, `metric`, `exclude_history`, `seed`"""
    model: str
    space: Mapping[str, str]
    """What was searched, in words."""
    trials: tuple[Trial, ...]
    best: Trial


def tune(
    dataset: Dataset,
    model: str,
    space: Space,
    *,
    folder: Path,
    trials: int | None = None,
    method: str | Sampler = "random",
    pruning: str | Pruner | None = None,
    workers: int = 1,
    storage: str | None = None,
    fixed: Mapping[str, Any] | None = None,
    protocol: Protocol = "leave-one-out",
    cross_validation: CrossValidation | None = None,
    split_config: SplitConfig | None = None,
    metric: str = "ndcg@10",
    exclude_history: bool = True,
    seed: int = 0,
    encoder: Encoder | None = None,
    registry: Registry[Recommender] | None = None,
    resume: bool | None = None,
    run_log: Path | None = None,
    trackers: Sequence[Tracker] = (),
    progress: Progress = SILENT,
) -> TuningResult:
    """Fit `model` with settings from `space`, chosen by `method`, and keep those that are best on validation.

    The first trial is the model with the `fixed` settings alone; without `trials` there are 20, of a grid all points.
    The test part of `protocol` is set aside: no trial learns from it or is asked about it. Without `cross_validation`
    each trial is fitted on the training part and measured on the validation part, which also decides when it stops.
    With it, the training part is divided again, into folds by ``users`` or into a rolling origin in ``time`` (``folds``
    of `split_config`); a trial's value is then the mean over the folds, each asked about what it neither learned from
    nor was stopped by.

    `folder` holds a file for each trial and, while one trains, its state: stopped, the same call with ``resume=True``
    goes on to the same result, and with more `trials` it extends a search that has ended. At the end it holds the best
    settings as ``evaluate.toml`` (and ``fit.toml`` for the interest model), and ``result.json``.

    `method`, `pruning`, `workers` and `storage` are those of `penchant.hyperparameter_search.search`. Trials are given
    up by what their epochs are worth on the validation that stops them and, with cross-validation, by the mean over
    the folds so far.

    Raises `ConfigError` for a setting, metric or protocol that does not exist and `ProtocolError` where the data cannot
    serve it.
    """
    config, fixed = split_config or SplitConfig(), dict(fixed or {})
    k = _k_of(metric)
    registry = registry if registry is not None else RECOMMENDERS
    if workers > 1 and run_log is not None:
        raise ConfigError(
            f"{workers} workers cannot write one log.",
            hint="Search with one worker, or follow trainings with trackers.",
        )
    sampler = SAMPLERS.build(method) if isinstance(method, str) else method
    problem = _problem(registry, model, space, seed=seed, fixed=fixed)
    words = {key: str(part) for key, part in space.items()}
    told = {
        "name": protocol,
        "method": method if isinstance(method, str) else type(method).__name__,
        "cross_validation": cross_validation,
        "folds": config.folds if cross_validation else 1,
        "metric": metric,
        "exclude_history": exclude_history,
        "seed": seed,
    }
    identity = {
        "penchant": version("penchant"),
        "data": dataset.fingerprint,
        "model": model,
        "space": words,
        "fixed": fixed,
        **told,
        "split": repr(config),
        "encoder": None if encoder is None else encoder.identity,
    }
    objective = ValidationValue(
        registry=registry,
        model=model,
        asked=_questions(dataset, protocol, cross_validation, config),
        items=dataset.items,
        encoder=encoder,
        metric=metric,
        k=k,
        exclude_history=exclude_history,
        seed=seed,
        run_log=run_log,
        trackers=trackers,
        progress=progress,
    )
    found = run(
        objective,
        problem,
        sampler=sampler,
        pruner=PRUNERS.build(pruning) if isinstance(pruning, str) else pruning,
        trials=trials,
        identity=identity,
        folder=folder,
        storage=storage,
        resume=resume,
        workers=workers,
        progress=progress,
    )
    result = TuningResult(
        dataset={"name": dataset.name, "fingerprint": dataset.fingerprint},
        protocol=told,
        model=model,
        space=words,
        trials=found.trials,
        best=found.best,
    )
    _write(result, folder, text=encoder is not None)
    return result


def _problem(
    registry: Registry[Recommender], model: str, space: Space, *, seed: int, fixed: Mapping[str, Any]
) -> Problem:
    """What is searched; `ConfigError` where the fixed settings, or all that is drawn, are none of the model's."""
    faults: list[ConfigError] = []

    def allowed(settings: Mapping[str, Any]) -> bool:
        try:
            row = Row.of(model, {**settings, MODEL: model})
            registry.build(row.model, row.settings)
        except ConfigError as fault:
            faults.append(fault)
            return False
        return True

    if not allowed(fixed):
        raise faults[0]
    row = Row.of(model, {**fixed, MODEL: model})
    default = registry[row.model].config.of(row.settings).model_dump()
    problem = Problem(
        space=space,
        fixed=fixed,
        name=model,
        seed=seed,
        first=fixed,
        defaults={key: taken(default, key) for key in space},
        allowed=allowed,
    )
    if problem.free and len(list(islice(problem.drawn(), 2))) == 1 and faults:
        raise faults[-1]
    return problem


def _questions(
    dataset: Dataset, protocol: Protocol, cross_validation: CrossValidation | None, config: SplitConfig
) -> list[Split]:
    """What every trial learns from and is asked, once for each fold."""
    if fold_count(protocol, config) > 1:
        raise ConfigError(
            f"{protocol} leaves no test part that all folds set aside.",
            hint="Tune with leave-one-out or temporal, and with cross-validation where you want folds.",
        )
    outer = split(consumption(dataset), protocol, config=config)
    if cross_validation is not None:
        folds: Protocol = "k-fold-users" if cross_validation == "users" else "k-fold-time"
        return list(splits(outer.train, folds, config=config))
    if not len(outer.validation):
        raise ProtocolError(
            f"{protocol} with these settings has no validation part to tune on.",
            hint="Raise the validation share, or tune with cross-validation.",
        )
    return [replace(outer, test=outer.validation)]


def _k_of(metric: str) -> int:
    name, at, k = metric.partition("@")
    if name not in PER_CASE or not at or not (k.isascii() and k.isdigit()) or not int(k):
        raise ConfigError(
            f"{metric!r} is no metric to tune by.", hint=f"There are: {', '.join(f'{one}@10' for one in PER_CASE)}."
        )
    return int(k)


def _write(result: TuningResult, folder: Path, *, text: bool) -> None:
    settings = dict(result.best.settings)
    (folder / "evaluate.toml").write_text(to_toml({result.model: settings}), encoding="utf-8")
    if result.model == "interest":
        (folder / "fit.toml").write_text(to_toml({"text": text, "model": settings}), encoding="utf-8")
    write_json(folder / "result.json", result)

"""Settings chosen on validation: random trials over a stated space, with or without cross-validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from penchant.artifacts import write_json
from penchant.config import to_toml
from penchant.data.dataset import Dataset
from penchant.data.partition import Split
from penchant.data.polarity import consumption
from penchant.data.splitting import Protocol, SplitConfig, fold_count, split, splits
from penchant.errors import ConfigError, ProtocolError
from penchant.evaluation.bench import Bench
from penchant.evaluation.rows import MODEL, Row
from penchant.hyperparameter_search.space import Space, draws
from penchant.hyperparameter_search.study import Study, Trial, best_of, search
from penchant.interfaces import Encoder, Recommender
from penchant.metrics.ranking import PER_CASE, ranking_metrics
from penchant.models.catalogue import RECOMMENDERS
from penchant.progress import SILENT, Progress
from penchant.registry import Registry

CrossValidation = Literal["users", "time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningResult:
    """Every trial of a search, and the best."""

    dataset: Mapping[str, Any]
    """`name`, `fingerprint`"""
    protocol: Mapping[str, Any]
    """What was asked of the trials: `name`, `cross_validation`, `folds`, `metric`, `exclude_history`, `seed`"""
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
    trials: int = 20,
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
    progress: Progress = SILENT,
) -> TuningResult:
    """Fit `model` with settings drawn from `space` and keep those that are best on validation.

    The first trial is the model with the `fixed` settings alone. The test part of `protocol` is set aside: no trial
    learns from it or is asked about it. Without `cross_validation` each trial is fitted on the training part and
    measured on the validation part, which also decides when it stops. With it, the training part is divided again, into
    folds by ``users`` or into a rolling origin in ``time`` (``folds`` of `split_config`); a trial's value is then the
    mean over the folds, each asked about what it neither learned from nor was stopped by.

    `folder` holds a file for each trial and, while one trains, its state: stopped, the same call with ``resume=True``
    goes on to the same result, and with more `trials` it extends a search that has ended. At the end it holds the best
    settings as ``evaluate.toml`` (and ``fit.toml`` for the interest model), and ``result.json``.

    Raises `ConfigError` for a setting, metric or protocol that does not exist and `ProtocolError` where the data cannot
    serve it.
    """
    config, fixed = split_config or SplitConfig(), dict(fixed or {})
    k = _k_of(metric)
    registry = registry if registry is not None else RECOMMENDERS
    if trials < 1:
        raise ConfigError(f"A search has one trial or more; {trials} came.", hint="Give a number such as 20.")
    candidates = _candidates(registry, model, space, trials, seed=seed, fixed=fixed)
    rows: dict[str, Mapping[str, Any]] = {}
    words = {key: str(part) for key, part in space.items()}
    told = {
        "name": protocol,
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
    study = Study(folder, identity)
    bench = Bench(
        registry=registry,
        settings=rows,
        items=dataset.items,
        encoder=encoder,
        ks=(k,),
        exclude=(exclude_history,),
        progress=progress,
        checkpoints=study.states,
        resume=True,
        run_log=run_log,
    )
    asked = _questions(dataset, protocol, cross_validation, config)

    def measure(number: int, settings: Mapping[str, Any]) -> tuple[Sequence[float], float]:
        row = f"trial-{number:04d}"
        rows[row] = {**settings, MODEL: model}
        values, seconds = [], 0.0
        for part in asked:
            run = bench.run(row, part, seed=seed)
            found = ranking_metrics(run.answers[exclude_history].ranks, part.test.target_indptr, (k,))[metric]
            values.append(float(found.mean()))
            seconds += run.costs.fit_seconds + run.costs.score_seconds
        return values, round(seconds, 3)

    done = search(candidates, measure, study, resume=resume, progress=progress)
    result = TuningResult(
        dataset={"name": dataset.name, "fingerprint": dataset.fingerprint},
        protocol=told,
        model=model,
        space=words,
        trials=done,
        best=best_of(done),
    )
    _write(result, folder, text=encoder is not None)
    return result


def _candidates(
    registry: Registry[Recommender], model: str, space: Space, trials: int, *, seed: int, fixed: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The settings to try; `ConfigError` where the fixed ones, or all that is drawn, are none of the model's."""
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
    candidates = draws(space, trials, name=model, seed=seed, fixed=fixed, allowed=allowed)
    if len(candidates) == 1 and trials > 1 and faults:
        raise faults[-1]
    return candidates


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
    if name not in PER_CASE or not at or not k.isdigit() or not int(k):
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

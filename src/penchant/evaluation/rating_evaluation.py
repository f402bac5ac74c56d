"""Every model of ratings on the same split, asked for the same ratings, measured by the same code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.partition import Split, cautions
from penchant.data.rating_targets import RatingTargets
from penchant.data.splitting import Protocol, SplitConfig, splits
from penchant.errors import ConfigError, DataError, ProtocolError, TrainingError, UnsupportedError
from penchant.evaluation.evaluating import work_of
from penchant.evaluation.measuring import PeakMemory, Stopwatch, environment
from penchant.evaluation.rating_comparing import compare, summarise
from penchant.evaluation.rating_results import RatingEvaluation, RatingResult
from penchant.evaluation.rating_scores import MOST_LEVELS, Asked, errors
from penchant.evaluation.rows import Row
from penchant.interfaces import FitOptions, RatingPredictor, Recommender
from penchant.models.catalogue import RECOMMENDERS
from penchant.progress import SILENT, Progress
from penchant.registry import Registry
from penchant.training.folders import seconds_kept, states_of
from penchant.types import DoubleArray, IntArray, RowArray

DECODING = "the nearest training level; half way between two the lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One model on one split."""

    predicted: DoubleArray
    fit_seconds: float
    predict_seconds: float
    peak_mb: float
    peak_is: str


def evaluate_ratings(
    dataset: Dataset,
    models: Sequence[str],
    *,
    protocol: Protocol = "leave-one-out",
    seeds: Sequence[int] = (0,),
    split_config: SplitConfig | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    registry: Registry[Recommender] | None = None,
    checkpoints: Path | None = None,
    resume: bool | None = None,
    run_log: Path | None = None,
    device: str = "auto",
    progress: Progress = SILENT,
) -> RatingEvaluation:
    """Fit each model on the protocol's training part and ask it for every test rating, in the dataset's own unit.

    `settings` maps a model's name to its settings; a row may be a variant of a model, as `Row.of` says. Splits of a
    k-fold protocol are pooled: every rating is asked once. Errors are of the ratings as predicted; for accuracy and the
    report they are decoded to the nearest level. `checkpoints`, `resume`, `run_log` and `device` are those of
    `evaluate`.

    Raises `UnsupportedError` for a model that only ranks, with those that predict ratings, `DataError` for data without
    ratings, and `ConfigError`, `NotFoundError` and `ProtocolError` as `evaluate` does; all but the last before anything
    is fitted.
    """
    catalogue = registry if registry is not None else RECOMMENDERS
    config, models, seeds = split_config or SplitConfig(), tuple(dict.fromkeys(models)), tuple(dict.fromkeys(seeds))
    rows = _rows(models, settings or {}, catalogue)
    if not seeds or min(seeds) < 0:
        raise ConfigError(f"Seeds are whole numbers from 0; {list(seeds)} came.", hint="Give seeds such as 0,1,2.")
    _check_rated(dataset, models)
    runs: dict[tuple[str, int], list[_Run]] = {(model, seed): [] for seed in seeds for model in models}
    parts: list[Asked] = []
    hashes: list[str] = []
    facts: dict[str, Any] = {}
    unrated = 0
    work = work_of(
        dataset, models, protocol=protocol, split_config=config, seeds=seeds, settings=settings or {}, encoder=None
    )
    with states_of({**work, "task": "ratings"}, checkpoints, resume=resume, progress=progress):
        for split in splits(dataset, protocol, config=config):
            cases, items, asked, lacking = _asked(split)
            unrated += lacking
            parts.append(asked)
            hashes.append(split.hash)
            facts = facts or {name: fact for name, fact in split.facts.items() if name != "fold"}
            for (name, seed), found in runs.items():
                run = f"{name}.seed-{seed}.split-{split.hash[:8]}"
                options = FitOptions(
                    # None makes a model hold out ratings of its own, which it may do where the protocol has none.
                    validation=split.validation if len(split.validation) else None,
                    seed=seed,
                    progress=progress,
                    checkpoints=None if checkpoints is None else checkpoints / run,
                    resume=resume,
                    run_log=run_log,
                    run=run,
                    device=device,
                )
                found.append(_run(rows[name], name, split, cases, items, options=options, catalogue=catalogue))
    whole = Asked.joined(parts)
    predicted = {key: np.concatenate([run.predicted for run in found]) for key, found in runs.items()}
    results = tuple(
        RatingResult(
            model=name,
            seed=seed,
            scores=whole.scores(predicted[name, seed]),
            folds=tuple(errors(run.predicted, part.actual) for run, part in zip(found, parts, strict=True)),
            fit_seconds=round(sum(run.fit_seconds for run in found), 3),
            predict_seconds=round(sum(run.predict_seconds for run in found), 3),
            peak_rss_mb=round(max(run.peak_mb for run in found), 1),
            settings=dict((settings or {}).get(name, {})),
        )
        for (name, seed), found in runs.items()
    )
    return RatingEvaluation(
        dataset={
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "users": dataset.n_users,
            "items": dataset.n_items,
            "ratings": int((~np.isnan(dataset.events.values)).sum()),
            "scale": list(dataset.rating_scale or ()),
        },
        protocol={
            "name": protocol,
            "task": "ratings",
            "seeds": list(seeds),
            "asked": len(whole.actual),
            "asked_without_rating": unrated,
            "levels": list(whole.levels),
            "decoded_to": DECODING,
            "fitted_on_validation": False,
            "peak_rss_is": next(iter(runs.values()))[0].peak_is,
            "split_hash": hashes[0] if len(hashes) == 1 else hashes,
            **facts,
        },
        baselines=whole.baselines(),
        results=results,
        summaries=tuple(summarise(name, [r for r in results if r.model == name]) for name in models),
        comparisons=compare(models, seeds, predicted, whole),
        environment=environment(),
        notes=tuple(_notes(facts, whole, unrated)),
    )


def rating_models(catalogue: Registry[Recommender]) -> list[str]:
    """The registered models that predict ratings."""
    return [name for name in catalogue if issubclass(catalogue[name].cls, RatingPredictor)]


def _rows(
    models: Sequence[str], settings: Mapping[str, Mapping[str, Any]], catalogue: Registry[Recommender]
) -> dict[str, Row]:
    """The rows by name, each built once: a wrong name or setting is an error before anything is fitted."""
    able = ", ".join(rating_models(catalogue))
    if not models:
        raise ConfigError("No model to evaluate was named.", hint=f"Models that predict ratings: {able}.")
    strangers = sorted(set(settings) - set(models))
    if strangers:
        raise ConfigError(
            f"There are settings for {', '.join(strangers)}, which are not evaluated.",
            hint=f"Evaluated are: {', '.join(models)}. One table a row: [{models[0]}].",
        )
    rows = {name: Row.of(name, settings.get(name)) for name in models}
    for name, row in rows.items():
        if not issubclass(catalogue[row.model].cls, RatingPredictor):
            raise UnsupportedError(
                f"{name} ranks items and does not predict ratings.", hint=f"Models that predict ratings: {able}."
            )
        catalogue.build(row.model, row.settings)
    return rows


def _check_rated(dataset: Dataset, models: Sequence[str]) -> None:
    try:
        RatingTargets.fit(dataset)
    except DataError:
        raise DataError(
            f"The values of {dataset.name!r} are not ratings, and {', '.join(models)} cannot learn without.",
            hint="Import the column that holds them (--map value=COLUMN), or evaluate the ranking, without --task: "
            "popularity, item_knn and interest need no ratings.",
        ) from None


def _asked(split: Split) -> tuple[IntArray, RowArray, Asked, int]:
    """The case and item of each test rating, what is known of them, and how many targets have no rating."""
    test = split.test
    values = test.target_values if test.target_values is not None else np.full(len(test.target_items), np.nan)
    rated = ~np.isnan(values)
    if not rated.any():
        raise ProtocolError(
            f"{split.protocol} asks for {len(values)} items, and none of them was rated.",
            hint="Use another protocol or seed, or import more ratings.",
        )
    cases = np.repeat(np.arange(len(test), dtype=np.int64), np.diff(test.target_indptr))[rated]
    items = test.target_items[rated]
    asked = Asked.of(split.train, test.histories.users[cases].astype(np.int64), items.astype(np.int64), values[rated])
    return cases, items, asked, int((~rated).sum())


def _run(
    row: Row,
    name: str,
    split: Split,
    cases: IntArray,
    items: RowArray,
    *,
    options: FitOptions,
    catalogue: Registry[Recommender],
) -> _Run:
    peak, fitting, asking = PeakMemory(), Stopwatch(), Stopwatch()
    model = catalogue.build(row.model, row.settings)
    if not isinstance(model, RatingPredictor):  # checked for the class before; this tells the type checker
        raise UnsupportedError(f"{name} does not predict ratings.", hint="Use a model that does.")
    options.progress.note(f"{name}, seed {options.seed}: {len(split.train.events):,} training events")
    earlier = seconds_kept(options.checkpoints) if options.checkpoints and options.resume else 0.0
    with fitting.running():
        model.fit(split.train, options=options)
    histories = row.asked(split.test, seed=options.seed).histories
    with asking.running():
        predicted = model.predict(histories, cases, items)
    if predicted.shape != cases.shape or not np.isfinite(predicted).all():
        raise TrainingError(
            f"{name} predicted {predicted.shape} ratings for {cases.shape}, "
            f"{int((~np.isfinite(predicted)).sum())} of them not finite.",
            hint="Look at its settings: a smaller learning rate, more regularisation.",
        )
    return _Run(
        predicted=predicted,
        fit_seconds=fitting.seconds + earlier,
        predict_seconds=asking.seconds,
        peak_mb=peak.megabytes,
        peak_is=peak.measures,
    )


def _notes(facts: Mapping[str, Any], asked: Asked, unrated: int) -> list[str]:
    notes = cautions(facts)
    if unrated:
        notes.append(f"{unrated:,} test events have no rating and are not asked for.")
    if len(asked.levels) > MOST_LEVELS:
        notes.append(f"{len(asked.levels)} distinct ratings are too many for a report by class.")
    return notes

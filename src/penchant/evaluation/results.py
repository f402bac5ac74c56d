"""What an evaluation found: frozen records whose field names are the names in its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penchant.artifacts import write_json
from penchant.errors import NotFoundError
from penchant.evaluation.bands import Band


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResult:
    """One model, one seed, history excluded from the ranking or not."""

    model: str
    exclude_history: bool
    seed: int
    metrics: Mapping[str, float]
    fit_seconds: float
    score_seconds: float
    peak_rss_mb: float
    intervals: Mapping[str, tuple[float, float]]
    """95 % bootstrap intervals over users, of the metrics that have a value for each case."""
    by_history_length: tuple[Band, ...]
    by_item_popularity: tuple[Band, ...]
    roc: Mapping[str, list[float]]
    """`false_positive_rate` and `true_positive_rate` of the mean curve, thinned for drawing."""
    folds: tuple[Mapping[str, float], ...] = ()
    """Metrics of each fold, for the k-fold protocols."""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One model over its seeds: mean and standard deviation (n − 1) of each metric; 0 for one seed."""

    model: str
    exclude_history: bool
    seeds: int
    mean: Mapping[str, float]
    spread: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    """95 % bootstrap intervals over users of the values averaged over seeds."""
    folds: int = 1
    fold_mean: Mapping[str, float] = field(default_factory=dict)
    fold_spread: Mapping[str, float] = field(default_factory=dict)
    """For the k-fold protocols: mean and standard deviation (n − 1) over the folds, seeds averaged in each fold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Whether `model` is ahead of `other`: the mean over users of the difference of their values, seeds averaged.

    `p` is from the paired permutation test, `p_holm` corrected for the pairs compared on this metric.
    """

    model: str
    other: str
    exclude_history: bool
    metric: str
    difference: float
    interval: tuple[float, float]
    p: float
    p_holm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """A model fitted on part of the users' records, asked about the users who are in every part."""

    model: str
    exclude_history: bool
    share: float
    train_users: int
    train_events: int
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    fit_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """Everything an evaluation found, and on what."""

    dataset: Mapping[str, Any]
    """`name`, `fingerprint`, `users`, `items`, `events`"""
    protocol: Mapping[str, Any]
    """`name`, `k`, `exclude_history`, `seeds`, `sample_users`, what the split did, `split_hash`, how things are
    measured"""
    results: tuple[ModelResult, ...]
    summaries: tuple[Summary, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    learning_curve: tuple[CurvePoint, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What a reader must know before comparing."""

    def of(self, model: str, *, exclude_history: bool = True, seed: int | None = None) -> ModelResult:
        """The result of a model, of its first seed where none is named; `NotFoundError` where there is none."""
        for result in self.results:
            if (result.model, result.exclude_history) == (model, exclude_history) and seed in {None, result.seed}:
                return result
        there = sorted({f"{one.model}, seed {one.seed}, exclude_history {one.exclude_history}" for one in self.results})
        raise NotFoundError(f"No result of {model!r} with these settings.", hint=f"There are: {'; '.join(there)}.")

    def save(self, path: Path) -> None:
        """Write the JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, self)

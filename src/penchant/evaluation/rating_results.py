"""What an evaluation of predicted ratings found: frozen records whose field names are the names in its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penchant.artifacts import write_json
from penchant.errors import NotFoundError
from penchant.metrics.classification import ClassScores


@dataclass(frozen=True, slots=True, kw_only=True)
class LikedScores:
    """Liked or not: actual and predicted ratings at or above the threshold are likes."""

    threshold: float
    """In the unit of the ratings."""
    accuracy: float
    majority_accuracy: float
    """Of always saying what most training ratings are."""
    precision: float
    recall: float
    f1: float
    support: int
    """Actual likes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingScores:
    """What predicted ratings are worth, whoever predicted them."""

    metrics: Mapping[str, float]
    """``rmse``, ``mse``, ``mae`` of the ratings in their own unit; ``accuracy`` and ``macro_*`` of the nearest level"""
    intervals: Mapping[str, tuple[float, float]]
    """95 % bootstrap intervals over users, of ``rmse``, ``mse``, ``mae`` and ``accuracy``"""
    report: tuple[ClassScores, ...]
    """Of each rating level; empty where there are too many to be classes"""
    liked: LikedScores


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingResult:
    """One model and one seed, over all splits."""

    model: str
    seed: int
    scores: RatingScores
    folds: tuple[Mapping[str, float], ...]
    """``rmse``, ``mse`` and ``mae`` of each split"""
    fit_seconds: float
    predict_seconds: float
    peak_rss_mb: float
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingSummary:
    """One model over its seeds: mean and standard deviation (n − 1); 0 for one seed."""

    model: str
    seeds: int
    mean: Mapping[str, float]
    spread: Mapping[str, float]
    fold_mean: float
    """RMSE averaged over splits and seeds, as published figures are"""
    fold_spread: float
    """Its standard deviation (n − 1) over splits; 0 for one"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingComparison:
    """Whether `model` is more exact than `other`: the mean difference of their errors, over users, seeds averaged.

    `p` is from the paired permutation test over users, `p_holm` corrected for the pairs compared.
    """

    model: str
    other: str
    metric: str
    """``mse`` or ``mae``; below 0 means that `model` is ahead."""
    difference: float
    interval: tuple[float, float]
    p: float
    p_holm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingEvaluation:
    """Everything an evaluation of ratings found, and on what."""

    dataset: Mapping[str, Any]
    """`name`, `fingerprint`, `users`, `items`, `ratings`, `scale`"""
    protocol: Mapping[str, Any]
    """`name`, `seeds`, what the split did, `split_hash`, how ratings are decoded"""
    baselines: Mapping[str, Mapping[str, float]]
    """``mean`` and ``item_mean`` of the training ratings with their errors; ``majority`` with its label and accuracy"""
    results: tuple[RatingResult, ...]
    summaries: tuple[RatingSummary, ...]
    comparisons: tuple[RatingComparison, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What a reader must know before comparing."""

    def of(self, model: str, *, seed: int | None = None) -> RatingResult:
        """The result of a model, of its first seed where none is named; `NotFoundError` where there is none."""
        for result in self.results:
            if result.model == model and seed in {None, result.seed}:
                return result
        there = ", ".join(f"{one.model} with seed {one.seed}" for one in self.results)
        raise NotFoundError(f"No result of {model!r}.", hint=f"There are: {there}.")

    def save(self, path: Path) -> None:
        """Write the JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, self)

"""Predicted against actual ratings: errors in the rating's unit, levels as classes, liked or not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.rating_targets import LIKED_SHARE, RatingTargets
from penchant.evaluation.rating_results import LikedScores, RatingScores
from penchant.metrics.classification import accuracy, classification_report, macro
from penchant.metrics.rating import mean_absolute_error, mean_squared_error, root_mean_squared_error
from penchant.metrics.significance import bootstrap_intervals, by_user
from penchant.types import DoubleArray, IntArray

MOST_LEVELS = 50
"""With more distinct ratings than this a rating is a number and no class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The ratings of one or more splits, and what is known of them without any model."""

    owners: IntArray
    """(N,) user row of each"""
    actual: DoubleArray
    """(N,) in the dataset's own unit"""
    levels: tuple[float, ...]
    """Training levels, ascending: what a prediction is decoded to"""
    liked_from: float
    """The rating from which it is a like"""
    means: DoubleArray
    """(N,) the training mean, as a prediction"""
    item_means: DoubleArray
    """(N,) the item's training mean; the mean of all where it has none"""
    majority: DoubleArray
    """(N,) the most frequent training rating; the lowest of several"""
    mostly_liked: DoubleArray
    """(N,) 1 where most training ratings are likes, else 0"""

    @classmethod
    def of(cls, train: Dataset, owners: IntArray, items: IntArray, actual: DoubleArray) -> "Asked":
        """Ratings asked of models that were fitted on `train`."""
        targets = RatingTargets.fit(train)
        events = train.events
        rated = ~np.isnan(events.values) & (events.items >= 0)
        values, mean = events.values[rated], float(events.values[rated].mean())
        counts = np.bincount(events.items[rated], minlength=train.n_items)
        sums = np.bincount(events.items[rated], values, minlength=train.n_items)
        item_means = np.where(counts > 0, sums / np.maximum(counts, 1), mean)
        levels, frequencies = np.unique(values, return_counts=True)
        n = len(actual)
        return cls(
            owners=owners,
            actual=actual,
            levels=targets.levels,
            liked_from=targets.low + LIKED_SHARE * (targets.high - targets.low),
            means=np.full(n, mean),
            item_means=item_means[items],
            majority=np.full(n, levels[frequencies.argmax()]),
            mostly_liked=np.full(n, float(targets.liked(values).mean() > 0.5)),
        )

    @classmethod
    def joined(cls, parts: Sequence["Asked"]) -> "Asked":
        """The ratings of several splits, each decoded to all levels that any of them trained on."""
        arrays = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("owners", "actual", "means", "item_means", "majority", "mostly_liked")
        }
        levels = tuple(sorted({level for part in parts for level in part.levels}))
        return cls(levels=levels, liked_from=parts[0].liked_from, **arrays)

    def baselines(self) -> dict[str, dict[str, float]]:
        """What is reached without a model."""
        return {
            "mean": errors(self.means, self.actual),
            "item_mean": errors(self.item_means, self.actual),
            "majority": {"label": float(self.majority[0]), "accuracy": accuracy(self.majority, self.actual)},
        }

    def scores(self, predicted: DoubleArray) -> RatingScores:
        """What predictions (N,) are worth."""
        said = decoded(predicted, self.levels)
        labels = sorted({*self.levels, *self.actual.tolist()})
        report = classification_report(said, self.actual, labels) if len(labels) <= MOST_LEVELS else ()
        squared, absolute = (predicted - self.actual) ** 2, np.abs(predicted - self.actual)
        columns = np.stack([squared, absolute, (said == self.actual).astype(np.float64)], axis=1)
        low, high = bootstrap_intervals(by_user(columns, self.owners))
        ends = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
        return RatingScores(
            metrics={
                **errors(predicted, self.actual),
                "accuracy": accuracy(said, self.actual),
                **(macro(report) if report else {}),
            },
            intervals={
                "rmse": (ends[0][0] ** 0.5, ends[0][1] ** 0.5),  # the root keeps the order of the resampled means
                "mse": ends[0],
                "mae": ends[1],
                "accuracy": ends[2],
            },
            report=report,
            liked=self._liked(predicted),
        )

    def _liked(self, predicted: DoubleArray) -> LikedScores:
        said, true = (values >= self.liked_from for values in (predicted, self.actual))
        (scores,) = classification_report(said, true, [True])
        return LikedScores(
            threshold=self.liked_from,
            accuracy=accuracy(said, true),
            majority_accuracy=accuracy(self.mostly_liked > 0, true),
            precision=scores.precision,
            recall=scores.recall,
            f1=scores.f1,
            support=scores.support,
        )


def errors(predicted: DoubleArray, actual: DoubleArray) -> dict[str, float]:
    """``rmse``, ``mse``, ``mae``."""
    return {
        "rmse": root_mean_squared_error(predicted, actual),
        "mse": mean_squared_error(predicted, actual),
        "mae": mean_absolute_error(predicted, actual),
    }


def decoded(predicted: DoubleArray, levels: Sequence[float]) -> DoubleArray:
    """The nearest level of each prediction; half way between two the lower one."""
    known = np.asarray(levels, dtype=np.float64)
    middles = (known[:-1] + known[1:]) / 2.0
    return np.asarray(known[np.searchsorted(middles, predicted, side="left")], dtype=np.float64)

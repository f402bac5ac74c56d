"""The ROC curve and the area under it.

For labelled scores: points (false positive rate, true positive rate) as the threshold falls; a positive and a negative
with equal scores count one half. For ranked targets: the mean curve of the cases, whose area is the mean of
`penchant.metrics.ranking.auc`.
"""

from dataclasses import dataclass

import numpy as np

from penchant.errors import DataError
from penchant.types import AnyArray, DoubleArray, IntArray


@dataclass(frozen=True, slots=True)
class RocCurve:
    """Points from (0, 0) to (1, 1)."""

    false_positive_rate: DoubleArray
    true_positive_rate: DoubleArray

    @property
    def area(self) -> float:
        """Area by the trapezoid rule."""
        return float(np.trapezoid(self.true_positive_rate, self.false_positive_rate))


def roc_curve(labels: AnyArray, scores: AnyArray) -> RocCurve:
    """The curve of N labels (true or false) and scores (higher: more likely true), one point for each distinct score.

    Raises `DataError` where only one class is there, since the curve has no second axis then, and for a score that is
    NaN, which is neither above nor below another.
    """
    labels, scores = np.asarray(labels, dtype=np.bool_), np.asarray(scores, dtype=np.float64)
    positives = int(labels.sum())
    if labels.shape != scores.shape or not 0 < positives < len(labels):
        raise DataError(
            f"A ROC curve needs a score for each label and both classes; {positives} of {labels.size} labels are true, "
            f"{scores.size} scores came.",
            hint="Check the labels.",
        )
    if np.isnan(scores).any():
        raise DataError(
            f"{np.count_nonzero(np.isnan(scores))} of {scores.size} scores are NaN.",
            hint="Leave out what has no score.",
        )
    order = np.argsort(-scores, kind="stable")
    last_of_score = np.append(scores[order][1:] != scores[order][:-1], True)
    true = np.append(0, np.cumsum(labels[order])[last_of_score])
    false = np.append(0, np.cumsum(~labels[order])[last_of_score])
    return RocCurve(false / (len(labels) - positives), true / positives)


def roc_auc(labels: AnyArray, scores: AnyArray) -> float:
    """Area under `roc_curve`: the chance that a true one scores above a false one, ties counting one half.

    `DataError` as `roc_curve` raises it.
    """
    return roc_curve(labels, scores).area


def mean_roc_curve(rates: DoubleArray, indptr: IntArray) -> RocCurve:
    """The mean over cases of each case's curve, from `false_positive_rates` of its packed targets.

    At false positive rate x it is the share of targets, each case weighing the same, whose rate is at most x: a step
    for each distinct rate, drawn exactly.
    """
    lengths = np.diff(indptr)
    weights = np.repeat(1.0 / (lengths * max(1, len(lengths))), lengths)
    x, place = np.unique(rates, return_inverse=True)
    risen = np.cumsum(np.bincount(place, weights=weights, minlength=len(x)))
    # Each step is drawn as two points, so that the trapezoids have the area of the steps.
    steps = np.stack([np.concatenate([[0.0], risen[:-1]]), risen], axis=1)
    across = np.concatenate([[0.0], np.repeat(x, 2), [1.0]])
    return RocCurve(across, np.concatenate([[0.0], np.minimum(steps.ravel(), 1.0), [1.0]]))


def thin(curve: RocCurve, points: int = 200) -> RocCurve:
    """A curve of at most about `points` points for drawing: the ends, and points evenly spaced along its length."""
    x, y = curve.false_positive_rate, curve.true_positive_rate
    if len(x) <= points:
        return curve
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    chosen = np.unique(np.searchsorted(along, np.linspace(0, along[-1], points)).clip(0, len(x) - 1))
    chosen = np.unique(np.concatenate([[0], chosen, [len(x) - 1]]))
    return RocCurve(x[chosen], y[chosen])

"""Metrics of labels: one predicted and one actual for each example.

* accuracy: the share of examples whose labels agree
* precision of a class ``TP / (TP + FP)`` · recall ``TP / (TP + FN)`` · F1 ``2PR / (P + R)``, each 0 where it would
  divide by 0
* macro: the plain mean over the classes
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.errors import DataError
from penchant.types import AnyArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScores:
    """One class of a report."""

    label: float
    precision: float
    recall: float
    f1: float
    support: int
    """Examples whose actual label it is."""


def accuracy(predicted: AnyArray, actual: AnyArray) -> float:
    """The share of equal labels."""
    predicted, actual = _paired(predicted, actual)
    return float(np.mean(predicted == actual))


def classification_report(predicted: AnyArray, actual: AnyArray, labels: Sequence[float]) -> tuple[ClassScores, ...]:
    """Precision, recall and F1 of each of the `labels`, in their order.

    Worked: predicted 4, 4, 5 and actual 4, 5, 5: class 4 has precision 1/2, recall 1, F1 2/3; class 5 precision 1,
    recall 1/2, F1 2/3.
    """
    predicted, actual = _paired(predicted, actual)
    report = []
    for label in labels:
        said, true = predicted == label, actual == label
        hits = int((said & true).sum())
        precision, recall = _ratio(hits, int(said.sum())), _ratio(hits, int(true.sum()))
        f1 = _ratio(2 * precision * recall, precision + recall)
        scores = ClassScores(label=float(label), precision=precision, recall=recall, f1=f1, support=int(true.sum()))
        report.append(scores)
    return tuple(report)


def macro(report: Sequence[ClassScores]) -> dict[str, float]:
    """Plain means over the classes: ``macro_precision``, ``macro_recall``, ``macro_f1``."""
    return {
        f"macro_{name}": float(np.mean([getattr(scores, name) for scores in report]))
        for name in ("precision", "recall", "f1")
    }


def _ratio(above: float, below: float) -> float:
    return above / below if below else 0.0


def _paired(predicted: AnyArray, actual: AnyArray) -> tuple[AnyArray, AnyArray]:
    predicted, actual = np.asarray(predicted), np.asarray(actual)
    if predicted.shape != actual.shape or not predicted.size:
        raise DataError(
            f"Predicted and actual labels have shapes {predicted.shape} and {actual.shape}.",
            hint="Give as many predictions as labels, and at least one.",
        )
    return predicted, actual

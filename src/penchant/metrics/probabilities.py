"""Metrics of predicted probabilities of a yes, against what came: 1 for a yes, 0 for a no.

* Brier score ``(1/N) Σ (p_n − y_n)²``: 0 is perfect; whoever always says the base rate ȳ gets ``ȳ (1 − ȳ)``
* log loss ``−(1/N) Σ y_n ln p_n + (1 − y_n) ln(1 − p_n)``, in nats
* expected calibration error ``Σ_b (n_b / N) |p̄_b − ȳ_b|`` over the bins b of the reliability table
"""

from dataclasses import dataclass

import numpy as np

from penchant.errors import DataError
from penchant.metrics.classification import accuracy, classification_report
from penchant.metrics.roc import roc_auc
from penchant.types import AnyArray, DoubleArray

TINY = 1e-12
"""Probabilities are kept this far from 0 and 1 where their logarithm is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """What came of the examples whose probability was in one stretch."""

    low: float
    high: float
    """The stretch, its low end included, and of the last one the high end too."""
    n: int
    predicted: float
    """The mean probability."""
    actual: float
    """The share of yes: near `predicted` where the probabilities can be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class YesNoReport:
    """How good probabilities of a yes are: as decisions, as an order, and as probabilities."""

    n: int
    yes: int
    """How many of the examples are a yes."""
    threshold: float
    """The probability from which it was said."""
    accuracy: float
    precision: float
    """Of those it was said of, the share that are a yes."""
    recall: float
    """Of the yes, the share it was said of."""
    f1: float
    auc: float | None
    """The chance that a yes is above a no; None where all examples are one or the other."""
    brier: float
    base_rate_brier: float
    """The Brier score of who always says the share of yes among these examples."""
    log_loss: float
    calibration_error: float
    reliability: tuple[ReliabilityBin, ...]


def yes_no_report(probabilities: AnyArray, labels: AnyArray, *, threshold: float = 0.5, bins: int = 10) -> YesNoReport:
    """All there is to say of N probabilities and labels of 0 and 1."""
    p, y = _paired(probabilities, labels)
    said = p >= threshold
    (scores,) = classification_report(said.astype(np.float64), y, [1.0])
    return YesNoReport(
        n=len(y),
        yes=int(y.sum()),
        threshold=threshold,
        accuracy=accuracy(said, y > 0),
        precision=scores.precision,
        recall=scores.recall,
        f1=scores.f1,
        auc=roc_auc(y > 0, p) if 0 < y.sum() < len(y) else None,
        brier=brier_score(p, y),
        base_rate_brier=base_rate_brier(y),
        log_loss=log_loss(p, y),
        calibration_error=expected_calibration_error(p, y, bins=bins),
        reliability=reliability_table(p, y, bins=bins),
    )


def brier_score(probabilities: AnyArray, labels: AnyArray) -> float:
    """The mean squared error of probabilities (Brier 1950).

    Worked: p = (0.8, 0.4) for y = (1, 0): (0.04 + 0.16) / 2 = 0.1.
    """
    p, y = _paired(probabilities, labels)
    return float(np.mean((p - y) ** 2))


def base_rate_brier(labels: AnyArray) -> float:
    """``ȳ (1 − ȳ)``: the Brier score of who says the same of all, and knows how many are a yes."""
    share = float(np.mean(np.asarray(labels, dtype=np.float64)))
    return share * (1.0 - share)


def log_loss(probabilities: AnyArray, labels: AnyArray) -> float:
    """The mean surprise, in nats. Worked: p = 0.8 for a yes: −ln 0.8 = 0.22314."""
    p, y = _paired(probabilities, labels)
    p = p.clip(TINY, 1.0 - TINY)
    return float(-np.mean(y * np.log(p) + (1.0 - y) * np.log1p(-p)))


def reliability_table(probabilities: AnyArray, labels: AnyArray, *, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Stretches of equal width from 0 to 1 in ascending order, those without examples left out.

    Worked: two bins, p = (0.1, 0.3, 0.9), y = (0, 1, 1): [0, 0.5) has 2 with 0.2 predicted and 0.5 actual, [0.5, 1] has
    1 with 0.9 and 1.
    """
    p, y = _paired(probabilities, labels)
    places = np.minimum((p * bins).astype(np.int64), bins - 1)
    return tuple(
        ReliabilityBin(
            low=b / bins,
            high=(b + 1) / bins,
            n=int((places == b).sum()),
            predicted=float(p[places == b].mean()),
            actual=float(y[places == b].mean()),
        )
        for b in np.unique(places).tolist()
    )


def expected_calibration_error(probabilities: AnyArray, labels: AnyArray, *, bins: int = 10) -> float:
    """How far, on average, what is said is from what comes (Naeini et al. 2015)."""
    table = reliability_table(probabilities, labels, bins=bins)
    return sum(row.n * abs(row.predicted - row.actual) for row in table) / sum(row.n for row in table)


def _paired(probabilities: AnyArray, labels: AnyArray) -> tuple[DoubleArray, DoubleArray]:
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if p.shape != y.shape or not p.size:
        raise DataError(
            f"Probabilities and labels have shapes {p.shape} and {y.shape}.",
            hint="Give as many probabilities as labels, and at least one.",
        )
    if not ((p >= 0) & (p <= 1)).all() or not np.isin(y, (0.0, 1.0)).all():
        raise DataError(
            "Probabilities are from 0 to 1 and labels 0 or 1; others came.", hint="Give P(yes), and 1 for a yes."
        )
    return p, y

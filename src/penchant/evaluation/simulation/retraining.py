"""What all users share, fitted to the log: an intercept, an effect per concept, an effect per item.

    maximise  Σ_n ω_n log p(y_n | b + β·a_i + f_i + offset_n) − |β|²/2v_C − |f − f⁰|²/2v_I         (MAP, logistic)
    f⁰_i = log( (n_i + 1) / (mean n + 1) )                                   n_i: how often the past has the item

The offset is what the belief added for the user at the time, so that an item is not praised for the users it was shown
to. The item's variance is that of its effect alone, given the rest: ``1 / (1/v_I + Σ_n ω_n p (1 − p))`` (Laplace).
"""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from penchant.evaluation.simulation.world import Catalogue
from penchant.types import DoubleArray, IntArray

STEPS = 50
"""Of L-BFGS; it begins where the last fit ended."""


@dataclass(slots=True)
class ImpressionLog:
    """What was shown and how it was taken, in parts as they came."""

    items: list[IntArray] = field(default_factory=list)
    offsets: list[DoubleArray] = field(default_factory=list)
    labels: list[DoubleArray] = field(default_factory=list)
    weights: list[DoubleArray] = field(default_factory=list)

    def add(self, items: IntArray, offsets: DoubleArray, labels: DoubleArray, weights: DoubleArray) -> None:
        """Some impressions."""
        self.items.append(items)
        self.offsets.append(offsets)
        self.labels.append(labels)
        self.weights.append(weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What was found."""

    intercept: float
    concepts: DoubleArray
    """(C,) β"""
    items: DoubleArray
    """(I,) f"""
    expected_items: DoubleArray
    """(I,) f⁰"""
    item_variances: DoubleArray
    """(I,)"""
    of_items: DoubleArray
    """(I,) b + β·a_i + f_i"""

    @classmethod
    def nothing(cls, catalogue: Catalogue, *, rate_log_odds: float, item_width: float) -> "Fit":
        """Before any impression: items differ by how often they were taken in the past."""
        counts = np.bincount(catalogue.history_items, minlength=catalogue.n_items).astype(np.float64)
        popular = np.log((counts + 1.0) / (counts.mean() + 1.0))
        return cls(
            intercept=rate_log_odds,
            concepts=np.zeros(catalogue.n_concepts),
            items=popular,
            expected_items=popular,
            item_variances=np.full(catalogue.n_items, item_width),
            of_items=rate_log_odds + popular,
        )


def fit(catalogue: Catalogue, log: ImpressionLog, *, start: Fit, item_width: float, concept_width: float) -> Fit:
    """The fit to a log; `start` itself where the log is empty."""
    if not log.items:
        return start
    rows, offsets = np.concatenate(log.items), np.concatenate(log.offsets)
    labels, weights = np.concatenate(log.labels), np.concatenate(log.weights)
    n_concepts, n_items = catalogue.n_concepts, catalogue.n_items
    activations = catalogue.activations
    centre = np.concatenate([np.zeros(1 + n_concepts), start.expected_items])
    precision = np.concatenate([[0.0], np.full(n_concepts, 1 / concept_width), np.full(n_items, 1 / item_width)])

    def everyone(theta: DoubleArray) -> DoubleArray:
        return np.asarray(theta[0] + activations @ theta[1 : 1 + n_concepts] + theta[1 + n_concepts :])

    def loss(theta: DoubleArray) -> tuple[float, DoubleArray]:
        logits = everyone(theta)[rows] + offsets
        value = (weights * (np.logaddexp(0.0, logits) - labels * logits)).sum() + 0.5 * (
            precision * (theta - centre) ** 2
        ).sum()
        residual = np.bincount(rows, weights=weights * (expit(logits) - labels), minlength=n_items)
        slope = np.concatenate([[residual.sum()], activations.T @ residual, residual])
        return float(value), slope + precision * (theta - centre)

    first = np.concatenate([[start.intercept], start.concepts, start.items])
    theta = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x
    of_items = everyone(theta)
    chances = expit(of_items[rows] + offsets)
    told = np.bincount(rows, weights=weights * chances * (1 - chances), minlength=n_items)
    return replace(
        start,
        intercept=float(theta[0]),
        concepts=theta[1 : 1 + n_concepts],
        items=theta[1 + n_concepts :],
        item_variances=np.asarray(1.0 / (1.0 / item_width + told), dtype=np.float64),
        of_items=of_items,
    )

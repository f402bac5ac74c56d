"""Logits brought to where their probabilities can be believed, by what came of held-out examples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from penchant.metrics.probabilities import log_loss
from penchant.seeding import numpy_rng
from penchant.types import DoubleArray

FOLDS = 5
FEWEST = 2 * FOLDS
"""Examples of either class below which nothing is fitted."""
STEPS = 50
DAMPING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class PlattScaling:
    """``s' = a s + b``, so that P(yes) = 1 / (1 + e^{−s'}).

    J. Platt, "Probabilistic outputs for support vector machines" (1999). It keeps the order of the examples (a > 0),
    and with b = 0 it is the temperature scaling of Guo et al. (2017).
    """

    slope: float
    intercept: float

    @classmethod
    def fit(cls, logits: DoubleArray, labels: DoubleArray) -> "PlattScaling":
        """The a and b of least log loss on N logits and labels of 0 and 1, by Newton's steps
        (Lin, Lin and Weng 2007).

        A yes counts as ``(N₊ + 1)/(N₊ + 2)`` and a no as ``1/(N₋ + 2)``, as Platt has it: a few examples that are told
        apart without an error do not make the scaling sure of everything.
        """
        yes = float(labels.sum())
        targets = np.where(labels > 0.5, (yes + 1.0) / (yes + 2.0), 1.0 / (len(labels) - yes + 2.0))
        inputs = np.stack([logits, np.ones(len(logits))], axis=1)
        # From the base rate, where the loss is curved: at a slope of 1 logits may be so sure that it is flat.
        weights = np.array([0.0, np.log((yes + 1.0) / (len(labels) - yes + 1.0))])

        def loss(at: DoubleArray) -> float:
            scaled = inputs @ at
            return float(np.mean(np.logaddexp(0.0, scaled) - targets * scaled))

        for _ in range(STEPS):
            p = expit(inputs @ weights)
            gradient = inputs.T @ (p - targets) / len(p)
            curvature = (inputs * (p * (1.0 - p))[:, None]).T @ inputs / len(p) + DAMPING * np.eye(2)
            step = np.linalg.solve(curvature, gradient)
            size = 1.0
            while loss(weights - size * step) > loss(weights) and size > DAMPING:
                size /= 2.0
            weights = weights - size * step
            if np.abs(size * step).max() < DAMPING:
                break
        return cls(slope=float(weights[0]), intercept=float(weights[1]))

    def as_json(self) -> dict[str, float]:
        """For a manifest."""
        return {"slope": self.slope, "intercept": self.intercept}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "PlattScaling":
        """What `as_json` gave."""
        return cls(slope=float(saved["slope"]), intercept=float(saved["intercept"]))

    def probabilities(self, logits: DoubleArray) -> DoubleArray:
        """P(yes)"""
        return np.asarray(expit(self.slope * logits + self.intercept), dtype=np.float64)


def scaling_that_pays(logits: DoubleArray, labels: DoubleArray, *, seed: int) -> PlattScaling | None:
    """The scaling of held-out logits where it makes the log loss of examples it was not fitted on less, by
    cross-validation in `FOLDS` parts; None where it does not, where it would turn the order round, or where there are
    fewer than `FEWEST` examples of a class.
    """
    if min(labels.sum(), len(labels) - labels.sum()) < FEWEST:
        return None
    order = numpy_rng(seed, "calibration").permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]  # of either class alike in every part
    scaled = np.empty(len(labels))
    for fold in range(FOLDS):
        out, rest = order[fold::FOLDS], np.concatenate([order[k::FOLDS] for k in range(FOLDS) if k != fold])
        scaled[out] = PlattScaling.fit(logits[rest], labels[rest]).probabilities(logits[out])
    whole = PlattScaling.fit(logits, labels)
    pays = log_loss(scaled, labels) < log_loss(expit(logits), labels)
    return whole if pays and whole.slope > 0 else None

"""Logistic regression that says how sure it is: a Gaussian prior in groups, whose widths the examples choose."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field
from scipy.special import expit

from penchant.config import Config
from penchant.errors import ConfigError, DataError
from penchant.types import AnyArray, BoolArray, DoubleArray, IntArray

NEWTON_STEPS = 60
NEWTON_TOLERANCE = 1e-9
SMALLEST_STEP = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed of D weights before any example: ``w_d ~ N(m_d, σ²_{g(d)})``, and of the widths,
    ``σ²_g ~ InverseGamma(a, b_g)`` with its mode at the square of the width given.
    """

    means: DoubleArray
    """m, (D,)"""
    groups: IntArray
    """g(d), (D,): weights of one group share their width; groups are 0, 1, …"""
    widths: DoubleArray
    """(G,) where σ_g is most likely before any example"""
    certainty: float
    """Of the widths: how many weights' worth of evidence stands behind them, 2a. Infinite: the widths stay."""

    def __post_init__(self) -> None:
        """`ConfigError` where the parts do not fit each other."""
        groups = np.unique(self.groups)
        if self.groups.shape != self.means.shape or not np.array_equal(groups, np.arange(len(self.widths))):
            raise ConfigError(
                f"A prior of {len(self.means)} means came with groups {groups.tolist()} and {len(self.widths)} widths.",
                hint="Give one mean and one group a weight, and one width a group, groups counted from 0.",
            )
        if not np.isfinite(self.means).all() or not ((self.widths > 0) & np.isfinite(self.widths)).all():
            raise ConfigError("A prior's mean or width is not finite, or a width is not above 0.", hint="Mend it.")
        if not self.certainty >= 0:
            raise ConfigError(f"certainty is {self.certainty}; it is at least 0.", hint="1 leaves the widths free.")

    @classmethod
    def of_blocks(cls, blocks: Sequence[tuple[DoubleArray, float]], *, certainty: float = 4.0) -> "Prior":
        """From one (means, width) for each group, in the order of the columns."""
        return cls(
            means=np.concatenate([means for means, _ in blocks]),
            groups=np.repeat(np.arange(len(blocks)), [len(means) for means, _ in blocks]),
            widths=np.array([width for _, width in blocks], dtype=np.float64),
            certainty=certainty,
        )


class BayesianLogisticConfig(Config):
    """How the widths are found."""

    learn_widths: bool = True
    """Whether the examples choose the widths; else those of the prior stay."""
    rounds: int = Field(default=25, ge=1)
    """Of expectation and maximisation at most; a round is one Laplace approximation."""
    tolerance: float = Field(default=1e-2, gt=0)
    """It ends where no log width moves by more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesianLogistic:
    """``P(y = 1 | x) = ∫ σ(x·w) N(w; m, S) dw``: the posterior of a logistic regression by Laplace's approximation.

    The mode of ``Σ_n log σ(±x_n·w) − ½ Σ_d (w_d − m_d)²/σ²_{g(d)}`` is found by Newton's steps; S is the inverse
    curvature there. The widths maximise their posterior by expectation and maximisation,

        σ²_g = (b_g + ½ (|w_g − m_g|² + tr S_gg)) / (a + 1 + ½ D_g),

    so that one example leaves them where the prior has them, and many choose them (type II maximum likelihood: MacKay,
    "Bayesian interpolation", 1992; MacKay, "The evidence framework applied to classification networks", 1992). The
    integral is MacKay's, ``σ(μ / √(1 + π s²/8))`` with μ = x·w and s² = x S x: far from all examples it nears ½.

    No example at all is allowed: the posterior is the prior. Labels are 0 or 1, or between for one half believed.
    """

    weights: DoubleArray
    """(D,) the posterior's mode"""
    covariance: DoubleArray
    """S, (D, D)"""
    widths: DoubleArray
    """(G,) σ_g"""
    log_evidence: float
    """Laplace's approximation of ``log P(labels | features, widths)``, in nats"""

    @classmethod
    def fit(
        cls,
        features_ND: AnyArray,
        labels_N: ArrayLike,
        prior: Prior,
        *,
        counts_N: ArrayLike | None = None,
        config: BayesianLogisticConfig | None = None,
    ) -> "BayesianLogistic":
        """The posterior after N examples, each counted `counts_N` times (1 where not given).

        Raises `DataError` for shapes that do not fit, features that are not finite, labels outside [0, 1] and negative
        counts.
        """
        config = config or BayesianLogisticConfig()
        features, labels = np.asarray(features_ND, dtype=np.float64), np.asarray(labels_N, dtype=np.float64)
        counts = np.ones(len(labels)) if counts_N is None else np.asarray(counts_N, dtype=np.float64)
        _check(features, labels, counts, len(prior.means))
        found = _posterior(features, labels, counts, prior, prior.widths, start=prior.means)
        if not config.learn_widths or not np.isfinite(prior.certainty) or not len(labels):
            return found
        half, sizes = prior.certainty / 2, np.bincount(prior.groups)
        for _ in range(config.rounds):
            moved = (found.weights - prior.means) ** 2 + np.diag(found.covariance)
            sums = np.bincount(prior.groups, moved)
            widths = np.sqrt(((half + 1) * prior.widths**2 + sums / 2) / (half + 1 + sizes / 2))
            change = float(np.abs(np.log(widths / found.widths)).max())
            found = _posterior(features, labels, counts, prior, widths, start=found.weights)
            if change < config.tolerance:
                break
        return found

    def logits(self, features_ND: AnyArray) -> tuple[DoubleArray, DoubleArray]:
        """Mean and variance of each row's log odds, (N,) each."""
        features = np.asarray(features_ND, dtype=np.float64)
        if features.ndim != 2 or features.shape[1] != len(self.weights) or not np.isfinite(features).all():
            raise DataError(
                f"Features of shape {features.shape} came for {len(self.weights)} weights, or some are not finite.",
                hint="Give (N, D) finite features, as the examples had.",
            )
        return features @ self.weights, np.einsum("nd,nd->n", features @ self.covariance, features)

    def probabilities(self, features_ND: AnyArray) -> DoubleArray:
        """P(y = 1) of each row, (N,), with the doubt about the weights in it."""
        mean, variance = self.logits(features_ND)
        return np.asarray(expit(mean / np.sqrt(1 + np.pi * variance / 8)), dtype=np.float64)


def _posterior(
    features: DoubleArray,
    labels: DoubleArray,
    counts: DoubleArray,
    prior: Prior,
    widths: DoubleArray,
    *,
    start: DoubleArray,
) -> BayesianLogistic:
    precision = 1 / widths[prior.groups] ** 2

    def loss(at: DoubleArray) -> float:
        logits = features @ at
        misfit = counts @ (np.logaddexp(0, logits) - labels * logits)
        return float(misfit + 0.5 * precision @ (at - prior.means) ** 2)

    weights, now = start.copy(), loss(start)
    for _ in range(NEWTON_STEPS):
        p = expit(features @ weights)
        gradient = features.T @ (counts * (p - labels)) + precision * (weights - prior.means)
        step = np.linalg.solve(_curvature(features, counts * p * (1 - p), precision), gradient)
        size = 1.0
        while (then := loss(weights - size * step)) > now and size > SMALLEST_STEP:
            size /= 2
        if then >= now:
            break
        weights, now = weights - size * step, then
        if np.abs(size * step).max() < NEWTON_TOLERANCE:
            break
    p = expit(features @ weights)
    covariance = np.linalg.inv(_curvature(features, counts * p * (1 - p), precision))
    covariance = (covariance + covariance.T) / 2
    log_evidence = -now + 0.5 * float(np.linalg.slogdet(covariance)[1] + np.log(precision).sum())
    return BayesianLogistic(weights=weights, covariance=covariance, widths=widths, log_evidence=log_evidence)


def _curvature(features: DoubleArray, steepness: DoubleArray, precision: DoubleArray) -> DoubleArray:
    return (features.T * steepness) @ features + np.diag(precision)


def _check(features: DoubleArray, labels: DoubleArray, counts: DoubleArray, dim: int) -> None:
    if features.ndim != 2 or features.shape != (len(labels), dim) or counts.shape != labels.shape or labels.ndim != 1:
        raise DataError(
            f"Features of shape {features.shape}, labels of shape {labels.shape} and counts of shape {counts.shape} "
            f"came; the prior has {dim} weights.",
            hint="Give (N, D) features, (N,) labels of 0 and 1, and (N,) counts or none.",
        )
    within: BoolArray = (labels >= 0) & (labels <= 1)
    if not within.all() or not np.isfinite(features).all() or not ((counts >= 0) & np.isfinite(counts)).all():
        raise DataError(
            "A label is not in [0, 1], a feature is not finite, or a count is negative.",
            hint="Likes are 1 and dislikes 0; leave rows without a label out.",
        )

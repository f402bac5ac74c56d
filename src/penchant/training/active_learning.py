"""What to have labelled next: examples whose label would teach most."""

import numpy as np

from penchant.errors import DataError
from penchant.types import DoubleArray, IntArray


def by_uncertainty(probabilities_N: DoubleArray, *, at_most: int | None = None) -> IntArray:
    """Rows of unlabelled examples, those with the probability nearest to ½ first; equal ones by row.

    Uncertainty sampling (Lewis and Gale 1994). It pays where most examples are easy; where the classifier is wrong and
    sure of it, it never asks: label a random share besides. `DataError` for a probability outside [0, 1].
    """
    probabilities = np.asarray(probabilities_N, dtype=np.float64)
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise DataError("A probability is not in [0, 1].", hint="Give the probabilities of a calibrated head.")
    return np.argsort(np.abs(probabilities - 0.5), kind="stable")[:at_most].astype(np.int64)


def by_information(means_N: DoubleArray, variances_N: DoubleArray, *, at_most: int | None = None) -> IntArray:
    """Rows of unlabelled examples whose label would tell most of a model's weights, by the mean and variance of each
    one's log odds under their posterior; equal ones by row.

    The mutual information of label and weights, ``H[E σ(ℓ)] − E H[σ(ℓ)]`` with ℓ ~ N(mean, variance), in the closed
    form of N. Houlsby et al., "Bayesian active learning for classification and preference learning" (2011). Unlike
    `by_uncertainty` it passes over what no label can settle: an example that is even by nature, not for want of
    evidence. `DataError` for a variance below 0 or a number that is not finite.
    """
    means, variances = np.asarray(means_N, dtype=np.float64), np.asarray(variances_N, dtype=np.float64)
    if not np.isfinite(means).all() or not ((variances >= 0) & np.isfinite(variances)).all():
        raise DataError("A mean or variance is not finite, or a variance is below 0.", hint="Give a posterior's.")
    # σ(ℓ) ≈ Φ(ℓ √(π/8)), whose expectation and mean entropy are known in closed form.
    slope = np.pi / 8
    expected = 1 / (1 + np.exp(-means / np.sqrt(1 + slope * variances)))
    constant = np.pi * np.log(2) / 2
    scaled, spread = slope * means**2, slope * variances
    mean_entropy = np.sqrt(constant) / np.sqrt(spread + constant) * np.exp(-scaled / (2 * (spread + constant)))
    gain = _entropy(expected) - mean_entropy
    return np.argsort(-gain, kind="stable")[:at_most].astype(np.int64)


def _entropy(p: DoubleArray) -> DoubleArray:
    """In bits."""
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(-(inside * np.log2(inside) + (1 - inside) * np.log2(1 - inside)))

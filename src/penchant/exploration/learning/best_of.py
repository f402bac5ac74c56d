"""P(arm a is the best of independent draws), by quadrature: what makes Thompson sampling's probabilities exact.

    P(a) = ∫ f_a(x) Π_{b ≠ a} F_b(x) dx

The line is cut at quantiles of every arm, so that each piece is short beside every spread that matters there, and is
integrated by Gauss and Legendre's rule. Errors are below 1e-6; what is left is shared out, so that all sum to 1.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import betainc, betaincinv, betaln, ndtr, xlog1py, xlogy

from penchant.types import DoubleArray

DEVIATIONS = np.concatenate([[-8.5], np.arange(-6.0, 6.5, 1.0), [8.5]])
"""Where the line is cut, in standard deviations of a normal arm; elsewhere at the quantiles these are."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(5)
SMALLEST = 1e-300
ROOT = float(np.sqrt(2.0 * np.pi))
LOG_2 = float(np.log(2.0))


def normal_best(means_A: DoubleArray, deviations_A: DoubleArray) -> DoubleArray:
    """P(a is best), (A,), of independent N(mean_a, deviation_a²); equal certain arms share.

    A deviation below a millionth of the largest difference counts as that: the step is then as sharp as can be told.
    """
    reach = float(np.ptp(means_A)) + float(deviations_A.max())
    if reach == 0.0:
        return np.full(len(means_A), 1.0 / len(means_A))
    deviations = np.maximum(deviations_A, 1e-6 * reach)
    lowest = (means_A - 8.5 * deviations).max()
    near = np.flatnonzero(means_A + 8.5 * deviations >= lowest)
    found = np.zeros(len(means_A))
    means, spread = means_A[near, None], deviations[near, None]
    cuts = (means + spread * DEVIATIONS).ravel()

    def densities(x: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        z = (x - means) / spread
        below: DoubleArray = ndtr(z)
        return np.exp(-0.5 * z * z) / (ROOT * spread), below

    found[near] = _best(cuts[cuts >= lowest], densities)
    return found


def beta_best(alphas_A: DoubleArray, betas_A: DoubleArray) -> DoubleArray:
    """P(a is best), (A,), of independent Beta(α_a, β_a), each at least 1/2.

    Over the angle φ of ``x = sin² φ``, in which a density of Beta(1/2, 1/2) is constant and none is infinite.
    """
    found = np.zeros(len(alphas_A))
    outer = betaincinv(alphas_A[:, None], betas_A[:, None], ndtr(DEVIATIONS[[0, -1]]))
    lowest = outer[:, 0].max()
    near = np.flatnonzero(outer[:, 1] >= lowest)
    alphas, betas = alphas_A[near, None], betas_A[near, None]
    cuts = np.append(betaincinv(alphas, betas, ndtr(DEVIATIONS)).ravel(), [lowest, 1.0])
    angles = np.arcsin(np.sqrt(cuts[cuts >= lowest]))
    scale = betaln(alphas, betas)

    def densities(angle: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        x = np.square(np.sin(angle))
        log_density = LOG_2 + xlogy(alphas - 0.5, x) + xlog1py(betas - 0.5, -x) - scale
        below = np.asarray(betainc(alphas, betas, x), dtype=np.float64)
        return np.exp(log_density), below

    found[near] = _best(angles, densities)
    return found


def _best(cuts: DoubleArray, densities: Callable[[DoubleArray], tuple[DoubleArray, DoubleArray]]) -> DoubleArray:
    """∫ f_a Π F_b over the cuts; `densities` gives f and F, (A, X), at points (X,)."""
    edges = np.unique(cuts)
    half, middle = np.diff(edges) / 2.0, (edges[1:] + edges[:-1]) / 2.0
    x = (middle[:, None] + half[:, None] * NODES).ravel()
    f, below = densities(x)
    logs = np.log(np.maximum(below, SMALLEST))
    others = np.exp(logs.sum(axis=0) - logs)
    chances = (f * others) @ (half[:, None] * WEIGHTS).ravel()
    return np.asarray(chances / chances.sum(), dtype=np.float64)

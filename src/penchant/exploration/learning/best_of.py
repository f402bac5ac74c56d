"""P(arm a is the best of independent draws), by quadrature: what makes Thompson sampling's probabilities exact.

    P(a | open) = ∫ f_a(x) Π_{b open, b ≠ a} F_b(x) dx = ∫ h_a(x) exp(Σ_{b open} log F_b(x)) dx,    h_a = f_a / F_a

f, F and h do not depend on who is open: they are tabled once for a slate, and each place takes a sum over arms and one
over points, O(A X). The line is cut into pieces, each at most half as long as the spread of every arm that matters
there, and is integrated by Gauss and Legendre's rule. Arms are left out whose upper tail, from `TAIL` standard
deviations on, ends below the lower tails of as many arms as the slate has places: of P(a | open) that is less than
1e-11. Errors are below 1e-6; what is left is shared out, so that all sum to 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv, betaln, ndtr, xlog1py, xlogy

from penchant.types import BoolArray, DoubleArray, IntArray

TAIL = 7.0
"""Standard deviations of a normal arm; of others the quantiles these are"""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(5)
SMALLEST = 1e-300
ROOT = float(np.sqrt(2.0 * np.pi))
LOG_2 = float(np.log(2.0))


@dataclass(frozen=True, slots=True)
class BestOf:
    """P(a is best) among any open arms that leave out at most k − 1 of those it was made for."""

    arms: int
    near: IntArray
    """(B,) arms that may be the best of what is open"""
    logs_BX: DoubleArray
    """log F"""
    hazards_BX: DoubleArray
    """f / F"""
    weights_X: DoubleArray

    def __call__(self, open_A: BoolArray) -> DoubleArray:
        """(A,), 0 where not open."""
        still = open_A[self.near].astype(np.float64)
        chances = self.hazards_BX @ (np.exp(still @ self.logs_BX) * self.weights_X) * still
        found = np.zeros(self.arms)
        found[self.near] = chances / chances.sum()
        return found


def normal_best(means_A: DoubleArray, deviations_A: DoubleArray, open_A: BoolArray, k: int = 1) -> BestOf:
    """Of independent N(mean_a, deviation_a²); equal certain arms share.

    A deviation below a millionth of the largest difference counts as that: the step is then as sharp as can be told.
    """
    reach = float(np.ptp(means_A)) + float(deviations_A.max())
    deviations = np.maximum(deviations_A, 1e-6 * reach if reach > 0 else 1.0)
    near, lowest = _near(means_A - TAIL * deviations, means_A + TAIL * deviations, open_A, k)
    means, spread = means_A[near, None], deviations[near, None]

    def densities(x: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        z = (x - means) / spread
        below: DoubleArray = ndtr(z)
        return np.exp(-0.5 * z * z) / (ROOT * spread), below

    lows, highs = (means - TAIL * spread)[:, 0], (means + TAIL * spread)[:, 0]
    return _tabled(len(means_A), near, *_pieces(lows, highs, spread[:, 0] / 2.0, lowest), densities)


def beta_best(alphas_A: DoubleArray, betas_A: DoubleArray, open_A: BoolArray, k: int = 1) -> BestOf:
    """Of independent Beta(α_a, β_a), each at least 1/2.

    Over the angle φ of ``x = sin² φ``, in which a density of Beta(1/2, 1/2) is constant, none is infinite, and the
    spread is about ``1/(2 √(α + β))`` wherever the mean is.
    """
    outer = betaincinv(alphas_A[:, None], betas_A[:, None], ndtr(np.array([-TAIL, TAIL])))
    lows, highs = np.arcsin(np.sqrt(outer)).T
    near, lowest = _near(lows, highs, open_A, k)
    alphas, betas = alphas_A[near, None], betas_A[near, None]
    scale = betaln(alphas, betas)

    def densities(angle: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        x = np.square(np.sin(angle))
        log_density = LOG_2 + xlogy(alphas - 0.5, x) + xlog1py(betas - 0.5, -x) - scale
        below = np.where(angle >= highs[near, None], 1.0, 0.0)
        inside = np.nonzero((angle > lows[near, None]) & (angle < highs[near, None]))
        below[inside] = betainc(alphas[inside[0], 0], betas[inside[0], 0], x[inside[1]])
        return np.exp(log_density), below

    halves = 0.25 / np.sqrt(alphas + betas)[:, 0]
    return _tabled(len(alphas_A), near, *_pieces(lows[near], highs[near], halves, lowest), densities)


def _near(lows_A: DoubleArray, highs_A: DoubleArray, open_A: BoolArray, k: int) -> tuple[IntArray, float]:
    """Open arms that reach above where the k best of the open surely are, and where that is."""
    lows = lows_A[open_A]
    k = min(k, len(lows))
    lowest = float(np.partition(lows, len(lows) - k)[len(lows) - k])
    return np.flatnonzero(open_A & (highs_A >= lowest)), lowest


def _pieces(
    lows_B: DoubleArray, highs_B: DoubleArray, longest_B: DoubleArray, lowest: float
) -> tuple[DoubleArray, DoubleArray]:
    """Where pieces of the line from `lowest` up begin, and how long they are, (P,) each: halved until none is longer
    than any arm that reaches into it allows.
    """
    left, length = np.array([lowest]), float(highs_B.max()) - lowest
    begins, lengths = [], []
    while True:
        short = longest_B < length
        starts, ends = np.sort(lows_B[short]), np.sort(highs_B[short])
        halved = np.searchsorted(starts, left + length) > np.searchsorted(ends, left, side="right")
        begins.append(left[~halved])
        lengths.append(np.full(len(begins[-1]), length))
        if not halved.any():
            return np.concatenate(begins), np.concatenate(lengths)
        length /= 2.0
        left = np.concatenate([left[halved], left[halved] + length])


def _tabled(
    arms: int,
    near: IntArray,
    begins: DoubleArray,
    lengths: DoubleArray,
    densities: Callable[[DoubleArray], tuple[DoubleArray, DoubleArray]],
) -> BestOf:
    """`densities` gives f and F, (B, X), at points (X,)."""
    half = lengths[:, None] / 2.0
    f, below = densities((begins[:, None] + half * (1.0 + NODES)).ravel())
    below = np.maximum(below, SMALLEST)
    return BestOf(arms, near, np.log(below), f / below, (half * WEIGHTS).ravel())

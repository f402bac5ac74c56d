"""Hyper-parameters found from the log itself, without looking at what they give.

**SLOPE**: candidates in an order in which bias grows and variance falls, θ_1 unbiased, each with a half-width c_i
(here 1.96 standard errors). Going on from the first, candidate i is taken as long as it agrees with all before it:

    |θ_i − θ_j| ≤ c_i + (√6 − 1) c_j   for all j < i

and the last that does is the choice: within a constant of the best of them in error. Fails where the first candidate's
own half-width is far too short, as with very heavy weights. Source: Su, Srinath & Krishnamurthy, "Adaptive estimator
selection for off-policy evaluation", 2020; the constant: Tucker & Lee, "Improved estimator selection for off-policy
evaluation", 2021.
"""

from collections.abc import Sequence

import numpy as np

from penchant.evaluation.off_policy.terms import Terms
from penchant.types import AnyArray, DoubleArray

Z = 1.96
_QUANTILES = (0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.6, 0.4, 0.2)
_SHRINKAGES = 12


def slope(candidates: Sequence[Terms], owners: AnyArray | None = None) -> int:
    """The place of the candidate that SLOPE takes; candidates are given from the least biased on."""
    values = [terms.value for terms in candidates]
    widths = [Z * terms.standard_error(owners) for terms in candidates]
    chosen = 0
    for i in range(1, len(candidates)):
        if any(abs(values[i] - values[j]) > widths[i] + (np.sqrt(6) - 1) * widths[j] for j in range(i)):
            break
        if widths[i] <= widths[chosen]:
            chosen = i
    return chosen


def weight_candidates(weights: DoubleArray) -> list[float]:
    """Cuts from none on: quantiles of the weights above zero."""
    used = weights[weights > 0]
    if not len(used):
        return [float("inf")]
    cuts = np.unique(np.quantile(used, _QUANTILES))[::-1]
    return [float("inf"), *(float(cut) for cut in cuts)]


def shrinkage_candidates(weights: DoubleArray) -> list[float]:
    """Shrinkages from none on, λ = ∞, to λ = 0. In between, from where the largest weight loses a hundredth to where
    the smallest loses all but a hundredth.
    """
    used = weights[weights > 0]
    if not len(used):
        return [float("inf"), 0.0]
    grid = np.geomspace(100 * used.max() ** 2, 0.01 * used.min() ** 2 + 1e-12, _SHRINKAGES)
    return [float("inf"), *(float(shrinkage) for shrinkage in grid), 0.0]

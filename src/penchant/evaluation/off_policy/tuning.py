"""Hyper-parameters found from the log itself, without looking at what they give. Candidates come in an order in which
bias grows and variance falls, θ_1 unbiased.

**mse**: the candidate with the smallest bound on its mean squared error,

    se(θ_i)² + (|θ_i − θ_1| + 1.645 se(θ_i − θ_1))²

the bias is as large as it may be with 95 % confidence, so that a candidate is not believed for having less variance
alone. Source: Su, Dimakopoulou, Krishnamurthy & Dudík, "Doubly robust off-policy evaluation with shrinkage", 2020,
section 5, with a normal bound in place of theirs, which knows only the largest weight.

**slope**: going on from the first, candidate i is taken as long as it agrees with all before it, c_i = 1.96 se(θ_i):

    |θ_i − θ_j| ≤ c_i + (√6 − 1) c_j   for all j < i

and the last that does is the choice, within a constant of the best of them. A bias smaller than the first candidate's
own error goes unseen. Sources: Su, Srinath & Krishnamurthy, "Adaptive estimator selection for off-policy evaluation",
2020; the constant: Tucker & Lee, "Improved estimator selection for off-policy evaluation", 2021.

Both fail where the first candidate's own error is far too short, as with very heavy weights.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from penchant.evaluation.off_policy.terms import Terms, standard_error_of
from penchant.types import AnyArray, DoubleArray

Rule = Literal["mse", "slope"]
Z = 1.96
ONE_SIDED = 1.645
_QUANTILES = (0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.6, 0.4, 0.2)
_SHRINKAGES = 12


def choose(candidates: Sequence[Terms], rule: Rule, owners: AnyArray | None = None) -> int:
    """The place of the candidate that a rule takes; candidates are given from the least biased on."""
    return mse(candidates, owners) if rule == "mse" else slope(candidates, owners)


def mse(candidates: Sequence[Terms], owners: AnyArray | None = None) -> int:
    """The place of the candidate with the smallest bound on its mean squared error, the first of several."""
    first = candidates[0]
    bounds = []
    for terms in candidates:
        bias = abs(terms.value - first.value)
        bias += ONE_SIDED * standard_error_of(terms.influence - first.influence, owners)
        bounds.append(terms.standard_error(owners) ** 2 + bias**2)
    return int(np.argmin(bounds))


def slope(candidates: Sequence[Terms], owners: AnyArray | None = None) -> int:
    """The place of the candidate that SLOPE takes."""
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

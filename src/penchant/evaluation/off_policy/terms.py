"""Every estimator here is a mean of rounds plus a ratio of two means of rounds:

    V̂ = (1/N) Σ_n b_n + Σ_n m_n / Σ_n d_n

b: what a reward model says; m: what the logged rewards add; d: 1, or the importance weight where an estimator is
self-normalised. Intervals and variances need no more than these three.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from penchant.types import AnyArray, DoubleArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The rounds' parts of an estimate."""

    base: DoubleArray
    """(N,) b"""
    numerator: DoubleArray
    """(N,) m"""
    denominator: DoubleArray
    """(N,) d; ones where nothing is normalised"""
    weights: DoubleArray
    """(N,) the importance weights that were used, for the effective sample size"""
    reach: float
    """|b_n + m_n − v d_n| differs by at most this between rounds, for any v in the rewards' range: the range that the
    empirical Bernstein interval stands on."""
    biased: bool = False
    """Weights were altered: intervals are around the estimator's own mean, not around the policy's value."""
    settings: Mapping[str, float] = field(default_factory=dict)
    """Hyper-parameters, as given or as found"""
    assumes: str = ""
    """See `Estimate.assumes`"""

    @property
    def self_normalised(self) -> bool:
        """Whether the ratio's denominator is anything but 1."""
        return bool((self.denominator != 1).any())

    @property
    def value(self) -> float:
        """V̂; NaN where the denominator adds up to zero."""
        total = float(self.denominator.sum())
        return float(self.base.mean()) + (float(self.numerator.sum()) / total if total else float("nan"))

    @property
    def influence(self) -> DoubleArray:
        """(N,) how far each round moves the estimate, times N (delta method):
        b_n − b̄ + (m_n − R d_n) / d̄ with R = Σ m / Σ d.
        """
        mean = float(self.denominator.mean())
        ratio = float(self.numerator.sum() / self.denominator.sum())
        return np.asarray(self.base - self.base.mean() + (self.numerator - ratio * self.denominator) / mean)

    def standard_error(self, owners: AnyArray | None = None) -> float:
        """See `standard_error_of`."""
        return standard_error_of(self.influence, owners)


def standard_error_of(influence: DoubleArray, owners: AnyArray | None = None) -> float:
    """√(Σ ψ² / (N (N − 1))) of rounds' influences ψ, (N,); with owners, their rounds' ψ are added up first. Infinite
    for one round or owner.
    """
    psi, rounds = influence, len(influence)
    if owners is not None:
        _, place = np.unique(owners, return_inverse=True)
        psi = np.asarray(np.bincount(place, weights=psi), dtype=np.float64)
    if len(psi) < 2:
        return float("inf")
    return float(np.sqrt((psi**2).sum() * len(psi) / (len(psi) - 1)) / rounds)

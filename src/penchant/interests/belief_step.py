"""The arithmetic of the belief: how a correction fades between events, and what one event does to it.

Two time scales k, short and long; m (…, 2) and P as (short, both, long), (…, 3). Leading axes are free, so one user's
concepts and the events of many users go through the same lines:

    between events    m_k ← e^{−Δ/τ_k} m_k,   P ← F P Fᵀ + diag( v_k (1 − e^{−2Δ/τ_k}) ),   F = diag( e^{−Δ/τ_k} )
    at an event       p = σ(ℓ),  h = max(p (1 − p), .05),  S = 1/(ω h) + Σ_c a_c² 1ᵀP_c1,  K_c = a_c P_c1 / S
                      m_c += K_c (y − p)/h,   P_c −= S K_c K_cᵀ

with y in [0, 1] what the event says of the item, ω how much it counts, a_c the item's activations and ℓ the item's log
odds against a reference before the event. The first is an Ornstein–Uhlenbeck process, exact for any Δ (Uhlenbeck and
Ornstein 1930); the second a step of the extended Kalman filter for a logistic observation (Fahrmeir 1992), after which
covariance across concepts is dropped (assumed density filtering, Opper 1998).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from penchant.config import Config
from penchant.types import DoubleArray

LEAST_SLOPE = 0.05
"""h is at least this: an event that was all but certain, or all but impossible, still says something."""
MOST_CORRECTION = 50.0
"""|m_k| at most, in score units: log odds beyond are the same to a double."""


class BeliefConfig(Config):
    """Time scales and widths of the two parts, short and long."""

    scales: tuple[float, float] = (10.0, 200.0)
    """τ_short and τ_long, in units of the clock: events where it is positions, days where it is time."""
    widths: tuple[float, float] = (0.5, 0.5)
    """v_short and v_long: variance of the correction where nothing is known, in score units squared."""
    slope_floor: float = Field(default=LEAST_SLOPE, gt=0, le=0.25)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 < self.scales[0] < self.scales[1]:
            raise ValueError(f"scales are {self.scales}; short comes before long, both above 0")
        if min(self.widths) <= 0:
            raise ValueError(f"widths are {self.widths}; both are above 0")
        return self


def prior(config: BeliefConfig) -> DoubleArray:
    """P of a concept that nothing touched, (3,)."""
    return np.array([config.widths[0], 0.0, config.widths[1]])


def summed(covariances_K3: DoubleArray) -> DoubleArray:
    """1ᵀP1, (K,)."""
    return np.asarray(covariances_K3[..., 0] + 2.0 * covariances_K3[..., 1] + covariances_K3[..., 2])


@dataclass(frozen=True, slots=True)
class Fades:
    """What times without events do: ``m ← m · means`` and ``P ← P · covariances + widened``."""

    means: DoubleArray
    """(…, 2) e^{−Δ/τ_k}"""
    covariances: DoubleArray
    """(…, 3)"""
    widened: DoubleArray
    """(…, 3)"""

    @classmethod
    def of(cls, elapsed: DoubleArray, config: BeliefConfig) -> "Fades":
        """After times Δ ≥ 0 of any shape."""
        scales, widths = np.asarray(config.scales), np.asarray(config.widths)
        fade = np.exp(-elapsed[..., None] / scales)
        short, long = fade[..., 0], fade[..., 1]
        drift = widths * -np.expm1(-2.0 * elapsed[..., None] / scales)
        widened = np.zeros((*elapsed.shape, 3))
        widened[..., 0], widened[..., 2] = drift[..., 0], drift[..., 1]
        return cls(fade, _threefold(short * short, short * long, long * long), widened)

    def step(self, begin: int, end: int) -> "Fades":
        """Those of the entries from `begin` to before `end`."""
        return Fades(self.means[begin:end], self.covariances[begin:end], self.widened[begin:end])

    def applied(self, means: DoubleArray, covariances: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Means (…, 2) and covariances (…, 3) after these times."""
        return means * self.means, covariances * self.covariances + self.widened


def relaxed(
    means_K2: DoubleArray, covariances_K3: DoubleArray, elapsed_K: DoubleArray, config: BeliefConfig
) -> tuple[DoubleArray, DoubleArray]:
    """Means and covariances after a time without events; leading axes are free, so that many users go at once."""
    return Fades.of(elapsed_K, config).applied(means_K2, covariances_K3)


def observed(
    means_NK2: DoubleArray,
    covariances_NK3: DoubleArray,
    activations_NK: DoubleArray,
    log_odds_N: DoubleArray,
    labels_N: DoubleArray,
    weights_N: DoubleArray,
    *,
    slope_floor: float = LEAST_SLOPE,
) -> tuple[DoubleArray, DoubleArray]:
    """The step at N events of N users, each on up to K concepts (a = 0 pads): means (N, K, 2), covariances (N, K, 3).

    `log_odds_N` are without the belief; what it holds already is added here.
    """
    logit = log_odds_N + (activations_NK * (means_NK2[..., 0] + means_NK2[..., 1])).sum(axis=-1)
    p = 0.5 * (1.0 + np.tanh(0.5 * logit))  # σ without overflow
    slope = np.maximum(p * (1.0 - p), slope_floor)
    toward = _toward(covariances_NK3)
    spread = (activations_NK**2 * (toward[..., 0] + toward[..., 1])).sum(axis=-1)  # Σ a² 1ᵀP1
    counted = weights_N > 0
    noise = 1.0 / np.where(counted, weights_N * slope, 1.0)
    total = noise + spread  # S
    gain = np.where(counted[..., None, None], activations_NK[..., None] * toward / total[..., None, None], 0.0)
    means = means_NK2 + gain * ((labels_N - p) / slope)[..., None, None]
    lost = total[..., None, None] * _outer(gain)
    return np.minimum(np.maximum(means, -MOST_CORRECTION), MOST_CORRECTION), proper(covariances_NK3 - lost)


def informed(
    means_K2: DoubleArray, covariances_K3: DoubleArray, values_K: DoubleArray, variances_K: DoubleArray
) -> tuple[DoubleArray, DoubleArray]:
    """The step at a Gaussian observation ``1ᵀm = value ± sqrt(variance)`` of each concept's whole correction:

    ``S = variance + 1ᵀP1``, ``K = P1 / S``, ``m += K (value − 1ᵀm)``, ``P −= S K Kᵀ``.
    """
    total = variances_K + summed(covariances_K3)
    gain = _toward(covariances_K3) / total[..., None]
    means = means_K2 + gain * (values_K - means_K2.sum(axis=-1))[..., None]
    means = np.clip(means, -MOST_CORRECTION, MOST_CORRECTION)
    return means, proper(covariances_K3 - total[..., None] * _outer(gain))


def _toward(covariances_K3: DoubleArray) -> DoubleArray:
    """P1, (…, 2)"""
    return covariances_K3[..., :2] + covariances_K3[..., 1:]


def _outer(gain_K2: DoubleArray) -> DoubleArray:
    """K Kᵀ as (short, both, long), (…, 3)"""
    short, long = gain_K2[..., 0], gain_K2[..., 1]
    return _threefold(short * short, short * long, long * long)


def proper(covariances_K3: DoubleArray) -> DoubleArray:
    """The covariances with rounding below zero taken out: variances at least 0, correlation within ±1."""
    short, long = np.maximum(covariances_K3[..., 0], 0.0), np.maximum(covariances_K3[..., 2], 0.0)
    most = np.sqrt(short * long)
    return _threefold(short, np.minimum(np.maximum(covariances_K3[..., 1], -most), most), long)


def _threefold(short: DoubleArray, both: DoubleArray, long: DoubleArray) -> DoubleArray:
    """(…, 3). Not by `numpy.stack`, which costs more than all else here where a single user is read."""
    found = np.empty((*short.shape, 3))
    found[..., 0], found[..., 1], found[..., 2] = short, both, long
    return found

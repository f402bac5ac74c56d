"""How many users an experiment needs, and what it could see: two-sided, equal variances, normal approximation.

    n_c = (1 + 1/κ) σ² (z_{1−α/2} + z_{power})² / Δ²,      κ = treatment users per control user

For shares σ² differs between arms: ``p_c (1 − p_c) + p_t (1 − p_t)/κ`` takes the place of ``(1 + 1/κ) σ²``.
"""

from dataclasses import dataclass
from math import ceil, inf

import numpy as np
from scipy import stats

from penchant.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An experiment before it runs."""

    per_control: int
    """Users in control"""
    per_treatment: int
    difference: float
    """What it would see, in the measure's unit"""
    power: float
    alpha: float
    days: float | None = None
    """At so many new users a day; None where that is not said"""


def for_mean(
    deviation: float, difference: float, *, power: float = 0.8, alpha: float = 0.05, ratio: float = 1.0
) -> Plan:
    """Users needed to see a difference of means. `ConfigError` for what is no deviation, difference, power or level."""
    _check(power, alpha, ratio, difference)
    _check_deviation(deviation)
    return _plan((1 + 1 / ratio) * deviation**2, difference, power, alpha, ratio)


def for_share(base: float, relative: float, *, power: float = 0.8, alpha: float = 0.05, ratio: float = 1.0) -> Plan:
    """Users needed to see a share change from ``base`` to ``base (1 + relative)``."""
    other = base * (1 + relative)
    if not (0 < base < 1 and 0 < other < 1):
        raise ConfigError(
            f"The shares are {base} and {other}; they lie between 0 and 1.", hint="Give a smaller change."
        )
    _check(power, alpha, ratio, relative)
    return _plan(base * (1 - base) + other * (1 - other) / ratio, base * relative, power, alpha, ratio)


def power_of(
    deviation: float, difference: float, per_control: int, *, alpha: float = 0.05, ratio: float = 1.0
) -> float:
    """The chance of seeing a difference of means with so many users in control."""
    error = deviation * np.sqrt((1 + 1 / ratio) / per_control)
    edge, shift = float(stats.norm.ppf(1 - alpha / 2)), difference / error
    return float(stats.norm.sf(edge - shift) + stats.norm.cdf(-edge - shift))


def detectable(
    deviation: float, per_control: int, *, power: float = 0.8, alpha: float = 0.05, ratio: float = 1.0
) -> float:
    """The difference of means that so many users would see with the power asked for. `ConfigError` as in `for_mean`."""
    _check(power, alpha, ratio, 1.0)
    _check_deviation(deviation)
    return float(_reach(power, alpha) * deviation * np.sqrt((1 + 1 / ratio) / per_control))


def _plan(variance: float, difference: float, power: float, alpha: float, ratio: float) -> Plan:
    n = variance * _reach(power, alpha) ** 2 / difference**2
    return Plan(per_control=ceil(n), per_treatment=ceil(n * ratio), difference=difference, power=power, alpha=alpha)


def _reach(power: float, alpha: float) -> float:
    return float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power))


def _check_deviation(deviation: float) -> None:
    if not 0 < deviation < inf:
        raise ConfigError(f"The deviation is {deviation}; it is above 0.", hint="Take that of a user's values.")


def _check(power: float, alpha: float, ratio: float, difference: float) -> None:
    if not (0 < alpha < 1 and alpha < power < 1):
        raise ConfigError(
            f"alpha is {alpha} and power {power}.", hint="Both lie between 0 and 1, power above alpha: 0.05 and 0.8."
        )
    if not 0 < ratio < inf or difference == 0 or not np.isfinite(difference):
        raise ConfigError(
            f"The difference is {difference} and the ratio {ratio}.", hint="A difference is not 0, a ratio above 0."
        )

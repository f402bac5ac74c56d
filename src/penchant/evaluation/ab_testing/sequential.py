"""Arms compared at any time: an interval that covers the truth at every look at once, so that peeking costs nothing.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021, "Time-uniform central
limit theory and asymptotic confidence sequences", Theorem 2.2), after t users,

    mean_t ± sd_t √( 2 (t ρ² + 1) / (t² ρ²) · log( √(t ρ² + 1) / α ) )

with, of the t users exposed so far, π of them meant for the treatment,

    mean_t = R_t − R_c,     sd_t² = var(z_t)/π + var(z_c)/(1 − π)       R, z: see `fixed_horizon`; both of users so far

(the augmented inverse-propensity contribution of a user, whose propensity is known, has this mean and variance), and
the p that goes with it, the α at which the interval would just leave out 0, the least so far:

    p_t = min(1, min_{s ≤ t} √(s ρ² + 1) exp( − s² ρ² mean_s² / (2 sd_s² (s ρ² + 1)) ))

ρ is chosen so that the interval is tightest at `planned` users. Asymptotic: it needs some hundreds of users before the
first look (`LEAST`); the price at the planned number is an interval about 1.5 times as wide as the fixed one's.
"""

from dataclasses import dataclass

import numpy as np

from penchant.errors import ConfigError, DataError
from penchant.evaluation.ab_testing.measures import Sample
from penchant.types import BoolArray, DoubleArray

LEAST = 100
"""Users of both arms before the first look"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """What was known after each user, from the `LEAST`-th on; index n is after LEAST + n users."""

    differences: DoubleArray
    low: DoubleArray
    high: DoubleArray
    p: DoubleArray
    """Never rises"""

    @property
    def stopped_at(self) -> int | None:
        """Users after which the interval first left out 0; None: it never did."""
        out = np.flatnonzero((self.low > 0) | (self.high < 0))
        return int(out[0]) + LEAST if len(out) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnytimeEffect:
    """The last of a sequence."""

    difference: float
    interval: tuple[float, float]
    p: float
    users: int
    stopped_at: int | None
    """Users after which the experiment could have been stopped"""


def width(t: DoubleArray, rho: float, alpha: float) -> DoubleArray:
    """Half the interval in standard deviations, after t users."""
    spread = t * rho**2
    return np.sqrt(2 * (spread + 1) / (t * spread) * np.log(np.sqrt(spread + 1) / alpha))


def best_rho(planned: int, alpha: float) -> float:
    """ρ for which the interval is about tightest at a number of users: √((−2 log α + log(−2 log α + 1)) / t)."""
    told = -2 * np.log(alpha)
    return float(np.sqrt((told + np.log(told + 1)) / planned))


def confidence_sequence(
    differences: DoubleArray, deviations: DoubleArray, *, planned: int | None = None, alpha: float = 0.05
) -> Sequence:
    """From mean_t and sd_t after t = 1 … T users, (T,). `DataError` for fewer than `LEAST`; `ConfigError` for an α
    outside (0, 1).
    """
    if not 0 < alpha < 1:
        raise ConfigError(f"alpha is {alpha}; it lies between 0 and 1.", hint="Take 0.05.")
    n = len(differences)
    if n < LEAST:
        raise DataError(f"{n} users came.", hint=f"An anytime-valid interval needs {LEAST} or more.")
    t, mean, spread = np.arange(LEAST, n + 1.0), differences[LEAST - 1 :], deviations[LEAST - 1 :]
    known = np.isfinite(mean) & (spread > 0)
    mean, spread = np.where(known, mean, 0.0), np.where(known, spread, np.inf)
    rho = best_rho(planned or n, alpha)
    reach = spread * width(t, rho, alpha)
    mixed = t * rho**2 + 1
    log_p = 0.5 * np.log(mixed) - t * (mixed - 1) * (mean / spread) ** 2 / (2 * mixed)
    p = np.minimum.accumulate(np.exp(np.minimum(log_p, 0.0)))
    return Sequence(differences=mean, low=mean - reach, high=mean + reach, p=p)


def running(one: Sample, treated: BoolArray, *, share: float) -> tuple[DoubleArray, DoubleArray]:
    """mean_t and sd_t after each user, (n,) each; NaN while an arm has fewer than two. `share` of users are meant for
    the treatment.
    """
    if not 0 < share < 1:
        raise ConfigError(f"The treatment's share is {share}; it lies between 0 and 1.", hint="Give its planned share.")
    if not np.isfinite([one.y, one.x]).all():
        raise DataError("A measure is not finite.", hint="Leave such users out, and say so.")
    ratio_t, variance_t = _running(one, treated)
    ratio_c, variance_c = _running(one, ~treated)
    return ratio_t - ratio_c, np.sqrt(variance_t / share + variance_c / (1 - share))


def anytime(
    one: Sample, treated: BoolArray, *, share: float, planned: int | None = None, alpha: float = 0.05
) -> AnytimeEffect:
    """The effect, with an interval that holds whenever one looked. Users in the order of their exposure."""
    differences, deviations = running(one, treated, share=share)
    found = confidence_sequence(differences, deviations, planned=planned, alpha=alpha)
    return AnytimeEffect(
        difference=float(found.differences[-1]),
        interval=(float(found.low[-1]), float(found.high[-1])),
        p=float(found.p[-1]),
        users=len(treated),
        stopped_at=found.stopped_at,
    )


def _running(one: Sample, mine: BoolArray) -> tuple[DoubleArray, DoubleArray]:
    """R and var(z) of one arm's users so far."""
    n = np.cumsum(mine, dtype=np.float64)
    y, x = np.where(mine, one.y, 0.0), np.where(mine, one.x, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        sum_x = np.cumsum(x)
        ratio = np.cumsum(y) / sum_x
        squares = np.cumsum(y * y) - 2 * ratio * np.cumsum(x * y) + ratio**2 * np.cumsum(x * x)
        # Σ (y − R x) is 0 at R, so the mean of squares is the variance; rounding leaves a hair where all are equal.
        floor = 1e-12 * np.cumsum(y * y)
        variance = np.where(squares > floor, squares, 0.0) / np.maximum(n - 1, 1) / (sum_x / n) ** 2
    enough = n >= 2
    return np.where(enough, ratio, np.nan), np.where(enough, variance, np.nan)

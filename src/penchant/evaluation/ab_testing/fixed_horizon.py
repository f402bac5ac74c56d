"""Two arms compared once, at a horizon fixed before.

A measure is a ratio ``R = Σ y / Σ x``. By the delta method (Deng, Knoblich and Lu 2018) it varies like the mean of

    z_u = (y_u − R x_u) / mean(x),        Var R̂ = Var(z) / n

which for x = 1 is the mean's own variance; so one test serves means, shares and ratios:

* difference   Δ = R_t − R_c, ``Δ ± t_ν √(V_t + V_c)``, ν by Welch and Satterthwaite
* relative     R_t / R_c − 1, by the delta method: variance ``V_t/R_c² + R_t² V_c/R_c⁴``
* shares       interval by Newcombe (1998, method 10), p by the pooled score test (z², the chi-square of a 2×2 table)
* CUPED        z − θ (past − mean past), θ = cov(z, past)/var(past) over both arms (Deng et al. 2013): the same mean,
               less variance where the past foretells, which the arm cannot have changed
* sample ratio mismatch: chi-square of the arms' numbers against their shares; below 0.0005 something is broken, and
  no other number can be believed (Fabijan et al. 2019)
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from penchant.errors import DataError
from penchant.evaluation.ab_testing.measures import Sample
from penchant.types import DoubleArray

MISMATCH_LEVEL = 0.0005
LEAST_UNITS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A treatment against the control."""

    control: float
    treatment: float
    difference: float
    interval: tuple[float, float]
    p: float | None
    """None where nothing varies: there is no test"""
    relative: float | None
    """None where the control is 0 or below"""
    relative_interval: tuple[float, float] | None
    method: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """The difference with the past taken out (CUPED)."""

    difference: float
    interval: tuple[float, float]
    p: float | None
    variance_reduction: float
    """1 − variance after / variance before"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """Whether arms got as many users as their shares say."""

    counts: Mapping[str, int]
    expected: Mapping[str, float]
    p: float
    mismatch: bool


def linearised(one: Sample) -> tuple[float, DoubleArray]:
    """R and z, (n,). `DataError` for fewer than two users, for what is not finite, or a ratio to nothing."""
    if len(one.y) < LEAST_UNITS:
        raise DataError(f"An arm has {len(one.y)} users.", hint="A test needs two or more in each arm.")
    if not np.isfinite([one.y, one.x]).all():
        raise DataError("A measure is not finite.", hint="Leave such users out, and say so.")
    mean = one.x.mean()
    if mean <= 0:
        raise DataError("No user counts in the denominator of a ratio.", hint="Measure something that happened.")
    ratio = float(one.y.mean() / mean)
    return ratio, np.asarray((one.y - ratio * one.x) / mean)


def compare(control: Sample, treatment: Sample, *, level: float = 0.95) -> Effect:
    """The effect of the treatment, two-sided."""
    (c, z_c), (t, z_t) = linearised(control), linearised(treatment)
    v_c, v_t = z_c.var(ddof=1) / len(z_c), z_t.var(ddof=1) / len(z_t)
    difference, error = t - c, float(np.sqrt(v_c + v_t))
    relative, spread = _relative(c, t, float(v_c), float(v_t), level)
    effect = Effect(
        control=c,
        treatment=t,
        difference=difference,
        interval=(difference, difference),
        p=None,
        relative=relative,
        relative_interval=spread,
        method="none",
    )
    if error == 0:
        note = "Every user of an arm has the same value: nothing varies, so there is no test."
        return replace(effect, note=note)
    if _share(control) and _share(treatment):
        interval = newcombe(int(control.y.sum()), len(z_c), int(treatment.y.sum()), len(z_t), level=level)
        p = pooled_p(int(control.y.sum()), len(z_c), int(treatment.y.sum()), len(z_t))
        return replace(effect, interval=interval, p=p, method="shares: Newcombe interval, pooled score test")
    interval, p = _welch(difference, float(v_c), float(v_t), len(z_c), len(z_t), level)
    plain = bool((control.x == 1).all() and (treatment.x == 1).all())
    return replace(effect, interval=interval, p=p, method="means: Welch" if plain else "ratio: delta method, Welch")


def adjusted(control: Sample, treatment: Sample, *, level: float = 0.95) -> Adjusted | None:
    """With the past taken out; None where no user has a past that varies."""
    past = np.concatenate([control.past, treatment.past])
    if past.std() == 0:
        return None
    (c, z_c), (t, z_t) = linearised(control), linearised(treatment)
    own = [one.past - one.past.mean() for one in (control, treatment)]
    within = sum(float(part @ part) for part in own)
    theta = sum(float(z @ part) for z, part in zip((z_c, z_t), own, strict=True)) / within if within > 0 else 0.0
    before = float(z_c.var(ddof=1) / len(z_c) + z_t.var(ddof=1) / len(z_t))
    z_c, z_t = z_c - theta * (control.past - past.mean()), z_t - theta * (treatment.past - past.mean())
    v_c, v_t = float(z_c.var(ddof=1) / len(z_c)), float(z_t.var(ddof=1) / len(z_t))
    difference = t + float(z_t.mean()) - c - float(z_c.mean())
    if v_c + v_t == 0:
        return Adjusted(difference=difference, interval=(difference, difference), p=None, variance_reduction=0.0)
    interval, p = _welch(difference, v_c, v_t, len(z_c), len(z_t), level)
    return Adjusted(
        difference=difference, interval=interval, p=p, variance_reduction=1.0 - (v_c + v_t) / before if before else 0.0
    )


def bootstrap_interval(
    control: Sample, treatment: Sample, *, rng: np.random.Generator, resamples: int = 2_000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of Δ: users drawn with replacement within each arm. For ratios of few users, where the delta
    method's normal approximation is doubtful.
    """
    drawn = []
    for one in (treatment, control):
        linearised(one)
        n = len(one.y)
        weights = rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)
        below = weights @ one.x
        drawn.append((weights @ one.y) / np.where(below > 0, below, np.nan))
    low, high = np.nanquantile(drawn[0] - drawn[1], [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def sample_ratio(counts: Mapping[str, int], shares: Mapping[str, float]) -> Mismatch:
    """Chi-square of numbers of users against the arms' shares. An arm that got nobody counts as 0."""
    names = list(shares)
    if strange := set(counts) - set(names):
        raise DataError(f"No share is given for {', '.join(sorted(strange))}.", hint=f"Shares: {', '.join(names)}.")
    seen, total = np.array([counts.get(name, 0) for name in names], dtype=np.float64), sum(counts.values())
    expected = total * np.array([shares[name] for name in names]) / sum(shares.values())
    if total == 0 or (expected <= 0).any():
        raise DataError("No user, or a share of 0, came.", hint="Give shares above 0 of arms with users.")
    p = float(stats.chi2.sf(((seen - expected) ** 2 / expected).sum(), len(names) - 1))
    return Mismatch(
        counts={name: int(n) for name, n in zip(names, seen, strict=True)},
        expected={name: float(n) for name, n in zip(names, expected, strict=True)},
        p=p,
        mismatch=p < MISMATCH_LEVEL,
    )


def newcombe(did_c: int, n_c: int, did_t: int, n_t: int, *, level: float = 0.95) -> tuple[float, float]:
    """Interval of a difference of shares from the Wilson intervals of both."""
    p_c, p_t = did_c / n_c, did_t / n_t
    low_c, high_c = wilson(did_c, n_c, level=level)
    low_t, high_t = wilson(did_t, n_t, level=level)
    gap = p_t - p_c
    return (
        gap - float(np.hypot(p_t - low_t, high_c - p_c)),
        gap + float(np.hypot(high_t - p_t, p_c - low_c)),
    )


def wilson(did: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927)."""
    z = float(stats.norm.ppf(0.5 + level / 2))
    share = did / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return float(middle - reach), float(middle + reach)


def pooled_p(did_c: int, n_c: int, did_t: int, n_t: int) -> float:
    """Two-sided p of equal shares."""
    pooled = (did_c + did_t) / (n_c + n_t)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n_c + 1 / n_t))
    return float(2 * stats.norm.sf(abs(did_t / n_t - did_c / n_c) / error)) if error > 0 else 1.0


def _welch(
    difference: float, v_c: float, v_t: float, n_c: int, n_t: int, level: float
) -> tuple[tuple[float, float], float]:
    error = float(np.sqrt(v_c + v_t))
    freedom = (v_c + v_t) ** 2 / (v_c**2 / (n_c - 1) + v_t**2 / (n_t - 1))
    reach = float(stats.t.ppf(0.5 + level / 2, freedom)) * error
    return (difference - reach, difference + reach), float(2 * stats.t.sf(abs(difference) / error, freedom))


def _relative(
    c: float, t: float, v_c: float, v_t: float, level: float
) -> tuple[float | None, tuple[float, float] | None]:
    if c <= 0:
        return None, None
    error = float(np.sqrt(v_t / c**2 + t**2 * v_c / c**4))
    reach = float(stats.norm.ppf(0.5 + level / 2)) * error
    return t / c - 1, (t / c - 1 - reach, t / c - 1 + reach)


def _share(one: Sample) -> bool:
    return bool((one.x == 1).all() and np.isin(one.y, (0.0, 1.0)).all())

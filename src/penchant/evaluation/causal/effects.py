"""The average effect of a treatment that was not given by chance, from a log that says what it depended on.

With T in {0, 1}, outcome y, covariates x, propensity e(x) = P(T = 1 | x) and outcome models μ_t(x):

* naive   mean of y among the treated − among the others: wrong where x moves both T and y
* ipw     Σ T y/e / Σ T/e − Σ (1−T) y/(1−e) / Σ (1−T)/(1−e)                        (Hájek; Horvitz and Thompson 1952)
* dr      mean of ψ,  ψ = μ_1 − μ_0 + T (y − μ_1)/e − (1 − T)(y − μ_0)/(1 − e)                      (Robins et al. 1994)

`dr` is right where either e or μ is; both are fitted on other folds than they are used on (Chernozhukov et al. 2018),
so that its interval ``mean ψ ± z sd(ψ)/√n`` holds. None of them helps against what is not in x. Where e comes near 0
or 1 there is nobody to compare with: that is refused, not weighted.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy import stats

from penchant.config import Config
from penchant.errors import DataError
from penchant.types import BoolArray, DoubleArray, IntArray


class EffectConfig(Config):
    """How nuisances are fitted, and what overlap is asked for."""

    folds: int = Field(default=5, ge=2)
    ridge: float = Field(default=1.0, gt=0)
    """Of the logistic propensity and the linear outcome, in standardised covariates"""
    least_propensity: float = Field(default=0.02, gt=0, lt=0.5)
    most_outside: float = Field(default=0.05, ge=0, lt=1)
    """Share of units whose propensity may lie beyond that; they are left out and counted. More is refused"""
    level: float = Field(default=0.95, gt=0, lt=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An average effect."""

    effect: float
    interval: tuple[float, float]
    error: float
    """Standard error"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """The same effect by each way, and how far they can be believed."""

    naive: Estimate
    ipw: Estimate
    dr: Estimate
    units: int
    outside: int
    """Left out for want of anybody comparable"""
    effective: tuple[float, float]
    """Effective sample sizes ``(Σ w)² / Σ w²`` of the others and of the treated"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nuisances:
    """e, μ_0 and μ_1 of each unit, each fitted without it, (N,)."""

    propensity: DoubleArray
    without: DoubleArray
    treated: DoubleArray


def average_effect(
    treated_N: BoolArray,
    outcome_N: DoubleArray,
    covariates_NF: DoubleArray,
    *,
    rng: np.random.Generator,
    config: EffectConfig | None = None,
    propensity_N: DoubleArray | None = None,
) -> Effects:
    """The three estimates. A propensity that is known, such as one that was logged, is better than a fitted one.

    `DataError` for what is not finite, for a side with fewer units than there are folds, for a propensity outside
    (0, 1), and where too few units have anybody to be compared with.
    """
    config = config or EffectConfig()
    _check(treated_N, outcome_N, covariates_NF, propensity_N, config)
    found = cross_fit(treated_N, outcome_N, covariates_NF, rng=rng, config=config, propensity_N=propensity_N)
    e = found.propensity
    inside = (e >= config.least_propensity) & (e <= 1 - config.least_propensity)
    outside = int((~inside).sum())
    if outside > config.most_outside * len(e):
        raise DataError(
            f"{outside} of {len(e)} units have a propensity below {config.least_propensity} or above "
            f"{1 - config.least_propensity}: the treated and the others are not alike enough to compare.",
            hint="Ask about units that could have had either.",
        )
    t, y, e = treated_N[inside].astype(np.float64), outcome_N[inside], e[inside]
    without, treated = found.without[inside], found.treated[inside]
    weights_1, weights_0 = t / e, (1 - t) / (1 - e)
    mean_1, mean_0 = (weights_1 @ y) / weights_1.sum(), (weights_0 @ y) / weights_0.sum()
    share_1, share_0 = weights_1.mean(), weights_0.mean()
    influence = weights_1 * (y - mean_1) / share_1 - weights_0 * (y - mean_0) / share_0
    psi = treated - without + weights_1 * (y - treated) - weights_0 * (y - without)
    plain_1, plain_0 = y[t == 1], y[t == 0]
    plain = float(np.sqrt(plain_1.var(ddof=1) / len(plain_1) + plain_0.var(ddof=1) / len(plain_0)))
    n = len(y)
    return Effects(
        naive=_estimate(float(plain_1.mean() - plain_0.mean()), plain, config.level),
        ipw=_estimate(float(mean_1 - mean_0), float(influence.std(ddof=1) / np.sqrt(n)), config.level),
        dr=_estimate(float(psi.mean()), float(psi.std(ddof=1) / np.sqrt(n)), config.level),
        units=n,
        outside=outside,
        effective=(_effective(weights_0), _effective(weights_1)),
    )


def _effective(weights_N: DoubleArray) -> float:
    """(Σ w)² / Σ w²"""
    return float(weights_N.sum() ** 2 / (weights_N @ weights_N))


def cross_fit(
    treated_N: BoolArray,
    outcome_N: DoubleArray,
    covariates_NF: DoubleArray,
    *,
    rng: np.random.Generator,
    config: EffectConfig,
    propensity_N: DoubleArray | None = None,
) -> Nuisances:
    """Nuisances of each unit from the folds it is not in; folds hold treated and others alike. A propensity that is
    known is not fitted.
    """
    n = len(treated_N)
    fold: IntArray = np.empty(n, dtype=np.int64)
    for side in (treated_N, ~treated_N):
        fold[rng.permutation(np.flatnonzero(side))] = np.arange(int(side.sum())) % config.folds
    e, without, treated = np.empty(n), np.empty(n), np.empty(n)
    if propensity_N is not None:
        e[:] = propensity_N
    for k in range(config.folds):
        test, train = fold == k, fold != k
        ours, x = covariates_NF[train], covariates_NF[test]
        if propensity_N is None:
            e[test] = _logistic(ours, treated_N[train], config.ridge)(x)
        for part, mu in ((~treated_N[train], without), (treated_N[train], treated)):
            mu[test] = _linear(ours[part], outcome_N[train][part], config.ridge)(x)
    return Nuisances(propensity=e, without=without, treated=treated)


def _linear(x_NF: DoubleArray, y_N: DoubleArray, ridge: float) -> Callable[[DoubleArray], DoubleArray]:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fitted = make_pipeline(StandardScaler(), Ridge(alpha=ridge)).fit(x_NF, y_N)
    return lambda x: np.asarray(fitted.predict(x), dtype=np.float64)


def _logistic(x_NF: DoubleArray, t_N: BoolArray, ridge: float) -> Callable[[DoubleArray], DoubleArray]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=1.0 / ridge, max_iter=500)).fit(x_NF, t_N)
    return lambda x: np.asarray(fitted.predict_proba(x)[:, 1], dtype=np.float64)


def _estimate(effect: float, error: float, level: float) -> Estimate:
    reach = float(stats.norm.ppf(0.5 + level / 2)) * error
    return Estimate(effect=effect, interval=(effect - reach, effect + reach), error=error)


def _check(
    treated_N: BoolArray,
    outcome_N: DoubleArray,
    covariates_NF: DoubleArray,
    propensity_N: DoubleArray | None,
    config: EffectConfig,
) -> None:
    n = len(treated_N)
    if outcome_N.shape != (n,) or covariates_NF.ndim != 2 or len(covariates_NF) != n:
        raise DataError(
            f"{n} treatments, outcomes {outcome_N.shape} and covariates {covariates_NF.shape} came.",
            hint="Give one outcome and one row of covariates for each unit.",
        )
    if not np.isfinite(outcome_N).all() or not np.isfinite(covariates_NF).all():
        raise DataError("An outcome or a covariate is not finite.", hint="Leave such units out, and say so.")
    if min(int(treated_N.sum()), n - int(treated_N.sum())) < config.folds * 2:
        raise DataError(
            f"{int(treated_N.sum())} of {n} units were treated.", hint=f"Each side needs {config.folds * 2} or more."
        )
    if propensity_N is not None and not ((propensity_N > 0) & (propensity_N < 1)).all():
        raise DataError("A propensity is not inside (0, 1).", hint="Who could only have had one side tells nothing.")

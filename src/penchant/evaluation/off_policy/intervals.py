"""Three intervals around an off-policy estimate.

* **bootstrap**: percentile; as many rounds (or owners with all their rounds) as there are, drawn with replacement.
  Efron, "Bootstrap methods: another look at the jackknife", 1979. Percentiles of few units are too close to each other,
  by √((G − 1)/G) and by what the normal distribution is narrower than Student's; they are taken from further out, at
  Φ(√(G/(G − 1)) t_{G−1}). Hesterberg, "What teachers should know about the bootstrap", 2014 (expanded percentile).
  Too short nevertheless where a few large weights carry the estimate: what was never drawn cannot be drawn again.
* **normal**: V̂ ± t · standard error, from the delta method where a ratio is estimated, t of Student's distribution with
  G − 1 degrees of freedom. The same caveat.
* **bernstein**: empirical Bernstein, Maurer & Pontil, "Empirical Bernstein bounds and sample variance penalization",
  2009, theorem 4, on both sides: |mean − E| ≤ √(2 s² ln(4/δ) / N) + 7 R ln(4/δ) / (3 (N − 1)) with probability 1 − δ
  for independent rounds within a range R. No assumption on the distribution, and so longer. For a self-normalised
  estimate it is the set of values v for which the rounds' m_n − v d_n, whose mean is zero at the true v, may have mean
  zero. It holds as far as the range does: where the logging distribution is not known, the largest weight seen stands
  in for the largest that may come.

G: rounds, or owners where rounds of one owner depend on each other.
"""

from collections.abc import Iterator

import numpy as np
from scipy.stats import norm, t

from penchant.evaluation.off_policy.terms import Terms
from penchant.seeding import numpy_rng
from penchant.types import AnyArray, DoubleArray

CELLS = 4_000_000
"""Draws held in memory at once."""
_GRID = 4001


def normal_interval(terms: Terms, *, level: float, owners: AnyArray | None = None) -> tuple[float, float]:
    """V̂ ± t · standard error; infinite for one round or owner."""
    units = len(terms.base) if owners is None else len(np.unique(owners))
    half = _student(0.5 + level / 2, units) * terms.standard_error(owners)
    return terms.value - half, terms.value + half


def bootstrap_interval(
    terms: Terms, *, level: float, resamples: int, seed: int, owners: AnyArray | None = None
) -> tuple[float, float]:
    """Percentiles of the estimate over resampled rounds, or owners."""
    parts = np.stack([terms.base, np.ones(len(terms.base)), terms.numerator, terms.denominator], axis=1)
    if owners is not None:
        _, place = np.unique(owners, return_inverse=True)
        parts = np.stack([np.bincount(place, weights=part) for part in parts.T], axis=1)
    values = []
    for drawn in _draws(len(parts), resamples, numpy_rng(seed, "bootstrap of an off-policy estimate")):
        base, count, numerator, denominator = (drawn @ parts).T
        with np.errstate(divide="ignore", invalid="ignore"):
            values.append(base / count + numerator / denominator)
    found = np.concatenate(values)
    found = found[np.isfinite(found)]  # a draw without any weight has no estimate
    if not len(found):
        return float("nan"), float("nan")
    inflation = np.sqrt(len(parts) / max(len(parts) - 1, 1))
    tail = float(norm.cdf(inflation * _student((1 - level) / 2, len(parts))))
    low, high = np.quantile(found, [tail, 1 - tail])
    return float(low), float(high)


def bernstein_interval(terms: Terms, *, level: float, rewards: tuple[float, float]) -> tuple[float, float] | None:
    """The empirical Bernstein interval; None for a single round. `rewards` is the range a value can lie in."""
    rounds = len(terms.base)
    if rounds < 2:
        return None
    log_term = np.log(4 / (1 - level))

    def radius(variances: DoubleArray | float) -> DoubleArray:
        spread = np.sqrt(2 * np.maximum(variances, 0) * log_term / rounds)
        return np.asarray(spread + 7 * terms.reach * log_term / (3 * (rounds - 1)))

    plain = terms.base + terms.numerator
    if not terms.self_normalised or np.any(terms.base):
        # With a reward model the same weights without normalisation have the same mean: their interval, made to hold V̂.
        centre, half = float(plain.mean()), float(radius(float(plain.var(ddof=1))))
        return min(centre - half, terms.value), max(centre + half, terms.value)
    v = np.linspace(*rewards, _GRID)
    covariance = np.cov(terms.numerator, terms.denominator)
    variances = covariance[0, 0] - 2 * v * covariance[0, 1] + v**2 * covariance[1, 1]
    held = np.flatnonzero(np.abs(terms.numerator.mean() - v * terms.denominator.mean()) <= radius(variances))
    if not len(held):
        return terms.value, terms.value
    low, high = max(held[0] - 1, 0), min(held[-1] + 1, _GRID - 1)
    return float(min(v[low], terms.value)), float(max(v[high], terms.value))


def _student(probability: float, units: int) -> float:
    return float(t.ppf(probability, max(units - 1, 1)))


def _draws(units: int, resamples: int, rng: np.random.Generator) -> Iterator[DoubleArray]:
    """How often each unit is drawn, (n, units), in parts that add up to `resamples` rows."""
    left = resamples
    while left:
        n = min(left, max(1, CELLS // max(1, units)))
        drawn = rng.integers(0, units, size=(n, units)) + units * np.arange(n)[:, None]
        yield np.bincount(drawn.ravel(), minlength=n * units).reshape(n, units).astype(np.float64)
        left -= n

"""Where an effect lies: by segments that were named before, and by one that is looked for and then proved elsewhere.

Intervals of several segments are widened together (Bonferroni), so that the chance of even one that misses stays below
1 − level. Whether segments differ at all is Cochran's Q: ``Σ (Δ_g − Δ̄)² / V_g`` against chi-square with G − 1 degrees.
A segment that was found in the data is estimated on users that it was not found on ("honest", Athey and Imbens 2016):
else the best of many looks like an effect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from penchant.errors import DataError
from penchant.types import BoolArray, DoubleArray, IntArray

LEAST = 20
"""Units of each side in a segment"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEffect:
    """The effect within a segment."""

    segment: str
    treated: int
    others: int
    effect: float
    interval: tuple[float, float]
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplift:
    """All segments, largest effect first."""

    segments: tuple[SegmentEffect, ...]
    left_out: Mapping[str, int]
    """Segments too small to tell, with their units"""
    p_alike: float
    """Of all segments having the same effect"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSegment:
    """A split that separates effects, chosen on one half of the units and measured on the other."""

    feature: int
    threshold: float
    above: SegmentEffect
    below: SegmentEffect
    difference: float
    interval: tuple[float, float]
    p: float


def by_segment(segments: Sequence[str], treated_N: BoolArray, outcome_N: DoubleArray, *, level: float = 0.95) -> Uplift:
    """The effect in each segment of a randomised experiment. `DataError` where none has `LEAST` units on both sides."""
    names, place = np.unique(np.asarray(segments, dtype=str), return_inverse=True)
    sides = [
        (np.flatnonzero((place == g) & treated_N), np.flatnonzero((place == g) & ~treated_N)) for g in range(len(names))
    ]
    big = [g for g, (t, c) in enumerate(sides) if min(len(t), len(c)) >= LEAST]
    if not big:
        raise DataError("No segment is large enough.", hint=f"A segment needs {LEAST} units on both sides.")
    within = 1 - (1 - level) / len(big)
    found, errors = [], []
    for g in big:
        one, error = _segment(str(names[g]), *sides[g], outcome_N, within)
        found.append(one)
        errors.append(error)
    effects, precision = np.array([one.effect for one in found]), 1 / np.maximum(np.array(errors), 1e-300) ** 2
    middle = (precision @ effects) / precision.sum()
    p_alike = float(stats.chi2.sf(precision @ (effects - middle) ** 2, len(found) - 1)) if len(found) > 1 else 1.0
    return Uplift(
        segments=tuple(sorted(found, key=lambda one: -one.effect)),
        left_out={str(names[g]): len(t) + len(c) for g, (t, c) in enumerate(sides) if g not in big},
        p_alike=p_alike,
    )


def find_segment(
    features_NF: DoubleArray,
    treated_N: BoolArray,
    outcome_N: DoubleArray,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
) -> FoundSegment:
    """The split of one feature with the largest standardised difference of effects on half of the units; the report is
    of the other half. `DataError` where no split leaves `LEAST` units on every side.
    """
    half = np.zeros(len(treated_N), dtype=np.bool_)
    half[rng.permutation(len(treated_N))[: len(treated_N) // 2]] = True
    best: tuple[float, int, float] | None = None
    for feature in range(features_NF.shape[1]):
        column = features_NF[:, feature]
        for threshold in np.unique(np.quantile(column[half], np.linspace(0.1, 0.9, 9))).tolist():
            sides = _sides(column > threshold, treated_N, half)
            if min(len(rows) for pair in sides for rows in pair) < LEAST:
                continue
            (above, e_1), (below, e_0) = (_segment("", *pair, outcome_N, level) for pair in sides)
            score = abs(above.effect - below.effect) / max(float(np.hypot(e_1, e_0)), 1e-300)
            if best is None or score > best[0]:
                best = score, feature, threshold
    if best is None:
        raise DataError("No split leaves enough units on every side.", hint=f"Every side needs {LEAST} units.")
    _, feature, threshold = best
    sides = _sides(features_NF[:, feature] > threshold, treated_N, ~half)
    if min(len(rows) for pair in sides for rows in pair) < 2:
        raise DataError("The other half has nobody on one side of the split.", hint="Give more units.")
    (above, e_1), (below, e_0) = (
        _segment(name, *pair, outcome_N, level) for name, pair in zip(("above", "below"), sides, strict=True)
    )
    difference, error = above.effect - below.effect, float(np.hypot(e_1, e_0))
    reach = float(stats.norm.ppf(0.5 + level / 2)) * error
    return FoundSegment(
        feature=feature,
        threshold=threshold,
        above=above,
        below=below,
        difference=difference,
        interval=(difference - reach, difference + reach),
        p=_p(difference, error),
    )


def _sides(above_N: BoolArray, treated_N: BoolArray, half_N: BoolArray) -> list[tuple[IntArray, IntArray]]:
    return [
        (np.flatnonzero(part & treated_N & half_N), np.flatnonzero(part & ~treated_N & half_N))
        for part in (above_N, ~above_N)
    ]


def _segment(
    name: str, treated: IntArray, others: IntArray, outcome_N: DoubleArray, level: float
) -> tuple[SegmentEffect, float]:
    t, c = outcome_N[treated], outcome_N[others]
    effect, error = float(t.mean() - c.mean()), float(np.sqrt(t.var(ddof=1) / len(t) + c.var(ddof=1) / len(c)))
    reach = float(stats.norm.ppf(0.5 + level / 2)) * error
    made = SegmentEffect(
        segment=name,
        treated=len(t),
        others=len(c),
        effect=effect,
        interval=(effect - reach, effect + reach),
        p=_p(effect, error),
    )
    return made, error


def _p(effect: float, error: float) -> float:
    return float(2 * stats.norm.sf(abs(effect) / error)) if error > 0 else float(effect == 0)

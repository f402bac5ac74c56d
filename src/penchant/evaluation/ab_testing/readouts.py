"""Beyond the difference of means: where an effect lies, and what it is with what was known before taken into account.

`segments` tells the effect in each segment that exposures name (`penchant.evaluation.causal.uplift`). `weighted` tells
it by propensity weights and doubly robust (`penchant.evaluation.causal.effects`): the propensity of an arm is its
share, or what the exposures say of it where it was not the same for all; covariates are what a user did before his
exposure, in the measure and in all, and his segment. With equal propensities all three agree but for chance, and the
doubly robust one has less of it; where they differ from user to user the plain difference is of unlike users, and
these are not.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from penchant.errors import DataError
from penchant.evaluation.ab_testing.log import Unit
from penchant.evaluation.ab_testing.measures import Sample
from penchant.evaluation.causal.effects import EffectConfig, Effects, average_effect
from penchant.evaluation.causal.uplift import Uplift, by_segment
from penchant.seeding import numpy_rng
from penchant.types import DoubleArray

SEGMENTS = 50
"""Segments that are covariates, beside the largest: where a segment is a city or a user, the others count as one."""


def propensities_differ(units: Sequence[Unit]) -> bool:
    """Whether users of one arm came to it with different chances."""
    by_arm: dict[str, set[float | None]] = {}
    for unit in units:
        by_arm.setdefault(unit.arm, set()).add(unit.propensity)
    return any(len(found) > 1 for found in by_arm.values())


def segments(
    control: Sequence[Unit], treated: Sequence[Unit], ours: Sample, theirs: Sample, *, level: float
) -> Uplift | None:
    """The effect by segment; None where fewer than two are large enough, or the measure is a ratio."""
    units = [*control, *treated]
    if len({unit.segment for unit in units}) < 2 or not _plain(ours, theirs):
        return None
    try:
        found = by_segment(
            [unit.segment or "none" for unit in units],
            np.arange(len(units)) >= len(control),
            np.concatenate([ours.y, theirs.y]),
            level=level,
        )
    except DataError:
        return None
    return found if len(found.segments) > 1 else None


def weighted(
    control: Sequence[Unit],
    treated: Sequence[Unit],
    ours: Sample,
    theirs: Sample,
    *,
    share: float,
    arms: int,
    level: float,
    seed: int,
) -> Effects | None:
    """The effect by weights; `share` of both arms' users are meant for the treatment. None where the measure is a
    ratio, an arm has too few users, or exposures of three arms or more name propensities: what remains of one's chances
    between two of them is then not known.
    """
    units = [*control, *treated]
    told = any(unit.propensity is not None for unit in units)
    if not _plain(ours, theirs) or (told and arms > 2):
        return None
    is_treated = np.arange(len(units)) >= len(control)
    own = np.array([np.nan if unit.propensity is None else unit.propensity for unit in units])
    chance = np.where(np.isnan(own), share, np.where(is_treated, own, 1 - own))
    try:
        return average_effect(
            is_treated,
            np.concatenate([ours.y, theirs.y]),
            _covariates(units, np.concatenate([ours.past, theirs.past])),
            rng=numpy_rng(seed, "weighted"),
            config=EffectConfig(level=level),
            propensity_N=chance,
        )
    except DataError:
        return None


def _plain(ours: Sample, theirs: Sample) -> bool:
    return bool((ours.x == 1).all() and (theirs.x == 1).all())


def _covariates(units: Sequence[Unit], past_N: DoubleArray) -> DoubleArray:
    """(N, F) the measure's past, events before the exposure, and a column for each large segment but the largest."""
    names = [name for name, _ in Counter(unit.segment for unit in units).most_common(SEGMENTS + 1)[1:]]
    told = [[np.log1p(len(unit.past)), *(float(unit.segment == name) for name in names)] for unit in units]
    return np.column_stack([past_N, np.array(told, dtype=np.float64)])

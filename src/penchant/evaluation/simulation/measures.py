"""What a run earned, what it found, and how sure a difference between two policies is over many worlds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from penchant.errors import DataError
from penchant.evaluation.simulation.loop import Run
from penchant.types import BoolArray, DoubleArray

ENGAGEMENTS = 3
"""That make a new concept a found one"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Of one run."""

    reward: float
    """Engagements in all"""
    expected: float
    """Their expectation given what was shown: the same without the luck of the draw"""
    quarters: tuple[float, ...]
    """`expected` of each quarter of the horizon"""
    new_concepts: int
    """Pairs of a user and a concept with at least 3 engagements, no event of his past being mainly of it"""
    found_interests: int
    """Those among them that are true interests"""
    findable_interests: int
    """True interests, at any time, that the past told nothing of"""
    exploration_share: float
    """Explored places of all that were filled"""
    reward_per_explored: float | None
    """`expected` per explored place; None where none was"""
    reward_per_other: float | None


def measure(run: Run) -> Measures:
    """The measures of a run."""
    filled, explored = run.items >= 0, run.explored
    quarters = [part.sum() for part in np.array_split(run.expected, 4)]
    found = found_concepts(run)
    return Measures(
        reward=float(run.engaged.sum()),
        expected=float(run.expected.sum()),
        quarters=tuple(float(part) for part in quarters),
        new_concepts=int(found.sum()),
        found_interests=int((found & run.wanted).sum()),
        findable_interests=int((run.new & run.wanted).sum()),
        exploration_share=float(explored.sum() / max(filled.sum(), 1)),
        reward_per_explored=_mean(run.expected[explored]),
        reward_per_other=_mean(run.expected[filled & ~explored]),
    )


def found_concepts(run: Run, *, engagements: int = ENGAGEMENTS) -> BoolArray:
    """(U, C) concepts new to a user that got at least so many engagements with items mainly of them."""
    _, users, _ = np.nonzero(run.engaged)
    counts = np.zeros(run.new.shape)
    np.add.at(counts, users, run.leading[run.items[run.engaged]].astype(np.float64))
    return (counts >= engagements) & run.new


def regret(run: Run, oracle: Run) -> DoubleArray:
    """(R,) what the oracle's own run was expected to earn more, so far."""
    return np.asarray(np.cumsum((oracle.expected - run.expected).sum(axis=(1, 2))), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """A mean difference over worlds, each world having had both policies."""

    mean: float
    interval: tuple[float, float]
    """Student's t"""
    p: float
    """Two-sided, of there being no difference"""
    worlds: int


def paired(
    values_W: Sequence[float], others_W: Sequence[float], *, relative: bool = True, level: float = 0.95
) -> Paired:
    """The mean over worlds of ``v/o − 1``, or of ``v − o``, with its interval. `DataError` for fewer than two worlds,
    for what is not finite, or, where relative, for an `other` that is not above 0.
    """
    values, others = np.asarray(values_W, dtype=np.float64), np.asarray(others_W, dtype=np.float64)
    if values.shape != others.shape or len(values) < 2 or not np.isfinite([values, others]).all():
        raise DataError(
            f"{len(values)} and {len(others)} worlds came.", hint="Give finite values of the same two worlds or more."
        )
    if relative and (others <= 0).any():
        raise DataError(f"{others.min()} is no base of a relative difference.", hint="Compare with relative=False.")
    differences = values / others - 1.0 if relative else values - others
    mean, error = float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(differences)))
    if error == 0:
        return Paired(mean=mean, interval=(mean, mean), p=float(mean == 0), worlds=len(differences))
    reach = float(stats.t.ppf(0.5 + level / 2, len(differences) - 1)) * error
    p = 2.0 * float(stats.t.sf(abs(mean) / error, len(differences) - 1))
    return Paired(mean=mean, interval=(mean - reach, mean + reach), p=p, worlds=len(differences))


def _mean(values: DoubleArray) -> float | None:
    return float(values.mean()) if len(values) else None

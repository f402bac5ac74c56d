"""Switchback: all users get one arm for a block of time, then one is drawn again. For changes that users share (a
stock, a log that one model learns from), where two arms at a time would leak into each other.

    arm of block b = hash(salt, b);      the unit of inference is the block, not the event:  Welch over block means

The first `washout` of a block may still bear the marks of the one before, and is left out (Bojinov, Simchi-Levi and
Zhao 2023). Blocks that follow each other are then taken as independent; longer blocks make that truer and the interval
wider.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.errors import DataError
from penchant.evaluation.ab_testing.assignment import uniform
from penchant.evaluation.ab_testing.fixed_horizon import Effect, compare
from penchant.evaluation.ab_testing.log import Action
from penchant.evaluation.ab_testing.measures import Sample
from penchant.types import DoubleArray, IntArray

MICROSECONDS_PER_HOUR = 3_600_000_000


class Switchback(Config):
    """Blocks of time."""

    name: str = Field(min_length=1)
    hours: float = Field(default=4.0, ge=1 / 3600)
    """Of a block, a second at least"""
    washout: float = Field(default=0.0, ge=0, lt=1)
    """Share of each block, its beginning, that is left out"""
    treated: float = Field(default=0.5, gt=0, lt=1)
    """Share of blocks"""

    def block(self, timestamp: int) -> int:
        """The number of the block that a moment, UTC microseconds, is in."""
        return int(timestamp // round(self.hours * MICROSECONDS_PER_HOUR))

    def treats(self, timestamp: int) -> bool:
        """Whether the treatment is on at a moment."""
        return self._treats(self.block(timestamp))

    def _treats(self, block: int) -> bool:
        return uniform(self.name, "block", str(block)) < self.treated


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchbackEffect:
    """Treatment blocks against control blocks."""

    effect: Effect
    """Over block means"""
    control_blocks: int
    treatment_blocks: int
    p_permutation: float
    """Of block means under other draws of the same number of blocks"""
    washed_out: int
    """Events left out"""


def analyse(
    design: Switchback, timestamps_N: IntArray, values_N: DoubleArray, *, rng: np.random.Generator, draws: int = 2_000
) -> SwitchbackEffect:
    """The effect on the mean value of an event. `DataError` where a side has fewer than two blocks."""
    length = round(design.hours * MICROSECONDS_PER_HOUR)
    kept = timestamps_N % length >= design.washout * length
    blocks, place = np.unique(timestamps_N[kept] // length, return_inverse=True)
    n = np.bincount(place, minlength=len(blocks)).astype(np.float64)
    means = np.bincount(place, weights=values_N[kept], minlength=len(blocks)) / np.maximum(n, 1)
    treated = np.array([design._treats(int(block)) for block in blocks], dtype=np.bool_)
    if treated.sum() < 2 or (~treated).sum() < 2:
        raise DataError(
            f"{treated.sum()} blocks had the treatment and {(~treated).sum()} not.",
            hint="Let it run longer, or cut shorter.",
        )
    observed = abs(means[treated].mean() - means[~treated].mean())
    reached = 0
    for _ in range(draws):
        other = rng.permutation(treated)
        reached += abs(means[other].mean() - means[~other].mean()) >= observed - 1e-12 * max(observed, 1.0)
    return SwitchbackEffect(
        effect=compare(_sample(means[~treated]), _sample(means[treated])),
        control_blocks=int((~treated).sum()),
        treatment_blocks=int(treated.sum()),
        p_permutation=(1 + reached) / (1 + draws),
        washed_out=int((~kept).sum()),
    )


def moments_and_values(
    events: Iterable[Action], event_type: str, left_out: Counter[str]
) -> tuple[IntArray, DoubleArray]:
    """(N,) each, of a type's events; those without a value are counted in `left_out`. `DataError` where all are."""
    of_type = [one for one in events if one.event_type == event_type]
    if not of_type:
        raise DataError(f"No event {event_type!r} came that can be read.", hint="Name a type that is in the log.")
    found = [(one.timestamp, one.value) for one in of_type if one.value is not None]
    if not found:
        raise DataError(f"No event {event_type!r} has a value.", hint="Log what it is worth: its value.")
    if len(found) < len(of_type):
        left_out["without_value"] += len(of_type) - len(found)
    moments, values = zip(*found, strict=True)
    return np.array(moments, dtype=np.int64), np.array(values, dtype=np.float64)


def _sample(values: Sequence[float] | DoubleArray) -> Sample:
    y = np.asarray(values, dtype=np.float64)
    return Sample(y=y, x=np.ones_like(y), past=np.zeros_like(y))

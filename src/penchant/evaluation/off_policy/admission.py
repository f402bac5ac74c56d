"""What a log may hold. A fault of a single round sets that round aside, under a name and with a count; a fault of the
whole log is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from penchant.errors import DataError
from penchant.types import AnyArray, BoolArray, DoubleArray

TOLERANCE = 1e-6
"""How far probabilities may be from adding up to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What became of the rounds of a log: rounds = kept + the sum of those set aside."""

    rounds: int
    kept: int
    set_aside: Mapping[str, int]
    """Fault → rounds. A round with several faults is counted under the first of them."""


def admit(faults: Mapping[str, BoolArray], *, rounds: int, strict: bool) -> tuple[BoolArray, Admission]:
    """Which rounds are without any of the faults, (N,), and the counts.

    Raises `DataError` where no round is left, or with `strict` at the first fault that any round has.
    """
    kept = np.ones(rounds, dtype=np.bool_)
    counts: dict[str, int] = {}
    for fault, found in faults.items():
        new = found & kept
        if not new.any():
            continue
        counts[fault] = int(new.sum())
        kept &= ~found
        if strict:
            raise DataError(
                f"Round {int(np.argmax(new))} of the log: {fault} ({counts[fault]} of {rounds} rounds).",
                hint="Mend the log, or leave strict out to set such rounds aside.",
            )
    if not kept.any():
        told = "; ".join(f"{fault}: {count}" for fault, count in counts.items()) or "it is empty"
        raise DataError(
            f"None of the {rounds} rounds of the log can be used: {told}.",
            hint="Log every decision with the probability it was taken with, and finite rewards.",
        )
    return kept, Admission(rounds=rounds, kept=int(kept.sum()), set_aside=counts)


def propensity_faults(propensities: DoubleArray) -> dict[str, BoolArray]:
    """Faults of logged probabilities, (N,) or (N, K): a round has one where any of its places has."""
    with np.errstate(invalid="ignore"):
        return {
            "propensity missing": _any(np.isnan(propensities)),
            "propensity zero or below": _any(propensities <= 0),
            "propensity above one": _any(propensities > 1 + TOLERANCE),
        }


def reward_faults(rewards: DoubleArray) -> dict[str, BoolArray]:
    """Faults of rewards, (N,) or (N, K)."""
    return {"reward not finite": _any(~np.isfinite(rewards))}


def check_distribution(chances_NA: DoubleArray, *, rounds: int, actions: int, what: str) -> DoubleArray:
    """Probabilities of all actions in each round, (N, A), as doubles. `DataError` where they are none."""
    chances_NA = np.asarray(chances_NA, dtype=np.float64)
    if chances_NA.shape != (rounds, actions):
        raise DataError(
            f"{what} has shape {chances_NA.shape}; the log has {rounds} rounds and {actions} actions.",
            hint="Give a probability for each action in each round, (N, A).",
        )
    if not np.isfinite(chances_NA).all() or (chances_NA < 0).any():
        raise DataError(f"{what} holds a probability that is negative or not a number.", hint="Give values in [0, 1].")
    sums = chances_NA.sum(axis=1)
    wrong = np.abs(sums - 1) > TOLERANCE
    if wrong.any():
        n = int(np.argmax(wrong))
        raise DataError(
            f"{what}: the probabilities of round {n} add up to {sums[n]:.6g}, those of {int(wrong.sum())} rounds not "
            "to 1.",
            hint="Give each action's probability; they add up to 1 in each round.",
        )
    return chances_NA


def check_one_policy(versions: AnyArray | None, wanted: str | None) -> BoolArray | None:
    """Which rounds another policy version than `wanted` decided, (N,); None where versions are not told or none is
    asked for: every round carries its own probability, so that a log of several policies is no fault in itself.

    Raises `DataError` where a version is asked for that no round has, or that the log does not tell.
    """
    if wanted is None:
        return None
    if versions is None:
        raise DataError(
            f"The log does not say which policy decided, and {wanted!r} was asked for.", hint="Ask for no version."
        )
    other = np.asarray(versions) != wanted
    if other.all():
        there = ", ".join(map(repr, sorted(set(np.asarray(versions).tolist()))[:5]))
        raise DataError(f"No round of the log was decided by {wanted!r}.", hint=f"There are: {there}.")
    return np.asarray(other, dtype=np.bool_)


def _any(found: BoolArray) -> BoolArray:
    return np.asarray(found if found.ndim == 1 else found.any(axis=1), dtype=np.bool_)

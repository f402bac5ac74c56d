"""A log of slates as off-policy evaluation reads it, and what is asked of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from penchant.errors import DataError
from penchant.evaluation.off_policy.admission import (
    Admission,
    admit,
    check_one_policy,
    propensity_faults,
    reward_faults,
)
from penchant.types import AnyArray, BoolArray, DoubleArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedSlates:
    """N slates of up to K places. A place that a shorter slate lacks has reward 0 and propensity 1.

    Make it with `of`, which checks what it is given.
    """

    rewards: DoubleArray
    """(N, K)"""
    propensities: DoubleArray
    """(N, K) p(item | places before, draw), in (0, 1]"""
    marginals: DoubleArray | None
    """(N, K) P(this item takes this place), whatever the places before; for independent IPS only"""
    owners: AnyArray | None
    """(N,) whose slates these are; see `LoggedBandit`"""
    rounds: AnyArray
    """(N,) places of the kept slates among those given"""
    admission: Admission

    @classmethod
    def of(
        cls,
        *,
        rewards: ArrayLike,
        propensities: ArrayLike,
        marginals: AnyArray | None = None,
        owners: AnyArray | None = None,
        versions: AnyArray | None = None,
        version: str | None = None,
        strict: bool = False,
    ) -> Self:
        """Check a log; see `LoggedBandit.of` for what is set aside and what is refused."""
        rewards, propensities = np.asarray(rewards, dtype=np.float64), np.asarray(propensities, dtype=np.float64)
        if rewards.ndim != 2 or rewards.shape != propensities.shape:
            raise DataError(
                f"rewards have shape {rewards.shape}, propensities {propensities.shape}.",
                hint="Give one of each for every place of every slate, (N, K).",
            )
        for name, part in {"owners": owners, "versions": versions, "marginals": marginals}.items():
            if part is not None and len(part) != len(rewards):
                raise DataError(
                    f"{name} has {len(part)} slates, rewards has {len(rewards)}.", hint="Give one for each."
                )
        other = check_one_policy(versions, version)
        faults: dict[str, BoolArray] = {} if other is None else {"another policy version": other}
        faults |= propensity_faults(propensities) | reward_faults(rewards)
        if marginals is not None:
            # One that no draw came to is 0: that is for the one estimator that asks for marginals to refuse. Slates set
            # aside by what was served would bias all the others.
            marginals = np.asarray(marginals, dtype=np.float64)
        kept, admission = admit(faults, rounds=len(rewards), strict=strict)
        return cls(
            rewards=rewards[kept],
            propensities=np.minimum(propensities[kept], 1.0),
            marginals=None if marginals is None else np.minimum(marginals[kept], 1.0),
            owners=None if owners is None else np.asarray(owners)[kept],
            rounds=np.flatnonzero(kept),
            admission=admission,
        )

    def __len__(self) -> int:
        return len(self.rewards)

    @property
    def prefixes(self) -> DoubleArray:
        """(N, K) π_0(a_1 … a_k): products of the propensities up to each place."""
        return np.asarray(np.cumprod(self.propensities, axis=1))


def weighed(target: DoubleArray, logging: DoubleArray) -> DoubleArray:
    """Quotients of one shape; 0 where the target is 0, though the product that logged be too small for a number
    itself, as that of hundreds of explored places is.
    """
    return np.asarray(np.divide(target, logging, out=np.zeros(target.shape), where=target != 0))


@dataclass(frozen=True, kw_only=True)
class SlateQuestion:
    """What would the target policy have earned on the log's slates, all places added up?"""

    log: LoggedSlates
    prefixes: DoubleArray
    """(N, K) π(a_1 … a_k): what the target policy gives the logged places up to each, products of its conditional
    probabilities; averaged over its draws where it draws"""
    marginals: DoubleArray | None = None
    """(N, K) P under π that this item takes this place"""
    predicted: DoubleArray | None = None
    """(N, K) Q̂_k(x, a_1 … a_k): what is foreseen from place k on, given the logged places up to it"""
    expected: DoubleArray | None = None
    """(N, K) Σ_a π(a_1 … a_{k−1}, a) Q̂_k(x, a_1 … a_{k−1}, a): joint with the logged places before"""
    rewards: tuple[float, float] | None = None
    """The range that one place's reward lies in; None: what the log shows."""

    def __post_init__(self) -> None:
        shape = self.log.rewards.shape
        for name in ("prefixes", "marginals", "predicted", "expected"):
            part = getattr(self, name)
            if part is None:
                continue
            if part.shape != shape or not np.isfinite(part).all():
                raise DataError(
                    f"{name} has shape {part.shape} and must be {shape} and finite.", hint="Give one for each place."
                )
        for name in ("prefixes", "marginals"):
            part = getattr(self, name)
            if part is not None and ((part < 0).any() or (part > 1 + 1e-9).any()):
                raise DataError(f"{name} holds a probability outside 0 to 1.", hint="Give probabilities.")
        if (np.diff(self.prefixes, axis=1) > 1e-9).any():
            raise DataError(
                "prefixes rises from one place to the next.", hint="Give products of conditional probabilities."
            )

    @cached_property
    def prefix_weights(self) -> DoubleArray:
        """(N, K) w_{1:k} = π(a_1 … a_k) / π_0(a_1 … a_k)"""
        return weighed(self.prefixes, self.log.prefixes)

    @cached_property
    def reward_range(self) -> tuple[float, float]:
        """The lowest and highest one place's reward can be."""
        if self.rewards is not None:
            return self.rewards
        return float(self.log.rewards.min()), float(self.log.rewards.max())

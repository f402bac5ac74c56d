"""What an estimator is asked: a log, the target policy's probabilities on it, and what a reward model foresees."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from penchant.errors import DataError
from penchant.evaluation.off_policy.admission import check_distribution
from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.types import DoubleArray, IntArray


@dataclass(frozen=True, kw_only=True)
class Question:
    """What would the target policy have earned on the log's contexts?"""

    log: LoggedBandit
    target: DoubleArray
    """(N, A) π(a | x_n)"""
    predicted: DoubleArray | None = None
    """(N, A) q̂(x_n, a), cross-fitted: no round's own reward went into its predictions"""
    concepts: IntArray | None = None
    """(A,) or (N, A): the concept through which each action is taken to act"""
    items: IntArray | None = None
    """(N, A) which item each action is, where an action's number means another one in each round; None: its number"""
    seed: int = 0
    rewards: tuple[float, float] | None = None
    """The range rewards lie in; None: what the log shows."""
    largest_weight: float | None = None
    """A bound on π / π_0 known beforehand; None: from the whole logging distribution, else the largest seen."""

    def __post_init__(self) -> None:
        rounds, actions = len(self.log), self.log.n_actions
        check_distribution(self.target, rounds=rounds, actions=actions, what="target")
        if self.predicted is not None and (
            self.predicted.shape != (rounds, actions) or not np.isfinite(self.predicted).all()
        ):
            raise DataError(
                f"predicted has shape {self.predicted.shape} and must be ({rounds}, {actions}) and finite.",
                hint="Give q̂ for each action in each round, as `cross_fit` does.",
            )
        if self.concepts is not None and self.concepts.shape not in {(actions,), (rounds, actions)}:
            raise DataError(
                f"concepts has shape {self.concepts.shape}; there are {actions} actions in {rounds} rounds.",
                hint="Give one concept for each action, (A,), or for each action in each round, (N, A).",
            )
        if self.items is not None and self.items.shape != (rounds, actions):
            raise DataError(
                f"items has shape {self.items.shape} and must be ({rounds}, {actions}).",
                hint="Give the item of each action in each round.",
            )

    @cached_property
    def weights(self) -> DoubleArray:
        """(N,) w_n = π(a_n | x_n) / π_0(a_n | x_n)"""
        return np.asarray(self.of_logged(self.target) / self.log.propensities, dtype=np.float64)

    @cached_property
    def predicted_logged(self) -> DoubleArray:
        """(N,) q̂(x_n, a_n)"""
        return self.of_logged(self.model())

    @cached_property
    def predicted_target(self) -> DoubleArray:
        """(N,) Σ_a π(a | x_n) q̂(x_n, a)"""
        return np.asarray((self.target * self.model()).sum(axis=1))

    def model(self) -> DoubleArray:
        """(N, A) what the reward model foresees. `DataError` where none was given."""
        if self.predicted is None:
            raise DataError(
                "This estimator needs a reward model's predictions, and none were given.",
                hint="Make them with `cross_fit`, or use ips or snips.",
            )
        return self.predicted

    def of_logged(self, values_NA: DoubleArray) -> DoubleArray:
        """(N,) each round's value of the action that was taken."""
        return np.asarray(values_NA[np.arange(len(self.log)), self.log.actions], dtype=np.float64)

    @cached_property
    def reward_range(self) -> tuple[float, float]:
        """The lowest and highest a reward can be."""
        if self.rewards is not None:
            return self.rewards
        return float(self.log.rewards.min()), float(self.log.rewards.max())

    @cached_property
    def weight_bound(self) -> float:
        """The largest an importance weight can be, as far as is known."""
        if self.largest_weight is not None:
            return self.largest_weight
        if self.log.logging is None:
            return float(self.weights.max())
        supported = self.log.logging > 0
        return float((self.target[supported] / self.log.logging[supported]).max())

"""A log of single choices as off-policy evaluation reads it."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from penchant.errors import DataError
from penchant.evaluation.off_policy.admission import (
    Admission,
    admit,
    check_distribution,
    check_one_policy,
    propensity_faults,
    reward_faults,
)
from penchant.types import AnyArray, BoolArray, DoubleArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedBandit:
    """N rounds: in context x_n the logging policy took action a_n with probability p_n, and reward r_n came.

    Make it with `of`, which checks what it is given.
    """

    actions: IntArray
    """(N,) in [0, A)"""
    rewards: DoubleArray
    """(N,)"""
    propensities: DoubleArray
    """(N,) p_n = π_0(a_n | x_n), in (0, 1]"""
    n_actions: int
    """A"""
    logging: DoubleArray | None
    """(N, A) π_0(a | x_n) of all actions, where it is known: overlap can then be told exactly, not only seen."""
    context: DoubleArray | None
    """(N, D) what was known of the round"""
    action_features: DoubleArray | None
    """(A, F), or (N, A, F) where they depend on the round"""
    owners: AnyArray | None
    """(N,) whose rounds these are: rounds of one owner are kept together when intervals are drawn. None: each alone."""
    admission: Admission

    @classmethod
    def of(
        cls,
        *,
        actions: ArrayLike,
        rewards: ArrayLike,
        propensities: ArrayLike,
        n_actions: int,
        logging: DoubleArray | None = None,
        context: DoubleArray | None = None,
        action_features: DoubleArray | None = None,
        owners: AnyArray | None = None,
        versions: AnyArray | None = None,
        version: str | None = None,
        strict: bool = False,
    ) -> Self:
        """Check a log. Rounds with a propensity that is missing, zero or above one, a reward or context that is not
        finite, an action that does not exist or, where `version` is given, another policy version are set aside and
        counted; `strict` refuses the first of them.

        Raises `DataError` where arrays disagree in length, where `logging` is no distribution or contradicts the
        propensities, and where no round is left.
        """
        numbers, rewards = np.asarray(actions, dtype=np.float64), np.asarray(rewards, dtype=np.float64)
        propensities, rounds = np.asarray(propensities, dtype=np.float64), len(numbers)
        parts = {"rewards": rewards, "propensities": propensities, "logging": logging, "context": context}
        for name, part in {**parts, "owners": owners, "versions": versions}.items():
            if part is not None and len(part) != rounds:
                raise DataError(f"{name} has {len(part)} rounds, actions has {rounds}.", hint="Give one for each.")
        if n_actions < 1:
            raise DataError(
                f"n_actions is {n_actions}; there is at least one action.", hint="Give the number of actions."
            )
        other = check_one_policy(versions, version)
        out_of_range = ~((numbers >= 0) & (numbers < n_actions) & (numbers == np.floor(numbers)))
        faults: dict[str, BoolArray] = {} if other is None else {"another policy version": other}
        faults |= propensity_faults(propensities) | reward_faults(rewards) | {"action out of range": out_of_range}
        if context is not None:
            context = np.asarray(context, dtype=np.float64).reshape(rounds, -1)
            faults["context not finite"] = np.asarray(~np.isfinite(context).all(axis=1), dtype=np.bool_)
        kept, admission = admit(faults, rounds=rounds, strict=strict)
        log = cls(
            actions=numbers[kept].astype(np.int64),
            rewards=rewards[kept],
            propensities=np.minimum(propensities[kept], 1.0),
            n_actions=n_actions,
            logging=None if logging is None else np.asarray(logging, dtype=np.float64)[kept],
            context=None if context is None else context[kept],
            action_features=_action_features(action_features, kept, n_actions),
            owners=None if owners is None else np.asarray(owners)[kept],
            admission=admission,
        )
        if log.logging is not None:
            check_distribution(log.logging, rounds=len(log), actions=n_actions, what="logging")
            said = log.logging[np.arange(len(log)), log.actions]
            if not np.allclose(said, log.propensities, rtol=1e-6, atol=1e-12):
                n = int(np.argmax(np.abs(said - log.propensities)))
                raise DataError(
                    f"Round {n}: the propensity is {log.propensities[n]:.6g}, the logging distribution says "
                    f"{said[n]:.6g}.",
                    hint="Give the distribution the actions were drawn from, or none.",
                )
        return log

    def __len__(self) -> int:
        return len(self.actions)

    def part(self, rounds: IntArray) -> "LoggedBandit":
        """These rounds only."""
        features = self.action_features
        return replace(
            self,
            actions=self.actions[rounds],
            rewards=self.rewards[rounds],
            propensities=self.propensities[rounds],
            logging=None if self.logging is None else self.logging[rounds],
            context=None if self.context is None else self.context[rounds],
            action_features=features if features is None or features.ndim == 2 else features[rounds],
            owners=None if self.owners is None else self.owners[rounds],
        )


def _action_features(features: DoubleArray | None, kept: BoolArray, n_actions: int) -> DoubleArray | None:
    if features is None:
        return None
    features = np.asarray(features, dtype=np.float64)
    if (
        features.ndim not in {2, 3}
        or features.shape[-2] != n_actions
        or (features.ndim == 3 and len(features) != len(kept))
    ):
        raise DataError(
            f"action_features has shape {features.shape}; {n_actions} actions, {len(kept)} rounds.",
            hint="Give (A, F), or (N, A, F) where they depend on the round.",
        )
    if not np.isfinite(features).all():
        raise DataError("action_features holds a value that is not finite.", hint="Fill or drop it.")
    return features if features.ndim == 2 else features[kept]

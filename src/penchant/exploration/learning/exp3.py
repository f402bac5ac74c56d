"""EXP3: bandits for rewards that an adversary may choose; each reward is weighed by how unlikely its arm was."""

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.exploration.learning.bandit import Bandit
from penchant.exploration.learning.chances import Chances, softmax_of
from penchant.types import AnyArray, BoolArray, DoubleArray


class Exp3Config(Config):
    """Settings of `Exp3`."""

    mixing: float = Field(default=0.1, gt=0, le=1)
    """γ; for a horizon of T rounds ``min(1, √(A ln A / ((e − 1) T)))`` is the paper's"""


class Exp3(Bandit):
    """EXP3 (Auer, Cesa-Bianchi, Freund and Schapire 2002), rewards in [0, 1]:

        p(a) = (1 − γ) w_a / Σ w + γ / A,    after a reward r of arm a: ln w_a += γ r / (A p(a))

    Expected regret at most ``2.63 √(T A ln A)`` against the best arm of any fixed sequence, with the γ of `Exp3Config`.
    Its weighing has a variance of 1/p: in a world that stays as it is, UCB1 and Thompson are far quicker.
    """

    config: Exp3Config
    unit_rewards = True

    settings = Exp3Config

    def new_arm(self) -> dict[str, AnyArray]:
        """Log weight 0; a latecomer begins as all began."""
        return {"log_weights": np.zeros(())}

    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:  # noqa: ARG002 - without contexts
        """The mixture."""
        return softmax_of(self.by_arm["log_weights"], self.config.mixing)

    def learn(self, context_AD: DoubleArray, a: int, reward: float, propensity: float | None, weight: float) -> None:
        """The update above, w times."""
        n = len(self.arms)
        p = _chance(self, context_AD, a) if propensity is None else propensity
        self.by_arm["log_weights"][a] += weight * self.config.mixing * reward / (n * p)


class Exp3IXConfig(Config):
    """Settings of `Exp3IX`."""

    rate: float | None = Field(default=None, gt=0)
    """η; None: ``√(2 ln A / (A t))``, which falls with the rounds t and needs no horizon"""


class Exp3IX(Bandit):
    """EXP3 with implicit exploration (Neu 2015), rewards in [0, 1]:

        p(a) ∝ exp(−η L_a),    after a reward r of arm a: L_a += (1 − r) / (p(a) + γ),    γ = η/2

    The γ below the line biases estimated losses down and keeps them small, so that no share is thrown at random and the
    regret, ``O(√(T A ln A))``, holds with high probability, not only on average.
    """

    config: Exp3IXConfig
    unit_rewards = True

    settings = Exp3IXConfig

    def new_arm(self) -> dict[str, AnyArray]:
        """A latecomer has lost as much as the best, so that he is tried and costs nothing else."""
        losses = self.by_arm.get("losses", np.zeros(0))
        return {"losses": np.array(losses.min() if len(losses) else 0.0)}

    def new_shared(self) -> dict[str, AnyArray]:
        """Round 0."""
        return {"rounds": np.zeros(())}

    @property
    def rate(self) -> float:
        """η at this round."""
        if self.config.rate is not None:
            return self.config.rate
        n = max(len(self.arms), 2)
        return float(np.sqrt(2.0 * np.log(n) / (n * (float(self.shared["rounds"]) + 1.0))))

    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:  # noqa: ARG002 - without contexts
        """The softmax of what was lost."""
        return softmax_of(-self.rate * self.by_arm["losses"])

    def learn(self, context_AD: DoubleArray, a: int, reward: float, propensity: float | None, weight: float) -> None:
        """The update above, w times."""
        p = _chance(self, context_AD, a) if propensity is None else propensity
        self.by_arm["losses"][a] += weight * (1.0 - reward) / (p + self.rate / 2.0)
        self.shared["rounds"] += weight


def _chance(bandit: Bandit, context_AD: DoubleArray, a: int) -> float:
    everyone = np.ones(len(bandit.arms), dtype=np.bool_)
    return float(bandit.chances(context_AD, everyone, 1)(everyone)[a])

"""Bandits without contexts that look at each arm's mean reward: epsilon-greedy, UCB1, softmax."""

from abc import abstractmethod

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.exploration.learning.bandit import Bandit
from penchant.exploration.learning.chances import Chances, best_of_values, softmax_of
from penchant.types import AnyArray, BoolArray, DoubleArray


class ArmMeans(Bandit):
    """What the three keep: observations n_a and the sum of their rewards, so that μ̂_a = Σ r / n_a.

    An arm never pulled comes before all others, unless the bandit says otherwise.
    """

    def new_arm(self) -> dict[str, AnyArray]:
        """No observation."""
        return {"pulls": np.zeros(()), "sums": np.zeros(())}

    def learn(
        self,
        context_AD: DoubleArray,  # noqa: ARG002 - without contexts
        a: int,
        reward: float,
        propensity: float | None,  # noqa: ARG002 - means need none
        weight: float,
    ) -> None:
        """n_a += w, Σ r += w r."""
        self.by_arm["pulls"][a] += weight
        self.by_arm["sums"][a] += weight * reward

    def means(self, *, unknown: float) -> DoubleArray:
        """μ̂, (A,), and what to take for an arm never pulled."""
        pulls = self.by_arm["pulls"]
        known = pulls > 0
        return np.where(known, self.by_arm["sums"] / np.where(known, pulls, 1.0), unknown)

    @abstractmethod
    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:
        """See `Bandit.chances`."""


class EpsilonGreedyBanditConfig(Config):
    """Settings of `EpsilonGreedyBandit`."""

    epsilon: float = Field(default=0.1, ge=0, le=1)
    half_after: float | None = Field(default=None, gt=0)
    """Rounds after which ε is half of what it was, a third after twice as many; None: ε stays"""


class EpsilonGreedyBandit(ArmMeans):
    """ε-greedy (Watkins 1989; decaying, εₙ-greedy, Auer et al. 2002):

        p(a) = (1 − ε_t) [a best] + ε_t / A,    ε_t = ε / (1 + t/h),    best: the largest μ̂, arms never pulled first

    t are the rounds so far; equally good arms share. Regret grows with ε t for a constant ε.
    """

    config: EpsilonGreedyBanditConfig

    settings = EpsilonGreedyBanditConfig

    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:  # noqa: ARG002 - without contexts
        """The mixture."""
        epsilon = self.config.epsilon
        if self.config.half_after is not None:
            epsilon /= 1.0 + float(self.by_arm["pulls"].sum()) / self.config.half_after
        return best_of_values(self.means(unknown=np.inf), epsilon)


class UCB1Config(Config):
    """Settings of `UCB1`."""

    width: float = Field(default=1.0, ge=0)
    """c; 1 is the paper's, for rewards in [0, 1]. Less explores less."""


class UCB1(ArmMeans):
    """UCB1 (Auer, Cesa-Bianchi and Fischer 2002): p = 1 for the largest

        μ̂_a + c √(2 ln t / n_a),    arms never pulled first

    t are the rounds so far; equally good arms share. Expected regret O(ln t) for rewards in [0, 1]. Deterministic but
    for ties: its log serves no estimates.
    """

    config: UCB1Config

    settings = UCB1Config

    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:  # noqa: ARG002 - without contexts
        """1 for the largest bound."""
        return best_of_values(self.bounds())

    def bounds(self) -> DoubleArray:
        """The upper bounds, (A,)."""
        pulls = self.by_arm["pulls"]
        rounds = max(float(pulls.sum()), 1.0)
        wide = np.sqrt(2.0 * np.log(rounds) / np.where(pulls > 0, pulls, 1.0))
        return np.asarray(self.means(unknown=np.inf) + self.config.width * wide, dtype=np.float64)


class SoftmaxBanditConfig(Config):
    """Settings of `SoftmaxBandit`."""

    temperature: float = Field(default=0.1, ge=1e-9)
    """T, in the rewards' unit"""
    start: float = Field(default=1.0)
    """The mean of an arm never pulled; the best reward there is makes it tried early"""


class SoftmaxBandit(ArmMeans):
    """Boltzmann exploration (Luce 1959; Sutton and Barto 2018, section 2.8):

        p(a) ∝ exp(μ̂_a / T)

    Blind to how often an arm was pulled: an arm unlucky at first is found again the more slowly, the smaller T, and one
    T for ever keeps on exploring (Cesa-Bianchi et al. 2017).
    """

    config: SoftmaxBanditConfig

    settings = SoftmaxBanditConfig

    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:  # noqa: ARG002 - without contexts
        """The softmax."""
        return softmax_of(self.means(unknown=self.config.start) / self.config.temperature)

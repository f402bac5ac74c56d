"""Contextual bandits whose rewards are linear in features: LinUCB and linear Thompson sampling."""

from abc import abstractmethod
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from penchant.config import Config
from penchant.exploration.learning import linear_belief
from penchant.exploration.learning.bandit import Bandit
from penchant.exploration.learning.best_of import normal_best
from penchant.exploration.learning.chances import Chances, best_of_values
from penchant.types import AnyArray, BoolArray, DoubleArray


class LinearConfig(Config):
    """What linear bandits have in common."""

    features: int = Field(ge=1)
    """D"""
    shared: int = Field(default=0, ge=0)
    """S: the first so many features have one weight for all arms, the others one for each. 0: disjoint; D: shared,
    where contexts differ between arms, (A, D); between: hybrid"""
    ridge: float = Field(default=1.0, gt=0)
    """λ"""

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.shared > self.features:
            raise ValueError(f"{self.shared} of {self.features} features are shared; at most all of them are")
        return self


class LinearBandit(Bandit):
    """What both keep: the beliefs of `linear_belief`. A constant feature, 1, gives each arm its own level."""

    config: LinearConfig

    def new_arm(self) -> dict[str, AnyArray]:
        """An arm of which nothing is known; with shared weights, what they foresee."""
        return linear_belief.new_arm(self.config.shared, self.features - self.config.shared, self.config.ridge)

    def new_shared(self) -> dict[str, AnyArray]:
        """Shared weights of which nothing is known."""
        return linear_belief.new_shared(self.config.shared, self.config.ridge)

    def learn(
        self,
        context_AD: DoubleArray,
        a: int,
        reward: float,
        propensity: float | None,  # noqa: ARG002 - regressions need none
        weight: float,
    ) -> None:
        """One step of the regressions."""
        linear_belief.observe(self.by_arm, self.shared, context_AD[a], a, reward, weight)

    def predict(self, context_AD: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Mean and variance of each arm's expected reward, (A,) each, for noise of variance 1."""
        return linear_belief.predict(self.by_arm, self.shared, context_AD)

    @abstractmethod
    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:
        """See `Bandit.chances`."""


class LinUCBConfig(LinearConfig):
    """Settings of `LinUCB`."""

    width: float = Field(default=1.0, ge=0)
    """α; 0 is greedy"""
    epsilon: float = Field(default=0.0, ge=0, le=1)
    """ε of the uniform choice that is mixed in; more than 0 makes the log of use for estimates"""


class LinUCB(LinearBandit):
    """LinUCB, disjoint, shared or hybrid (Li, Chu, Langford and Schapire 2010):

        p(a) = (1 − ε) [a best] + ε/A,    best: the largest  mean_a + α √variance_a   of `linear_belief.predict`

    Equally good arms share. Right where rewards are linear in the features; otherwise it is soon sure of what is wrong.
    α = 0 and ε > 0 is the epsilon-greedy linear bandit.
    """

    config: LinUCBConfig

    settings = LinUCBConfig

    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:  # noqa: ARG002 - alike for all
        """1 for the largest bound, and the mixture."""
        means, variances = self.predict(context_AD)
        return best_of_values(means + self.config.width * np.sqrt(variances), self.config.epsilon)


class LinearThompsonConfig(LinearConfig):
    """Settings of `LinearThompson`."""

    noise: float = Field(default=0.3, gt=0)
    """v: the standard deviation of a reward about its expectation, in rewards' unit, with which beliefs are as wide as
    they are; less explores less"""


class LinearThompson(LinearBandit):
    """Linear Thompson sampling (Agrawal and Goyal 2013):

        s_a ~ N(mean_a, v² variance_a) of `linear_belief.predict`,    p(a) = P(s_a is the largest)

    The prior of the weights is N(0, v²/λ). p is worked out (`best_of`) and the arm drawn from it. Scores are drawn one
    by one, also where arms share weights: a single draw of the shared weights would lift arms that look alike together,
    and its p has no closed form.
    """

    config: LinearThompsonConfig

    settings = LinearThompsonConfig

    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:
        """P(the score is the largest of the open)."""
        means, variances = self.predict(context_AD)
        return normal_best(means, self.config.noise * np.sqrt(variances), open_A, k)

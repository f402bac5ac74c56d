"""Thompson sampling on a representation of the context: a Bayesian linear regression for each arm on top of it.

Three representations: one that is handed in (such as the tracker's user vector), random Fourier features, and the last
hidden layer of a network that is trained as it goes (`neural_linear`).
"""

from abc import abstractmethod
from typing import Any

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.exploration.learning import linear_belief
from penchant.exploration.learning.bandit import Bandit
from penchant.exploration.learning.best_of import normal_best
from penchant.exploration.learning.chances import Chances
from penchant.seeding import numpy_rng
from penchant.types import AnyArray, BoolArray, DoubleArray


class RepresentationConfig(Config):
    """What the three have in common."""

    features: int = Field(ge=1)
    """D"""
    ridge: float = Field(default=1.0, gt=0)
    """λ"""
    noise: float = Field(default=0.3, gt=0)
    """v: standard deviation of a reward about its expectation, see `LinearThompsonConfig`"""
    level: float = Field(default=0.0)
    """The reward expected of an arm of which nothing is known; the best reward there is makes it tried early"""


class RepresentedThompson(Bandit):
    """With the representation φ(x) of H numbers, a constant 1 after it (Riquelme, Tucker and Snoek 2018):

        r − level = φ(x)·θ_a + noise,    θ_a ~ N(0, v² I/λ)
        s_a ~ N(level + mean_a, v² variance_a),    p(a) = P(s_a is the largest)

    Departure from the paper: v is a setting, where the paper draws it from an inverse gamma posterior; and p is worked
    out (`best_of`), not drawn.
    """

    config: RepresentationConfig

    @property
    @abstractmethod
    def width(self) -> int:
        """H"""

    @abstractmethod
    def represent(self, rows_ND: DoubleArray) -> DoubleArray:
        """φ, (N, H)."""

    def new_arm(self) -> dict[str, AnyArray]:
        """A regression without data."""
        return linear_belief.new_arm(0, self.width + 1, self.config.ridge)

    def predict(self, context_AD: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Mean and variance, for noise of variance 1, of each arm's expected reward, (A,) each."""
        means, variances = linear_belief.predict(self.by_arm, linear_belief.NONE_SHARED, self.inputs(context_AD))
        return means + self.config.level, variances

    def inputs(self, rows_ND: DoubleArray) -> DoubleArray:
        """φ and the constant, (N, H + 1); worked out once where all rows are one."""
        one = len(rows_ND) > 1 and rows_ND.strides[0] == 0
        found = self.represent(rows_ND[:1] if one else rows_ND)
        found = np.concatenate([found, np.ones((len(found), 1))], axis=1)
        return np.broadcast_to(found, (len(rows_ND), self.width + 1)) if one else found

    def learn(
        self,
        context_AD: DoubleArray,
        a: int,
        reward: float,
        propensity: float | None,  # noqa: ARG002 - regressions need none
        weight: float,
    ) -> None:
        """One step of the arm's regression."""
        row = self.inputs(context_AD[a : a + 1])[0]
        linear_belief.observe(self.by_arm, linear_belief.NONE_SHARED, row, a, reward - self.config.level, weight)

    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:
        """P(the score is the largest of the open)."""
        means, variances = self.predict(context_AD)
        return normal_best(means, self.config.noise * np.sqrt(variances), open_A, k)


class GivenNeuralLinearConfig(RepresentationConfig):
    """Settings of `GivenNeuralLinear`."""


class GivenNeuralLinear(RepresentedThompson):
    """Neural-linear on a representation that another network makes, such as the tracker's user vector:

        φ(x) = √D x / |x|    (0 stays 0)

    so that a prior means the same whatever the vectors' length. That network is trained elsewhere, on more than these
    rewards. When it changes, what was learned here does not fit any more: begin anew from the log.
    """

    config: GivenNeuralLinearConfig

    settings = GivenNeuralLinearConfig

    @property
    def width(self) -> int:
        """D"""
        return self.config.features

    def represent(self, rows_ND: DoubleArray) -> DoubleArray:
        """Rows of length √D."""
        lengths = np.sqrt(np.mean(np.square(rows_ND), axis=1, keepdims=True))
        return np.asarray(rows_ND / np.where(lengths > 0, lengths, 1.0), dtype=np.float64)


class FourierThompsonConfig(RepresentationConfig):
    """Settings of `FourierThompson`."""

    width: int = Field(default=200, ge=1)
    """H"""
    bandwidth: float = Field(default=1.0, gt=0)
    """σ: contexts nearer than this are alike, in the features' unit"""
    seed: int = 0


class FourierThompson(RepresentedThompson):
    """Thompson sampling of Gaussian processes, approximately, by random Fourier features (Rahimi and Recht 2007):

        φ(x) = √(2/H) cos(W x + u),    W ~ N(0, I/σ²),  u ~ uniform[0, 2π),    φ(x)·φ(y) → exp(−|x − y|²/(2σ²))

    The prior of the rewards is a Gaussian process of variance v²/λ, and a level of the same variance. For rewards of
    any smooth shape; with many features, of which few matter, all is far from all and a network is better.
    """

    config: FourierThompsonConfig

    settings = FourierThompsonConfig

    def __init__(self, config: FourierThompsonConfig, arms: Any = ()) -> None:
        rng = numpy_rng(config.seed, "random Fourier features")
        self._slopes = rng.standard_normal((config.features, config.width)) / config.bandwidth
        self._phases = rng.random(config.width) * 2.0 * np.pi
        super().__init__(config, arms)

    @property
    def width(self) -> int:
        """H"""
        return self.config.width

    def represent(self, rows_ND: DoubleArray) -> DoubleArray:
        """Cosines, with variance 1/H, so that the kernel is their product."""
        return np.asarray(np.sqrt(2.0 / self.width) * np.cos(rows_ND @ self._slopes + self._phases), dtype=np.float64)

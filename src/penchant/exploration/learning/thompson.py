"""Thompson sampling without contexts, for rewards in [0, 1] and for real ones, with exact probabilities."""

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.exploration.learning.arm_means import ArmMeans
from penchant.exploration.learning.best_of import beta_best, normal_best
from penchant.exploration.learning.chances import Chances
from penchant.types import BoolArray, DoubleArray


class BernoulliThompsonConfig(Config):
    """Settings of `BernoulliThompson`."""

    successes: float = Field(default=1.0, ge=0.5)
    failures: float = Field(default=1.0, ge=0.5)
    """α₀ and β₀ of an arm never pulled; 1 and 1: any rate is as likely; 1/2 and 1/2: Jeffreys' prior"""


class BernoulliThompson(ArmMeans):
    """Thompson sampling of rates (Thompson 1933; Chapelle and Li 2011), rewards in [0, 1]:

        q_a ~ Beta(α₀ + Σ w r, β₀ + max(Σ w (1 − r), 0)),    p(a) = P(q_a is the largest)

    A reward between 0 and 1 counts in parts, as both a success and a failure (Agrawal and Goyal 2012 draw which). The
    probability is worked out (`best_of`), not drawn, so it can be logged; the arm is then drawn from it, which is
    Thompson sampling. The maximum is for weighed clicks, whose failures may be negative; see `slates.position_based`.
    """

    config: BernoulliThompsonConfig
    unit_rewards = True

    settings = BernoulliThompsonConfig

    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:  # noqa: ARG002 - without contexts
        """P(the rate is the largest of the open)."""
        return beta_best(*self.posterior(), open_A, k)

    def posterior(self) -> tuple[DoubleArray, DoubleArray]:
        """α and β, (A,) each."""
        pulls, sums = self.by_arm["pulls"], self.by_arm["sums"]
        return self.config.successes + sums, self.config.failures + np.maximum(pulls - sums, 0.0)


class GaussianThompsonConfig(Config):
    """Settings of `GaussianThompson`."""

    mean: float = Field(default=0.0)
    deviation: float = Field(default=1.0, gt=0)
    """What is believed of an arm never pulled: m₀ and s₀"""
    noise: float = Field(default=1.0, gt=0)
    """σ: the standard deviation of one reward about its arm's mean"""


class GaussianThompson(ArmMeans):
    """Thompson sampling of means with known noise (Agrawal and Goyal 2013):

    μ_a ~ N(v_a (m₀/s₀² + Σ r/σ²), v_a),    v_a = 1 / (1/s₀² + n_a/σ²),    p(a) = P(μ_a is the largest)
    """

    config: GaussianThompsonConfig

    settings = GaussianThompsonConfig

    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:  # noqa: ARG002 - without contexts
        """P(the mean is the largest of the open)."""
        means, variances = self.posterior()
        return normal_best(means, np.sqrt(variances), open_A, k)

    def posterior(self) -> tuple[DoubleArray, DoubleArray]:
        """Means and variances, (A,) each."""
        prior, noise = self.config.deviation**-2, self.config.noise**-2
        variances = 1.0 / (prior + noise * self.by_arm["pulls"])
        return variances * (prior * self.config.mean + noise * self.by_arm["sums"]), variances

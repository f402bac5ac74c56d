"""Bootstrap Thompson sampling: an ensemble of greedy models, each of which saw its own resample of the past."""

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.exploration.learning.bandit import Bandit
from penchant.exploration.learning.chances import Chances
from penchant.seeding import numpy_rng
from penchant.types import AnyArray, BoolArray, DoubleArray


class BootstrapConfig(Config):
    """Settings of `Bootstrap`."""

    features: int = Field(ge=1)
    """D"""
    replicates: int = Field(default=20, ge=1)
    """R"""
    ridge: float = Field(default=1.0, gt=0)
    """λ"""
    prior_deviation: float = Field(default=0.3, ge=0)
    """s: standard deviation of the weights with which a replicate begins, so that they differ before there is data"""
    seed: int = 0


class Bootstrap(Bandit):
    """The online bootstrap (Eckles and Kaptein 2014; Osband and Van Roy 2015) of disjoint ridge regressions:

        p(a) = share of the R replicates for which a has the largest  x·θ̂_ra,   equally good arms sharing

    Each observation counts 2 or 0 times for a replicate, a coin for each ("double or nothing"). θ̂_ra begins at a draw
    of N(0, s² I) and is drawn back to it by the ridge, λ (Osband et al. 2018, randomised priors): without it replicates
    that have seen nothing agree, and an arm unlucky once is never tried again. It is as good a posterior as R is large;
    p below 1/R is 0, and then the log serves no estimates of those arms. Any learner can be resampled so; here it is
    ridge.
    """

    config: BootstrapConfig

    settings = BootstrapConfig

    def new_arm(self) -> dict[str, AnyArray]:
        """R regressions that begin at their prior draws: b = λ θ₀."""
        d, r, ridge = self.config.features, self.config.replicates, self.config.ridge
        number = int(self.shared["added"])
        start = numpy_rng(self.config.seed, "bootstrap prior", str(number)).standard_normal((r, d))
        return {
            "Q": np.broadcast_to(np.eye(d) / ridge, (r, d, d)).copy(),
            "b": ridge * self.config.prior_deviation * start,
        }

    def new_shared(self) -> dict[str, AnyArray]:
        """How many arms were added and observations made, from which coins and draws are seeded."""
        return {"added": np.zeros((), dtype=np.int64), "seen": np.zeros((), dtype=np.int64)}

    def add(self, arm: str) -> None:
        """An arm with R prior draws of its own."""
        super().add(arm)
        self.shared["added"] += 1

    def learn(
        self,
        context_AD: DoubleArray,
        a: int,
        reward: float,
        propensity: float | None,  # noqa: ARG002 - regressions need none
        weight: float,
    ) -> None:
        """A step, of twice the weight, of the replicates whose coin says so."""
        coins = numpy_rng(self.config.seed, "bootstrap coins", str(int(self.shared["seen"])))
        counted = np.flatnonzero(coins.random(self.config.replicates) < 0.5)
        self.shared["seen"] += 1
        x, twice = context_AD[a], 2.0 * weight
        Q = self.by_arm["Q"][a]
        Qx = Q[counted] @ x
        q = 1.0 / twice + Qx @ x
        Q[counted] -= Qx[:, :, None] * (Qx / q[:, None])[:, None, :]
        self.by_arm["b"][a, counted] += twice * reward * x

    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:  # noqa: ARG002 - alike for all
        """Shares of the replicates."""
        Qx = np.matmul(self.by_arm["Q"], context_AD[:, None, :, None])[..., 0]
        values_AR = np.einsum("ard,ard->ar", Qx, self.by_arm["b"])
        values_RA = np.ascontiguousarray(values_AR.T)

        def chances(open_A: BoolArray) -> DoubleArray:
            values = np.where(open_A, values_RA, -np.inf)
            best = (values == values.max(axis=1, keepdims=True)) & open_A
            return np.asarray((best / best.sum(axis=1, keepdims=True)).mean(axis=0), dtype=np.float64)

        return chances

"""Upper confidence bounds: a candidate is worth what it may well be."""

from typing import Self

import numpy as np
from pydantic import Field
from scipy.special import ndtri

from penchant.config import Config
from penchant.exploration.policies.settings import Among, Epsilon, Rounds
from penchant.exploration.policies.turns import ValueTurn
from penchant.interfaces import Arms, Policy, Turn


class UCBConfig(Config):
    """Settings of `UCB`."""

    width: float = Field(default=1.0, ge=0)
    """c, in standard deviations"""
    epsilon: Epsilon = 0.0
    among: Among = None


class UCB(Policy):
    """The largest upper bound of the score at each place (Auer 2002; for Gaussian beliefs Srinivas et al. 2010):

        v_n = mean_n + c √Var s_n

    Deterministic, and so without ε its log tells nothing of other policies; with ε the rule of `ValueTurn`. Candidates
    that share an unsure concept are all lifted at once: a slate may then be spent on one question.
    """

    config: UCBConfig

    def __init__(self, config: UCBConfig | None = None) -> None:
        super().__init__(config or UCBConfig())

    def begin(self, arms: Arms, k: int, *, rng: np.random.Generator) -> Turn:  # noqa: ARG002 - no draw
        """Draws nothing."""
        values = arms.means + self.config.width * np.sqrt(arms.variances())
        return ValueTurn(arms, k, values, epsilon=self.config.epsilon, among=self.config.among, basis_N=arms.means)


class BayesUCBConfig(Config):
    """Settings of `BayesUCB`."""

    rounds: Rounds = 20.0
    horizon: float | None = Field(default=None, gt=1)
    """n: rounds that there will be, with which the quantile rises faster; None: not known"""
    power: float = Field(default=5.0, ge=0)
    """c; only used with a horizon. The paper proves its bound with 5 and finds 0 better in practice."""
    epsilon: Epsilon = 0.0
    among: Among = None


class BayesUCB(Policy):
    """The largest posterior quantile at each place, which rises with the rounds t (Kaufmann, Cappé and Garivier 2012):

        v_n = Q(1 − 1/((t + 1) (ln n)^c); s_n) = mean_n + Φ⁻¹(1 − 1/((t + 1) (ln n)^c)) √Var s_n

    t is handed in: `after`. At t = 0 and 1 (without a horizon) it is at most the median, and the choice is greedy or
    shy: v is never below the mean here.
    """

    config: BayesUCBConfig

    def __init__(self, config: BayesUCBConfig | None = None) -> None:
        super().__init__(config or BayesUCBConfig())

    def after(self, rounds: float) -> Self:
        """The same policy when so many rounds have gone by. `ConfigError` for a negative number."""
        return type(self)(BayesUCBConfig.of({**self.config.model_dump(), "rounds": rounds}))

    def begin(self, arms: Arms, k: int, *, rng: np.random.Generator) -> Turn:  # noqa: ARG002 - no draw
        """Draws nothing."""
        slow = 1.0 if self.config.horizon is None else max(np.log(self.config.horizon), 1.0) ** self.config.power
        above = max(float(ndtri(1.0 - 1.0 / ((self.config.rounds + 1.0) * slow))), 0.0)
        values = arms.means + above * np.sqrt(arms.variances())
        return ValueTurn(arms, k, values, epsilon=self.config.epsilon, among=self.config.among, basis_N=arms.means)

"""Epsilon-greedy: mostly the best, now and then any. How often: always alike, ever less, or by request."""

from abc import abstractmethod
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from penchant.config import Config
from penchant.exploration.policies.settings import Among, Epsilon, Rounds
from penchant.exploration.policies.turns import ValueTurn
from penchant.interfaces import Arms, Policy, Turn


class ExploringShare(Policy):
    """What the three have in common, at each place (Sutton and Barto 2018, section 2.2; Watkins 1989):

        v_n = mean_n,    p(n | places before) = (1 − ε) [n best of the open] + ε [n ∈ top_M of the open] / M

    With ε = 1 and no M it is the uniform choice. What is explored is blind to uncertainty: a candidate known to be bad
    is tried as often as one unknown.
    """

    config: "EpsilonGreedyConfig | DecayingEpsilonGreedyConfig | ContextualEpsilonGreedyConfig"

    @abstractmethod
    def share(self, arms: Arms) -> float:
        """ε of this decision."""

    def begin(self, arms: Arms, k: int, *, rng: np.random.Generator) -> Turn:  # noqa: ARG002 - no draw
        """Draws nothing."""
        return ValueTurn(arms, k, arms.means, epsilon=self.share(arms), among=self.config.among)


class EpsilonGreedyConfig(Config):
    """Settings of `EpsilonGreedy`."""

    epsilon: Epsilon = 0.1
    among: Among = None


class EpsilonGreedy(ExploringShare):
    """A constant ε: see `ExploringShare`. Regret grows with the rounds for ever, at the rate of ε."""

    config: EpsilonGreedyConfig

    def __init__(self, config: EpsilonGreedyConfig | None = None) -> None:
        super().__init__(config or EpsilonGreedyConfig())

    def share(self, arms: Arms) -> float:  # noqa: ARG002 - alike for all
        """The constant."""
        return self.config.epsilon


class DecayingEpsilonGreedyConfig(Config):
    """Settings of `DecayingEpsilonGreedy`."""

    epsilon: Epsilon = 0.5
    """ε at the beginning."""
    least: Epsilon = 0.01
    """ε never falls below it, so that a log stays good for estimates."""
    half_after: float = Field(default=50.0, gt=0)
    """Rounds after which ε is half of what it was."""
    rounds: Rounds = 0.0
    among: Among = None

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if self.least > self.epsilon:
            raise ValueError(f"least is {self.least}, above epsilon, {self.epsilon}; a share that decays falls")
        return self


class DecayingEpsilonGreedy(ExploringShare):
    """ε falls as one over the rounds t (Auer, Cesa-Bianchi and Fischer 2002, their εₙ-greedy):

        ε_t = max(ε_least, ε / (1 + t/h))

    The paper's ``min(1, cK/(d² t))`` needs the gap d between the best two, which nobody knows; h is its place here. t
    is handed in, as rounds or as events of evidence: `after`.
    """

    config: DecayingEpsilonGreedyConfig

    def __init__(self, config: DecayingEpsilonGreedyConfig | None = None) -> None:
        super().__init__(config or DecayingEpsilonGreedyConfig())

    def after(self, rounds: float) -> Self:
        """The same policy when so many rounds have gone by. `ConfigError` for a negative number."""
        return type(self)(DecayingEpsilonGreedyConfig.of({**self.config.model_dump(), "rounds": rounds}))

    def share(self, arms: Arms) -> float:  # noqa: ARG002 - alike for all
        """ε_t"""
        return max(self.config.least, self.config.epsilon / (1.0 + self.config.rounds / self.config.half_after))


class ContextualEpsilonGreedyConfig(Config):
    """Settings of `ContextualEpsilonGreedy`."""

    least: Epsilon = 0.01
    """ε of a request where all scores are known."""
    most: Epsilon = 0.5
    """ε of a request where nothing is known."""
    among: Among = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least is {self.least} and most {self.most}; the smaller comes first")
        return self


class ContextualEpsilonGreedy(ExploringShare):
    """Each request has its own ε: much where its candidates' scores are unsure, little where they are known.

        ε = ε_least + (ε_most − ε_least) u,    u = Σ_n Var s_n / (Σ_n Var s_n + Σ_n (mean_n − m̄)²)

    u is the share of the candidates' spread that is not known: 1 where all means are alike, 0 without uncertainty; m̄ is
    the mean of the means. That ε depends on the situation is Bouneffouf, Bouzeghoub and Gançarski 2012, who take it
    from how critical the situation is; u is ours.
    """

    config: ContextualEpsilonGreedyConfig

    def __init__(self, config: ContextualEpsilonGreedyConfig | None = None) -> None:
        super().__init__(config or ContextualEpsilonGreedyConfig())

    def share(self, arms: Arms) -> float:
        """ε of this request."""
        unknown = float(arms.variances().sum())
        known = float(np.square(arms.means - arms.means.mean()).sum()) if len(arms) else 0.0
        u = unknown / (unknown + known) if unknown > 0 else 0.0
        return self.config.least + (self.config.most - self.config.least) * u

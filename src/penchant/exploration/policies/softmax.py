"""Softmax: a candidate is chosen the more often, the better it is held to be."""

import numpy as np

from penchant.config import Config
from penchant.exploration.policies.settings import Among, Epsilon, Temperature
from penchant.exploration.policies.turns import ValueTurn
from penchant.interfaces import Arms, Policy, Turn


class SoftmaxConfig(Config):
    """Settings of `Softmax`."""

    temperature: Temperature = 0.1
    epsilon: Epsilon = 0.0
    among: Among = None


class Softmax(Policy):
    """Boltzmann exploration, place by place Plackett–Luce (Luce 1959, Plackett 1975):

        v_n = mean_n,    p(n | places before) ∝ exp(v_n / T) over the open candidates

    with ε the mixture of `ValueTurn`. Every candidate has a chance, in closed form. Blind to uncertainty: of two equal
    means the unsure one is not tried more often, and no fixed T is right for all gaps (Cesa-Bianchi et al. 2017).
    """

    config: SoftmaxConfig

    def __init__(self, config: SoftmaxConfig | None = None) -> None:
        super().__init__(config or SoftmaxConfig())

    def begin(self, arms: Arms, k: int, *, rng: np.random.Generator) -> Turn:  # noqa: ARG002 - no draw
        """Draws nothing."""
        return ValueTurn(
            arms,
            k,
            arms.means,
            temperature=self.config.temperature,
            epsilon=self.config.epsilon,
            among=self.config.among,
        )

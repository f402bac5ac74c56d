"""Greedy: what is known, and nothing to find out."""

import numpy as np

from penchant.config import Config
from penchant.exploration.policies.turns import ValueTurn
from penchant.interfaces import Arms, Policy, Turn


class GreedyConfig(Config):
    """Greedy has no settings."""


class Greedy(Policy):
    """The largest expected score at each place:

        v_n = mean_n,    p = 1 for the largest

    Good for a comparison, and where nothing is left to find out. What it never shows it never learns of, and its log
    tells nothing of other policies: every propensity is 1.
    """

    config: GreedyConfig

    def __init__(self, config: GreedyConfig | None = None) -> None:
        super().__init__(config or GreedyConfig())

    def begin(self, arms: Arms, k: int, *, rng: np.random.Generator) -> Turn:  # noqa: ARG002 - no draw
        """Draws nothing."""
        return ValueTurn(arms, k, arms.means)

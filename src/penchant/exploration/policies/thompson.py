"""Thompson sampling: act as if one draw from what is believed were true. Hard, or softened so that a log is of use."""

import numpy as np

from penchant.config import Config
from penchant.exploration.policies.settings import Among, Epsilon, Temperature
from penchant.exploration.policies.turns import ValueTurn
from penchant.interfaces import Arms, Policy, Turn


class ThompsonConfig(Config):
    """Thompson sampling has no settings: the beliefs say how far it explores."""


class Thompson(Policy):
    """The largest drawn score at each place (Thompson 1933; with shared concepts Agrawal and Goyal 2013):

        v = one draw of all scores, see `Arms`: each concept once, each candidate's own part once

    What it explores is what is unsure and may be good. Given the draw it is deterministic: the propensities logged are
    1 *given the draw*, and say nothing of what else might have been shown. The probability over draws has no closed
    form; `marginals` estimates it off the request path. Where a log is to serve estimates of other policies, take
    `ThompsonPlackettLuce`.
    """

    config: ThompsonConfig

    def __init__(self, config: ThompsonConfig | None = None) -> None:
        super().__init__(config or ThompsonConfig())

    def begin(self, arms: Arms, k: int, *, rng: np.random.Generator) -> Turn:
        """Draws all scores once."""
        return ValueTurn(arms, k, arms.draw(rng))


class ThompsonPlackettLuceConfig(Config):
    """Settings of `ThompsonPlackettLuce`."""

    temperature: Temperature = 0.1
    epsilon: Epsilon = 0.05
    among: Among = 100


class ThompsonPlackettLuce(Policy):
    """One Thompson draw, then Plackett–Luce place by place, mixed with the uniform choice among the top M: what to
    serve by where the log is to judge other policies and models.

        v = one draw of all scores
        p(n | places before, draw) = (1 − ε) exp(v_n/T) / Σ_{m open} exp(v_m/T) + ε [n ∈ top_M] / M  ≥ ε/M in top_M

    top_M are the open candidates with the largest *expected* scores, not drawn ones: whoever greedy would take has at
    least ε/M in every log, whatever was drawn. Closed form and exact given the draw, whose seed is logged. T → 0 and
    ε = 0 is `Thompson`. The mixture bounds importance weights by (M/ε) a place; over a slate they multiply.
    """

    config: ThompsonPlackettLuceConfig

    def __init__(self, config: ThompsonPlackettLuceConfig | None = None) -> None:
        super().__init__(config or ThompsonPlackettLuceConfig())

    def begin(self, arms: Arms, k: int, *, rng: np.random.Generator) -> Turn:
        """Draws all scores once."""
        return ValueTurn(
            arms,
            k,
            arms.draw(rng),
            temperature=self.config.temperature,
            epsilon=self.config.epsilon,
            among=self.config.among,
            basis_N=arms.means,
        )

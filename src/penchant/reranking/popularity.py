"""Two ways to see less of what everybody sees: reward the unknown, or take popularity out of the scores."""

import numpy as np

from penchant.config import Config
from penchant.interfaces import Candidates, ItemFacts, Preference, Reranker
from penchant.reranking.weighing import Fixed, Weight, exchange
from penchant.types import DoubleArray


class NoveltyConfig(Config):
    """Settings of `Novelty`."""

    weight: Weight = 0.2


class Novelty(Reranker):
    """Surprise added to scores.

    ``value_i = s_i + w/(1 − w) · span · n_i,   n_i = log2((U + 1)/(c_i + 1)) / log2(U + 1)``

    c_i of U users touched item i; n is its self-information as a share of an untouched item's, in [0, 1] (Zhou et al.
    2010 measure novelty by it, Vargas and Castells 2011 rerank by it).
    """

    config: NoveltyConfig

    def __init__(self, config: NoveltyConfig | None = None) -> None:
        super().__init__(config or NoveltyConfig())

    def begin(self, candidates: Candidates, facts: ItemFacts) -> Preference:
        """The values; they stay."""
        counts = facts.counts[candidates.items].astype(np.float64)
        most = max(np.log2(facts.n_users + 1.0), 1e-12)
        surprise = np.clip((most - np.log2(counts + 1.0)) / most, 0.0, 1.0)
        return Fixed(candidates.scores + exchange(self.config.weight, candidates) * surprise)


class PopularityDebiasConfig(Config):
    """Settings of `PopularityDebias`."""

    weight: Weight = 0.5
    """The share of what popularity explains that is taken away; 1: all of it."""


class PopularityDebias(Reranker):
    """Scores without what popularity explains of them.

    ``value_i = s_i − w · max(b, 0) · (x_i − max x),   x_i = ln(1 + c_i)``

    b is the slope of the least-squares line of the candidates' scores on x. With w = 1 values and log-popularity are
    uncorrelated; where popular items do not score higher (b ≤ 0) nothing changes. Unlike `Novelty` it does not prefer
    the unknown. The line is ours; subtracting a multiple of log-popularity from scores is the logit adjustment of Menon
    et al. (2021).
    """

    config: PopularityDebiasConfig

    def __init__(self, config: PopularityDebiasConfig | None = None) -> None:
        super().__init__(config or PopularityDebiasConfig())

    def begin(self, candidates: Candidates, facts: ItemFacts) -> Preference:
        """The values; they stay."""
        x = np.log1p(facts.counts[candidates.items].astype(np.float64))
        change = self.config.weight * slope(x, candidates.scores) * (x - x.max(initial=0.0))
        return Fixed(candidates.scores - change)


def slope(x_N: DoubleArray, y_N: DoubleArray) -> float:
    """The slope of the least-squares line where it rises, 0 where it does not or x is constant."""
    if len(x_N) < 2:
        return 0.0
    centred = x_N - x_N.mean()
    spread = float(centred @ centred)
    return max(float(centred @ (y_N - y_N.mean())) / spread, 0.0) if spread > 1e-12 else 0.0

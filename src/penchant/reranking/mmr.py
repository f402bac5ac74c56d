"""Maximal marginal relevance: good items that are unlike those above them."""

import numpy as np

from penchant.config import Config
from penchant.interfaces import Candidates, ItemFacts, Preference, Reranker
from penchant.reranking.weighing import Weight, compared, exchange
from penchant.types import DoubleArray


class MMRConfig(Config):
    """Settings of `MMR`."""

    weight: Weight = 0.3


class MMR(Reranker):
    """Maximal marginal relevance (Carbonell and Goldstein 1998).

    ``value_i = s_i − w/(1 − w) · span · max_{j chosen} max(cos(z_i, z_j), 0)``, at each place the largest is taken

    The paper's ``λ Sim₁ − (1 − λ) max Sim₂`` with λ = 1 − w and ``Sim₁ = (s − lowest)/span``, divided by λ.
    Similarities below 0 count as 0, so that nothing is gained by an opposite. Values never rise from one place to the
    next.
    """

    config: MMRConfig

    def __init__(self, config: MMRConfig | None = None) -> None:
        super().__init__(config or MMRConfig())

    def begin(self, candidates: Candidates, facts: ItemFacts) -> Preference:
        """The scores themselves: the list is empty."""
        vectors = compared(candidates, facts, reranker="mmr")
        return _Redundancy(candidates.scores, vectors, exchange(self.config.weight, candidates))


class _Redundancy(Preference):
    def __init__(self, scores_N: DoubleArray, vectors_ND: DoubleArray, price: float) -> None:
        self._scores, self._vectors, self._price = scores_N, vectors_ND, price
        self._nearest = np.zeros(len(scores_N))
        self.values = scores_N.copy()

    def choose(self, n: int) -> None:
        np.maximum(self._nearest, self._vectors @ self._vectors[n], out=self._nearest)
        self.values = self._scores - self._price * self._nearest

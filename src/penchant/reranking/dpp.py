"""Determinantal point process: the list whose items together span the most."""

import numpy as np

from penchant.config import Config
from penchant.interfaces import Candidates, ItemFacts, Preference, Reranker
from penchant.reranking.weighing import Weight, compared, exchange
from penchant.types import DoubleArray

SMALLEST = 1e-9
"""What an item adds at least, as a share of what it would add alone: a copy of a chosen item stays finite."""


class DPPConfig(Config):
    """Settings of `DPP`."""

    weight: Weight = 0.1


class DPP(Reranker):
    """Greedy maximum a posteriori of a determinantal point process (Chen, Zhang and Zhou 2018).

    ::

        maximise    Σ_{i in list} s_i + w/(1 − w) · span · log det S_list
        S_ij        = (1 + cos(z_i, z_j)) / 2           S_ii = 1
        value_i     = s_i + w/(1 − w) · span · log d_i²

    d_i² is what is left of S_ii once the chosen items are projected out; it is kept up to date by one row of a Cholesky
    factor for each item chosen, so a list of K from N costs O(K² N). The paper's trade-off is
    ``θ Σ r + (1 − θ) log det S`` with w = 1 − θ. Values never rise from one place to the next. Against MMR it looks at
    all chosen items together, not at the nearest one.
    """

    config: DPPConfig

    def __init__(self, config: DPPConfig | None = None) -> None:
        super().__init__(config or DPPConfig())

    def begin(self, candidates: Candidates, facts: ItemFacts) -> Preference:
        """The scores themselves: alone, every item spans the same."""
        vectors = compared(candidates, facts, reranker="dpp")
        return _Volume(candidates.scores, vectors, exchange(self.config.weight, candidates))


class _Volume(Preference):
    def __init__(self, scores_N: DoubleArray, vectors_ND: DoubleArray, price: float) -> None:
        self._scores, self._vectors, self._price = scores_N, vectors_ND, price
        self._rows = np.zeros((0, len(scores_N)))  # of the Cholesky factor: chosen × N
        self._left = np.ones(len(scores_N))  # d²
        self.values = scores_N.copy()

    def choose(self, n: int) -> None:
        similar = (1.0 + self._vectors @ self._vectors[n]) / 2.0
        similar[n] = 1.0  # a zero vector, too, is itself
        row = (similar - self._rows[:, n] @ self._rows) / np.sqrt(max(self._left[n], SMALLEST))
        self._rows = np.vstack([self._rows, row])
        self._left = np.maximum(self._left - np.square(row), 0.0)
        self.values = self._scores + self._price * np.log(np.maximum(self._left, SMALLEST))

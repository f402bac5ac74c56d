"""Calibration: what makes up the list makes up the history, in the same shares."""

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.errors import UnsupportedError
from penchant.interfaces import Candidates, ItemFacts, Preference, Reranker
from penchant.reranking.weighing import Fixed, Weight, exchange
from penchant.types import DoubleArray, RowArray


class CalibratedConfig(Config):
    """Settings of `Calibrated`."""

    weight: Weight = 0.5
    smoothing: float = Field(default=0.01, gt=0, lt=1)
    """α: the share of the history's distribution mixed into the list's, so that the divergence is finite."""
    decay: float = Field(default=1.0, gt=0, le=1)
    """Weight of a history's event relative to the one after it."""


class Calibrated(Reranker):
    """Calibrated recommendations (Steck 2018).

    ::

        p(g)     = Σ_h decay^(L−h) p(g|i_h) / Σ_h decay^(L−h)        over the history's items with labels
        q(g)     = mean over the list's items of p(g|i)              p(g|i): the item's labels, summing to 1
        value_i  = s_i − w/(1 − w) · span · ( KL(p ‖ q̃ with i) − the smallest such KL )
        KL(p‖q̃)  = Σ_g p(g) ln( p(g) / q̃(g) ),    q̃ = (1 − α) q + α p

    At each place the largest value is taken: the greedy maximum of ``(1 − w) Σ r_i − w KL``. The divergence is told
    against that of the candidate that calibrates best at this place, so 0 is added to that one and less to the others.
    An item without labels counts as one of a label the user never had. A history without labels leaves the scores.
    """

    config: CalibratedConfig

    def __init__(self, config: CalibratedConfig | None = None) -> None:
        super().__init__(config or CalibratedConfig())

    def begin(self, candidates: Candidates, facts: ItemFacts) -> Preference:
        """The values for the first place."""
        if facts.labels is None:
            raise UnsupportedError(
                "calibrated compares labels of items, and there are none.",
                hint="Import categories or tags; mmr and dpp need vectors only.",
            )
        wanted = distribution(facts.labels, candidates.history, decay=self.config.decay)
        if not wanted.any():
            return Fixed(candidates.scores.copy())
        known = np.flatnonzero(wanted)
        shares = shares_of(facts.labels[candidates.items])[:, known].toarray()
        price = exchange(self.config.weight, candidates)
        return _Divergence(candidates.scores, shares, wanted[known], self.config.smoothing, price)


def distribution(labels_IC: sp.csr_array, history_L: RowArray, *, decay: float = 1.0) -> DoubleArray:
    """p(g), (C,): which labels a history is made of; zeros where none of its items has any."""
    shares = shares_of(labels_IC[history_L])
    weights = np.power(decay, np.arange(len(history_L), dtype=np.float64)[::-1])
    weights *= np.diff(shares.indptr) > 0
    return np.asarray((weights @ shares) / max(weights.sum(), 1e-300), dtype=np.float64)


def shares_of(labels_NC: sp.csr_array) -> sp.csr_array:
    """p(g|i), (N, C): rows that sum to 1; rows without labels stay empty."""
    matrix = labels_NC.astype(np.float64)
    matrix.eliminate_zeros()
    sums = np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()
    data = matrix.data / np.repeat(np.where(sums > 0, sums, 1.0), np.diff(matrix.indptr))
    return sp.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def divergence(wanted_G: DoubleArray, shares_NG: DoubleArray, smoothing: float) -> DoubleArray:
    """``KL(p ‖ (1 − α) q + α p)`` of N distributions q over the labels G that p has, (N,), in nats.

    Worked: p = (½, ½), q = (1, 0), α = 0.01: ``½ ln(0.5 / 0.995) + ½ ln(0.5 / 0.005) = 1.95852``.
    """
    mixed = (1.0 - smoothing) * shares_NG + smoothing * wanted_G
    return np.asarray((wanted_G * np.log(wanted_G / mixed)).sum(axis=1))


class _Divergence(Preference):
    def __init__(
        self, scores_N: DoubleArray, shares_NG: DoubleArray, wanted_G: DoubleArray, smoothing: float, price: float
    ) -> None:
        self._scores, self._shares, self._wanted = scores_N, shares_NG, wanted_G
        self._smoothing, self._price = smoothing, price
        self._sum = np.zeros(len(wanted_G))
        self._chosen = 0
        self._value()

    def choose(self, n: int) -> None:
        self._sum += self._shares[n]
        self._chosen += 1
        self._value()

    def _value(self) -> None:
        after = divergence(self._wanted, (self._sum + self._shares) / (self._chosen + 1), self._smoothing)
        self.values = self._scores - self._price * (after - after.min(initial=np.inf))

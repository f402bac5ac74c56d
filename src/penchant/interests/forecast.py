"""What a user will touch next, in concepts: shares of the next event, and how many of the next n events touch each.

With s_i the log odds of the next item (κ u·z_i + Σ_c a_ic m_c) and b_ic = 1 where item i is of concept c,

    share_c = Σ_i p_i b_ic / Σ_c' b_ic',     touched_c = Σ_i p_i b_ic,     p = softmax(s)

Shares sum to 1 over concepts: they are what a log loss scores. The count of a concept among n events is told as a
beta-binomial, wide where a user's events come in runs, with mean and width calibrated on users whose next events are
known:

    k_c ~ BetaBinomial(n, μ_c, S_c),    logit μ_c = a + b logit touched_c,    log S_c = d + e log touched_c

S = α + β is the concentration: the larger, the nearer to a binomial (Skellam 1948). Four numbers in all, fitted by
maximum likelihood.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import betaln, expit, gammaln, logit

from penchant.errors import DataError
from penchant.types import DoubleArray, IntArray

LEAST_RATE = 1e-6
"""A concept is never foreseen with a probability below this, nor above 1 less this."""
FITTED_ON = 50_000
"""Pairs of a user and a concept that the calibration is fitted on, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptForecast:
    """Of B users' next event."""

    share: DoubleArray
    """(B, C) sums to 1 over concepts"""
    touched: DoubleArray
    """(B, C) probability that the event touches the concept"""


def forecast_concepts(scores_BI: DoubleArray, bears_IC: sp.csr_array) -> ConceptForecast:
    """From the log odds of items; −inf leaves an item out. Items without concepts foretell none, and are left out."""
    named = np.asarray(bears_IC.sum(axis=1)).ravel() > 0
    if not named.any():
        raise DataError("No item has a concept.", hint="Fit with items that have tags, categories or text.")
    scores = np.where(named, scores_BI, -np.inf)
    if np.isneginf(scores).all(axis=1).any():
        raise DataError("A user has no item left that has a concept.", hint="Leave fewer items out.")
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    chance = odds / odds.sum(axis=1, keepdims=True)
    return ConceptForecast(share=chance @ shared(bears_IC), touched=chance @ (bears_IC > 0).astype(np.float64))


def shared(bears_IC: sp.csr_array) -> sp.csr_array:
    """b_ic / Σ_c' b_ic', (I, C): each item's concepts in equal shares."""
    has = (bears_IC > 0).astype(np.float64)
    return sp.csr_array(sp.diags_array(1.0 / np.maximum(np.asarray(has.sum(axis=1)).ravel(), 1.0)) @ has)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountForecast:
    """How many of the next n events touch a concept, given the chance that one does."""

    mean: tuple[float, float] = (0.0, 1.0)
    """a, b"""
    width: tuple[float, float] = (4.0, 0.0)
    """d, e"""

    @classmethod
    def fit(cls, touched_P: DoubleArray, counts_P: IntArray, n: int, *, rng: np.random.Generator) -> Self:
        """The four numbers under which counts of P pairs are likeliest; at least one pair."""
        if not len(touched_P) or counts_P.min() < 0 or counts_P.max() > n:
            raise DataError(f"Counts of {n} events lie between 0 and {n}.", hint="Give pairs whose counts do.")
        if len(touched_P) > FITTED_ON:
            some = rng.choice(len(touched_P), size=FITTED_ON, replace=False)
            touched_P, counts_P = touched_P[some], counts_P[some]

        def loss(values: DoubleArray) -> float:
            a, b, d, e = values.tolist()
            return -float(cls(mean=(a, b), width=(d, e)).log_probability(touched_P, counts_P, n).mean())

        start = cls()
        found = minimize(loss, np.array([*start.mean, *start.width]), method="Nelder-Mead", options={"maxiter": 400})
        a, b, d, e = found.x.tolist()
        return cls(mean=(a, b), width=(d, e))

    def log_probability(self, touched_P: DoubleArray, counts_P: IntArray, n: int) -> DoubleArray:
        """Log of P(k) of each pair, (P,)."""
        alpha, beta = self._shape(touched_P)
        choose = gammaln(n + 1.0) - gammaln(counts_P + 1.0) - gammaln(n - counts_P + 1.0)
        return np.asarray(choose + betaln(counts_P + alpha, n - counts_P + beta) - betaln(alpha, beta))

    def expected(self, touched_P: DoubleArray, n: int) -> DoubleArray:
        """The mean count n μ of each pair, (P,)."""
        alpha, beta = self._shape(touched_P)
        return np.asarray(n * alpha / (alpha + beta))

    def randomised_pit(
        self, touched_P: DoubleArray, counts_P: IntArray, n: int, *, rng: np.random.Generator
    ) -> DoubleArray:
        """P(K < k) + v P(K = k), v uniform, (P,): uniform on [0, 1] where the forecast is calibrated.

        Czado, Gneiting and Held, "Predictive model assessment for count data", Biometrics 65(4), 2009.
        """
        below, here = np.zeros(len(touched_P)), np.zeros(len(touched_P))
        for k in range(n + 1):
            chance = np.exp(self.log_probability(touched_P, np.full(len(touched_P), k), n))
            below += np.where(k < counts_P, chance, 0.0)
            here += np.where(k == counts_P, chance, 0.0)
        return below + rng.random(len(touched_P)) * here

    def _shape(self, touched_P: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        chance = np.clip(touched_P, LEAST_RATE, 1.0 - LEAST_RATE)
        mean = np.clip(expit(self.mean[0] + self.mean[1] * logit(chance)), LEAST_RATE, 1.0 - LEAST_RATE)
        concentration = np.exp(np.clip(self.width[0] + self.width[1] * np.log(chance), -8.0, 12.0))
        return mean * concentration, (1.0 - mean) * concentration

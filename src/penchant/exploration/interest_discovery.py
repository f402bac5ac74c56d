"""Interests not known yet: for a user, the concepts he never touched that are most worth a try.

Each concept c that a user has not touched has a log score f_c, up to a constant,

    f_c = w_1 log foreseen_c + w_2 log π_c + w_3 log Σ_a ρ_a r_ac + w_4 max_a cos(t_a, t_c)

    foreseen_c  the chance that the tracker gives the next event to be mainly of c
    π_c         share of users who came to c: who took an item that is mainly of it
    r_ac        share of those who came to a who came to c later: how c is reached from a
    ρ_a         the user's events that are mainly of a, as a share
    cos         how near c is in meaning to something he knows: t are mean text vectors of concepts' items, by the
                language model, or where there are none their directions d

r_ac is damped towards π_c: (N_ac + κ π_c) / (M_a + κ), with N_ac users who came to a before c and M_a who came to a.
The weights are those under which new concepts of held-out events are likeliest, a conditional logit over the untouched
concepts of each user (McFadden, "Conditional logit analysis of qualitative choice behavior", 1974); each feature is
first centred and scaled over a user's untouched concepts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from pydantic import Field
from scipy.optimize import minimize
from scipy.special import logsumexp

from penchant.config import Config
from penchant.types import BoolArray, DoubleArray, FloatArray, IntArray

FEATURES = ("foreseen", "popular", "reached", "meaning")
STARTING_WEIGHTS = (3.5, 0.3, 0.4, 0.3)
"""What the learned weights are drawn towards, where few held-out events touch anything new."""
PRIOR = 10.0
"""How strongly, in units of the features' information: that of about so many new concepts."""
LEAST = 1e-9


class DiscoveryConfig(Config):
    """What counts as an interest worth discovering."""

    max_share: float = Field(default=0.1, gt=0, le=1)
    """A concept on a larger share of the items is too broad to discover."""
    damping: float = Field(default=20.0, gt=0)
    """κ, in users."""
    users: int = Field(default=5_000, ge=1)
    """Users whose order of concepts is read, and whose last events the weights are chosen on, at most."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How concepts are come to from others, in the order users came to them."""

    popular: DoubleArray
    """π, (C,), inside (0, 1)"""
    floor: DoubleArray
    """κ / (M_a + κ), (C,): what of r_a is everyone's π"""
    beyond: sp.csr_array
    """N_ac / (M_a + κ), (C, C)"""

    def from_shares(self, shares_BC: DoubleArray) -> DoubleArray:
        """Σ_a ρ_a r_ac, (B, C)."""
        base = (shares_BC @ self.floor)[:, None] * self.popular
        return np.asarray(base + shares_BC @ self.beyond, dtype=np.float64)

    def lifts(self, concept: int) -> DoubleArray:
        """r_ac / π_c for one concept, (C,): above 1 where those who touched a come to it more often than others."""
        column = np.asarray(self._to_concept[:, [concept]].todense()).ravel()
        return np.asarray(self.floor + column / self.popular[concept], dtype=np.float64)

    @cached_property
    def _to_concept(self) -> sp.csc_array:
        return self.beyond.tocsc()


def fit_reach(firsts: Sequence[tuple[IntArray, IntArray]], n_concepts: int, *, damping: float) -> Reach:
    """From what users came to when: for each user his concepts, each once, and the place of the first event on each.
    Concepts that came with one event are not reached from each other.
    """
    before = np.zeros((n_concepts, n_concepts))
    users = np.zeros(n_concepts)
    for concepts, places in firsts:
        users[concepts] += 1
        before[np.ix_(concepts, concepts)] += places[:, None] < places[None, :]
    popular = (users + 1.0) / (len(firsts) + 2.0)
    return Reach(
        popular=popular,
        floor=damping / (users + damping),
        beyond=sp.csr_array(before / (users + damping)[:, None]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of B users, of which discovery starts."""

    counts: DoubleArray
    """(B, C) events that make each concept known, 0 where it may be discovered: those that touch it at all where the
    weights are learned and interests are listed, those it leads the items of where a slate looks around"""
    main: DoubleArray
    """(B, C) events that are mainly of each concept"""
    foreseen: DoubleArray
    """(B, C) chance that the next event is mainly of it, by the tracker and the belief"""


@dataclass(frozen=True, kw_only=True)
class InterestDiscovery:
    """Ranks the concepts that users do not know yet."""

    reach: Reach
    meanings: FloatArray
    """(C, Dt) unit vectors; zero where a concept's items have no text"""
    narrow: BoolArray
    """(C,) concepts that are not too broad"""
    weights: tuple[float, ...] = STARTING_WEIGHTS
    """One for each of `FEATURES`"""

    def open(self, known: Known) -> BoolArray:
        """(B, C) concepts that may be discovered: narrow, and not known."""
        return np.asarray(self.narrow[None, :] & (known.counts == 0))

    def features(self, known: Known) -> DoubleArray:
        """(B, C, F) centred and scaled over each user's open concepts; 0 for the others."""
        shares = known.main / np.maximum(known.main.sum(axis=1, keepdims=True), 1.0)
        raw = np.stack(
            [
                np.log(np.maximum(known.foreseen, LEAST)),
                np.broadcast_to(np.log(self.reach.popular), shares.shape),
                np.log(np.maximum(self.reach.from_shares(shares), LEAST)),
                self._nearness(known.counts > 0),
            ],
            axis=2,
        )
        open_BC1 = self.open(known)[:, :, None]
        n = np.maximum(open_BC1.sum(axis=1, keepdims=True), 1)
        mean = np.where(open_BC1, raw, 0.0).sum(axis=1, keepdims=True) / n
        centred = np.where(open_BC1, raw - mean, 0.0)
        deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / n)
        return np.asarray(centred / np.maximum(deviation, LEAST), dtype=np.float64)

    def parts(self, known: Known) -> DoubleArray:
        """w_k x_bck, (B, C, F): what each sign adds to f."""
        return np.asarray(self.features(known) * np.array(self.weights), dtype=np.float64)

    def scores(self, known: Known) -> DoubleArray:
        """f, (B, C); −inf for concepts that are not open."""
        return np.asarray(np.where(self.open(known), self.parts(known).sum(axis=2), -np.inf), dtype=np.float64)

    def way(self, counts_C: DoubleArray, concept: int, *, by_meaning: bool = False) -> int:
        """Another known concept from which one is come to: of the largest r_ac / π_c, or the nearest in meaning; −1
        where none is known. A concept that is too broad leads everywhere, and is named only where no other is known.
        """
        others = counts_C > 0
        others[concept] = False
        known = np.flatnonzero(others & self.narrow)
        if not len(known):
            known = np.flatnonzero(others)
        if not len(known):
            return -1
        worth = self._cosines[concept] if by_meaning else self.reach.lifts(concept)
        return int(known[worth[known].argmax()])

    def _nearness(self, known_BC: BoolArray) -> DoubleArray:
        near = np.zeros(known_BC.shape)
        for b, row in enumerate(known_BC):
            if row.any():
                near[b] = self._cosines[row].max(axis=0)
        return near

    @cached_property
    def _cosines(self) -> FloatArray:
        """(C, C)"""
        return np.asarray(self.meanings @ self.meanings.T)


def chances(scores_BC: DoubleArray) -> DoubleArray:
    """(B, C) that the next new concept is c: softmax of f over the open ones; zeros where none is open."""
    top = scores_BC.max(axis=1, keepdims=True, initial=-np.inf)
    odds = np.exp(scores_BC - np.where(np.isneginf(top), 0.0, top))
    return np.asarray(odds / np.maximum(odds.sum(axis=1, keepdims=True), LEAST), dtype=np.float64)


def worth_trying(scores_BC: DoubleArray, barred_BC: BoolArray, limit: int) -> IntArray:
    """(B, T) for each user the concepts of the largest f that are not barred, `limit` at most, the best first and equal
    ones in the vocabulary's order; −1 pads.
    """
    scores = np.where(barred_BC, -np.inf, scores_BC)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :limit].astype(np.int64)
    return np.where(np.take_along_axis(scores, order, axis=1) > -np.inf, order, -1)


def fit_weights(features_BCF: DoubleArray, open_BC: BoolArray, new_BC: BoolArray) -> tuple[float, ...]:
    """The weights under which what users touched next, of what was new to them, is likeliest:

        max_w  Σ_{b, c in new_b} (w·f_bc − log Σ_{c' open} e^{w·f_bc'})   − ½ PRIOR |w − w_0|²

    with w_0 = `STARTING_WEIGHTS`, which stand where no user came to anything new.
    """
    cases = np.flatnonzero((new_BC & open_BC).any(axis=1))
    if not len(cases):
        return STARTING_WEIGHTS
    start = np.array(STARTING_WEIGHTS)
    features, closed, new = features_BCF[cases], ~open_BC[cases], (new_BC & open_BC)[cases]
    n_new = new.sum(axis=1)

    def loss(weights: DoubleArray) -> tuple[float, DoubleArray]:
        scores = np.where(closed, -np.inf, features @ weights)
        total = logsumexp(scores, axis=1)
        odds = np.exp(scores - total[:, None])
        told = (np.where(new, scores, 0.0).sum(axis=1) - n_new * total).sum()
        slope = np.einsum("bc,bcf->f", new - n_new[:, None] * odds, features)
        away = weights - start
        return float(0.5 * PRIOR * away @ away - told), np.asarray(PRIOR * away - slope)

    found = minimize(loss, start, jac=True, method="L-BFGS-B")
    return tuple(float(weight) for weight in found.x)

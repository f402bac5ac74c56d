"""Beliefs of many users at once: the same steps as `penchant.interests.belief`, an event of every user at a time.

What is kept is one row for each pair of a user and a concept that he touched, so memory follows the events. Users are
independent of each other; the n-th events of all who have one are taken together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from penchant.data.sparse_rows import padded_rows
from penchant.errors import DataError
from penchant.interests.belief import Belief
from penchant.interests.belief_step import BeliefConfig, Fades, observed, prior
from penchant.types import DoubleArray, FloatArray, IntArray

PAIRS_AT_ONCE = 4_000_000
"""Logits against the reference held at once."""
FADED_AT_ONCE = 100_000
"""Events whose fading is worked out at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the events of B users say, oldest first, packed as compressed rows like `Histories`."""

    indptr: IntArray
    """(B+1,)"""
    concepts: IntArray
    """(N, W) what each event touches, each once; padded with concept 0"""
    activations: DoubleArray
    """(N, W) a, 0 pads"""
    moments: DoubleArray
    """(N,) on the declared clock: positions, or days"""
    log_odds: DoubleArray
    """(N,) ℓ without the belief"""
    labels: DoubleArray
    """(N,) y"""
    weights: DoubleArray
    """(N,) ω"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemConcepts:
    """The concepts of each item as two rectangles; an item with fewer is padded with concept 0 and activation 0."""

    concepts: IntArray
    """(I, W)"""
    activations: DoubleArray
    """(I, W) a"""
    n_concepts: int

    @classmethod
    def of(cls, activations_IC: sp.csr_array) -> "ItemConcepts":
        """From the sparse matrix."""
        concepts, values = padded_rows(activations_IC)
        return cls(concepts=concepts, activations=values.astype(np.float64), n_concepts=activations_IC.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Beliefs:
    """The beliefs of B users, packed: user b owns the rows ``[indptr[b], indptr[b+1])``, concepts rising."""

    indptr: IntArray
    concepts: IntArray
    """(M,)"""
    means: FloatArray
    """(M, 2)"""
    covariances: FloatArray
    """(M, 3)"""
    at: DoubleArray
    """(M,)"""

    @staticmethod
    def joined(parts: Sequence["Beliefs"]) -> "Beliefs":
        """The users of several, one after the other."""
        starts = np.cumsum([0] + [len(part.concepts) for part in parts])
        indptrs = [part.indptr[1:] + start for part, start in zip(parts, starts[:-1], strict=True)]
        return Beliefs(
            indptr=np.concatenate([[0], *indptrs]).astype(np.int64),
            concepts=np.concatenate([np.zeros(0, dtype=np.int32), *(part.concepts for part in parts)]),
            means=np.concatenate([np.zeros((0, 2), dtype=np.float32), *(part.means for part in parts)]),
            covariances=np.concatenate([np.zeros((0, 3), dtype=np.float32), *(part.covariances for part in parts)]),
            at=np.concatenate([np.zeros(0), *(part.at for part in parts)]),
        )

    def of(self, user: int) -> Belief:
        """One user's belief."""
        rows = slice(int(self.indptr[user]), int(self.indptr[user + 1]))
        return Belief(
            concepts=self.concepts[rows].astype(np.int64),
            means=self.means[rows].astype(np.float64),
            covariances=self.covariances[rows].astype(np.float64),
            at=self.at[rows],
        )


def against_reference(before_ND: FloatArray, taken_ND: FloatArray, reference_RD: FloatArray) -> DoubleArray:
    """ℓ = u·z − log mean_{j in R} e^{u·z_j} of each event, (N,), from the user vector before it and what was taken, z.

    R is a sample of items by popularity: ℓ is how much likelier the item was than what people take in general.
    """
    odds = np.empty(len(before_ND))
    reference = reference_RD.T
    size = max(1, PAIRS_AT_ONCE // max(len(reference_RD), 1))
    for start in range(0, len(before_ND), size):
        part = slice(start, start + size)
        users = before_ND[part]
        own = np.einsum("nd,nd->n", users, taken_ND[part], dtype=np.float64)
        logits = users @ reference
        highest = logits.max(axis=1)
        logits -= highest[:, None]
        mean = np.exp(logits, out=logits).mean(axis=1, dtype=np.float64)
        odds[part] = own - highest - np.log(mean)
    return odds


def track(
    evidence: Evidence,
    n_concepts: int,
    config: BeliefConfig,
    *,
    look: Callable[[IntArray, DoubleArray, DoubleArray], None] | None = None,
) -> Beliefs:
    """All users' beliefs after all their events.

    `look` is shown, at each step, which events are taken (n,), what the beliefs before them add to their log odds (n,),
    and by how much each then moves the corrections of its concepts (n, W). `DataError` for moments that run backwards
    within a user.
    """
    lengths = np.diff(evidence.indptr)
    owners = np.repeat(np.arange(len(lengths)), lengths)
    backwards = (np.diff(evidence.moments) < 0) & (owners[1:] == owners[:-1])
    if backwards.any():
        raise DataError("The events of a user run backwards in time.", hint="Sort them by time.")
    concepts, activations = evidence.concepts, evidence.activations
    real = (activations > 0) & (evidence.weights > 0)[:, None]
    keys, slots = np.unique((owners[:, None] * n_concepts + concepts)[real], return_inverse=True)
    rows = np.full(activations.shape, len(keys), dtype=np.int64)  # one row more, for what is padding
    rows[real] = slots
    means, covariances = np.zeros((len(keys) + 1, 2)), np.tile(prior(config), (len(keys) + 1, 1))
    elapsed = _elapsed(rows, evidence.moments, len(keys))
    # Step by step: the first events of all users, the second of those who have one, …; users with more events first.
    places = np.arange(len(owners)) - evidence.indptr[:-1][owners]
    order = np.lexsort((owners, -lengths[owners], places))
    ends = np.cumsum(np.bincount(places))
    rows, values = rows[order], np.where(real, activations, 0.0)[order]
    odds, labels, weights = evidence.log_odds[order], evidence.labels[order], evidence.weights[order]
    first = read = 0
    fades = Fades.of(elapsed[:0], config)
    for begin, end in pairwise([0, *ends.tolist()]):
        if end > read:  # the fading of as many further steps as fit, at least of this one
            first, fit = begin, int(np.searchsorted(ends, begin + FADED_AT_ONCE, side="right"))
            read = max(end, int(ends[fit - 1]) if fit else 0)
            fades = Fades.of(elapsed[order[first:read]], config)
        step, mine = slice(begin, end), rows[begin:end]
        m, p = fades.step(begin - first, end - first).applied(means[mine], covariances[mine])
        before = m[..., 0] + m[..., 1]
        m, p = observed(m, p, values[step], odds[step], labels[step], weights[step], slope_floor=config.slope_floor)
        if look is not None:
            look(order[step], (values[step] * before).sum(axis=-1), m[..., 0] + m[..., 1] - before)
        means[mine], covariances[mine] = m, p
        means[-1], covariances[-1] = 0.0, prior(config)
    at = np.full(len(keys), -np.inf)
    np.maximum.at(at, slots, np.repeat(evidence.moments, real.sum(axis=1)))
    kept = keys // max(n_concepts, 1)
    return Beliefs(
        indptr=np.searchsorted(kept, np.arange(len(lengths) + 1)).astype(np.int64),
        concepts=(keys % max(n_concepts, 1)).astype(np.int32),
        means=means[:-1].astype(np.float32),
        covariances=covariances[:-1].astype(np.float32),
        at=at,
    )


def _elapsed(rows_NW: IntArray, moments_N: DoubleArray, n_rows: int) -> DoubleArray:
    """The time since the event before that touched the same row, (N, W); 0 for the first, and for the row `n_rows`."""
    flat = rows_NW.ravel()
    order = np.argsort(flat, kind="stable")
    moments = np.repeat(moments_N, rows_NW.shape[1])[order]
    found = np.zeros(len(flat))
    again = np.flatnonzero((np.diff(flat[order]) == 0) & (flat[order[1:]] < n_rows))
    found[order[again + 1]] = moments[again + 1] - moments[again]
    return found.reshape(rows_NW.shape)

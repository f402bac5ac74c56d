"""The belief: how far a user's interest in each concept is from what the tracker reads, and how sure that is.

An interest is ``w_c = g_τ u·d_c + m_c,short + m_c,long``: the tracker gives its mean, the belief a correction on two
time scales with prior mean zero. Where the tracker is right, what an event tells is zero on average and so is m:
nothing is counted twice. The steps are in `penchant.interests.belief_step`.

A concept that no event touched has the prior, ``m = 0`` and ``P = diag(v)``, at any time: only touched ones are kept,
and each is relaxed when it is looked at. So an update costs O(concepts of the item), and O(touched concepts) are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.errors import DataError
from penchant.interests.belief_step import BeliefConfig, informed, observed, prior, relaxed, summed
from penchant.types import DoubleArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one event says."""

    concepts: IntArray
    """(K,) concepts of the item, each once."""
    activations: DoubleArray
    """(K,) a_c, at least 0."""
    log_odds: float
    """ℓ without the belief: the item's score without correction, less the log mean exp of the reference's."""
    label: float
    """y: 1 for, 0 against."""
    weight: float
    """ω, at least 0; 0 says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """One user's touched concepts, in ascending order; a record, never changed in place."""

    concepts: IntArray
    """(K,)"""
    means: DoubleArray
    """(K, 2) m, short and long, as of `at`"""
    covariances: DoubleArray
    """(K, 3) P as (short, both, long), as of `at`"""
    at: DoubleArray
    """(K,) when each was last brought up to date, on the declared clock"""

    @classmethod
    def nothing(cls) -> "Belief":
        """The prior everywhere."""
        return cls(
            concepts=np.zeros(0, dtype=np.int64), means=np.zeros((0, 2)), covariances=np.zeros((0, 3)), at=np.zeros(0)
        )

    def of(self, concepts_K: IntArray, now: float, config: BeliefConfig) -> tuple[DoubleArray, DoubleArray]:
        """Means (K, 2) and covariances (K, 3) of some concepts at a moment; the prior for those not touched.

        A moment before a concept's last event reads it as it was then left: the clock never runs backwards.
        """
        means = np.zeros((len(concepts_K), 2))
        covariances = np.tile(prior(config), (len(concepts_K), 1))
        if len(self.concepts):
            place = np.minimum(np.searchsorted(self.concepts, concepts_K), len(self.concepts) - 1)
            known = np.flatnonzero(self.concepts[place] == concepts_K)
            rows = place[known]
            elapsed = np.maximum(now - self.at[rows], 0.0)
            means[known], covariances[known] = relaxed(self.means[rows], self.covariances[rows], elapsed, config)
        return means, covariances

    def corrections(self, n_concepts: int, now: float, config: BeliefConfig) -> DoubleArray:
        """m_short + m_long of every concept, (C,)."""
        return np.asarray(self.parts(n_concepts, now, config).sum(axis=1), dtype=np.float64)

    def parts(self, n_concepts: int, now: float, config: BeliefConfig) -> DoubleArray:
        """m_short and m_long of every concept, (C, 2)."""
        total = np.zeros((n_concepts, 2))
        total[self.concepts] = self.of(self.concepts, now, config)[0]
        return total

    def variances(self, n_concepts: int, now: float, config: BeliefConfig) -> DoubleArray:
        """1ᵀP1 of every concept, (C,): that of the correction as a whole."""
        total = np.full(n_concepts, summed(prior(config)[None])[0])
        total[self.concepts] = summed(self.of(self.concepts, now, config)[1])
        return total


def update(belief: Belief, seen: Observation, now: float, config: BeliefConfig) -> Belief:
    """The belief after one event; the one given stays as it is. `DataError` for what is no observation."""
    _check(seen, now)
    if seen.weight == 0 or not len(seen.concepts):
        return belief
    order = np.argsort(seen.concepts)
    concepts, activations = seen.concepts[order], seen.activations[order]
    means, covariances = belief.of(concepts, now, config)
    means, covariances = observed(
        means[None],
        covariances[None],
        activations[None],
        np.array([seen.log_odds]),
        np.array([seen.label]),
        np.array([seen.weight]),
        slope_floor=config.slope_floor,
    )
    return _with(belief, concepts, means[0], covariances[0], now)


def told(belief: Belief, concept: int, value: float, variance: float, now: float, config: BeliefConfig) -> Belief:
    """The belief after the user said what his correction of a concept is, ``value ± sqrt(variance)`` in score units:

    ``S = variance + 1ᵀP1``, ``K = P1 / S``, ``m += K (value − 1ᵀm)``, ``P −= S K Kᵀ``: a Gaussian observation.
    """
    if concept < 0 or not np.isfinite([value, variance, now]).all() or variance <= 0:
        raise DataError(
            f"An edit of concept {concept} to {value} with variance {variance} at {now} came.",
            hint="Give a concept, finite numbers, and a variance above 0.",
        )
    concepts = np.array([concept], dtype=np.int64)
    means, covariances = belief.of(concepts, now, config)
    means, covariances = informed(means, covariances, np.array([value]), np.array([variance]))
    return _with(belief, concepts, means, covariances, now)


def replay(
    seen: Sequence[tuple[float, str, Observation]], config: BeliefConfig, *, start: Belief | None = None
) -> Belief:
    """The belief after events (time, event id, observation), which are taken by time, then id: in whatever order they
    came, the result is the same bit for bit. `start` is a snapshot from before the first of them.
    """
    belief = start or Belief.nothing()
    for now, _, one in sorted(seen, key=lambda event: event[:2]):
        belief = update(belief, one, now, config)
    return belief


def _with(belief: Belief, concepts_K: IntArray, means: DoubleArray, covariances: DoubleArray, now: float) -> Belief:
    """The belief with some concepts, in ascending order, as they now are."""
    kept = ~np.isin(belief.concepts, concepts_K, assume_unique=True)
    moments = np.full(len(concepts_K), now)
    known = np.isin(concepts_K, belief.concepts, assume_unique=True)
    moments[known] = np.maximum(belief.at[~kept], now)
    concepts = np.concatenate([belief.concepts[kept], concepts_K])
    order = np.argsort(concepts)
    return Belief(
        concepts=concepts[order],
        means=np.concatenate([belief.means[kept], means])[order],
        covariances=np.concatenate([belief.covariances[kept], covariances])[order],
        at=np.concatenate([belief.at[kept], moments])[order],
    )


def _check(seen: Observation, now: float) -> None:
    if not np.isfinite([seen.log_odds, seen.label, seen.weight, now, *seen.activations.ravel().tolist()]).all():
        raise DataError(f"An observation is not finite: {seen} at {now}.", hint="Leave such events out.")
    fits = seen.concepts.shape == seen.activations.shape and seen.concepts.ndim == 1
    allowed = 0 <= seen.label <= 1 and seen.weight >= 0 and not (seen.activations < 0).any()
    if not (fits and allowed) or (seen.concepts < 0).any():
        raise DataError(
            f"No observation: {seen}.",
            hint="Labels lie in [0, 1]; weights and activations are not below 0, one activation for each concept.",
        )
    if len(set(seen.concepts.tolist())) != len(seen.concepts):
        raise DataError(f"A concept comes twice in {seen.concepts}.", hint="Add its activations up.")

"""What a text says, in the form in which the belief takes it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.interests.belief import Observation
from penchant.interests.text.reading import TextReading
from penchant.types import DoubleArray, IntArray


class TextWeights(Config):
    """How much words count beside an event of weight 1."""

    search: float = Field(default=1.0, ge=0)
    """ω of a concept that was searched for, or that a search leaves out."""
    opinion: float = Field(default=1.0, ge=0)
    """ω of a concept that is fully for or against; less where the polarity is less."""
    mention: float = Field(default=0.25, ge=0)
    """ω of a concept that was named without an opinion: who writes of it is interested, a little."""
    neutral: float = Field(default=0.05, ge=0, lt=1)
    """|polarity| up to here is no opinion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEvidence:
    """One concept of a text: `Observation` without the log odds, which the tracker supplies."""

    concepts: IntArray
    """(1,)"""
    activations: DoubleArray
    """(1,)"""
    label: float
    """y: 1 for, 0 against"""
    weight: float
    """ω"""

    def observation(self, log_odds: float) -> Observation:
        """With ℓ, what the tracker gave this concept's activation before the text."""
        return Observation(
            concepts=self.concepts,
            activations=self.activations,
            log_odds=log_odds,
            label=self.label,
            weight=self.weight,
        )


def evidence(reading: TextReading, weights: TextWeights | None = None) -> list[TextEvidence]:
    """For each concept of a reading y and ω: ``y = [p > 0], ω = ω_opinion |p|`` where it has an opinion p, else
    ``y = 1, ω = ω_mention``; in a search ``ω = ω_search``. Concepts come apart, since a text may praise one and damn
    another. What weighs nothing is left out.
    """
    weights = weights or TextWeights()
    found = []
    for concept, activation, polarity in zip(reading.concepts, reading.activations, reading.polarities, strict=True):
        felt = abs(float(polarity)) > weights.neutral
        weight = (
            (weights.search if reading.search else weights.opinion * abs(float(polarity))) if felt else weights.mention
        )
        if weight > 0:
            found.append(
                TextEvidence(
                    concepts=np.array([concept], dtype=np.int64),
                    activations=np.array([activation], dtype=np.float64),
                    label=1.0 if polarity > 0 or not felt else 0.0,
                    weight=weight,
                )
            )
    return found


def concept_totals(
    readings: Sequence[TextReading], n_concepts: int, weights: TextWeights | None = None
) -> tuple[DoubleArray, list[list[int]]]:
    """``Σ ω a (2y − 1)`` of every concept over a user's texts, (C,), and for each concept the texts behind it.

    A count for looking at texts alone; a profile takes `evidence` into the belief, which also fades and doubts.
    """
    totals = np.zeros(n_concepts)
    support: list[list[int]] = [[] for _ in range(n_concepts)]
    for n, reading in enumerate(readings):
        for one in evidence(reading, weights):
            concept = int(one.concepts[0])
            totals[concept] += one.weight * one.activations[0] * (2 * one.label - 1)
            support[concept].append(n)
    return totals, support

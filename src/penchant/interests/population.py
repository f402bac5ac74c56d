"""What the average user leans to: an interest is told as a distance from it."""

from dataclasses import dataclass

import numpy as np

from penchant.concepts.vocabulary import Vocabulary
from penchant.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Readings over users and support over events, per concept."""

    mean: FloatArray
    """Mean over users of u·d_c, (C,), in score units: the part liked by everyone."""
    deviation: FloatArray
    """Standard deviation over users of u·d_c, (C,), never 0."""
    rate: FloatArray
    """Share of all events whose item activates c, (C,), damped to lie inside (0, 1)."""


def fit_population(readings_UC: FloatArray, vocabulary: Vocabulary, item_counts_I: IntArray) -> Population:
    """Measure the population on the users at hand; `rate` = (events on c + 1) / (events + 2)."""
    active = (vocabulary.activations > 0).astype(np.float64)
    n_concepts = active.shape[1]
    deviation = readings_UC.std(axis=0) if len(readings_UC) else np.ones(n_concepts)
    floor = max(float(deviation.mean()) * 1e-3, 1e-6) if n_concepts else 1e-6
    return Population(
        mean=(readings_UC.mean(axis=0) if len(readings_UC) else np.zeros(n_concepts)).astype(np.float32),
        deviation=np.maximum(deviation, floor).astype(np.float32),
        rate=((active.T @ item_counts_I + 1) / (item_counts_I.sum() + 2)).astype(np.float32),
    )

"""What is watched of users for drift, and the thresholds that a bundle carries."""

from dataclasses import asdict
from typing import Any

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.errors import BundleError
from penchant.interests.drift import DriftConfig, Stream, Thresholds
from penchant.interests.drift_calibration import calibrate, enough
from penchant.interests.tracking import against_reference
from penchant.pipeline.beliefs import BeliefReader, EventReading, recent
from penchant.seeding import numpy_rng
from penchant.types import DoubleArray

CALIBRATION_USERS = 600
"""Users whose shuffled histories set the thresholds, at most."""
MOST_SHUFFLES = 10
"""Orders of each history that are tried, where users are few."""
AT_ONCE = 100
"""Users whose shuffled histories the tracker reads at once."""


def surprises(histories: Histories, reader: BeliefReader) -> DoubleArray:
    """−ℓ of each event, (N,), in nats: how much rarer the item was, after the events before it, than people in general
    take those of the reference.
    """
    vectors, model = reader.tracker.item_vectors, reader.model
    before = np.arange(len(histories.items)) + np.repeat(np.arange(len(histories)), histories.lengths)
    states = model.temperature * reader.tracker.vectors_along(histories)[before]
    return -against_reference(states, vectors[histories.items], vectors[model.reference])


def streams_of(histories: Histories, reader: BeliefReader, *, surprise_N: DoubleArray | None = None) -> list[Stream]:
    """What is watched of B users: `histories` hold the events that models read, no more than `recent` leaves.

    `surprise_N` are their `surprises`, where the caller knows them.
    """
    touches = reader.vocabulary.activations[histories.items] > 0
    surprise = surprises(histories, reader) if surprise_N is None else surprise_N
    found = []
    for start, end in zip(histories.indptr[:-1], histories.indptr[1:], strict=True):
        own = touches[start:end]
        concepts = np.unique(own.indices).astype(np.int64)
        found.append(
            Stream(
                concepts=concepts,
                touched_NK=own[:, concepts].toarray(),
                rates=reader.population.rate[concepts].astype(np.float64),
                surprise=surprise[start:end],
            )
        )
    return found


def fit_thresholds(
    data: Dataset, reader: BeliefReader, reading: EventReading, config: DriftConfig, *, seed: int
) -> Thresholds:
    """Set the thresholds on shuffled histories of some users of a dataset."""
    streams: list[Stream] = []
    histories = data.histories()
    histories = histories.keep(reading.consumed(histories))
    long = np.flatnonzero(histories.lengths > config.warm_up)
    rng = numpy_rng(seed, "drift thresholds")
    chosen = np.sort(rng.choice(long, min(CALIBRATION_USERS, len(long)), replace=False))
    some, _ = recent(histories.take(chosen))
    if not enough(MOST_SHUFFLES * int((some.lengths - config.warm_up).sum()), config):
        return Thresholds()
    for _ in range(MOST_SHUFFLES):
        streams += shuffled_streams(some, reader, rng)
        if enough(sum(len(stream.touched_NK) - config.warm_up for stream in streams), config):
            break
    return calibrate(streams, config)


def shuffled_streams(histories: Histories, reader: BeliefReader, rng: np.random.Generator) -> list[Stream]:
    """What is watched of B users whose events come in random orders."""
    found = []
    for _, batch in histories.batches(AT_ONCE):
        order = np.lexsort((rng.random(len(batch.items)), np.repeat(np.arange(len(batch)), batch.lengths)))
        found += streams_of(batch.reordered(order), reader)
    return found


def thresholds_of(facts: dict[str, Any]) -> Thresholds:
    """Thresholds as a bundle tells them."""
    try:
        return Thresholds(**{name: float(value) for name, value in facts.items()})
    except (TypeError, ValueError, AttributeError):
        raise BundleError(f"The bundle's drift thresholds are damaged: {facts}.", hint="Fit again.") from None


def thresholds_told(thresholds: Thresholds) -> dict[str, float]:
    """Thresholds as a bundle tells them."""
    return {name: round(value, 4) for name, value in asdict(thresholds).items()}

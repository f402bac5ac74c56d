"""Learning how users come to interests that are new to them, from the order in which they came to those they have."""

import numpy as np
import scipy.sparse as sp

from penchant.concepts.space import ConceptSpace
from penchant.concepts.vocabulary import Vocabulary
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.data.polarity import consumption
from penchant.data.sparse_rows import row_entries
from penchant.exploration.interest_discovery import (
    DiscoveryConfig,
    InterestDiscovery,
    Known,
    fit_reach,
    fit_weights,
)
from penchant.interests.population import Population
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.seeding import numpy_rng
from penchant.types import AnyArray, BoolArray, DoubleArray, FloatArray, IntArray

AT_ONCE = 256
"""Users whose scores of all items are held at a time."""


def fit_discovery(
    data: Dataset,
    tracker: InterestTracker,
    vocabulary: Vocabulary,
    space: ConceptSpace,
    population: Population,
    config: DiscoveryConfig,
    *,
    temperature: float,
    text_vectors: FloatArray | None,
    seed: int,
) -> InterestDiscovery:
    """Ways from concept to concept, and what each sign of a new interest is worth.

    The weights are learned from what the last event of each user, which the tracker was not trained on, is mainly of,
    with ways read from the events before; the ways are then read once more from all events.
    """
    histories = consumption(data).histories()
    asked = np.flatnonzero(histories.lengths > 1)
    if len(asked) > config.users:
        asked = np.sort(numpy_rng(seed, "discovery").choice(asked, config.users, replace=False))
    sample = histories.take(asked)
    before, n_concepts = sample.without_tail(1), len(vocabulary.concepts)
    main = main_concepts(vocabulary)
    discovery = InterestDiscovery(
        reach=fit_reach(firsts_of(before, vocabulary), n_concepts, damping=config.damping),
        meanings=meanings_of(vocabulary, space, text_vectors),
        narrow=narrow_of(vocabulary, config),
    )
    features, opened, new = [], [], []
    for rows in np.array_split(np.arange(len(before)), max(1, -(-len(before) // AT_ONCE))):
        batch = before.take(rows)
        known = known_of(batch, tracker, vocabulary, space, population, temperature=temperature)
        features.append(discovery.features(known).astype(np.float32))
        opened.append(discovery.open(known))
        new.append(main[sample.take(rows).tail(1).items].toarray() > 0)
    weights = fit_weights(np.concatenate(features), np.concatenate(opened), np.concatenate(new))
    return InterestDiscovery(
        reach=fit_reach(firsts_of(sample, vocabulary), n_concepts, damping=config.damping),
        meanings=discovery.meanings,
        narrow=discovery.narrow,
        weights=weights,
    )


def known_of(
    histories: Histories,
    tracker: InterestTracker,
    vocabulary: Vocabulary,
    space: ConceptSpace,
    population: Population,
    *,
    temperature: float,
) -> Known:
    """What B histories say, by the tracker alone."""
    users = tracker.user_vectors(histories)
    return Known(
        counts=counts_of(histories, vocabulary),
        touched=touched_of(temperature * (users @ tracker.item_vectors.T), vocabulary),
        leaning=((space.readings(users) - population.mean) / population.deviation).astype(np.float64),
    )


def touched_of(log_odds_BI: AnyArray, vocabulary: Vocabulary) -> DoubleArray:
    """(B, C) chance that the next event touches a concept: Σ_i softmax(s)_i [a_ic > 0]."""
    odds = np.exp(log_odds_BI - log_odds_BI.max(axis=1, keepdims=True))
    return np.asarray((odds @ vocabulary.touches) / odds.sum(axis=1, keepdims=True), dtype=np.float64)


def counts_of(histories: Histories, vocabulary: Vocabulary) -> DoubleArray:
    """(B, C) events that touch each concept."""
    owners, concepts, _ = _touches(histories, vocabulary)
    shape = len(histories), len(vocabulary.concepts)
    return sp.coo_array((np.ones(len(owners)), (owners, concepts)), shape=shape).toarray()


def firsts_of(histories: Histories, vocabulary: Vocabulary) -> list[tuple[IntArray, IntArray]]:
    """Of each of B users the concepts he touched, each once, and the place of the first event that did."""
    owners, concepts, events = _touches(histories, vocabulary)
    keys, first = np.unique(owners * len(vocabulary.concepts) + concepts, return_index=True)
    bounds = np.searchsorted(keys, np.arange(1, len(histories)) * len(vocabulary.concepts))
    found = np.split(keys % max(len(vocabulary.concepts), 1), bounds)
    return list(zip(found, np.split(events[first], bounds), strict=True))


def main_concepts(vocabulary: Vocabulary, most: int = 2) -> sp.csr_array:
    """(I, C) 1 where a concept is among the `most` that an item activates most: what it is mainly about."""
    activations = vocabulary.activations
    rows = np.repeat(np.arange(activations.shape[0]), np.diff(activations.indptr))
    order = np.lexsort((-activations.data, rows))
    place = np.arange(len(rows)) - activations.indptr[:-1][rows[order]]
    kept = order[(place < most) & (activations.data[order] > 0)]
    entries = np.ones(len(kept), dtype=np.float32), (rows[kept], activations.indices[kept])
    return sp.csr_array(sp.coo_array(entries, shape=activations.shape))


def meanings_of(vocabulary: Vocabulary, space: ConceptSpace, text_vectors_ID: FloatArray | None) -> FloatArray:
    """Unit vectors of concepts, (C, Dt): the mean text of their items; without texts their directions."""
    found = space.directions if text_vectors_ID is None else vocabulary.activations.T @ text_vectors_ID
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(lengths, 1e-12), dtype=np.float32)


def narrow_of(vocabulary: Vocabulary, config: DiscoveryConfig) -> BoolArray:
    """(C,) concepts that are not on too many items."""
    shares = np.asarray(vocabulary.touches.sum(axis=0)).ravel() / max(vocabulary.touches.shape[0], 1)
    return np.asarray(shares <= config.max_share)


def _touches(histories: Histories, vocabulary: Vocabulary) -> tuple[IntArray, IntArray, IntArray]:
    """For each event and each concept that it touches: whose it is, the concept, and the event."""
    touches = row_entries(vocabulary.activations, histories.items)
    owners = np.repeat(np.arange(len(histories)), histories.lengths)[touches.owners]
    return owners, touches.columns.astype(np.int64), touches.owners

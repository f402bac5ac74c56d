"""Learning how users come to interests that are new to them, from the order in which they came to those they have."""

import numpy as np
import scipy.sparse as sp

from penchant.concepts.space import ConceptSpace
from penchant.concepts.vocabulary import Vocabulary
from penchant.data.dataset import Dataset
from penchant.data.generated import is_generated
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
    asked = np.flatnonzero((histories.lengths > 1) & ~is_generated(data))
    if len(asked) > config.users:
        asked = np.sort(numpy_rng(seed, "discovery").choice(asked, config.users, replace=False))
    sample = histories.take(asked)
    before, n_concepts = sample.without_tail(1), len(vocabulary.concepts)
    main = vocabulary.mainly
    discovery = InterestDiscovery(
        reach=fit_reach(firsts_of(before, main), n_concepts, damping=config.damping),
        meanings=meanings_of(vocabulary, space, text_vectors),
        narrow=narrow_of(vocabulary, config),
    )
    features, opened, new = [], [], []
    for rows in np.array_split(np.arange(len(before)), max(1, -(-len(before) // AT_ONCE))):
        batch = before.take(rows)
        known = known_of(batch, tracker, vocabulary, temperature=temperature)
        features.append(discovery.features(known).astype(np.float32))
        opened.append(discovery.open(known))
        new.append(main[sample.take(rows).tail(1).items].toarray() > 0)
    weights = fit_weights(np.concatenate(features), np.concatenate(opened), np.concatenate(new))
    return InterestDiscovery(
        reach=fit_reach(firsts_of(sample, main), n_concepts, damping=config.damping),
        meanings=discovery.meanings,
        narrow=discovery.narrow,
        weights=weights,
    )


def known_of(histories: Histories, tracker: InterestTracker, vocabulary: Vocabulary, *, temperature: float) -> Known:
    """What B histories say, by the tracker alone."""
    users = tracker.user_vectors(histories)
    return Known(
        counts=counts_of(histories, vocabulary.activations),
        main=counts_of(histories, vocabulary.mainly),
        foreseen=foreseen_of(temperature * (users @ tracker.item_vectors.T), vocabulary.mainly),
    )


def foreseen_of(log_odds_BI: AnyArray, of_IC: sp.csr_array) -> DoubleArray:
    """(B, C) chance that the next event is of a concept: Σ_i softmax(s)_i [of_ic]; `of_IC` holds ones."""
    odds = np.exp(log_odds_BI - log_odds_BI.max(axis=1, keepdims=True))
    return np.asarray((odds @ of_IC) / odds.sum(axis=1, keepdims=True), dtype=np.float64)


def counts_of(histories: Histories, of_IC: sp.csr_array) -> DoubleArray:
    """(B, C) events whose items are of each concept."""
    owners, concepts, _ = _concepts_of(histories, of_IC)
    shape = len(histories), of_IC.shape[1]
    return sp.coo_array((np.ones(len(owners)), (owners, concepts)), shape=shape).toarray()


def firsts_of(histories: Histories, of_IC: sp.csr_array) -> list[tuple[IntArray, IntArray]]:
    """Of each of B users the concepts of his items, each once, and the place of the first event of each."""
    owners, concepts, events = _concepts_of(histories, of_IC)
    n_concepts = of_IC.shape[1]
    keys, first = np.unique(owners * n_concepts + concepts, return_index=True)
    bounds = np.searchsorted(keys, np.arange(1, len(histories)) * n_concepts)
    found = np.split(keys % max(n_concepts, 1), bounds)
    return list(zip(found, np.split(events[first], bounds), strict=True))


def meanings_of(vocabulary: Vocabulary, space: ConceptSpace, text_vectors_ID: FloatArray | None) -> FloatArray:
    """Unit vectors of concepts, (C, Dt): the mean text of their items; without texts their directions."""
    found = space.directions if text_vectors_ID is None else vocabulary.activations.T @ text_vectors_ID
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(lengths, 1e-12), dtype=np.float32)


def narrow_of(vocabulary: Vocabulary, config: DiscoveryConfig) -> BoolArray:
    """(C,) concepts that are not on too many items."""
    shares = np.asarray(vocabulary.touches.sum(axis=0)).ravel() / max(vocabulary.touches.shape[0], 1)
    return np.asarray(shares <= config.max_share)


def _concepts_of(histories: Histories, of_IC: sp.csr_array) -> tuple[IntArray, IntArray, IntArray]:
    """For each event and each concept of its item: whose it is, the concept, and the event."""
    found = row_entries(of_IC, histories.items)
    owners = np.repeat(np.arange(len(histories)), histories.lengths)[found.owners]
    return owners, found.columns.astype(np.int64), found.owners

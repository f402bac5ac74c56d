"""Concepts that items do not bear, in a world where it is known which were taken away."""

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.concepts.completion import CompletionConfig, completed, judged, side_by_side
from penchant.concepts.vocabulary import Concept, Vocabulary
from penchant.errors import ConfigError, DataError
from penchant.metrics.roc import roc_auc


def world(items=300, concepts=6, hidden=0.3, seed=0):
    """Items of two subjects each, whose vectors show both; some of the names are taken off."""
    rng = np.random.default_rng(seed)
    true = np.zeros((items, concepts), dtype=bool)
    for row in true:
        row[rng.choice(concepts, 2, replace=False)] = True
    vectors = (true @ rng.normal(size=(concepts, 12)) + 0.5 * rng.normal(size=(items, 12))).astype(np.float32)
    taken = true & (rng.random(true.shape) < hidden)
    bears = sp.csr_array((true & ~taken).astype(np.float32))
    told = tuple(Concept(id=f"tags:{c}", name=str(c), kind="tags", parent=None, items=1) for c in range(concepts))
    return vectors, true, taken, Vocabulary(concepts=told, activations=bears)


def test_the_judgement_of_the_others_is_that_of_a_fit_without_the_item():
    vectors, _, _, vocabulary = world(items=40)
    features, bears = side_by_side([vectors]), vocabulary.activations.toarray()
    found = judged(features, vocabulary.activations, ridge=2.0)
    for i in (0, 7, 39):
        rest = np.arange(40) != i
        X = np.column_stack([features, np.ones(40)])
        weights = np.linalg.solve(X[rest].T @ X[rest] + 2.0 * np.eye(13), X[rest].T @ (bears[rest] > 0))
        np.testing.assert_allclose(found.scores[i], X[i] @ weights, atol=1e-9)


def test_shares_rise_with_the_score_and_add_up_to_the_bearers():
    vectors, _, _, vocabulary = world()
    found = judged(side_by_side([vectors]), vocabulary.activations, ridge=30.0)
    for c in range(6):
        order = np.argsort(found.scores[:, c])
        assert (np.diff(found.shares[order, c]) >= -1e-12).all()
    np.testing.assert_allclose(found.shares.sum(axis=0), vocabulary.activations.toarray().sum(axis=0))


def test_taken_names_are_told_back():
    vectors, true, taken, vocabulary = world()
    scores = judged(side_by_side([vectors]), vocabulary.activations, ridge=30.0).scores
    for c in range(6):
        rows = np.flatnonzero(taken[:, c] | ~true[:, c])
        assert roc_auc(taken[rows, c], scores[rows, c]) > 0.95
    more = completed(vocabulary, [vectors], CompletionConfig())
    added = (more.activations.toarray() > 0) & (vocabulary.activations.toarray() == 0)
    assert true[added].mean() > 0.9
    assert added[taken].mean() > 0.5


def test_vectors_that_say_nothing_add_next_to_nothing():
    vectors, _, _, vocabulary = world()
    noise = np.random.default_rng(1).normal(size=vectors.shape).astype(np.float32)
    more = completed(vocabulary, [noise], CompletionConfig(least_share=0.6))
    assert more.activations.nnz < 1.02 * vocabulary.activations.nnz


def test_what_is_borne_stays_and_rows_are_of_length_one():
    vectors, _, _, vocabulary = world()
    more = completed(vocabulary, [vectors], CompletionConfig(most=2))
    assert ((more.activations.toarray() > 0) >= (vocabulary.activations.toarray() > 0)).all()
    assert np.diff(more.activations.indptr).max() <= 2
    lengths = np.sqrt(more.activations.power(2).sum(axis=1))
    np.testing.assert_allclose(lengths[np.diff(more.activations.indptr) > 0], 1.0, rtol=1e-5)
    np.testing.assert_array_equal(more.bears.toarray(), vocabulary.activations.toarray())


def test_items_without_a_vector_are_told_by_nothing_but_the_mean():
    vectors, _, _, vocabulary = world()
    vectors[5] = 0
    features = side_by_side([vectors, np.zeros((300, 3), dtype=np.float32)])
    assert not features[5].any()
    assert not features[:, 12:].any()
    assert np.isfinite(judged(features, vocabulary.activations, ridge=1.0).scores).all()


def test_blocks_of_different_items_are_refused():
    with pytest.raises(DataError, match="3, 4"):
        side_by_side([np.ones((3, 2), np.float32), np.ones((4, 2), np.float32)])
    with pytest.raises(ConfigError, match="least_share"):
        CompletionConfig.of({"least_share": 0})


def test_no_concepts_are_no_work():
    empty = Vocabulary(concepts=(), activations=sp.csr_array((3, 0)))
    assert completed(empty, [np.ones((3, 2), np.float32)], CompletionConfig()) is empty

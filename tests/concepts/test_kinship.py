"""Kinds in a world where behaviour brings together what reads differently."""

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.concepts.dictionary import DictionaryConfig, fit_dictionary
from penchant.concepts.kinship import ItemTexts, alike_in_both, far_apart


def world(items=600, seed=0):
    """Six ways that things are bought together, six subjects that texts are about, drawn apart from each other."""
    rng = np.random.default_rng(seed)
    bought, subject = rng.integers(6, size=items), rng.integers(6, size=items)
    vectors = 3 * np.eye(6)[bought] + 0.05 * rng.normal(size=(items, 6))
    texts = np.eye(8)[subject] + 0.1 * rng.normal(size=(items, 8))
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    return vectors.astype(np.float32), texts.astype(np.float32), bought, subject


def fitted(near, texts=True, **more):
    vectors, text, bought, subject = world()
    config = DictionaryConfig(per_item=1, items_per_concept=10, near=near, **more)
    nameless = sp.csr_array((len(vectors), 0))
    found = fit_dictionary(vectors, nameless, config, texts_ID=text if texts else None, rng=np.random.default_rng(1))
    return found, text, bought, subject


def purest(activations, labels):
    """The share of a direction's items with its commonest label, the mean over directions."""
    on = activations.tocsc()
    spans = [on.indices[on.indptr[c] : on.indptr[c + 1]] for c in range(on.shape[1])]
    return np.mean([np.bincount(labels[rows]).max() / len(rows) for rows in spans])


def test_kinds_read_alike_where_texts_are_given_and_not_else():
    with_texts, _, _, subject = fitted(0.6)
    without, _, _, _ = fitted(0.6, texts=False)
    assert purest(with_texts.activations, subject) == 1.0
    assert purest(without.activations, subject) < 0.5


def test_kinds_are_of_what_is_bought_together_too():
    found, _, bought, _ = fitted(0.6, least_items=5)
    assert purest(found.activations, bought) > 0.9
    vectors = world()[0]
    assert ((vectors - found.rebuilt) ** 2).sum() < 0.2 * ((vectors - found.mean) ** 2).sum()


def test_an_item_takes_only_kinds_whose_text_is_near():
    found, text, _, _ = fitted(0.6)
    texts = ItemTexts(text)
    cosines = texts.vectors @ texts.centroids(found.activations).T
    assert cosines[found.activations.toarray() > 0].min() > 0.5  # their texts moved a little since it was asked
    assert (found.may.toarray()[found.activations.toarray() > 0] > 0).all()


def test_kinds_that_read_like_nothing_are_given_up():
    rng = np.random.default_rng(2)
    vectors, _, _, _ = world()
    texts = rng.normal(size=(len(vectors), 40)).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    config = DictionaryConfig(per_item=2, items_per_concept=60, near=-1.0, kind_coherence=0.2)
    nameless = sp.csr_array((len(vectors), 0))
    assert not len(fit_dictionary(vectors, nameless, config, texts_ID=texts, rng=rng).directions)
    anything = config.model_copy(update={"kind_coherence": -1.0})
    assert len(fit_dictionary(vectors, nameless, anything, texts_ID=texts, rng=rng).directions)


def test_coherence_is_the_mean_cosine_of_two_members():
    rng = np.random.default_rng(3)
    texts = ItemTexts(rng.normal(size=(30, 5)).astype(np.float32))
    weights = rng.uniform(0.1, 1, size=(30, 2)) * (rng.random((30, 2)) < 0.4)
    weights[0, 1] = 1.0
    one = np.zeros((30, 1))
    one[4] = 1.0
    found = texts.coherence(sp.csr_array(np.hstack([weights, one])))
    cosines = texts.vectors.astype(np.float64) @ texts.vectors.T
    for c in range(2):
        pairs = np.outer(weights[:, c], weights[:, c])
        np.fill_diagonal(pairs, 0)
        assert found[c] == pytest.approx((pairs * cosines).sum() / pairs.sum(), abs=1e-6)
    assert found[2] == 0


def test_an_item_without_a_text_is_near_nothing_and_counts_for_nothing():
    vectors = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 0.0], [-1.0, 0.0]], dtype=np.float32)
    texts = ItemTexts(vectors)
    assert not texts.vectors[2].any()
    every = sp.csr_array(np.ones((4, 1)))
    few = sp.csr_array(np.array([[1.0], [1.0], [0.0], [1.0]]))
    assert texts.coherence(every) == pytest.approx(texts.coherence(few))
    assert not texts.near(texts.centroids(few), 0.1).toarray()[2].any()


@pytest.mark.parametrize("items", [0, 3])
def test_a_catalogue_with_few_items_has_no_kinds_to_begin_with(items):
    texts = ItemTexts(np.eye(3, dtype=np.float32)[:items])
    left = np.ones((items, 4))
    begun, places = alike_in_both(
        left, texts, 2, counted_I=np.ones(items, dtype=bool), least=5, rng=np.random.default_rng(0)
    )
    assert begun.shape == (0, 4)
    assert places.shape == (0, 3)


def test_equal_rows_are_drawn_once():
    rows = np.repeat(np.eye(3), 5, axis=0)
    assert len(np.unique(rows[far_apart(rows, 10, np.random.default_rng(0))], axis=0)) == 3
    assert len(far_apart(rows, 10, np.random.default_rng(0))) == 3

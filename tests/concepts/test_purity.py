"""How much the items of a concept have in common."""

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.concepts.purity import TextSpace


def brute(vectors, rows):
    def mean(places):
        return np.mean([vectors[i] @ vectors[j] for i in places for j in places if i != j])

    base = mean(range(len(vectors)))
    return (mean(rows) - base) / (1 - base)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_it_is_the_mean_cosine_of_pairs_over_that_of_the_catalogue():
    vectors = unit(np.random.default_rng(0).normal(size=(30, 6)))
    rows = np.array([2, 5, 11, 20])
    assert TextSpace(vectors).purity(rows) == pytest.approx(brute(vectors.astype(np.float64), rows), abs=1e-6)
    assert TextSpace(sp.csr_array(vectors)).purity(rows) == pytest.approx(TextSpace(vectors).purity(rows), abs=1e-6)


def test_equal_texts_are_pure_and_random_ones_are_not():
    rng = np.random.default_rng(1)
    vectors = unit(np.concatenate([np.tile(rng.normal(size=(1, 32)), (20, 1)), rng.normal(size=(400, 32))]))
    space = TextSpace(vectors)
    assert space.purity(np.arange(20)) == pytest.approx(1.0, abs=1e-6)
    assert space.purity(np.arange(20, 420)) == pytest.approx(0.0, abs=0.02)


def test_items_without_text_do_not_count():
    vectors = np.zeros((4, 2), dtype=np.float32)
    vectors[:3, 0] = 1
    assert TextSpace(vectors).purity(np.array([0, 3])) is None
    assert TextSpace(vectors).purity(np.array([0, 1, 3])) == 0.0


def test_among_words_a_concepts_own_name_does_not_make_it_pure():
    names = ["love", "space", "ship", "tea"]
    rows = [[1, 1, 1, 0]] * 4 + [[1, 0, 0, 1]] + [[0, 0, 0, 1]] * 5
    space = TextSpace(sp.csr_array(unit(np.array(rows, dtype=np.float64)).astype(np.float64)), names)
    same, mixed = space.purity(np.arange(4), "love"), space.purity(np.array([0, 4]), "love")
    named_otherwise = space.purity(np.array([0, 4]), "other")
    assert same == pytest.approx(1.0)
    assert mixed is not None
    assert named_otherwise is not None
    assert mixed < named_otherwise < 1


def test_typical_items_are_those_most_like_the_others():
    vectors = unit(np.array([[1, 0], [1, 0.1], [1, -0.1], [0, 1], [0.2, 1]]))
    space = TextSpace(vectors)
    rows = np.array([0, 1, 2, 3])
    assert space.typical(rows[:3], np.ones(3, dtype=np.float32), 5).tolist() == [0, 1, 2]
    assert space.typical(rows, np.ones(4, dtype=np.float32), 4)[-1] == 3
    assert np.linalg.norm(space.centroid(rows)) == pytest.approx(1.0)

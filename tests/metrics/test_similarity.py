"""Cosine and dot product against scikit-learn and plain sums."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from penchant.metrics.similarity import SIMILARITIES, cosine, dot


def vectors(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 7))


def test_cosine_equals_the_reference():
    left, right = vectors(5, 0), vectors(9, 1)
    assert cosine(left, right) == pytest.approx(cosine_similarity(left, right), abs=1e-12)


def test_cosine_is_bounded_and_blind_to_length():
    left, right = vectors(5, 0), vectors(9, 1)
    assert cosine(left * 1e-200, right * 1e200) == pytest.approx(cosine(left, right), abs=1e-12)
    same = cosine(left, left * 3)
    assert np.abs(same).max() <= 1
    assert np.diag(same) == pytest.approx(1)
    assert np.diag(cosine(left, -left)) == pytest.approx(-1)


def test_a_zero_vector_is_similar_to_nothing():
    left = np.array([[0.0, 0.0], [1.0, 0.0]])
    assert cosine(left, left).tolist() == [[0, 0], [0, 1]]


def test_dot_equals_the_sums():
    left, right = vectors(3, 2), vectors(4, 3)
    by_hand = [[sum(a * b for a, b in zip(u, i, strict=True)) for i in right] for u in left]
    assert dot(left, right) == pytest.approx(np.array(by_hand))


def test_one_interface_selects_either():
    assert set(SIMILARITIES) == {"cosine", "dot"}
    left = np.array([[3.0, 4.0]])
    assert SIMILARITIES["dot"](left, left).item() == pytest.approx(25)
    assert SIMILARITIES["cosine"](left, left).item() == pytest.approx(1)


def test_single_precision_stays():
    left = vectors(3, 2).astype(np.float32)
    assert cosine(left, left).dtype == dot(left, left).dtype == np.float32

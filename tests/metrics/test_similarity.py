"""Each similarity against a second source: scikit-learn, scipy, the printed formula in many digits, plain sums."""

import math
from decimal import Decimal, localcontext
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics.pairwise import cosine_similarity

from penchant.errors import NotFoundError, UnsupportedError
from penchant.metrics.similarity import (
    BALL_EDGE,
    LEARNED,
    SIMILARITIES,
    NeuralSimilarity,
    cosine,
    dot,
    hyperbolic,
    hyperbolic_cosine,
    hyperbolic_distance,
    pearson,
    similarity,
    unit,
)


def vectors(n: int, seed: int, dim: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim))


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


def test_pearson_equals_the_reference_on_what_both_have():
    rng = np.random.default_rng(4)
    left, right = vectors(6, 5, 30) + 100.0, 3.0 * vectors(8, 6, 30) - 40.0
    left[rng.random(left.shape) < 0.3] = np.nan
    right[rng.random(right.shape) < 0.3] = np.nan
    found = pearson(left, right)
    for u, row in enumerate(left):
        for i, column in enumerate(right):
            both = ~np.isnan(row) & ~np.isnan(column)
            assert found[u, i] == pytest.approx(pearsonr(row[both], column[both])[0], abs=1e-9)


def test_pearson_of_a_constant_or_of_too_little_is_zero():
    ratings = np.array(
        [[5.0, 5.0, 5.0, np.nan], [1.0, 2.0, 3.0, 4.0], [np.nan, np.nan, 2.0, 5.0], [0.1, 0.1, 0.1, 9.0]]
    )
    found = pearson(ratings, ratings)
    assert found[0].tolist() == [0, 0, 0, 0]
    assert found[1, 2] == pytest.approx(1)
    assert found[3, 0] == 0
    assert np.isfinite(found).all()


def test_the_distance_in_the_docstring():
    distance = hyperbolic_distance(np.array([[0.5, 0.0]]), np.array([[0.0, 0.5]])).item()
    assert math.cosh(distance) == pytest.approx(2.38110, abs=5e-6)
    assert distance == pytest.approx(1.51337, abs=5e-6)


def in_many_digits(u: np.ndarray, v: np.ndarray) -> float:
    """The printed formula, with the points in the ball written out to 120 digits."""
    with localcontext() as context:
        context.prec = 120

        def total(terms: list[Decimal]) -> Decimal:
            return sum(terms, Decimal(0))

        def point(z: np.ndarray) -> list[Decimal]:
            exact = [Decimal(float(x)) for x in z]
            length = total([x * x for x in exact]).sqrt()
            grown = (2 * length).exp()
            return [x / length * (grown - 1) / (grown + 1) for x in exact]

        p, q = point(u), point(v)
        apart = total([(a - b) * (a - b) for a, b in zip(p, q, strict=True)])
        inside = (1 - total([a * a for a in p])) * (1 - total([b * b for b in q]))
        cosh = 1 + 2 * apart / inside
        return float((cosh + (cosh * cosh - 1).sqrt()).ln())


@pytest.mark.parametrize("length", [1e-3, 0.1, 1.0, 5.0, 19.0])
def test_hyperbolic_distance_equals_the_printed_formula_up_to_the_edge(length):
    left, right = vectors(4, 7, 3), vectors(5, 8, 3)
    left *= length / np.linalg.norm(left, axis=1, keepdims=True)
    right *= 0.9 * length / np.linalg.norm(right, axis=1, keepdims=True)
    expected = [[in_many_digits(u, v) for v in right] for u in left]
    assert hyperbolic_distance(left, right) == pytest.approx(np.array(expected), rel=1e-9)


@pytest.mark.parametrize("alike", [hyperbolic, hyperbolic_cosine])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_hyperbolic_is_symmetric_and_largest_between_equal_vectors(alike, kind):
    scales = np.array([0.0, 1e-6, 0.3, 1.0, 4.0, 15.0, 60.0, 1e30])
    z = (vectors(8, 9) * scales[:, None]).astype(kind)
    found = alike(z, z)
    assert np.isfinite(found).all()
    assert found.dtype == kind
    np.testing.assert_array_equal(found, found.T)
    assert (np.diag(found) == found.max()).all()
    assert np.diag(found).tolist() == [1.0 if alike is hyperbolic_cosine else 0.0] * 8


def test_length_is_distance_from_the_centre_and_ends_at_the_edge():
    lengths = np.array([0.0, 0.2, 3.0, BALL_EDGE, 1e9])
    z = np.outer(lengths, [0.6, 0.8])
    found = hyperbolic_distance(np.zeros((1, 2)), z)[0]
    assert found == pytest.approx(2 * np.minimum(lengths, BALL_EDGE))


def test_the_triangle_inequality_holds():
    z = vectors(12, 10) * np.linspace(0.1, 5, 12)[:, None]
    d = hyperbolic_distance(z, z)
    assert (d[:, None, :] <= d[:, :, None] + d[None, :, :] + 1e-9).all()


def test_both_hyperbolic_readings_rank_alike():
    left, right = vectors(6, 11), vectors(40, 12)
    np.testing.assert_array_equal(
        hyperbolic(left, right).argsort(axis=1), hyperbolic_cosine(left, right).argsort(axis=1)
    )


def test_neural_is_the_network_of_its_formula():
    rng = np.random.default_rng(13)
    W, b, w = rng.normal(size=(5, 12)), rng.normal(size=5), rng.normal(size=5)
    alike = NeuralSimilarity(hidden=W, hidden_bias=b, output=w, output_bias=0.5)
    left, right = vectors(3, 14, 4), vectors(6, 15, 4)
    by_hand = [[w @ np.maximum(W @ np.concatenate([u, v, u * v]) + b, 0) + 0.5 for v in right] for u in left]
    assert alike(left, right) == pytest.approx(np.array(by_hand))


def test_neural_scores_are_the_same_in_blocks(monkeypatch):
    rng = np.random.default_rng(16)
    alike = NeuralSimilarity(hidden=rng.normal(size=(5, 12)), hidden_bias=np.zeros(5), output=rng.normal(size=5))
    left, right = vectors(7, 17, 4), vectors(6, 18, 4)
    whole = alike(left, right)
    monkeypatch.setattr("penchant.metrics.similarity.PAIRS_AT_ONCE", 8)
    assert alike(left, right) == pytest.approx(whole)


def test_one_interface_selects_any():
    left = np.array([[3.0, 4.0]])
    values = {name: similarity(name)(left, left).item() for name in SIMILARITIES}
    assert values == pytest.approx({"dot": 25, "cosine": 1, "pearson": 1, "hyperbolic": 0, "hyperbolic_cosine": 1})
    learned = NeuralSimilarity(hidden=np.ones((1, 6)), hidden_bias=np.zeros(1), output=np.ones(1))
    assert similarity("neural", learned)(left, left).item() == pytest.approx(7 + 7 + 25)


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(NotFoundError, match="cosinus") as caught:
        similarity("cosinus")
    for name in (*SIMILARITIES, *LEARNED):
        assert name in caught.value.hint


def test_neural_before_it_is_learned_says_what_learns_it():
    with pytest.raises(UnsupportedError, match="learned") as caught:
        similarity("neural")
    assert "two_tower" in caught.value.hint


@pytest.mark.parametrize("name", SIMILARITIES)
def test_single_precision_stays_and_equals_double(name):
    left, right = vectors(3, 2), vectors(6, 3)
    single = similarity(name)(left.astype(np.float32), right.astype(np.float32))
    assert single.dtype == np.float32
    assert single == pytest.approx(similarity(name)(left, right), abs=2e-5)


@pytest.mark.parametrize("name", ["cosine", "pearson"])
def test_bounded_ones_stay_within_one(name):
    z = vectors(30, 19)
    close = [np.abs(similarity(name)(z, z * f)).max() for f in (1.0, 3.0, 1e-9)]
    assert max(close) <= 1.0
    assert all(b >= a - 1e-9 for a, b in pairwise(close))


def test_vectors_of_whole_numbers_are_compared_as_float64():
    left, right = np.array([[3, 4], [0, 0]]), np.array([[4, 3], [1, 0]], dtype=np.uint8)
    np.testing.assert_allclose(unit(left), [[0.6, 0.8], [0.0, 0.0]])
    np.testing.assert_allclose(cosine(left, right), [[0.96, 0.6], [0.0, 0.0]])
    assert unit(left).dtype == np.float64
    assert unit(left.astype(np.float32)).dtype == np.float32

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import pearsonr

from penchant.metrics.similarity import cosine as dense_cosine
from penchant.models.sparse_similarity import (
    co_rated_correlation,
    correlation,
    cosine,
    damped,
    neighbours,
    similarity,
    strongest,
)


def rows(values: object) -> sp.csr_array:
    return sp.csr_array(np.asarray(values, dtype=np.float64))


def random_rows(seed: int, n: int, features: int = 30, density: float = 0.4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((n, features)) < density, rng.integers(1, 6, size=(n, features)), 0).astype(float)


def test_figures_of_the_docstrings():
    assert cosine(rows([[1, 1, 0]]), rows([[1, 0, 0]])).toarray() == pytest.approx(2**-0.5)
    assert correlation(rows([[1, 1, 0, 0]]), rows([[1, 0, 0, 0]])).toarray() == pytest.approx(0.57735, abs=1e-5)
    assert co_rated_correlation(rows([[5, 3, 1, 0]]), rows([[4, 3, 0, 2]])).toarray() == pytest.approx(1.0)


def test_cosine_agrees_with_the_dense_one_and_is_zero_for_a_zero_row():
    left, right = random_rows(0, 7), random_rows(1, 9)
    left[3] = 0
    np.testing.assert_allclose(cosine(rows(left), rows(right)).toarray(), dense_cosine(left, right), atol=1e-12)


def test_correlation_agrees_with_numpy_where_rows_share_anything():
    left, right = (random_rows(s, 8, density=0.2) for s in (0, 1))
    expected = np.corrcoef(left, right)[:8, 8:]
    shared = (left > 0).astype(float) @ (right > 0).T > 0
    found = correlation(rows(left), rows(right)).toarray()
    np.testing.assert_allclose(found[shared], expected[shared], atol=1e-12)
    assert not found[~shared].any()
    assert not (expected[~shared] > 0).any()  # nothing positive is lost


def test_a_constant_row_correlates_with_nothing():
    assert not correlation(rows([[1, 1, 1]]), rows([[1, 0, 1]])).toarray().any()


def test_correlation_of_co_rated_features_agrees_with_scipy():
    left, right = random_rows(0, 12), random_rows(1, 12)
    found = co_rated_correlation(rows(left), rows(right)).toarray()
    defined = 0
    for a, x in enumerate(left):
        for b, y in enumerate(right):
            both = (x > 0) & (y > 0)
            if both.sum() < 2 or np.ptp(x[both]) == 0 or np.ptp(y[both]) == 0:
                assert found[a, b] == 0  # undefined
                continue
            defined += 1
            assert found[a, b] == pytest.approx(pearsonr(x[both], y[both])[0], abs=1e-9)
    assert defined > 100
    assert np.abs(found).max() <= 1


def test_a_constant_row_is_undefined_whatever_rounding_leaves():
    third = [[0.1 + 0.2, 0.3, 0.3, 0.0]]
    assert not co_rated_correlation(rows(third), rows([[1, 2, 3, 4]])).toarray().any()


def test_pearson_is_that_of_co_rated_features_for_ratings_only():
    left, right = rows(random_rows(0, 4)), rows(random_rows(1, 4))
    for rated, expected in ((True, co_rated_correlation), (False, correlation)):
        found = similarity(left, right, "pearson", rated=rated).toarray()
        np.testing.assert_array_equal(found, expected(left, right).toarray())
    np.testing.assert_array_equal(
        similarity(left, right, "cosine", rated=True).toarray(), cosine(left, right).toarray()
    )


def test_damping_weighs_by_the_features_shared():
    left, right = rows([[1, 1, 1, 0]]), rows([[2, 2, 0, 1], [0, 0, 0, 1]])
    found = damped(rows([[0.9, 0.5]]), left, right, 2.0).toarray()
    np.testing.assert_allclose(found, [[0.9 * 2 / 4, 0.0]])
    undamped = rows([[0.9, 0.5]])
    assert damped(undamped, left, right, 0.0) is undamped


def test_strongest_keeps_the_largest_and_breaks_ties_by_column():
    found = strongest(rows([[1, 3, 3, 2], [0, 0, 1, 0]]), 2).toarray()
    np.testing.assert_array_equal(found, [[0, 3, 3, 0], [0, 0, 1, 0]])
    np.testing.assert_array_equal(strongest(rows([[2, 2, 2]]), 1).toarray(), [[2, 0, 0]])


def test_neighbours_are_the_same_in_blocks_of_any_size(monkeypatch):
    left = rows(random_rows(3, 20))
    find = partial(neighbours, left, left, alike=correlation, damping=1.0, k=4, same=True)
    whole = find().toarray()
    monkeypatch.setattr("penchant.models.sparse_similarity.CELLS", 70)
    np.testing.assert_array_equal(find().toarray(), whole)
    assert not np.diagonal(whole).any()
    assert (whole >= 0).all()
    assert (np.count_nonzero(whole, axis=1) <= 4).all()
    full = correlation(left, left).toarray()
    np.fill_diagonal(full, 0)
    assert whole.max() == pytest.approx(damped(rows(full), left, left, 1.0).toarray().max())


def test_no_rows_have_no_neighbours():
    none = neighbours(rows(np.zeros((0, 3))), rows([[1, 0, 1]]), alike=cosine, damping=0.0, k=2)
    assert none.shape == (0, 1)

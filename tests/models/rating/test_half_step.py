import numpy as np
import pytest
import scipy.sparse as sp

from penchant.models.rating.half_step import Entries, with_ones
from penchant.models.rating.regression import Regression

RNG = np.random.default_rng(0)
MATRIX = sp.csr_array(np.where(RNG.random((9, 12)) < 0.5, RNG.normal(size=(9, 12)), 0.0) * (np.arange(9) != 4)[:, None])


def by_hand(row: int, factors, offsets, precision, mean, alpha):
    there = MATRIX[[row]].indices
    f = factors[there]
    left = alpha * f.T @ f + precision
    return left, np.linalg.solve(left, alpha * f.T @ (MATRIX[[row]].data - offsets[there]) + precision @ mean)


def test_the_solution_is_the_normal_equations_row_by_row():
    factors, offsets, means = RNG.normal(size=(12, 3)), RNG.normal(size=12), RNG.normal(size=(9, 3))
    root = RNG.normal(size=(3, 3))
    precision = root @ root.T + np.eye(3)
    found = Entries.of(MATRIX, dim=3).solve(
        factors, offsets=offsets, precision=precision, means=means, noise_precision=1.7
    )
    for row in range(9):
        np.testing.assert_allclose(
            found[row], by_hand(row, factors, offsets, precision, means[row], 1.7)[1], rtol=1e-9, atol=1e-12
        )
    np.testing.assert_allclose(found[4], means[4])


def test_a_diagonal_of_its_own_in_each_row():
    factors, offsets = RNG.normal(size=(12, 3)), np.zeros(12)
    diagonals = RNG.random((9, 3)) + 0.5
    found = Entries.of(MATRIX, dim=3).solve(factors, offsets=offsets, precision=diagonals)
    for row in range(9):
        expected = by_hand(row, factors, offsets, np.diag(diagonals[row]), np.zeros(3), 1.0)[1]
        np.testing.assert_allclose(found[row], expected, rtol=1e-9, atol=1e-12)


def test_draws_have_the_posteriors_mean_and_covariance():
    factors, offsets, means = RNG.normal(size=(12, 2)), RNG.normal(size=12), RNG.normal(size=(9, 2))
    precision = np.array([[2.0, 0.5], [0.5, 1.0]])
    entries, rng = Entries.of(MATRIX, dim=2), np.random.default_rng(1)
    draws = np.stack(
        [
            entries.solve(factors, offsets=offsets, precision=precision, means=means, noise_precision=1.3, rng=rng)
            for _ in range(1_500)
        ]
    )
    for row in (0, 4, 7):  # row 4 has no entries: its prior
        left, mean = by_hand(row, factors, offsets, precision, means[row], 1.3)
        covariance = np.linalg.inv(left)
        np.testing.assert_allclose(draws[:, row].mean(axis=0), mean, atol=5 * np.sqrt(covariance.max() / 1_500))
        np.testing.assert_allclose(np.cov(draws[:, row].T), covariance, atol=0.18 * covariance.max())


def test_many_small_blocks_give_the_same(monkeypatch):
    factors, offsets = RNG.normal(size=(12, 3)), np.zeros(12)
    whole = Entries.of(MATRIX, dim=3).solve(factors, offsets=offsets, precision=np.eye(3))
    monkeypatch.setattr("penchant.models.rating.half_step.CELLS", 8)
    parts = Entries.of(MATRIX, dim=3)
    assert len(parts.blocks) > 4
    np.testing.assert_allclose(parts.solve(factors, offsets=offsets, precision=np.eye(3)), whole, rtol=1e-12)


def test_with_ones_leaves_its_input_alone():
    vectors = RNG.normal(size=(3, 2))
    before = vectors.copy()
    np.testing.assert_array_equal(with_ones(vectors)[:, 0], 1.0)
    np.testing.assert_array_equal(vectors, before)


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_regression_directly_and_by_steps_solve_the_same_equations(shape):
    features = sp.csr_array(np.where(RNG.random(shape) < 0.4, RNG.random(shape), 0.0))
    targets = RNG.normal(size=(shape[1], 3))
    dense = features.toarray()
    for ridge in (0.3, 20.0):
        expected = np.linalg.solve(dense.T @ dense + ridge * np.eye(shape[1]), targets)
        start = np.zeros_like(targets)
        np.testing.assert_allclose(Regression(features).solve(targets, ridge=ridge, start=start), expected, atol=1e-9)
        stepwise = Regression(features, direct=0).solve(targets, ridge=ridge, start=start)
        np.testing.assert_allclose(stepwise, expected, atol=2e-3 * np.abs(expected).max())

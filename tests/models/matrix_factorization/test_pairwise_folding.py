import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize

from penchant.models.matrix_factorization import pairwise_folding
from penchant.models.matrix_factorization.pairwise_folding import fold_in

RNG = np.random.default_rng(0)
ITEMS = RNG.normal(size=(40, 5)).astype(np.float32)
BIASES = RNG.normal(size=40).astype(np.float32)
UNWANTED = np.arange(0, 40, 3, dtype=np.int32)


def rows(*weights: dict[int, float]) -> sp.csr_array:
    dense = np.zeros((len(weights), 40))
    for row, entries in enumerate(weights):
        for item, weight in entries.items():
            dense[row, item] = weight
    return sp.csr_array(dense)


def fold(weights: sp.csr_array, *, regularization: float = 0.02) -> np.ndarray:
    return fold_in(weights, items_ID=ITEMS, biases_I=BIASES, unwanted_M=UNWANTED, regularization=regularization)


def by_hand(p: np.ndarray, entries: dict[int, float], regularization: float) -> float:
    """f(p), pair by pair."""
    free = [j for j in UNWANTED if j not in entries]
    scores = ITEMS.astype(float) @ p + BIASES
    total = sum(
        w / sum(entries.values()) / len(free) * np.log1p(np.exp(scores[j] - scores[i]))
        for i, w in entries.items()
        for j in free
    )
    return float(total + regularization * p @ p)


@pytest.mark.parametrize("regularization", [1e-3, 0.02, 1.0])
def test_the_vector_is_the_minimum_that_a_general_optimiser_finds(regularization):
    histories: list[dict[int, float]] = [{4: 1.0}, {0: 1.0, 7: 0.5, 9: 0.25}, dict.fromkeys(range(0, 40, 2), 1.0)]
    found = fold(rows(*histories), regularization=regularization)
    for p, entries in zip(found, histories, strict=True):
        best = minimize(by_hand, np.zeros(5), args=(entries, regularization), method="BFGS", options={"gtol": 1e-8})
        assert by_hand(p.astype(float), entries, regularization) <= best.fun + 1e-6
        np.testing.assert_allclose(p, best.x, atol=2e-3 * max(1.0, np.abs(best.x).max()))


def test_huge_biases_and_vectors_do_not_lead_astray():
    found = fold_in(
        rows({0: 1.0}), items_ID=100 * ITEMS, biases_I=50 * BIASES, unwanted_M=UNWANTED, regularization=1e-3
    )
    assert np.isfinite(found).all()
    scores = 100 * ITEMS @ found[0] + 50 * BIASES
    assert scores[0] > scores[UNWANTED[1:]].max()


def test_an_empty_row_and_one_with_every_item_get_zeros():
    found = fold(rows({}, {int(j): 1.0 for j in UNWANTED}, {1: 1.0}))
    assert not found[:2].any()
    assert found[2].any()


def test_company_changes_nothing(monkeypatch):
    histories: list[dict[int, float]] = [dict.fromkeys(range(n), 1.0) for n in (1, 2, 3, 20, 30)]
    together = fold(rows(*histories))
    monkeypatch.setattr(pairwise_folding, "NUMBERS_AT_ONCE", 1)
    np.testing.assert_allclose(fold(rows(*histories)), together, atol=1e-4)

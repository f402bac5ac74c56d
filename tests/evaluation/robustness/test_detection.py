"""Who looks made up."""

import numpy as np
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.data.matrix import interaction_matrix
from penchant.errors import DataError, UnsupportedError
from penchant.evaluation.robustness.attacks import AttackConfig, inject
from penchant.evaluation.robustness.detection import DetectorConfig, detect, suspicion, without

from .worlds import ITEMS, two_tastes

TARGET = ITEMS - 1


def ratings_of(rows: list[tuple[int, int, float]], users: int, items: int) -> Dataset:
    of, on, values = (np.array(part) for part in zip(*rows, strict=True))
    return Dataset.of_rows(
        name="few",
        users=Table(tuple(f"u{k}" for k in range(users))),
        items=Table(tuple(f"i{k}" for k in range(items))),
        user_rows=of,
        item_rows=on,
        values=values,
        rating_scale=(1.0, 5.0),
    )


def test_rdma_by_hand():
    """Item 0: 1, 5 and 3, mean 3; item 1: 5 alone. User 1 has both: (|5 − 3|/3 + 0/1) / 2 = 1/3; user 3 has none."""
    data = ratings_of([(0, 0, 1.0), (1, 0, 5.0), (1, 1, 5.0), (2, 0, 3.0)], users=4, items=2)
    found = suspicion(data, DetectorConfig(method="rdma"))
    assert found.tolist() == pytest.approx([2 / 3, 1 / 3, 0.0, -np.inf])


@pytest.mark.parametrize("rated", [True, False])
def test_pca_is_that_of_the_whole_matrix(rated):
    data = two_tastes(rated=rated)
    table = interaction_matrix(data, cell="last" if rated else "one").toarray()
    standard = (table - table.mean(axis=1, keepdims=True)) / table.std(axis=1, keepdims=True)
    left = np.linalg.svd(standard, full_matrices=False)[0][:, :3]
    np.testing.assert_allclose(suspicion(data), -(left**2).sum(axis=1), atol=1e-8)


def test_the_same_data_give_the_same_answer():
    np.testing.assert_array_equal(suspicion(two_tastes()), suspicion(two_tastes()))


@pytest.mark.parametrize(
    ("kind", "method", "rated"),
    [
        ("random", "pca", True),
        ("average", "pca", True),
        ("random", "rdma", True),
        ("random", "pca", False),
    ],
)
def test_an_attack_is_found(kind, method, rated):
    data = two_tastes(users=400, rated=rated)
    attacked = inject(data, TARGET, AttackConfig(kind=kind, share=0.05, filler=12), seed=0)
    found = detect(attacked.dataset, DetectorConfig(method=method, share=0.15))
    assert found.suspects.sum() == 63
    assert found.pushed[0] == TARGET
    caught = (found.injected & attacked.injected).sum()
    assert caught >= 0.55 * attacked.injected.sum()
    assert caught >= 0.9 * found.injected.sum()
    assert (found.injected <= found.suspects).all()
    clean = without(attacked.dataset, found.injected)
    assert clean.n_users == attacked.dataset.n_users
    assert not found.injected[clean.events.users].any()
    assert clean.item_counts()[TARGET] < 0.5 * attacked.dataset.item_counts()[TARGET]


def test_where_nobody_attacks_nobody_is_accused():
    for method in ("pca", "rdma"):
        found = detect(two_tastes(users=400), DetectorConfig(method=method))
        assert found.suspects.sum() == 40
        assert not found.injected.any()
        assert not len(found.pushed)


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(UnsupportedError, match="rdma compares ratings"):
        suspicion(two_tastes(rated=False), DetectorConfig(method="rdma"))
    with pytest.raises(DataError, match="too few for 3 components"):
        suspicion(ratings_of([(0, 0, 1.0), (1, 1, 2.0)], users=2, items=2))
    with pytest.raises(DataError, match="for 120"):
        without(two_tastes(), np.zeros(3, dtype=bool))

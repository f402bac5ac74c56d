import numpy as np
import pytest
import scipy.sparse as sp

from penchant.models.rating.own_parameters import own_parameters


@pytest.mark.parametrize("cells", [4_000_000, 30, 1])
def test_blocks_of_any_size_give_the_minimum(monkeypatch, cells):
    """Worked out row by row from the normal equations; rows of very different lengths, one empty."""
    monkeypatch.setattr("penchant.models.rating.own_parameters.CELLS", cells)
    rng = np.random.default_rng(0)
    there = rng.random((6, 9)) < np.array([0.9, 0.1, 0.5, 0.0, 1.0, 0.3])[:, None]
    ratings = sp.csr_array(np.where(there, rng.normal(size=(6, 9)), 0.0))
    users, items = rng.normal(size=(6, 5)), rng.normal(size=(9, 5))  # D = 2 + K + T with K = 2 and T = 1
    found = own_parameters(ratings, users, items, dim=2, penalty=0.3, weight_penalty=2.0)
    for b in range(6):
        mine = ratings.indices[ratings.indptr[b] : ratings.indptr[b + 1]]
        f = np.column_stack([np.ones(len(mine)), items[mine, 2:4] + users[b, 2:4]])
        left = ratings.toarray()[b, mine] - items[mine] @ users[b]
        ridge = np.diag([2.0, 0.3 * len(mine), 0.3 * len(mine)]) + 1e-9 * np.eye(3)
        np.testing.assert_allclose(found[b], np.linalg.solve(f.T @ f + ridge, f.T @ left), atol=1e-9)

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.data.features.columns import Side
from penchant.data.features.reduce import Reduce, Reduction
from tests.data.features.worlds import observed

RNG = np.random.default_rng(0)
DENSE = (RNG.random((40, 90)) < 0.1) * RNG.normal(size=(40, 90))
DENSE[:, :2] += 3 * RNG.normal(size=(40, 2))
DENSE[39] = 0.0
SEEN = observed([(u, 0, 1.0) for u in range(30)], n_users=40, n_items=1)


@pytest.fixture(params=["whole covariance", "by steps"])
def fitted(request, monkeypatch):
    if request.param == "by steps":
        monkeypatch.setattr("penchant.data.features.reduce.DENSE_FEATURES", 0)
    features: dict[Side, sp.csr_array] = {"users": sp.csr_array(DENSE), "items": sp.csr_array(np.ones((1, 5)))}
    return Reduce(dim=3).fit(features, SEEN)


def test_components_are_those_of_the_singular_value_decomposition_of_the_training_rows(fitted):
    train = DENSE[:30]
    _, lengths, right = np.linalg.svd(train - train.mean(axis=0), full_matrices=False)
    basis = fitted.bases["users"]
    np.testing.assert_allclose(np.abs((right[:3] * basis.directions.T).sum(axis=1)), 1.0, atol=1e-6)
    assert basis.explained == pytest.approx((lengths[:3] ** 2).sum() / (lengths**2).sum(), abs=1e-6)
    placed = fitted.apply("users", sp.csr_array(DENSE)).toarray()
    np.testing.assert_allclose(placed[:39], (DENSE[:39] - train.mean(axis=0)) @ basis.directions, atol=1e-8)
    assert not placed[39].any()  # nothing known: an average row
    assert fitted.names("users", ("x",)) == ("users.component-1", "users.component-2", "users.component-3")


def test_a_narrow_side_is_left_as_it_is(fitted):
    assert list(fitted.bases) == ["users"]
    assert fitted.names("items", ("x", "y")) == ("x", "y")
    assert fitted.apply("items", sp.csr_array(np.ones((1, 5)))).toarray().tolist() == [[1.0] * 5]


def test_it_is_read_back(fitted):
    again = Reduction.from_json(fitted.as_json())
    for made in (fitted, again):
        np.testing.assert_array_equal(
            made.apply("users", sp.csr_array(DENSE)).toarray(), fitted.apply("users", sp.csr_array(DENSE)).toarray()
        )

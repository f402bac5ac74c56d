import numpy as np
import pytest
from scipy.stats import norm

from penchant.errors import ConfigError, DataError
from penchant.exploration.policies.catalogue import POLICIES
from penchant.exploration.policies.marginals import marginals, slate_probability
from tests.exploration.worlds import arms_of, random_arms


def test_thompson_of_two_is_known():
    """P(first best) = Φ((m₁ − m₂)/√(v₁ + v₂)) = Φ(0.5/1.25) for one place; the other takes the second."""
    arms = arms_of([1.0, 0.5], [1.0, 0.5625])
    found = marginals(POLICIES.build("thompson"), arms, 2, rng=np.random.default_rng(0), draws=2000)
    wanted = norm.cdf(0.5 / 1.25)
    assert found.at_place_KN[0, 0] == pytest.approx(wanted, abs=4 * found.at_place_errors_KN[0, 0])
    assert found.at_place_errors_KN[0, 0] == pytest.approx(np.sqrt(wanted * (1 - wanted) / 2000), rel=0.05)
    np.testing.assert_allclose(found.at_place_KN.sum(axis=1), 1.0)
    np.testing.assert_allclose(found.in_slate_N, 1.0)
    np.testing.assert_allclose(found.in_slate_errors_N, 0.0, atol=1e-9)
    probability, error = slate_probability(
        POLICIES.build("thompson"), arms, np.array([0, 1]), rng=np.random.default_rng(1), draws=2000
    )
    assert probability == pytest.approx(wanted, abs=4 * error)


def test_closed_forms_have_no_error_at_the_first_place():
    """Without a draw the first place is exact, and the second is 2/8 · 5/6 + 1/8 · 5/7 for the last of ln (1, 2, 5)."""
    arms = arms_of(np.log([1.0, 2.0, 5.0]))
    policy = POLICIES.build("softmax", {"temperature": 1.0})
    found = marginals(policy, arms, 2, rng=np.random.default_rng(0), draws=500)
    np.testing.assert_allclose(found.at_place_KN[0], [0.125, 0.25, 0.625])
    np.testing.assert_allclose(found.at_place_errors_KN[0], 0.0, atol=1e-9)
    wanted = 2 / 8 * 5 / 6 + 1 / 8 * 5 / 7
    assert found.at_place_KN[1, 2] == pytest.approx(wanted, abs=4 * found.at_place_errors_KN[1, 2])
    probability, error = slate_probability(policy, arms, np.array([2, 1]), rng=np.random.default_rng(0), draws=10)
    assert probability == pytest.approx(5 / 8 * 2 / 3)
    assert error == pytest.approx(0.0, abs=1e-12)


def test_places_beyond_the_candidates_are_nobodys_and_the_closed_never_come():
    arms = random_arms(5)
    open_N = np.array([True, True, True, False, False])
    found = marginals(
        POLICIES.build("thompson_plackett_luce"), arms, 4, rng=np.random.default_rng(0), draws=20, open_N=open_N
    )
    np.testing.assert_allclose(found.in_slate_N, [1, 1, 1, 0, 0])
    assert (found.at_place_KN[3] == 0).all()


def test_what_is_added_may_depend_on_what_was_chosen():
    """The second place goes to the neighbour of the first, which is lifted above all."""
    arms = arms_of([3.0, 0.0, 2.0, 1.0], np.full(4, 0.01))

    def added(chosen):
        lift = np.zeros(4)
        lift[[n + 1 for n in chosen]] = 100.0
        return lift

    found = marginals(POLICIES.build("thompson"), arms, 2, rng=np.random.default_rng(0), draws=50, added=added)
    np.testing.assert_allclose(found.at_place_KN, [[1, 0, 0, 0], [0, 1, 0, 0]])


def test_bad_input():
    arms, rng = random_arms(3), np.random.default_rng(0)
    with pytest.raises(ConfigError, match="1 draws have no standard error"):
        marginals(POLICIES.build("thompson"), arms, 2, rng=rng, draws=1)
    with pytest.raises(ConfigError, match="no standard error"):
        slate_probability(POLICIES.build("thompson"), arms, np.array([0]), rng=rng, draws=0)
    for slate in ([0, 0], [0, 3], [-1]):
        with pytest.raises(DataError, match="is no slate of 3 candidates"):
            slate_probability(POLICIES.build("thompson"), arms, np.array(slate), rng=rng)

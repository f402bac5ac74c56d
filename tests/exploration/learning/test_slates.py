import numpy as np
import pytest

from penchant.errors import DataError
from penchant.exploration.learning.arm_means import EpsilonGreedyBandit, EpsilonGreedyBanditConfig
from penchant.exploration.learning.slates import additive, cascade, position_based
from penchant.exploration.learning.thompson import BernoulliThompson, BernoulliThompsonConfig

ARMS = ("a", "b", "c", "d")
RATES = np.array([0.2, 0.6, 0.4, 0.1])


def told(credits_):
    return [(credit.arm, credit.reward, credit.weight) for credit in credits_]


def test_additive_by_hand():
    assert told(additive(["a", "b"], [0.5, 2.0])) == [("a", 0.5, 1.0), ("b", 2.0, 1.0)]


def test_cascade_by_hand():
    assert told(cascade("abcd", [0, 1, 0, 1])) == [("a", 0.0, 1.0), ("b", 1.0, 1.0)]
    assert [credit.arm for credit in cascade("abcd", [0, 1, 0, 1], last=True)] == ["a", "b", "c", "d"]
    assert [credit.reward for credit in cascade("abc", [0, 0, 0])] == [0.0, 0.0, 0.0]
    assert [credit.place for credit in cascade("abc", [1, 0, 0])] == [0]


def test_position_based_by_hand():
    found = told(position_based("ab", [1, 0], examined=[1.0, 0.25, 0.1]))
    assert found == [("a", 1.0, 1.0), ("b", 0.0, 0.25)]
    assert told(position_based("ab", [0, 1], examined=[1.0, 0.25]))[1] == ("b", 4.0, 0.25)


def simulated(user, credit, rounds=2000):
    """Means learned from slates in random order by one kind of user and one assumption."""
    rng = np.random.default_rng(0)
    bandit = EpsilonGreedyBandit(EpsilonGreedyBanditConfig(), ARMS)
    for _ in range(rounds):
        order = rng.permutation(4)
        arms = [ARMS[n] for n in order]
        for one in credit(arms, user(rng, RATES[order])):
            bandit.update(None, one.arm, one.reward, weight=one.weight)
    return bandit.means(unknown=0.0)


THETA = np.array([1.0, 0.5, 0.25, 0.125])


def stops(rng, rates):
    clicks = (rng.random(4) < rates).astype(float)
    clicks[int(clicks.argmax()) + 1 :] = 0.0
    return clicks


def glances(rng, rates):
    return ((rng.random(4) < rates) & (rng.random(4) < THETA)).astype(float)


def test_each_assumption_is_right_for_its_users_and_wrong_for_others():
    def by_position(arms, clicks):
        return position_based(arms, clicks, examined=THETA.tolist())

    np.testing.assert_allclose(simulated(stops, cascade), RATES, atol=0.04)
    np.testing.assert_allclose(simulated(glances, by_position), RATES, atol=0.05)
    assert np.abs(simulated(stops, additive) - RATES).max() > 0.1
    assert np.abs(simulated(glances, additive) - RATES).max() > 0.1
    assert np.abs(simulated(glances, cascade) - RATES).max() > 0.1


def test_weighed_clicks_leave_a_posterior_of_rates():
    """A click at a place seldom seen: more success than trials, and still a distribution."""
    bandit = BernoulliThompson(BernoulliThompsonConfig(), ["a", "b"])
    for one in position_based(["b", "a"], [0, 1], examined=[1.0, 0.1]):
        bandit.update(None, one.arm, one.reward, weight=one.weight)
    alphas, betas = bandit.posterior()
    np.testing.assert_allclose([alphas, betas], [[2, 1], [1, 2]])
    assert bandit.probabilities()[0] > 0.5


def test_bad_input():
    for call in (additive, cascade):
        with pytest.raises(DataError, match="2 arms were shown, and 1 rewards"):
            call(["a", "b"], [1.0])
        with pytest.raises(DataError, match="on the slate twice"):
            call(["a", "a"], [1.0, 0.0])
    with pytest.raises(DataError, match="no clicks"):
        cascade(["a"], [2.0])
    for examined in ([0.5], [0.5, 0.0], [0.5, 1.5]):
        with pytest.raises(DataError, match="no probabilities of 2 places"):
            position_based(["a", "b"], [0, 1], examined=examined)

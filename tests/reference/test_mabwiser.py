"""Our bandits beside MABWiser's and river's: the same bounds, weights and posteriors after the same history."""

from typing import TypeVar

import numpy as np
import pytest
from mabwiser.mab import MAB, LearningPolicy
from river.bandit import Exp3 as RiverExp3

from penchant.exploration.learning.arm_means import UCB1, SoftmaxBandit, SoftmaxBanditConfig, UCB1Config
from penchant.exploration.learning.bandit import Bandit
from penchant.exploration.learning.exp3 import Exp3, Exp3Config
from penchant.exploration.learning.linear import LinearThompson, LinearThompsonConfig, LinUCB, LinUCBConfig
from penchant.exploration.learning.thompson import BernoulliThompson, BernoulliThompsonConfig

ARMS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def history():
    rng = np.random.default_rng(0)
    contexts, pulled = rng.normal(size=(120, 4)), rng.integers(3, size=120)
    rewards = (rng.random(120) < 0.2 + 0.3 * pulled).astype(float)
    return contexts, [ARMS[a] for a in pulled], rewards


B = TypeVar("B", bound=Bandit)


def ours(bandit: B, history) -> B:
    bandit.update_many(*history)
    return bandit


def theirs(policy, history, *, contextual: bool):
    contexts, arms, rewards = history
    mab = MAB(ARMS, policy)
    mab.fit(arms, rewards, contexts if contextual else None)
    return mab


def test_ucb1_bounds(history):
    bandit = ours(UCB1(UCB1Config(width=0.7), ARMS), history)
    found = theirs(LearningPolicy.UCB1(alpha=0.7), history, contextual=False).predict_expectations()
    np.testing.assert_allclose(bandit.bounds(), [found[arm] for arm in ARMS])


def test_softmax_weights(history):
    bandit = ours(SoftmaxBandit(SoftmaxBanditConfig(temperature=0.3), ARMS), history)
    mab = theirs(LearningPolicy.Softmax(tau=0.3), history, contextual=False)
    np.testing.assert_allclose(bandit.probabilities(), [mab._imp.arm_to_expectation[arm] for arm in ARMS])


def test_bernoulli_posterior_and_how_often_each_is_drawn_best(history):
    """Their counts begin at 1 and 1; over 2,000 of their draws each arm is the best as often as we say."""
    bandit = ours(BernoulliThompson(BernoulliThompsonConfig(), ARMS), history)
    mab = theirs(LearningPolicy.ThompsonSampling(), history, contextual=False)
    alphas, betas = bandit.posterior()
    assert alphas.tolist() == [mab._imp.arm_to_success_count[arm] for arm in ARMS]
    assert betas.tolist() == [mab._imp.arm_to_fail_count[arm] for arm in ARMS]
    drawn = [mab.predict() for _ in range(2000)]
    stated = bandit.probabilities()
    for arm, p in zip(ARMS, stated, strict=True):
        assert drawn.count(arm) / 2000 == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 2000) + 1e-9)


@pytest.mark.parametrize("width", [0.0, 0.4, 1.5])
def test_linucb_bounds(history, width):
    bandit = ours(LinUCB(LinUCBConfig(features=4, width=width, ridge=2.0), ARMS), history)
    mab = theirs(LearningPolicy.LinUCB(alpha=width, l2_lambda=2.0), history, contextual=True)
    for x in np.random.default_rng(1).normal(size=(5, 4)):
        means, variances = bandit.predict(np.broadcast_to(x, (3, 4)))
        found = mab.predict_expectations(x[None])
        np.testing.assert_allclose(means + width * np.sqrt(variances), [found[arm] for arm in ARMS])


def test_linear_thompson_draws_are_spread_alike(history):
    """Mean and spread of each arm's drawn scores. Theirs draws with copies of one generator, so that its arms rise and
    fall together; how often each is the best is compared with independent draws, in `test_by_hand`.
    """
    bandit = ours(LinearThompson(LinearThompsonConfig(features=4, noise=0.5), ARMS), history)
    mab = theirs(LearningPolicy.LinTS(alpha=0.5, l2_lambda=1.0), history, contextual=True)
    x = np.array([0.2, -0.1, 0.1, 0.3])
    found = mab.predict_expectations(np.repeat(x[None], 4000, axis=0))
    drawn = np.array([[draw[arm] for arm in ARMS] for draw in found])
    means, variances = bandit.predict(np.broadcast_to(x, (3, 4)))
    deviations = 0.5 * np.sqrt(variances)
    assert (np.abs(drawn.mean(axis=0) - means) < 4 * deviations / np.sqrt(4000)).all()
    np.testing.assert_allclose(drawn.std(axis=0), deviations, rtol=4 / np.sqrt(2 * 4000))


def test_exp3_weights_are_rivers():
    """Theirs pulls, ours is told the arm, the reward and the propensity of the pull."""
    peer, bandit = RiverExp3(gamma=0.2, seed=1), Exp3(Exp3Config(mixing=0.2), ARMS)
    rng = np.random.default_rng(0)
    for _ in range(200):
        arm = peer.pull(ARMS)
        reward = float(rng.random() < {"a": 0.2, "b": 0.7, "c": 0.4}[arm])
        stated = bandit.probabilities()
        np.testing.assert_allclose(stated, [peer._probabilities[one] for one in ARMS], rtol=1e-9)
        bandit.update(None, arm, reward, propensity=float(stated[ARMS.index(arm)]))
        peer.update(arm, reward)

"""Numbers worked by hand, and densities integrated by another rule."""

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, norm

from penchant.exploration.learning.arm_means import (
    UCB1,
    EpsilonGreedyBandit,
    EpsilonGreedyBanditConfig,
    SoftmaxBandit,
    SoftmaxBanditConfig,
    UCB1Config,
)
from penchant.exploration.learning.bandit import Bandit
from penchant.exploration.learning.best_of import BestOf, beta_best, normal_best
from penchant.exploration.learning.exp3 import Exp3, Exp3Config, Exp3IX, Exp3IXConfig
from penchant.exploration.learning.thompson import (
    BernoulliThompson,
    BernoulliThompsonConfig,
    GaussianThompson,
    GaussianThompsonConfig,
)

B = TypeVar("B", bound=Bandit)


def told(bandit: B) -> B:
    """Arm a gave 1 and 0, arm b 1."""
    bandit.update_many([None] * 3, ["a", "a", "b"], [1.0, 0.0, 1.0], propensities=[0.5, 0.5, 0.25])
    return bandit


def test_ucb1_by_hand():
    """t = 3: 0.5 + √(2 ln 3/2) and 1 + √(2 ln 3)."""
    bandit = UCB1(UCB1Config(), ["a", "b"])
    assert bandit.probabilities().tolist() == [0.5, 0.5]
    told(bandit)
    np.testing.assert_allclose(bandit.bounds(), [0.5 + math.sqrt(math.log(3)), 1 + math.sqrt(2 * math.log(3))])
    assert bandit.probabilities().tolist() == [0, 1]
    bandit.add("c")
    assert bandit.probabilities().tolist() == [0, 0, 1]


def test_epsilon_greedy_by_hand():
    """ε = 0.2/(1 + 3/3) = 0.1 after three rounds: 0.05 and 0.95."""
    bandit = told(EpsilonGreedyBandit(EpsilonGreedyBanditConfig(epsilon=0.2, half_after=3), ["a", "b"]))
    np.testing.assert_allclose(bandit.probabilities(), [0.05, 0.95])
    constant = told(EpsilonGreedyBandit(EpsilonGreedyBanditConfig(epsilon=0.2), ["a", "b"]))
    np.testing.assert_allclose(constant.probabilities(), [0.1, 0.9])


def test_softmax_by_hand():
    """Means 0.5 and 1 at T = 0.5: e¹ to e²."""
    bandit = told(SoftmaxBandit(SoftmaxBanditConfig(temperature=0.5), ["a", "b"]))
    np.testing.assert_allclose(bandit.probabilities(), [1 / (1 + math.e), math.e / (1 + math.e)])


def test_exp3_by_hand():
    """γ = 0.2: ln w_a = 0.2 · 1/(2 · 0.5) = 0.2, ln w_b = 0.2/(2 · 0.25) = 0.4."""
    bandit = told(Exp3(Exp3Config(mixing=0.2), ["a", "b"]))
    share = 1 / (1 + math.exp(0.2))
    np.testing.assert_allclose(bandit.probabilities(), [0.8 * share + 0.1, 0.8 * (1 - share) + 0.1])
    bandit.update(None, "a", 0.0)
    np.testing.assert_allclose(bandit.by_arm["log_weights"], [0.2, 0.4])


def test_exp3_ix_by_hand():
    """η = 0.4, γ = 0.2: only the reward 0 of a is a loss, 1/(0.5 + 0.2)."""
    bandit = told(Exp3IX(Exp3IXConfig(rate=0.4), ["a", "b"]))
    np.testing.assert_allclose(bandit.by_arm["losses"], [1 / 0.7, 0.0])
    np.testing.assert_allclose(bandit.probabilities()[0], 1 / (1 + math.exp(0.4 / 0.7)))
    anytime = told(Exp3IX(Exp3IXConfig(), ["a", "b"]))
    assert anytime.rate == pytest.approx(math.sqrt(2 * math.log(2) / (2 * 4)))
    anytime.add("c")
    assert anytime.by_arm["losses"].tolist()[2] == 0.0


def test_exp3_follows_an_adversary():
    """The best arm changes half way; the regret against the best single arm stays below the paper's bound."""
    rounds, rng = 1500, np.random.default_rng(0)
    rates = np.where(np.arange(rounds)[:, None] < 500, [[0.9, 0.1]], [[0.1, 0.9]])
    gamma = math.sqrt(2 * math.log(2) / ((math.e - 1) * rounds))
    for bandit in (Exp3(Exp3Config(mixing=gamma), ["0", "1"]), Exp3IX(Exp3IXConfig(), ["0", "1"])):
        earned = 0.0
        for t in range(rounds):
            pull = bandit.choose(rng=rng)
            reward = float(rng.random() < rates[t, int(pull.arm)])
            bandit.update(None, pull.arm, reward, propensity=pull.propensity)
            earned += rates[t, int(pull.arm)]
        assert rates.sum(axis=0).max() - earned < 2.63 * math.sqrt(rounds * 2 * math.log(2))


def test_posteriors_by_hand():
    """Beta(1 + 1, 1 + 1) and Beta(2, 1); with m₀ = 0, s₀ = 1, σ = 1: variances 1/3 and 1/2, means 1/3 and 1/2."""
    bernoulli = told(BernoulliThompson(BernoulliThompsonConfig(), ["a", "b"]))
    assert np.array(bernoulli.posterior()).tolist() == [[2, 2], [2, 1]]
    gaussian = told(GaussianThompson(GaussianThompsonConfig(), ["a", "b"]))
    np.testing.assert_allclose(np.array(gaussian.posterior()), [[1 / 3, 1 / 2], [1 / 3, 1 / 2]])
    wanted = norm.cdf((1 / 3 - 1 / 2) / math.sqrt(1 / 3 + 1 / 2))
    np.testing.assert_allclose(gaussian.probabilities(), [wanted, 1 - wanted], atol=1e-8)


def best(maker: Callable[..., BestOf], first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """With all arms open."""
    everyone = np.ones(len(first), dtype=bool)
    return maker(first, second, everyone)(everyone)


@pytest.mark.parametrize("seed", range(3))
def test_the_best_of_normals_is_another_quadratures(seed):
    rng = np.random.default_rng(seed)
    means, deviations = rng.normal(size=4), 10.0 ** rng.uniform(-2, 1, size=4)
    points = (means + np.array([[-4], [-1], [0], [1], [4]]) * deviations).ravel()
    for a in range(4):
        others = [b for b in range(4) if b != a]

        def integrand(x, a=a, others=others):
            return norm.pdf(x, means[a], deviations[a]) * np.prod(norm.cdf(x, means[others], deviations[others]))

        span = (means - 9 * deviations).max(), (means + 9 * deviations).max()
        inside = [p for p in points if span[0] < p < span[1]]
        wanted = quad(integrand, *span, points=inside, limit=200, epsabs=1e-9)[0]
        assert best(normal_best, means, deviations)[a] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(("first", "second"), [((2.0, 5.0), (3.0, 3.0)), ((0.5, 0.5), (40.0, 60.0)), ((1, 1), (1, 1))])
def test_the_best_of_two_rates_is_known(first, second):
    wanted = quad(lambda x: beta.pdf(x, *first) * beta.cdf(x, *second), 0, 1, limit=300)[0]
    found = best(beta_best, *np.array([first, second], dtype=float).T)
    np.testing.assert_allclose(found, [wanted, 1 - wanted], atol=1e-6)


def test_certain_and_hopeless_arms():
    np.testing.assert_allclose(best(normal_best, np.zeros(4), np.zeros(4)), 0.25)
    np.testing.assert_allclose(best(normal_best, np.array([0.0, 1.0, 1.0]), np.zeros(3)), [0, 0.5, 0.5], atol=1e-9)
    np.testing.assert_allclose(best(normal_best, np.array([0.0, 50.0]), np.ones(2)), [0, 1], atol=1e-9)
    np.testing.assert_allclose(best(normal_best, np.array([3.0]), np.array([2.0])), [1.0])
    np.testing.assert_allclose(best(beta_best, np.array([1.0, 900.0]), np.array([900.0, 1.0])), [0, 1], atol=1e-9)


@pytest.mark.parametrize("maker", [normal_best, beta_best])
def test_a_table_for_a_slate_says_at_each_place_what_one_for_that_place_says(maker):
    rng = np.random.default_rng(1)
    first, second = rng.integers(1, 60, size=(2, 40)).astype(float)
    if maker is normal_best:
        first, second = first / 10, 10.0 ** rng.uniform(-2, 1, size=40)
    still = np.ones(40, dtype=bool)
    whole = maker(first, second, still, 40)
    for _ in range(39):
        found = whole(still)
        np.testing.assert_allclose(found, maker(first, second, still)(still), atol=1e-7)
        assert (found[~still] == 0).all()
        still[rng.choice(40, p=found)] = False
    assert whole(still)[still] == pytest.approx(1)


def test_thousands_of_pulls_beside_none():
    """Spreads of a ten-thousandth in one of 1: the wide arm is the best where it lies above the narrow ones."""
    means, deviations = np.array([0.0, 0.3, 0.3001]), np.array([1.0, 1e-4, 1e-4])
    found = best(normal_best, means, deviations)
    assert found[0] == pytest.approx(norm.sf(0.3001), abs=1e-4)
    assert found[1] / (found[1] + found[2]) == pytest.approx(norm.cdf(-1 / math.sqrt(2)), abs=1e-3)


def test_sure_arms_far_apart_take_no_more_points_than_the_sure_ones_need():
    """A thousand arms of which each is sure to a millionth of how far they lie apart."""
    rng = np.random.default_rng(0)
    means, deviations = rng.normal(size=1000), np.full(1000, 1e-6)
    table = normal_best(means, deviations, np.ones(1000, dtype=bool), 20)
    assert len(table.weights_X) < 20_000
    found = table(np.ones(1000, dtype=bool))
    assert found.argmax() == means.argmax()
    assert found.max() == pytest.approx(1.0, abs=1e-6)

"""The regressions beside dense solves, and what they share."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from penchant.errors import ConfigError
from penchant.exploration.learning.bootstrap import Bootstrap, BootstrapConfig
from penchant.exploration.learning.linear import LinearThompson, LinearThompsonConfig, LinUCB, LinUCBConfig
from penchant.exploration.learning.neural_linear import NeuralLinear, NeuralLinearConfig
from penchant.exploration.learning.representation import (
    FourierThompson,
    FourierThompsonConfig,
    GivenNeuralLinear,
    GivenNeuralLinearConfig,
)

ARMS = ("a", "b", "c")


def history(n: int, d: int, *, seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3, d)), rng.integers(3, size=n), rng.normal(size=n), rng.uniform(0.2, 2.0, size=n)


def fed(bandit, contexts, pulled, rewards, weights):
    for x, a, reward, weight in zip(contexts, pulled, rewards, weights, strict=True):
        bandit.update(x, ARMS[a], reward, weight=weight)
    return bandit


@pytest.mark.parametrize("shared", [0, 2, 5])
def test_beliefs_are_the_dense_posterior_of_one_joint_regression(shared):
    """One design matrix with a block for the shared weights and one for each arm, solved at once."""
    d, ridge = 5, 0.7
    data = history(200, d)
    bandit = fed(LinUCB(LinUCBConfig(features=d, shared=shared, ridge=ridge), ARMS), *data)
    own = d - shared

    def design(row, a):
        full = np.zeros(shared + 3 * own)
        full[:shared] = row[:shared]
        full[shared + a * own : shared + (a + 1) * own] = row[shared:]
        return full

    X = np.stack([design(x[a], a) for x, a in zip(data[0], data[1], strict=True)])
    precision = ridge * np.eye(X.shape[1]) + (X * data[3][:, None]).T @ X
    weights = np.linalg.solve(precision, (X * data[3][:, None]).T @ data[2])
    asked = np.random.default_rng(5).normal(size=(3, d))
    rows = np.stack([design(asked[a], a) for a in range(3)])
    means, variances = bandit.predict(asked)
    np.testing.assert_allclose(means, rows @ weights, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(variances, np.einsum("ad,ad->a", rows @ np.linalg.inv(precision), rows), rtol=1e-9)


@pytest.mark.parametrize("a", range(3))
def test_disjoint_means_are_scikit_learns_ridge(a):
    contexts, pulled, rewards, weights = history(150, 4, seed=2)
    bandit = fed(LinearThompson(LinearThompsonConfig(features=4, ridge=0.5), ARMS), contexts, pulled, rewards, weights)
    rows = pulled == a
    ridge = Ridge(alpha=0.5, fit_intercept=False).fit(contexts[rows, a], rewards[rows], sample_weight=weights[rows])
    asked = np.random.default_rng(1).normal(size=(3, 4))
    np.testing.assert_allclose(bandit.predict(asked)[0][a], ridge.predict(asked)[a], rtol=1e-8)


def test_many_updates_stay_exact():
    d = 6
    rng = np.random.default_rng(0)
    X, r = rng.normal(size=(5_000, d)) * np.logspace(-2, 1, d), rng.normal(size=5_000)
    bandit = LinUCB(LinUCBConfig(features=d, shared=3, ridge=1e-2), ["a"])
    for x, reward in zip(X, r, strict=True):
        bandit.update(x, "a", reward)
    precision = 1e-2 * np.eye(d) + X.T @ X
    means, variances = bandit.predict(np.ones((1, d)))
    assert means[0] == pytest.approx(np.linalg.solve(precision, X.T @ r).sum(), rel=1e-9)
    assert variances[0] == pytest.approx(np.ones(d) @ np.linalg.solve(precision, np.ones(d)), rel=1e-9)


def test_linucb_by_hand():
    """One observation x = 2, r = 1 of a, λ = 1: Q = 1/5, θ = 2/5. At x = 1: 0.4 + α/√5 against 0 + α."""
    for width, best in ((0.5, 0), (1.0, 1)):
        bandit = LinUCB(LinUCBConfig(features=1, width=width, epsilon=0.2), ["a", "b"])
        bandit.update(np.array([2.0]), "a", 1.0)
        means, variances = bandit.predict(np.ones((2, 1)))
        np.testing.assert_allclose(means, [0.4, 0.0])
        np.testing.assert_allclose(variances, [0.2, 1.0])
        wanted = np.full(2, 0.1)
        wanted[best] = 0.9
        np.testing.assert_allclose(bandit.probabilities(np.ones(1)), wanted)


def test_shared_weights_tell_of_an_arm_never_pulled():
    rng = np.random.default_rng(3)
    bandit = LinUCB(LinUCBConfig(features=3, shared=3, width=0.0), ["a", "b"])
    for _ in range(50):
        rows = rng.normal(size=(2, 3))
        bandit.update(rows, "a", float(rows[0] @ [1.0, -1.0, 0.5]))
    bandit.add("new")
    rows = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0]], dtype=float)
    assert bandit.predict(rows)[0][2] == pytest.approx(1.0, abs=0.05)
    assert bandit.probabilities(rows).tolist() == [0, 0, 1]
    with pytest.raises(ConfigError, match="4 of 3 features are shared"):
        LinUCBConfig.of({"features": 3, "shared": 4})


def test_a_replicate_is_ridge_about_its_prior_draw_on_its_own_resample():
    bandit = Bootstrap(BootstrapConfig(features=2, replicates=30, ridge=0.5, prior_deviation=0.4), ["a"])
    start = bandit.by_arm["b"][0] / 0.5
    assert start.std() == pytest.approx(0.4, rel=0.3)
    rng = np.random.default_rng(0)
    X, r, seen = rng.normal(size=(40, 2)), rng.normal(size=40), []
    for x, reward in zip(X, r, strict=True):
        before = bandit.by_arm["b"][0].copy()
        bandit.update(x, "a", reward)
        seen.append((bandit.by_arm["b"][0] != before).any(axis=1))
    counted = 2.0 * np.array(seen)
    assert counted.mean() == pytest.approx(1.0, abs=0.1)
    for k in range(30):
        precision = 0.5 * np.eye(2) + (X * counted[:, k, None]).T @ X
        wanted = np.linalg.solve(precision, 0.5 * start[k] + (X * counted[:, k, None]).T @ r)
        np.testing.assert_allclose(bandit.by_arm["Q"][0, k] @ bandit.by_arm["b"][0, k], wanted, rtol=1e-9)


def test_the_neural_posterior_is_a_dense_solve_on_its_own_layer():
    """After a training and 7 further rounds, every arm's regression is that of all its rounds under the network."""
    config = NeuralLinearConfig(features=3, hidden=(8, 6), retrain_every=20, steps=20, ridge=0.3, level=0.2)
    contexts, pulled, rewards, weights = history(47, 3, seed=4)
    bandit = fed(NeuralLinear(config, ARMS), contexts, pulled, rewards, weights)
    untrained = NeuralLinear(config, ARMS)
    assert not np.allclose(untrained.shared["W0"], bandit.shared["W0"])
    asked = np.random.default_rng(1).normal(size=(3, 3))
    means, variances = bandit.predict(asked)
    for a in range(3):
        rows = pulled == a
        Z = np.append(bandit.represent(contexts[rows, a]), np.ones((rows.sum(), 1)), axis=1)
        precision = 0.3 * np.eye(7) + (Z * weights[rows, None]).T @ Z
        z = np.append(bandit.represent(asked[a : a + 1])[0], 1.0)
        wanted = z @ np.linalg.solve(precision, (Z * weights[rows, None]).T @ (rewards[rows] - 0.2)) + 0.2
        assert means[a] == pytest.approx(wanted, rel=1e-6)
        assert variances[a] == pytest.approx(z @ np.linalg.solve(precision, z), rel=1e-6)


def test_a_network_learns_what_a_line_cannot():
    """Arm a is right where two features have one sign, b elsewhere: linear bandits lose half, this one far less."""
    rng = np.random.default_rng(0)
    X = np.sign(rng.normal(size=(700, 2))) + 0.1 * rng.normal(size=(700, 2))
    right = (X[:, 0] * X[:, 1] > 0).astype(int)

    def lost(bandit):
        draws, found = np.random.default_rng(1), []
        for x, best in zip(X, right, strict=True):
            a = bandit.arms.index(bandit.choose(x, rng=draws).arm)
            bandit.update(x, bandit.arms[a], float(a == best))
            found.append(a != best)
        return np.mean(found[400:])

    network = NeuralLinear(
        NeuralLinearConfig(features=2, hidden=(16, 8), steps=40, learning_rate=0.02, seed=1), ["b", "a"]
    )
    assert lost(network) < 0.1
    fourier = FourierThompson(FourierThompsonConfig(features=2, width=60, bandwidth=1.0), ["b", "a"])
    assert lost(fourier) < 0.1
    assert lost(LinearThompson(LinearThompsonConfig(features=2), ["b", "a"])) > 0.35


def test_memory_is_the_last_rounds():
    contexts, pulled, rewards, weights = history(30, 3)
    for memory in (1, 5):
        bandit = NeuralLinear(NeuralLinearConfig(features=3, hidden=(4,), memory=memory), ARMS)
        fed(bandit, contexts, pulled, rewards, weights)
        np.testing.assert_array_equal(bandit.shared["rewards"], rewards[-memory:])
    with pytest.raises(ConfigError, match="a network has hidden layers"):
        NeuralLinear(NeuralLinearConfig(features=3, hidden=()))


def test_an_arm_that_was_removed_teaches_the_network_nothing_more():
    bandit = NeuralLinear(NeuralLinearConfig(features=3, hidden=(4,), retrain_every=10, steps=5), ARMS)
    fed(bandit, *history(15, 3))
    bandit.remove("a")
    bandit.add("new")
    for _ in range(5):
        bandit.update(np.ones(3), "new", 1.0)
    assert bandit.by_arm["number"].tolist() == [1, 2, 3]
    assert bandit.by_arm["b"][2].any()


def test_fourier_features_are_the_kernel():
    bandit = FourierThompson(FourierThompsonConfig(features=3, width=1_500, bandwidth=1.5))
    rows = np.random.default_rng(0).normal(size=(4, 3))
    found = bandit.represent(rows)
    distances = np.square(rows[:, None] - rows[None]).sum(axis=2)
    np.testing.assert_allclose(found @ found.T, np.exp(-distances / (2 * 1.5**2)), atol=0.09)


def test_a_given_representation_has_one_length():
    bandit = GivenNeuralLinear(GivenNeuralLinearConfig(features=2), ["a"])
    wanted = 2**0.5 * np.array([[3 / 5, 4 / 5], [0.0, 0.0]])
    np.testing.assert_allclose(bandit.represent(np.array([[3.0, 4.0], [0.0, 0.0]])), wanted)

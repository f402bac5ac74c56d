"""The head that says how sure it is."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from penchant.errors import ConfigError, DataError
from penchant.metrics.probabilities import expected_calibration_error, log_loss
from penchant.models.language.few_shot.bayesian_logistic import BayesianLogistic, BayesianLogisticConfig, Prior

FIXED = BayesianLogisticConfig(learn_widths=False)


def prior(dim: int, *, width: float = 1.0, certainty: float = 4.0) -> Prior:
    return Prior.of_blocks([(np.zeros(dim), width)], certainty=certainty)


def world(n: int, weights: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, len(weights)))
    return features, (rng.random(n) < expit(features @ weights)).astype(float)


def test_one_example_by_hand():
    # Minimum of log(1 + e^-w) + w²/2: w = σ(-w), and 1/S = 1 + w (1 - w).
    found = BayesianLogistic.fit(np.ones((1, 1)), [1], prior(1), config=FIXED)
    w = found.weights[0]
    assert w == pytest.approx(0.401058, abs=1e-6)
    assert w == pytest.approx(expit(-w), abs=1e-9)
    assert found.covariance[0, 0] == pytest.approx(1 / (1 + w * (1 - w)), abs=1e-9)
    evidence = np.log(expit(w)) - w**2 / 2 + 0.5 * np.log(found.covariance[0, 0])
    assert found.log_evidence == pytest.approx(evidence, abs=1e-9)


def test_the_mode_is_that_of_another_optimiser():
    features, labels = world(60, np.array([1.0, -2.0, 0.5]), 0)
    means, counts = np.array([0.5, 0.0, -0.5]), np.linspace(0.2, 2, 60)
    believed = Prior.of_blocks([(means[:1], 0.7), (means[1:], 0.3)])

    def loss(w):
        logits = features @ w
        misfit = counts @ (np.logaddexp(0, logits) - labels * logits)
        return misfit + 0.5 * ((w - means) ** 2 / np.array([0.49, 0.09, 0.09])).sum()

    other = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).x
    found = BayesianLogistic.fit(features, labels, believed, counts_N=counts, config=FIXED)
    np.testing.assert_allclose(found.weights, other, atol=1e-6)


def test_without_examples_the_prior_stays_and_doubt_brings_probabilities_to_one_half():
    believed = Prior.of_blocks([(np.array([2.0]), 1.0)])
    found = BayesianLogistic.fit(np.zeros((0, 1)), [], believed)
    assert found.weights.tolist() == [2.0]
    assert found.widths.tolist() == [1.0]
    p = found.probabilities(np.array([[1.0], [50.0]]))
    assert 0.5 < p[0] < expit(2.0)
    assert p[1] < expit(100.0)  # sure by the mode, not by the posterior
    assert p[1] == pytest.approx(expit(2 / np.sqrt(np.pi / 8)), abs=1e-2)


def test_probabilities_are_those_of_a_sampled_posterior():
    features, labels = world(12, np.array([1.0, 1.0]), 1)
    found = BayesianLogistic.fit(features, labels, prior(2), config=FIXED)
    asked = np.array([[1.0, 1.0], [3.0, -1.0], [-2.0, -2.0]])
    drawn = np.random.default_rng(0).multivariate_normal(found.weights, found.covariance, size=200_000)
    np.testing.assert_allclose(found.probabilities(asked), expit(drawn @ asked.T).mean(axis=0), atol=0.015)


def test_examples_choose_the_width_and_one_example_does_not():
    strong, labels = world(400, np.full(8, 1.5), 2)
    assert BayesianLogistic.fit(strong, labels, prior(8, width=0.2)).widths[0] > 0.8
    noise, nothing = world(400, np.zeros(8), 3)
    assert BayesianLogistic.fit(noise, nothing, prior(8, width=0.2)).widths[0] < 0.2
    assert BayesianLogistic.fit(strong[:1], labels[:1], prior(8, width=0.2)).widths[0] == pytest.approx(0.2, rel=0.05)
    firm = BayesianLogistic.fit(strong, labels, prior(8, width=0.2, certainty=np.inf))
    assert firm.widths.tolist() == [0.2]


def test_learned_widths_have_more_evidence_than_a_width_that_is_far_off():
    features, labels = world(200, np.full(5, 1.0), 4)
    off = BayesianLogistic.fit(features, labels, prior(5, width=0.02), config=FIXED)
    learned = BayesianLogistic.fit(features, labels, prior(5, width=0.02, certainty=0.0))
    assert learned.log_evidence > off.log_evidence + 10


def test_honest_from_few_examples():
    # 20 examples in 20 dimensions: the mode of a wide prior is sure of itself, the posterior's mean is not.
    rng = np.random.default_rng(5)
    losses, modes, errors = [], [], []
    for seed in range(10):
        weights = rng.normal(size=20)
        features, labels = world(2_020, weights, seed)
        found = BayesianLogistic.fit(features[:20], labels[:20], prior(20), config=FIXED)
        p = found.probabilities(features[20:])
        losses.append(log_loss(p, labels[20:]))
        modes.append(log_loss(expit(features[20:] @ found.weights), labels[20:]))
        errors.append(expected_calibration_error(p, labels[20:]))
    assert np.mean(losses) < np.mean(modes)
    assert np.mean(losses) < np.log(2)
    assert np.mean(errors) < 0.08


def test_soft_labels_are_a_like_and_a_dislike_in_part():
    features = np.array([[1.0, 0.3]])
    soft = BayesianLogistic.fit(features, [0.7], prior(2), config=FIXED)
    twice = BayesianLogistic.fit(features[[0, 0]], [1, 0], prior(2), counts_N=[0.7, 0.3], config=FIXED)
    np.testing.assert_allclose(soft.weights, twice.weights, atol=1e-8)


@pytest.mark.parametrize(
    ("features", "labels", "counts"),
    [
        (np.ones((2, 3)), [0, 1], None),
        (np.ones((2, 2)), [0, 2], None),
        (np.ones((2, 2)), [0, np.nan], None),
        (np.full((2, 2), np.inf), [0, 1], None),
        (np.ones((2, 2)), [0], None),
        (np.ones((2, 2)), [0, 1], [1, -1]),
    ],
)
def test_bad_examples_are_refused(features, labels, counts):
    with pytest.raises(DataError):
        BayesianLogistic.fit(features, labels, prior(2), counts_N=counts)


def test_bad_priors_and_questions_are_refused():
    with pytest.raises(ConfigError, match="groups"):
        Prior(means=np.zeros(2), groups=np.array([0, 2]), widths=np.ones(2), certainty=1)
    with pytest.raises(ConfigError, match="width"):
        prior(2, width=0.0)
    with pytest.raises(DataError):
        BayesianLogistic.fit(np.ones((1, 2)), [1], prior(2)).probabilities(np.ones((1, 3)))

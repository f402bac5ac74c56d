"""The logistic fits against scikit-learn and finite differences."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import approx_fprime
from sklearn.linear_model import LogisticRegression

from penchant.errors import BundleError, DataError, TrainingError
from penchant.interests.text.concept_fit import ConceptFit, ConceptFitConfig, agreement, fit_concepts
from penchant.interests.text.logistic import binary_cross_entropy, fit_logistic, sigmoid
from penchant.types import DoubleArray


def toy(seed: int, n: int = 200, dim: int = 6) -> tuple[DoubleArray, DoubleArray]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, dim))
    labels = (rng.random(n) < sigmoid(features @ rng.normal(size=dim) + 0.5)).astype(np.float64)
    return features, labels


@pytest.mark.parametrize("penalty", [1e-3, 1e-1])
def test_weights_are_those_of_scikit_learn(penalty: float):
    features, labels = toy(0)
    weights, offset = fit_logistic(features, labels, penalty=penalty)
    peer = LogisticRegression(C=1 / (penalty * len(labels)), tol=1e-10, max_iter=5000).fit(features, labels)
    np.testing.assert_allclose(weights, peer.coef_[0], atol=1e-4)
    assert offset == pytest.approx(peer.intercept_[0], abs=1e-4)


def test_soft_labels_are_rows_split_in_two():
    features, _ = toy(1, n=40)
    soft = np.random.default_rng(1).random(40)
    weights, _ = fit_logistic(features, soft, penalty=0.1)
    peer = LogisticRegression(C=1 / (0.1 * 40), tol=1e-10, max_iter=5000)
    peer.fit(np.vstack([features] * 2), np.repeat([1, 0], 40), sample_weight=np.concatenate([soft, 1 - soft]))
    np.testing.assert_allclose(weights, peer.coef_[0], atol=1e-4)


def test_extreme_logits_have_finite_losses():
    logits = np.array([-1e4, 1e4])
    assert binary_cross_entropy(logits, np.array([0.0, 1.0])).tolist() == [0, 0]
    assert binary_cross_entropy(logits, np.array([1.0, 0.0])).tolist() == [1e4, 1e4]
    assert sigmoid(logits).tolist() == [0, 1]


def test_the_concept_fit_is_a_logistic_regression_on_products():
    """M(x, a) = σ(Σ_c a_c (w_c·x + b_c)) is logistic in the products a ⊗ (x, 1), and its gradient is zero there."""
    rng = np.random.default_rng(2)
    texts, on = rng.normal(size=(150, 4)), rng.random((150, 3)) * (rng.random((150, 3)) < 0.6)
    labels = (rng.random(150) < 0.5).astype(np.float64)
    fit = fit_concepts(texts.astype(np.float32), sp.csr_array(on), labels, config=ConceptFitConfig(penalty=0.01))
    x = np.hstack([texts.astype(np.float32), np.ones((150, 1))])

    def loss(parameters: DoubleArray) -> float:
        both = parameters.reshape(3, 5)
        logits = (on[:, :, None] * x[:, None, :] * both).sum(axis=(1, 2))
        return float(binary_cross_entropy(logits, labels).mean() + 0.005 * (both[:, :4] ** 2).sum())

    found = np.hstack([fit.directions, fit.offsets[:, None]]).ravel()
    assert np.abs(approx_fprime(found, loss, 1e-6)).max() < 1e-4
    assert loss(found) < loss(np.zeros(15)) - 0.01
    np.testing.assert_allclose(
        fit.log_odds(texts.astype(np.float32), sp.csr_array(on)),
        (on[:, :, None] * x[:, None, :] * found.reshape(3, 5)).sum(axis=(1, 2)),
        atol=1e-5,
    )


def test_what_cannot_be_learned_from_is_refused(tmp_path):
    features, labels = toy(3, n=10)
    for bad in (labels[:5], labels + 5, np.full(10, np.nan)):
        with pytest.raises(DataError):
            fit_logistic(features, bad, penalty=0.1)
    with pytest.raises(DataError, match="not finite"):
        fit_logistic(np.where(features > 1, np.inf, features), labels, penalty=0.1)
    with pytest.raises(DataError, match="for 10 texts"):
        fit_concepts(features.astype(np.float32), sp.csr_array(np.ones((3, 2))), labels)
    with pytest.raises(TrainingError, match="No minimum after 1 steps"):
        fit_logistic(*toy(4), penalty=1e-6, iterations=1)
    with pytest.raises(BundleError, match="no whole concept fit"):
        ConceptFit.load(tmp_path)


def planted_users(n: int, seed: int) -> tuple[DoubleArray, DoubleArray]:
    """PLANTED: text vectors of users, and what each of 6 concepts is to them, which the text shows with noise."""
    world = np.random.default_rng(0).normal(size=(6, 16))
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(n, 6))
    return taste @ world / 4 + 0.5 * rng.normal(size=(n, 16)), taste


def test_held_out_users_like_the_liked_more_than_the_disliked(tmp_path):
    texts, taste = planted_users(600, seed=1)
    items = np.eye(6)[np.random.default_rng(2).integers(0, 6, (600, 2))].mean(axis=1)
    labels = (np.einsum("nc,nc->n", taste, items) > 0).astype(np.float64)
    fit = fit_concepts(texts[:400].astype(np.float32), sp.csr_array(items[:400]), labels[:400])
    fit.save(tmp_path)
    again = ConceptFit.load(tmp_path)
    assert (again.directions == fit.directions).all()
    held, wanted = again.interests(texts[400:].astype(np.float32)), taste[400:]
    rows = np.arange(200)
    liked, disliked = held[rows, wanted.argmax(axis=1)], held[rows, wanted.argmin(axis=1)]
    assert (liked > disliked).mean() >= 0.95
    shuffled = fit_concepts(
        np.random.default_rng(3).permutation(texts[:400]).astype(np.float32), sp.csr_array(items[:400]), labels[:400]
    ).interests(texts[400:].astype(np.float32))
    assert (shuffled[rows, wanted.argmax(axis=1)] > shuffled[rows, wanted.argmin(axis=1)]).mean() < 0.75
    assert agreement(held, wanted, top=2).spearman > 0.7
    assert abs(agreement(shuffled, wanted, top=2).spearman) < 0.3


def test_agreement_of_a_reading_with_itself_with_noise_and_with_its_opposite():
    rng = np.random.default_rng(5)
    one, other = rng.normal(size=(400, 20)), rng.normal(size=(400, 20))
    same = agreement(one, 3 * one + 2, top=5)
    assert same.pearson == pytest.approx(1)
    assert same.spearman == pytest.approx(1)
    assert same.overlap == 1
    assert agreement(one, -one).pearson == pytest.approx(-1)
    chance = agreement(one, other, top=5)
    assert abs(chance.pearson) < 0.05
    assert chance.overlap == pytest.approx(5 / 20, abs=0.03)
    assert agreement(one, np.exp(one)).spearman == pytest.approx(1)
    flat = one.copy()
    flat[:, 0] = 1
    assert agreement(one, flat).concepts == 19
    with pytest.raises(DataError, match="cannot be compared"):
        agreement(one, other[:, :5])
    with pytest.raises(DataError, match="not finite"):
        agreement(one, np.where(one > 1, np.nan, one))

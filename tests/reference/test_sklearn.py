"""EASE, user-kNN, content and `bayesian_mf` agree with scikit-learn on what they are made of."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler, normalize

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.interfaces import FitOptions
from penchant.models.content_based import ContentBased, ContentBasedConfig
from penchant.models.ease import EASE, EASEConfig
from penchant.models.interactions import SignalConfig
from penchant.models.rating.bayesian_mf import BayesianMF, BayesianMFConfig
from penchant.models.user_knn import UserKNN, UserKNNConfig
from penchant.types import DoubleArray
from tests.models.rating.worlds import factor_world
from tests.worlds import genre_world

LAMBDA = 4.0


def played() -> Dataset:
    """Minutes that differ from event to event, so that no two users are equally similar to a third."""
    world = genre_world(users=120)
    minutes = np.random.default_rng(3).gamma(2.0, 10.0, size=len(world.events))
    return replace(world, events=replace(world.events, values=minutes))


WORLD = played()
STORED = WORLD.select(WORLD.events.users < 90)
ASKED = WORLD.histories().take(np.arange(80, 120))
"""Ten who are stored, and thirty who are not."""


def minutes(histories: Histories) -> DoubleArray:
    """X, (B, I)"""
    x = np.zeros((len(histories), WORLD.n_items))
    np.add.at(x, (np.repeat(np.arange(len(histories)), histories.lengths), histories.items), histories.values)
    return x


@pytest.mark.parametrize("values", ["touch", "value"])
def test_ease_is_one_ridge_regression_for_each_item_on_all_others(values):
    """The zero diagonal is the constraint that an item does not explain itself: its column is left out."""
    lam = LAMBDA if values == "touch" else 500 * LAMBDA
    x, asked = (minutes(histories) for histories in (STORED.histories(), ASKED))
    if values == "touch":
        x, asked = (x > 0).astype(np.float64), (asked > 0).astype(np.float64)
    config = EASEConfig(regularization=lam, decay=1, signal=SignalConfig(values=values))
    model = EASE(config).fit(STORED)
    weights, scores = np.zeros((WORLD.n_items, WORLD.n_items)), np.zeros((len(ASKED), WORLD.n_items))
    for i in range(WORLD.n_items):
        others = np.arange(WORLD.n_items) != i
        ridge = Ridge(alpha=lam, fit_intercept=False, solver="svd").fit(x[:, others], x[:, i])
        weights[others, i], scores[:, i] = ridge.coef_, ridge.predict(asked[:, others])
    assert np.abs(weights).max() > 0.05
    np.testing.assert_allclose(model.weights, weights, atol=1e-6)
    np.testing.assert_allclose(model.score(ASKED), scores, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("similarity", "metric"), [("cosine", "cosine"), ("pearson", "correlation")])
@pytest.mark.parametrize("k", [1, 7, 40])
def test_neighbours_of_users_are_sklearns(k, similarity, metric):
    """Of minutes, which are no ratings, Pearson's correlation is that over all items, untouched as 0."""
    config = UserKNNConfig(similarity=similarity, neighbours=k, signal=SignalConfig(values="value"))
    model = UserKNN(config).fit(STORED)
    stored = STORED.histories()
    x = minutes(stored.take(np.flatnonzero(stored.lengths)))
    distances, found = (
        NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(x).kneighbors(minutes(ASKED))
    )
    expected = np.zeros((len(ASKED), len(x)))
    np.put_along_axis(expected, found, np.maximum(1 - distances, 0), axis=1)
    np.testing.assert_allclose(model.similar_users(ASKED).toarray(), expected, atol=1e-6)
    scores = expected @ x / expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.score(ASKED), scores, rtol=1e-4, atol=1e-4)


def test_content_is_sklearns_cosine_of_a_fading_mean():
    vectors = np.random.default_rng(1).normal(size=(WORLD.n_items, 12)).astype(np.float32) + 1
    decay = 0.7
    model = ContentBased(ContentBasedConfig(decay=decay)).fit(STORED, options=FitOptions(item_vectors=vectors))
    items = normalize(StandardScaler(with_std=False).fit_transform(vectors))
    read = np.stack(
        [
            np.average(items[ASKED.items[ASKED.of(b)]], axis=0, weights=decay ** np.arange(ASKED.lengths[b])[::-1])
            for b in range(len(ASKED))
        ]
    )
    np.testing.assert_allclose(model.score(ASKED), cosine_similarity(read, items), atol=1e-5)


def test_what_follows_from_a_history_in_bayesian_factorisation_is_sklearns_ridge():
    """The mean of N(m, Λ⁻¹) after ratings with noise 1/α: ridge regression where m is 0 and Λ is 1, so it is brought
    there first. One draw of items, m, Λ and α; users without attributes.
    """
    data, users, items, _ = factor_world(users=30, items=20)
    config = BayesianMFConfig.of({"dim": 3, "burn_in": 5, "samples": 1, "implicit": False, "features": None})
    model = BayesianMF(config).fit(data)
    drawn, mean, precision, noise = (model.arrays[n][0] for n in ("items", "means", "precisions", "noise"))
    biases, seen = drawn[:, 0].astype(np.float64), np.column_stack([np.ones(len(drawn)), drawn[:, 1:]])
    white = np.linalg.inv(np.linalg.cholesky(precision)).T  # x = m + white · y, y of unit covariance
    expected = np.zeros((data.n_users, data.n_items))
    for u in range(data.n_users):
        rated = data.events.items[data.events.users == u]
        left = (data.events.values[data.events.users == u] - model.scale.mean) / model.scale.spread
        left -= biases[rated] + seen[rated] @ mean
        ridge = Ridge(alpha=1 / float(noise), fit_intercept=False, solver="svd").fit(seen[rated] @ white, left)
        expected[u] = biases + seen @ (mean + white @ ridge.coef_)
    found = model.user_factors(data.histories()) @ model.item_factors().T
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(found[users, items], expected[users, items], atol=1e-5)

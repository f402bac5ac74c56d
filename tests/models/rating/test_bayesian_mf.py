"""The sampler draws from what it says, and the model finds planted structure."""

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.models.rating.bayesian_mf import BayesianMF, BayesianMFConfig
from penchant.models.rating.gibbs import Side, draw_noise_precision, wishart
from penchant.models.rating.means import RatingMeans
from tests.models.rating.worlds import factor_world, histories, rated, rmse

QUICK = {"dim": 3, "burn_in": 40, "samples": 20}
DATA, USERS, ITEMS, RATINGS = factor_world()


@pytest.fixture(scope="module")
def model():
    return BayesianMF(BayesianMFConfig.of(QUICK)).fit(DATA)


def test_it_comes_near_the_noise(model):
    """Rounding and noise of the world leave 0.33; the bias model is far from it."""
    means = RatingMeans().fit(DATA)
    found = rmse(model.predict(DATA.histories(), USERS, ITEMS), RATINGS)
    assert found < 0.65 * rmse(means.predict(DATA.histories(), USERS, ITEMS), RATINGS)
    assert found < 0.47
    assert model.scale.spread * np.mean(model.errors[-20:]) == pytest.approx(0.3, abs=0.08)


def test_pairs_and_whole_rows_say_the_same(model):
    asked = DATA.histories().take(slice(0, 5))
    pairs = model.predict(asked, np.repeat(np.arange(5), 40), np.tile(np.arange(40, dtype=np.int32), 5))
    np.testing.assert_allclose(model.score(asked).ravel(), pairs, atol=1e-5)


def test_an_average_over_samples_beats_each_sample(model):
    histories_ = DATA.histories()
    whole = rmse(model.predict(histories_, USERS, ITEMS), RATINGS)
    users, items = model.user_factors(histories_) * 20, model.item_factors()
    width = QUICK["dim"] + 2
    single = [
        rmse(
            model.scale.clipped(
                model.scale.mean
                + model.scale.spread
                * np.einsum("pd,pd->p", users[USERS][:, part : part + width], items[ITEMS][:, part : part + width])
            ),
            RATINGS,
        )
        for part in range(0, 20 * width, width)
    ]
    assert whole < min(single)


def test_a_new_user_and_an_item_without_ratings_get_what_is_common():
    rng = np.random.default_rng(0)
    data = rated([(u, i, float(rng.integers(4, 6))) for u in range(30) for i in range(5)], n_items=6)
    model = BayesianMF(BayesianMFConfig.of(QUICK)).fit(data)
    scores = model.score(histories([]))[0]
    np.testing.assert_allclose(scores, 4.5, atol=0.35)


def test_attributes_place_an_item_that_nobody_rated():
    """Good and bad items have good and bad categories; the last two have only these."""
    rng = np.random.default_rng(0)
    good = np.arange(32) % 2
    rows = [(u, i, float(np.clip(2 + 2 * good[i] + rng.normal(scale=0.4), 1, 5))) for u in range(25) for i in range(30)]
    data = rated(rows, n_items=32, items={"categories": [["good" if g else "bad"] for g in good]})
    scores = BayesianMF(BayesianMFConfig.of(QUICK)).fit(data).score(data.histories())
    assert (scores[:, 31] > scores[:, 30] + 1.0).all()
    blind = BayesianMF(BayesianMFConfig.of({**QUICK, "features": None})).fit(data).score(data.histories())
    assert np.abs(blind[:, 31] - blind[:, 30]).mean() < 0.5


def test_attributes_place_a_user_who_rated_nothing():
    groups: list[object] = [["old"] if u % 2 else ["young"] for u in range(42)]
    rows = [(u, i, 5.0 if (u % 2) == (i % 2) else 2.0) for u in range(40) for i in range(12)]
    data = rated(rows, n_users=42, users={"group": groups})
    model = BayesianMF(BayesianMFConfig.of(QUICK)).fit(data)
    scores = model.score(data.histories(np.array([40, 41])))
    assert (scores[0, ::2] > scores[0, 1::2] + 1).all()
    assert (scores[1, 1::2] > scores[1, ::2] + 1).all()


def test_who_rated_what_counts_only_where_it_is_asked_for():
    rows = []
    for u in range(60):
        rows += [(u, i + 10 * (u % 2), 3.0) for i in range(8) if (i + u // 2) % 3]
        if u < 50:
            rows.append((u, 20, 5.0 if u % 2 else 1.0))
    data = rated(rows, n_items=21)
    unrated = histories(*[[(k + 10 * kind, np.nan) for k in range(6)] for kind in (0, 1)])
    low, high = BayesianMF(BayesianMFConfig.of(QUICK)).fit(data).score(unrated)[:, 20]
    assert high > low + 1.0
    blind = BayesianMF(BayesianMFConfig.of({**QUICK, "implicit": False})).fit(data).score(unrated)[:, 20]
    assert blind[0] == blind[1]


@pytest.mark.parametrize("settings", [{"dim": 1}, {"burn_in": 0}, {"samples": 5}, {"thinning": 3}])
def test_every_setting_reaches_the_model(model, settings):
    other = BayesianMF(BayesianMFConfig.of({**QUICK, **settings})).fit(DATA)
    assert not np.allclose(model.score(DATA.histories()), other.score(DATA.histories()), atol=1e-4)


def test_wishart_draws_have_the_right_mean_and_spread():
    rng = np.random.default_rng(0)
    inverse_scale = np.array([[2.0, 0.6], [0.6, 1.0]])
    draws = np.stack([wishart(inverse_scale, 9, rng) for _ in range(3_000)])
    scale = np.linalg.inv(inverse_scale)
    np.testing.assert_allclose(draws.mean(axis=0), 9 * scale, atol=0.25)
    # Var W_ij = ν (V_ij² + V_ii V_jj)
    expected = 9 * (scale**2 + np.outer(np.diag(scale), np.diag(scale)))
    np.testing.assert_allclose(draws.var(axis=0), expected, rtol=0.15)


def test_noise_precision_is_that_of_the_errors():
    rng = np.random.default_rng(0)
    errors = rng.normal(scale=0.5, size=4_000)
    draws = [draw_noise_precision(errors, rng) for _ in range(200)]
    assert np.mean(draws) == pytest.approx(4.0, rel=0.05)


def test_the_prior_finds_a_planted_link():
    """Vectors made from features: the drawn link is near the true one, and the mean is near the intercept."""
    rng = np.random.default_rng(2)
    features = rng.random((400, 3))
    link = np.array([[2.0, 0.0], [0.0, -1.0], [1.0, 1.0]])
    side = Side(sp.csr_array(features), 2, rng=rng)
    side.vectors = np.array([0.5, -0.5]) + features @ link + 0.2 * rng.normal(size=(400, 2))
    drawn = []
    for _ in range(300):
        side.draw_prior(rng)
        drawn.append(np.concatenate([side.link.ravel(), side.mean, np.linalg.inv(side.precision).diagonal()]))
    found = np.mean(drawn[50:], axis=0)
    np.testing.assert_allclose(found[:6].reshape(3, 2), link, atol=0.12)
    np.testing.assert_allclose(found[6:8], [0.5, -0.5], atol=0.12)
    np.testing.assert_allclose(found[8:], 0.04, atol=0.01)

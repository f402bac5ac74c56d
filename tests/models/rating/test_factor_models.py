"""What `biased_mf` and `svdpp` promise: exact half steps, a falling loss, and known factors found again."""

import numpy as np
import pytest

from penchant.models.rating.biased_mf import BiasedMF, BiasedMFConfig
from penchant.models.rating.means import RatingMeans
from penchant.models.rating.svdpp import SVDPP, SVDPPConfig
from tests.models.rating.worlds import factor_world, histories, rated, rmse

DATA, USERS, ITEMS, RATINGS = factor_world()
MODELS = {
    "biased_mf": BiasedMF(BiasedMFConfig(dim=3, regularization=2.0, bias_regularization=2.0)),
    "svdpp": SVDPP(SVDPPConfig(dim=3, regularization=2.0, bias_regularization=2.0, implicit_regularization=20.0)),
}


@pytest.fixture(scope="module", params=sorted(MODELS))
def model(request):
    return MODELS[request.param].fit(DATA)


def test_factors_explain_what_biases_cannot(model):
    """The noise of the world is 0.3, and rounding to halves adds 0.14: no model can be below about 0.33."""
    means = RatingMeans().fit(DATA)
    floor = rmse(means.predict(DATA.histories(), USERS, ITEMS), RATINGS)
    found = rmse(model.predict(DATA.histories(), USERS, ITEMS), RATINGS)
    assert found < 0.75 * floor
    assert found < 0.55


def test_the_loss_never_rises(model):
    assert len(model.losses) == 20
    assert (np.diff(model.losses) <= 1e-6 * model.losses[0]).all()


def test_pairs_and_whole_rows_say_the_same(model):
    asked = DATA.histories().take(slice(0, 7))
    scores = model.score(asked)
    pairs = model.predict(asked, np.repeat(np.arange(7), 40), np.tile(np.arange(40, dtype=np.int32), 7))
    np.testing.assert_allclose(scores.ravel(), pairs, atol=1e-5)


def test_a_new_user_gets_the_biases_alone(model):
    scores = model.score(histories([]))[0].astype(np.float64)
    expected = model.scale.mean + model.scale.spread * model.arrays["items"][:, 0]
    np.testing.assert_allclose(scores, np.clip(expected, 1, 5), atol=1e-6)


def test_a_half_step_is_the_ridge_regression_by_hand():
    """One user, solved by the normal equations written out."""
    model = MODELS["biased_mf"].fit(DATA)
    items, scale = model.arrays["items"], model.scale
    rated_items, values = [4, 9, 17, 30], np.array([5.0, 2.0, 4.0, 3.5])
    design = np.concatenate([np.ones((4, 1)), items[rated_items, 1:]], axis=1)
    targets = (values - scale.mean) / scale.spread - items[rated_items, 0]
    best = np.linalg.solve(design.T @ design + 2.0 * np.eye(4), design.T @ targets)
    factors = model.user_factors(histories(list(zip(rated_items, values, strict=True))))
    np.testing.assert_allclose(factors[0, [0, 2, 3, 4]], best, rtol=1e-9)


def test_svdpp_learns_from_what_was_touched_without_a_rating():
    """Two kinds of users touch items of their own kind only; ratings are the same for all, but of the last item."""
    rng = np.random.default_rng(0)
    rows = []
    for u in range(60):
        kind = u % 2
        rows += [(u, int(i) + 10 * kind, 3.0) for i in rng.permutation(10)[:6]]
        if u < 50:
            rows.append((u, 20, 5.0 if kind else 1.0))
    data = rated(rows, n_items=21)
    model = SVDPP(SVDPPConfig(dim=2, regularization=1.0, implicit_regularization=1.0, iterations=30)).fit(data)
    unrated = [[(k + 10 * kind, np.nan) for k in range(6)] for kind in (0, 1)]
    low, high = model.score(histories(*unrated))[:, 20]
    assert high > low + 2.0
    blind = BiasedMF(BiasedMFConfig(dim=2, regularization=1.0, iterations=30)).fit(data)
    np.testing.assert_array_equal(*blind.score(histories(*unrated)))


@pytest.mark.parametrize(
    "settings",
    [{"dim": 1}, {"regularization": 50.0}, {"bias_regularization": 50.0}, {"iterations": 1}],
)
@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_setting_reaches_the_model(name, settings):
    base = MODELS[name].config
    other = type(MODELS[name])(type(base)(**{**base.model_dump(), **settings})).fit(DATA)
    one = MODELS[name].fit(DATA)
    assert not np.allclose(one.score(DATA.histories()), other.score(DATA.histories()), atol=1e-3)


def test_more_regularisation_shrinks_vectors():
    norms = [
        np.linalg.norm(BiasedMF(BiasedMFConfig(dim=3, regularization=r)).fit(DATA).arrays["items"][:, 1:])
        for r in (1.0, 5.0, 25.0)
    ]
    assert norms[0] > norms[1] > norms[2]

import numpy as np
import pytest

from penchant.errors import UnsupportedError
from penchant.models.ease import EASE, EASEConfig
from tests.models.toys import dataset_of, strangers
from tests.worlds import genre_world

WORLD = genre_world(users=60)


def touched() -> np.ndarray:
    x = np.zeros((WORLD.n_users, WORLD.n_items))
    x[WORLD.events.users, WORLD.events.items] = 1
    return x


def test_the_weights_are_the_closed_form_by_hand():
    """Two items, both touched by two users and one alone by each of two more: XᵀX = [[3, 2], [2, 3]]; with λ = 1 its
    inverse is [[4, −2], [−2, 4]] / 12, so each weight is 2/4."""
    data = dataset_of([[0, 1], [0, 1], [0], [1]], 3)
    model = EASE(EASEConfig(regularization=1.0)).fit(data)
    np.testing.assert_allclose(model.weights, [[0, 0.5], [0.5, 0]], rtol=1e-6)
    scores = model.score(strangers([0], [0, 1], [], n_items=3))
    np.testing.assert_allclose(scores[0], [0, 0.5, 0], rtol=1e-6)
    assert not scores[2].any()


def test_each_column_is_the_ridge_regression_of_its_item_on_the_others():
    """The constrained problem falls apart into one ridge regression for each item: solved here by least squares on an
    extended matrix, without any inverse."""
    lam, x = 3.0, touched()
    weights = EASE(EASEConfig(regularization=lam)).fit(WORLD).weights
    for i in (0, 17, 44):
        others = np.delete(np.arange(x.shape[1]), i)
        left = np.vstack([x[:, others], np.sqrt(lam) * np.eye(len(others))])
        right = np.concatenate([x[:, i], np.zeros(len(others))])
        np.testing.assert_allclose(weights[others, i], np.linalg.lstsq(left, right, rcond=None)[0], atol=1e-6)
        assert weights[i, i] == 0


def test_scores_are_row_products_and_fade():
    model = EASE(EASEConfig(decay=0.5)).fit(WORLD)
    scores = model.score(strangers([3, 7], n_items=WORLD.n_items))[0]
    np.testing.assert_allclose(scores, 0.5 * model.weights[3] + model.weights[7], atol=1e-6)


def test_items_without_events_take_no_part():
    data = dataset_of([[0, 2], [0, 2], [2, 4]], 6)
    model = EASE(EASEConfig(regularization=1.0)).fit(data)
    assert model.weights.shape == (3, 3)
    scores = model.score(strangers([0, 5], n_items=6))[0]
    assert scores[2] > 0
    assert not scores[[1, 3, 5]].any()


def test_folding_in_is_close_to_refitting():
    """Eight users in sixty: their scores with and without them in the training differ by less than 0.1 of a touch, and
    correlate above 0.9."""
    everyone = EASE(EASEConfig(regularization=20.0)).fit(WORLD)
    without = EASE(EASEConfig(regularization=20.0)).fit(WORLD.select(WORLD.events.users >= 8))
    histories = WORLD.histories().take(slice(0, 8))
    refitted, folded = everyone.score(histories), without.score(histories)
    assert np.abs(refitted - folded).max() < 0.1
    assert np.corrcoef(refitted.ravel(), folded.ravel())[0, 1] > 0.9


def test_a_catalogue_that_does_not_fit_is_refused_with_the_size_that_does():
    with pytest.raises(
        UnsupportedError, match=r"for the 60 items with events of 'genre world'; 3e-05 GiB allow 51 items"
    ):
        EASE(EASEConfig(memory_gib=3e-5)).fit(WORLD)
    EASE(EASEConfig(memory_gib=5e-5)).fit(WORLD)


def test_no_events_score_zero():
    data = dataset_of([[0]], 3)
    model = EASE().fit(data.select(np.zeros(1, dtype=np.bool_)))
    assert not model.score(strangers([0, 1], n_items=3)).any()

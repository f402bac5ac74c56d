import numpy as np
import pytest

from penchant.errors import UnsupportedError
from penchant.models.rating.means import RatingMeans, RatingMeansConfig
from tests.models.rating.worlds import histories, history, rated


def test_one_round_by_hand():
    """μ = 3; b_0 = (5 − 3 + 4 − 3)/(1 + 2) = 1, b_1 = (1 − 3 + 2 − 3)/(1 + 2) = −1; user 0: (1 − 1 ...)/(2 + 2)."""
    data = rated([(0, 0, 5), (0, 1, 1), (1, 0, 4), (1, 1, 2)])
    model = RatingMeans(RatingMeansConfig(item_damping=1, user_damping=2, iterations=1)).fit(data)
    assert model.scale.mean == 3.0
    asked = history((0, 5.0), (1, 1.0))
    # b_u = ((5 − 3 − 1) + (1 − 3 + 1)) / 4 = 0; a user who gave only the 5: (5 − 3 − 1) / 3
    np.testing.assert_allclose(model.score(asked), [[4.0, 2.0]], rtol=1e-6)
    np.testing.assert_allclose(model.score(history((0, 5.0))), [[4 + 1 / 3, 2 + 1 / 3]], rtol=1e-6)


def test_one_five_star_rating_does_not_top_a_new_users_list():
    """S: an item with one 5, one with twenty ratings of mean 4.5, and a poor one."""
    rows = [(0, 0, 5.0)] + [(u, 1, 4.0 + u % 2) for u in range(20)] + [(u, 2, 2.0) for u in range(20)]
    model = RatingMeans().fit(rated(rows))
    scores = model.score(histories([]))[0]
    assert list(np.argsort(-scores)) == [1, 0, 2]
    undamped = RatingMeans(RatingMeansConfig(item_damping=0, user_damping=0, iterations=1)).fit(rated(rows))
    assert np.argmax(undamped.score(histories([]))[0]) == 0


def test_the_turns_minimise_what_they_say():
    rng = np.random.default_rng(3)
    rows = [(int(u), int(i), float(rng.integers(1, 6))) for u, i in np.unique(rng.integers(0, 12, (80, 2)), axis=0)]
    data = rated(rows)
    model = RatingMeans(RatingMeansConfig(item_damping=3, user_damping=2, iterations=200)).fit(data)
    matrix = np.full((data.n_users, data.n_items), np.nan)
    for u, i, r in rows:
        matrix[u, i] = r
    seen = ~np.isnan(matrix)
    design = np.concatenate([np.repeat(np.eye(12), 12, axis=0), np.tile(np.eye(12), (12, 1))], axis=1)[seen.ravel()]
    ridge = np.diag([2.0] * 12 + [3.0] * 12)
    best = np.linalg.solve(design.T @ design + ridge, design.T @ (matrix[seen] - model.scale.mean))
    np.testing.assert_allclose(model.arrays["item_biases"] * model.scale.spread, best[12:], atol=1e-6)


def test_the_last_rating_of_an_item_counts_and_events_without_one_do_not():
    once = RatingMeans().fit(rated([(0, 0, 2.0), (1, 1, 4.0)]))
    again = RatingMeans().fit(rated([(0, 0, 5.0), (0, 1, np.nan), (0, 0, 2.0), (1, 1, 4.0)]))
    asked = history((0, 1.0), (1, np.nan), (0, 3.0))
    np.testing.assert_array_equal(once.score(asked), again.score(asked))
    np.testing.assert_array_equal(once.score(asked), once.score(history((0, 3.0))))


def test_predictions_stay_within_the_scale():
    rows = [(u, i, 5.0 if i < 3 else 1.0) for u in range(30) for i in range(6)]
    model = RatingMeans(RatingMeansConfig(item_damping=0, user_damping=0)).fit(rated(rows))
    scores = model.score(history((3, 5.0), (4, 5.0)))
    assert scores.max() == 5.0
    assert scores.min() >= 1.0


@pytest.mark.parametrize(("scale", "value"), [(None, 3.0), ((1.0, 5.0), np.nan)])
def test_data_without_ratings_is_refused_with_models_that_need_none(scale, value):
    with pytest.raises(UnsupportedError, match="rating_means learns from ratings") as caught:
        RatingMeans().fit(rated([(0, 0, value), (1, 1, value)], scale=scale))
    assert "item_knn" in caught.value.hint

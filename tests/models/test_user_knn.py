import numpy as np
import pytest
from scipy.stats import pearsonr

from penchant.data.dataset import Dataset, Table
from penchant.data.histories import Histories
from penchant.errors import UnsupportedError
from penchant.models.interactions import SignalConfig
from penchant.models.popularity import Popularity
from penchant.models.user_knn import UserKNN, UserKNNConfig
from tests.models.toys import dataset_of, strangers

RATINGS = np.array([
    [5, 3, 4, 0],
    [3, 1, 2, 3],
    [1, 5, 5, 2],
])  # fmt: skip
"""User 0 has not rated item 3; users 1 and 2 have."""


def rated(ratings: np.ndarray) -> Dataset:
    users, items = np.nonzero(ratings)
    return Dataset.of_rows(
        name="ratings",
        users=Table(tuple(f"u{u}" for u in range(len(ratings)))),
        items=Table(tuple(f"i{i}" for i in range(ratings.shape[1]))),
        user_rows=users,
        item_rows=items,
        values=ratings[users, items].astype(float),
        rating_scale=(1.0, 5.0),
    )


def asked(ratings: np.ndarray) -> Histories:
    histories = rated(ratings).histories()
    histories.users[:] = -1
    return histories


def test_the_prediction_is_the_weighted_mean_by_hand():
    """User 0 against users 1 and 2 on the three items they share: (1, −1, 0) and (1, −1, 0) about their means give 1;
    (1, −1, 0) and (−8/3, 4/3, 4/3) correlate below 0, so user 2 is no neighbour. His prediction for item 3 is his mean,
    4, and how far user 1's rating is above her own mean, 3 − 9/4.
    """
    settings = UserKNNConfig(similarity="pearson", signal=SignalConfig(values="value"), weighted_mean=True)
    model = UserKNN(settings).fit(rated(RATINGS[1:]))
    weights = model.similar_users(asked(RATINGS[:1])).toarray()
    np.testing.assert_allclose(weights, [[1.0, 0.0]], atol=1e-12)
    assert model.score(asked(RATINGS[:1]))[0, 3] == pytest.approx(4 + (3 - 9 / 4))


def test_the_weighted_mean_of_two_neighbours_by_hand():
    others = np.array([[5, 2, 4, 4], [4, 3, 2, 1]])
    model = UserKNN(UserKNNConfig(similarity="pearson", signal=SignalConfig(values="value"), weighted_mean=True))
    found = model.fit(rated(others)).score(asked(RATINGS[:1]))[0, 3]
    first, second = (pearsonr(RATINGS[0, :3], other[:3])[0] for other in others)
    assert min(first, second) > 0.4
    assert found == pytest.approx(4 + (first * (4 - 15 / 4) + second * (1 - 10 / 4)) / (first + second), abs=1e-6)


def test_without_raters_the_weighted_mean_is_the_users_mean():
    others = np.array([[5, 2, 4, 0]])
    model = UserKNN(UserKNNConfig(similarity="pearson", signal=SignalConfig(values="value"), weighted_mean=True))
    assert model.fit(rated(others)).score(asked(RATINGS[:1]))[0, 3] == pytest.approx(4)


def test_the_weighted_mean_of_touches_is_the_share_of_like_neighbours():
    data = dataset_of([[0, 1, 2], [0, 3], [4]], 5)
    scores = UserKNN(UserKNNConfig(similarity="cosine")).fit(data).score(strangers([0, 1], n_items=5))[0]
    first, second = 2 / np.sqrt(2 * 3), 1 / np.sqrt(2 * 2)
    expected = np.array([first + second, first, first, second, 0]) / (first + second)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_what_is_recent_decides_whose_latest_are_asked():
    """The stranger's last item is 1. By cosine users 0 and 1 are alike; decayed, the one who came to 1 late is more so,
    and what he touched last counts most."""
    data = dataset_of([[0, 1, 3], [1, 0, 4]], 5)
    stranger = strangers([0, 1], n_items=5)
    plain = UserKNN(UserKNNConfig(similarity="cosine")).fit(data).score(stranger)[0]
    np.testing.assert_allclose(plain[[3, 4]], 0.5)
    decay = 0.5
    x, y, z = np.array([0.5, 1, 0, 0]), np.array([0.25, 0.5, 1, 0]), np.array([0.5, 0.25, 0, 1])
    cosines = [x @ v / np.linalg.norm(x) / np.linalg.norm(v) for v in (y, z)]
    found = UserKNN(UserKNNConfig(decay=decay)).fit(data).score(stranger)[0]
    votes = np.array([[0.25, 0.5, 0, 1, 0], [0.5, 0.25, 0, 0, 1]])
    np.testing.assert_allclose(found, cosines @ votes / sum(cosines), rtol=1e-6)
    assert found[3] > found[4]


def test_only_the_nearest_are_asked():
    data = dataset_of([[0, 1, 2], [0, 3], [0, 4]], 5)
    scores = UserKNN(UserKNNConfig(similarity="cosine", neighbours=1)).fit(data).score(strangers([0, 1], n_items=5))
    np.testing.assert_allclose(scores[0], [1, 1, 1, 0, 0])


def test_damping_trusts_those_who_share_more():
    data = dataset_of([[0, 1, 2, 3, 4, 5], [0, 6]], 7)
    history = strangers([0, 1, 2], n_items=7)
    trusted, damped = (
        UserKNN(UserKNNConfig(similarity="cosine", damping=d)).fit(data).score(history)[0] for d in (0.0, 10.0)
    )
    assert damped[6] / damped[3] < trusted[6] / trusted[3]


def test_a_history_without_neighbours_is_answered_by_everybody():
    data = dataset_of([[0, 1], [1], [2]], 4)
    expected = Popularity().fit(data).score(data.histories().take([0]))[0]
    found = UserKNN(UserKNNConfig(similarity="cosine")).fit(data).score(strangers([], [3], [0], n_items=4))
    np.testing.assert_allclose(found[:2], np.tile(expected, (2, 1)), rtol=1e-6)
    assert not np.allclose(found[2], expected)


def test_no_training_events_give_finite_scores():
    data = dataset_of([[0]], 3)
    model = UserKNN().fit(data.select(np.zeros(1, dtype=np.bool_)))
    np.testing.assert_array_equal(model.score(strangers([0, 1], [], n_items=3)), np.zeros((2, 3)))


def test_ratings_are_refused_where_there_are_none():
    with pytest.raises(
        UnsupportedError, match="user_knn was asked to read the events' values, and 'toy' has no values"
    ):
        UserKNN(UserKNNConfig(signal=SignalConfig(values="value"))).fit(dataset_of([[0, 1]], 2))


def test_a_weighted_mean_of_touches_is_refused():
    with pytest.raises(ValueError, match="is 1 for every item"):
        UserKNNConfig(weighted_mean=True)

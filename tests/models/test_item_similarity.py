"""The item-kNN by cosine and by Pearson's correlation; tests/models/test_neighborhood.py has its default."""

import numpy as np
import pytest
from scipy.stats import pearsonr

from penchant.errors import UnsupportedError
from penchant.models.interactions import SignalConfig
from penchant.models.neighborhood import ItemKNN
from penchant.models.neighborhood_config import ItemKNNConfig
from tests.models.test_user_knn import asked, rated
from tests.models.toys import dataset_of, strangers
from tests.worlds import genre_world

RATINGS = np.array([
    [5, 4, 1, 2],
    [4, 5, 2, 1],
    [1, 2, 5, 4],
    [2, 1, 4, 5],
    [3, 2, 3, 0],
])  # fmt: skip
TOUCHES = dataset_of([[0, 1], [0, 1], [0, 2], [2, 3]], 4)


def test_cosine_of_touches_by_hand():
    kappa = ItemKNN(ItemKNNConfig(similarity="cosine", damping=0)).fit(TOUCHES).neighbours.toarray()
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = 2 / np.sqrt(3 * 2)
    expected[0, 2] = expected[2, 0] = 1 / np.sqrt(3 * 2)
    expected[2, 3] = expected[3, 2] = 1 / np.sqrt(2 * 1)
    np.testing.assert_allclose(kappa, expected, rtol=1e-6)


def test_correlation_of_touches_drops_what_chance_explains():
    """Items 0 and 2 share one user of four, where 3 · 2 / 4 = 1.5 would by chance."""
    kappa = ItemKNN(ItemKNNConfig(similarity="pearson", damping=0)).fit(TOUCHES).neighbours.toarray()
    assert kappa[0, 1] == pytest.approx((4 * 2 - 3 * 2) / np.sqrt((4 * 3 - 9) * (4 * 2 - 4)), rel=1e-6)
    assert kappa[0, 2] == 0


def test_pearson_of_ratings_is_over_the_users_who_rated_both():
    settings = ItemKNNConfig(similarity="pearson", signal=SignalConfig(values="value"), damping=0)
    kappa = ItemKNN(settings).fit(rated(RATINGS)).neighbours.toarray()
    assert kappa[0, 1] == pytest.approx(pearsonr(RATINGS[:, 0], RATINGS[:, 1])[0], abs=1e-6)
    assert kappa[2, 3] == pytest.approx(pearsonr(RATINGS[:4, 2], RATINGS[:4, 3])[0], abs=1e-6)
    assert kappa[0, 2] == 0  # below 0


def test_the_prediction_is_the_weighted_mean_by_hand():
    """With cosine every item is a neighbour; the prediction for item 3 is the mean of the ratings of items 0, 1 and 2,
    weighted by their cosines with item 3.
    """
    settings = ItemKNNConfig(
        similarity="cosine", signal=SignalConfig(values="value"), weighted_mean=True, decay=1.0, damping=0
    )
    model = ItemKNN(settings).fit(rated(RATINGS))
    columns = RATINGS.astype(float)
    cosines = [
        columns[:, j] @ columns[:, 3] / np.linalg.norm(columns[:, j]) / np.linalg.norm(columns[:, 3]) for j in range(3)
    ]
    expected = np.dot(cosines, [3, 2, 3]) / sum(cosines)
    history = asked(RATINGS[4:])
    assert model.score(history)[0, 3] == pytest.approx(expected, rel=1e-6)
    both = model.score(asked(RATINGS[3:]))
    np.testing.assert_allclose(both[1], model.score(history)[0], rtol=1e-6)  # one user and several: two ways to sum


@pytest.mark.parametrize(
    "settings",
    [
        {"similarity": "cosine"},
        {"similarity": "pearson", "damping": 3.0},
        {"similarity": "cosine", "signal": {"values": "value"}, "decay": 0.9},
        {"similarity": "cosine", "signal": {"values": "value"}, "weighted_mean": True},
    ],
)
def test_because_you_liked_adds_up(settings):
    data = rated(RATINGS) if "signal" in settings else genre_world(users=40)
    model = ItemKNN(ItemKNNConfig(**settings)).fit(data)
    history = data.histories().take([3])
    items = np.array([3, 0, 1, 3], dtype=np.int32)
    parts = model.event_weights(history, items)
    assert parts.shape == (len(history.items), 4)
    np.testing.assert_allclose(parts.sum(axis=0), model.score(history)[0, items], atol=1e-5)
    assert parts.any()


def test_events_against_an_item_say_nothing():
    data = dataset_of([[0, 1], [0, 1], [0, 2]], 3)
    data.events.types[3:4] = 1  # user 1 dislikes item 1
    from dataclasses import replace

    model = ItemKNN(ItemKNNConfig(similarity="cosine", damping=0)).fit(replace(data, event_types=("view", "dislike")))
    assert model.neighbours.toarray()[0, 1] == pytest.approx(1 / np.sqrt(3 * 1))
    history = strangers([1, 2], n_items=3)
    history.types[1] = 1
    assert model.event_weights(history, np.array([0], dtype=np.int32))[1] == 0


def test_the_settings_of_one_similarity_are_refused_by_the_other():
    for settings in ({"damping": 1.0}, {"signal": {"values": "count"}}, {"weighted_mean": True}):
        with pytest.raises(ValueError, match="settings of the similarities cosine and pearson"):
            ItemKNNConfig(similarity="cooccurrence", **settings)
    with pytest.raises(ValueError, match="is 1 for every item"):
        ItemKNNConfig(similarity="cosine", weighted_mean=True)


def test_ratings_are_refused_where_there_are_none():
    with pytest.raises(UnsupportedError, match="item_knn was asked to read the events' values"):
        ItemKNN(ItemKNNConfig(similarity="pearson", signal=SignalConfig(values="value"))).fit(TOUCHES)


def test_each_similarity_is_saved_and_read(tmp_path):
    model = ItemKNN(ItemKNNConfig(similarity="cosine", signal=SignalConfig(values="value"), decay=0.9)).fit(
        rated(RATINGS)
    )
    model.save(tmp_path)
    history = asked(RATINGS[4:])
    np.testing.assert_array_equal(ItemKNN.load(tmp_path).score(history), model.score(history))

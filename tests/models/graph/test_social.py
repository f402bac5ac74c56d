from dataclasses import replace

import numpy as np
import pytest

from penchant.data.dataset import Dataset
from penchant.data.links import Links
from penchant.errors import UnsupportedError
from penchant.models.graph.social import Social, SocialConfig
from tests.models.toys import dataset_of, strangers

SEQUENCES = [[0, 1], [2], [1, 3, 3, 0], [4]]


def friends(*pairs: tuple[int, int]) -> Dataset:
    links = Links.of_pairs("social", "user", [a for a, _ in pairs], [b for _, b in pairs])
    return replace(dataset_of(SEQUENCES, 5), links=links)


DATA = friends((0, 1), (2, 0))
"""User 0 has the friends 1 and 2, told once each; user 3 has none."""


def test_scores_are_the_weighted_mean_of_the_friends_by_hand():
    scores = Social(SocialConfig(taste=4.0, length_power=0.5)).fit(DATA).score(DATA.histories())
    one, two = 1.0, 1 + 4 * 2 / np.sqrt(2 * 3)  # friend 1 shares nothing; friend 2 shares the items 0 and 1 of 2 and 3
    expected = np.array([two / np.sqrt(3), two / np.sqrt(3), one, two / np.sqrt(3), 0.0]) / (one + two)
    np.testing.assert_allclose(scores[0], expected, rtol=1e-6)
    np.testing.assert_allclose(scores[1], np.array([1, 1, 0, 0, 0]) / np.sqrt(2), rtol=1e-6)  # 0 is 1's only friend
    assert not scores[3].any()


def test_without_taste_all_friends_count_alike_and_the_history_nothing():
    model = Social(SocialConfig(taste=0.0, length_power=0.0)).fit(DATA)
    scores = model.score(DATA.histories().take([0]))
    np.testing.assert_allclose(scores[0], [0.5, 0.5, 0.5, 0.5, 0.0])
    other = replace(strangers([4], n_items=5), users=np.zeros(1, dtype=np.int32))
    np.testing.assert_allclose(model.score(other), scores)


def test_the_history_handed_in_decides_whose_taste_it_is():
    model = Social().fit(DATA)
    as_before = model.score(DATA.histories().take([0]))[0]
    now = replace(strangers([2], n_items=5), users=np.zeros(1, dtype=np.int32))
    scores = model.score(now)[0]
    assert scores[2] > as_before[2]  # item 2 is friend 1's, who likes the same now
    assert scores[3] < as_before[3]


def test_strangers_get_nothing_from_it():
    model = Social().fit(DATA)
    assert not model.score(strangers([0, 1], [], n_items=5)).any()


def test_only_the_relations_named_are_friendships():
    data = friends((0, 1))
    assert data.links is not None
    both = replace(data.links, names=("social", "blocked"), relations=np.array([1], dtype=np.int32))
    blocked = replace(data, links=both)
    assert Social(SocialConfig(links=("blocked",))).fit(blocked).score(data.histories())[0].any()
    with pytest.raises(UnsupportedError, match="social needs links between users"):
        Social(SocialConfig(links=("social",))).fit(blocked)


def test_data_without_friends_is_refused_by_name():
    with pytest.raises(UnsupportedError, match="social needs relations") as caught:
        Social().fit(dataset_of(SEQUENCES, 5))
    assert "item_knn" in caught.value.hint
    with pytest.raises(UnsupportedError, match="needs links between users"):
        Social().fit(replace(dataset_of(SEQUENCES, 5), links=Links.of_pairs("also_bought", "item", [0], [1])))

from dataclasses import replace

import numpy as np
import pytest

from penchant.errors import DataError, UnsupportedError
from penchant.interfaces import FitOptions
from penchant.models.content_based import ContentBased, ContentBasedConfig
from tests.models.toys import dataset_of, genre_texts, strangers
from tests.worlds import genre_world

TOY = dataset_of([[0, 1]], 4)
TEXTS = np.array([[2, 0], [0, 2], [-2, 0], [0, 0]], dtype=np.float32)


def test_scores_equal_the_formula():
    model = ContentBased().fit(TOY, options=FitOptions(item_vectors=TEXTS))
    mean = TEXTS[:3].mean(axis=0)
    x = TEXTS - mean
    x[3] = 0.0
    x = np.divide(x, np.linalg.norm(x, axis=1, keepdims=True), out=np.zeros_like(x), where=x.any(axis=1, keepdims=True))
    user = 0.8 * x[0] + x[1]
    expected = x @ user / np.linalg.norm(user)
    np.testing.assert_allclose(model.score(TOY.histories())[0], expected, atol=1e-6)
    dots = ContentBased(ContentBasedConfig(similarity="dot")).fit(TOY, options=FitOptions(item_vectors=TEXTS))
    np.testing.assert_allclose(dots.score(TOY.histories())[0], x @ user, atol=1e-6)


@pytest.mark.parametrize("name", ["hyperbolic", "hyperbolic_cosine", "pearson"])
def test_the_other_similarities_rank_what_has_text_before_what_has_none(name):
    world = genre_world(users=20)
    texts = genre_texts(world)
    texts[7] = 0.0
    reader = strangers([0, 2, 3], n_items=60)
    scores = {
        chosen: ContentBased(ContentBasedConfig(similarity=chosen))
        .fit(world, options=FitOptions(item_vectors=texts))
        .score(reader)[0]
        for chosen in ("cosine", name)
    }
    described = np.flatnonzero(texts.any(axis=1))
    if name == "pearson":  # another order, the same subject
        assert scores[name][:15].mean() > scores[name][15:].mean() + 0.2
    else:
        assert scores[name][7] == scores[name].min()
        order = scores[name][described].argsort()
        np.testing.assert_array_equal(order, scores["cosine"][described].argsort())


def test_a_new_item_with_text_only_is_recommended_to_a_fitting_user():
    world = genre_world(users=20)
    new = 1  # an item of the first genre
    data = world.select(world.events.items != new)
    model = ContentBased().fit(data, options=FitOptions(item_vectors=genre_texts(data)))
    reader = strangers([0, 2, 3], n_items=60)  # of the first genre, without the new item
    ranking = model.recommend(reader, 12, item_ids=data.items.ids)
    assert new in ranking.items[0]
    assert set(ranking.items[0]) <= set(range(15))


def test_attributes_stand_in_for_a_missing_history():
    users = np.array([[3.0, -0.5]], dtype=np.float32)
    model = ContentBased().fit(TOY, options=FitOptions(item_vectors=TEXTS, user_vectors=users))
    empty = replace(strangers([], n_items=4), users=np.array([0], dtype=np.int32))
    assert model.user_vectors(empty).any()
    assert model.score(empty)[0].argmax() == 0
    assert not model.user_vectors(strangers([], n_items=4)).any()
    ignored = ContentBased(ContentBasedConfig(attribute_weight=0.0))
    ignored.fit(TOY, options=FitOptions(item_vectors=TEXTS, user_vectors=users))
    assert not ignored.user_vectors(empty).any()


@pytest.mark.parametrize("vectors", [None, np.zeros((4, 2), dtype=np.float32)])
def test_without_text_it_says_what_is_missing(vectors):
    with pytest.raises(UnsupportedError, match="needs item text") as caught:
        ContentBased().fit(TOY, options=FitOptions(item_vectors=vectors))
    assert "item_knn" in caught.value.hint


def test_items_that_came_after_the_fit_are_refused():
    model = ContentBased().fit(TOY, options=FitOptions(item_vectors=TEXTS))
    with pytest.raises(DataError, match="item row 4, and the model was fitted with 4 items"):
        model.score(strangers([0, 4], n_items=5))


def test_users_in_another_space_than_items_are_refused():
    users = np.ones((1, 3), dtype=np.float32)
    with pytest.raises(DataError, match="user vectors have 3 numbers, and the item vectors have 2"):
        ContentBased().fit(TOY, options=FitOptions(item_vectors=TEXTS, user_vectors=users))

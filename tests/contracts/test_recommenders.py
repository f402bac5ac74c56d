"""What every registered recommender promises."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from penchant.data.dataset import Dataset
from penchant.data.links import Links
from penchant.errors import ConfigError, DataError, NotFoundError, UnsupportedError
from penchant.interfaces import FitOptions, RatingPredictor, Recommender
from penchant.models.catalogue import RECOMMENDERS, load_recommender
from penchant.seeding import tie_breaks
from tests.contracts.checkpoint import CHECKPOINT
from tests.models.toys import genre_texts, strangers
from tests.worlds import genre_world

TRACKER: dict[str, Any] = {
    "dim": 8,
    "batch_tokens": 256,
    "training": {"max_epochs": 3, "learning_rate": 0.01, "warmup_steps": 5},
}
SEQUENCE: dict[str, Any] = {**TRACKER, "training": {**TRACKER["training"], "evaluate_every": 3}}
PAIRS: dict[str, Any] = {"dim": 4, "layers": [8, 4], "batch_pairs": 200, "training": SEQUENCE["training"]}
SETTINGS: dict[str, dict[str, Any]] = {
    "als": {"dim": 8, "iterations": 4},
    "attentive_cf": {**PAIRS, "layers": [4, 4]},
    "autoencoder": {"dim": 4, "hidden": 8, "batch_users": 16, "training": SEQUENCE["training"]},
    "bayesian_mf": {"dim": 2, "burn_in": 3, "samples": 3},
    "biased_mf": {"dim": 2, "iterations": 3},
    "bert4rec": SEQUENCE,
    "bpr": {"dim": 8, "training": {"max_epochs": 4, "learning_rate": 0.02, "warmup_steps": 0}},
    "caser": SEQUENCE,
    "content_based": {},
    "ease": {},
    "factorization_machine": {"dim": 2, "batch": 128, "training": {"max_epochs": 3, "warmup_steps": 0}},
    "graph_smoothing": {},
    "gru4rec": SEQUENCE,
    "interest": {"tracker": TRACKER},
    "item_knn": {},
    "lightgcn": {
        "dim": 8,
        "batch_pairs": 256,
        "training": {"max_epochs": 6, "learning_rate": 0.02, "warmup_steps": 0},
    },
    "neumf": PAIRS,
    "popularity": {},
    "random": {},
    "rating_knn": {},
    "rating_means": {},
    "rating_network": {"dim": 4, "layers": [4], "users": 8, "training": {"max_epochs": 3, "warmup_steps": 0}},
    "recent_popularity": {},
    "sasrec": SEQUENCE,
    "social": {},
    "svdpp": {"dim": 2, "iterations": 3},
    "text_rating": {
        "language_model": {"path": str(CHECKPOINT), "max_length": 32},
        "behaviour": {"last_events": 3, "item_words": 3},
        "batch": 32,
        "max_pairs": 160,
        "training": {"max_epochs": 2, "warmup_steps": 0},
    },
    "tracker": TRACKER,
    "two_tower": {**SEQUENCE, "hidden": 16},
    "user_knn": {},
}
COLD = 59
"""An item without events."""
FRIENDS = Links.of_pairs("social", "user", range(44), range(4, 48))
"""Who is four on likes the same genre first."""
WORLD = replace(genre_world(users=48), links=FRIENDS)
DATA = WORLD.select(WORLD.events.items != COLD)
LIKED = 5.0 - (DATA.events.users % 4 != DATA.events.items // 15) * (1.0 + DATA.events.items % 3)
RATED = replace(DATA, events=replace(DATA.events, values=LIKED), rating_scale=(1.0, 5.0))
"""The same events with ratings, for models that learn from them."""
OPTIONS = FitOptions(item_vectors=genre_texts(WORLD), seed=5)
HISTORIES = RATED.histories().take(slice(0, 12))


def data_for(name: str) -> Dataset:
    return RATED if issubclass(RECOMMENDERS[name].cls, RatingPredictor) else DATA


def fit(name: str) -> Recommender:
    return RECOMMENDERS.build(name, SETTINGS[name]).fit(data_for(name), options=OPTIONS)


@pytest.fixture(scope="module", params=sorted(SETTINGS))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name):
    return fit(name)


def test_the_suite_covers_everything_registered():
    assert sorted(SETTINGS) == list(RECOMMENDERS)


def test_as_many_finite_scores_as_items(model):
    scores = model.score(HISTORIES)
    assert scores.shape == (12, DATA.n_items)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


def test_scoring_changes_nothing_it_is_given(model):
    before = [getattr(HISTORIES, field).copy() for field in ("users", "indptr", "items", "timestamps", "values")]
    first = model.score(HISTORIES)
    first_copy = first.copy()
    first[:] = 0.0  # the caller's own
    np.testing.assert_array_equal(model.score(HISTORIES), first_copy)
    for field, was in zip(("users", "indptr", "items", "timestamps", "values"), before, strict=True):
        np.testing.assert_array_equal(getattr(HISTORIES, field), was)


def test_a_user_scores_the_same_alone_and_in_company(model):
    together = model.score(HISTORIES)
    for b in (0, 7):
        np.testing.assert_allclose(model.score(HISTORIES.take([b]))[0], together[b], atol=1e-4)


def test_no_users_give_no_scores(model):
    assert model.score(HISTORIES.take([])).shape == (0, DATA.n_items)


def test_empty_and_unknown_users_are_answered(model):
    scores = model.score(strangers([], [0], [3, 3, 3], list(range(60)) * 3, n_items=60))
    assert np.isfinite(scores).all()


def test_the_same_seed_fits_the_same_model(name, model):
    np.testing.assert_array_equal(fit(name).score(HISTORIES), model.score(HISTORIES))


def test_a_saved_model_loads_to_the_same_scores_bit_for_bit(model, tmp_path):
    expected = model.score(HISTORIES)
    model.save(tmp_path)
    assert not [f for f in tmp_path.rglob("*") if f.suffix in {".pkl", ".pickle", ".pt", ".npy"}]
    loaded = load_recommender(tmp_path)
    assert type(loaded) is type(model)
    assert loaded.config == model.config
    np.testing.assert_array_equal(loaded.score(HISTORIES), expected)
    again = tmp_path / "again"
    again.mkdir()
    loaded.save(again)
    np.testing.assert_array_equal(load_recommender(again).score(HISTORIES), expected)


def test_recommendations_are_distinct_sorted_unseen_and_allowed(model):
    ids = DATA.items.ids
    allow = np.arange(DATA.n_items) % 2 == 0
    ranking = model.recommend(HISTORIES, 8, item_ids=ids, allow=allow)
    for b, (items, scores) in enumerate(zip(ranking.items, ranking.scores, strict=True)):
        assert len(set(items)) == 8
        assert (np.diff(scores) <= 0).all()
        assert not set(items) & set(HISTORIES.items[HISTORIES.of(b)])
        assert allow[items].all()


def test_a_list_longer_than_the_catalogue_has_every_item_once(model):
    ranking = model.recommend(HISTORIES, 1000, item_ids=DATA.items.ids, exclude_seen=False)
    np.testing.assert_array_equal(np.sort(ranking.items, axis=1), np.tile(np.arange(DATA.n_items), (12, 1)))
    scores = model.score(HISTORIES)
    order = np.lexsort((tie_breaks(DATA.items.ids), -scores[3]))
    np.testing.assert_array_equal(ranking.items[3], order)


@pytest.mark.parametrize("k", [0, -1])
def test_a_list_without_places_is_refused(model, k):
    with pytest.raises(ConfigError, match=f"k is {k}"):
        model.recommend(HISTORIES, k, item_ids=DATA.items.ids)


def test_an_item_that_came_after_the_fit_is_refused(model):
    with pytest.raises(DataError, match=r"item row 60, and the model was fitted with 60 items"):
        model.recommend(strangers([3], [60, 2], n_items=61), 5, item_ids=DATA.items.ids)


def test_a_stranger_is_served_from_his_history_where_that_is_promised(model):
    stranger = replace(HISTORIES, users=np.full(12, -1, dtype=np.int32))
    scores = model.score(stranger)
    if not model.folds_in_users:  # all strangers are the same to it
        np.testing.assert_array_equal(scores, np.repeat(scores[:1], 12, axis=0))
    elif type(model) is not RECOMMENDERS["random"].cls:
        np.testing.assert_allclose(scores, model.score(HISTORIES), atol=1e-5)


@pytest.mark.parametrize("name", [n for n in SETTINGS if RECOMMENDERS[n].cls.folds_in_items])
def test_a_cold_item_is_ranked_above_chance_where_that_is_promised(name):
    model = fit(name)
    readers = strangers(*([45 + k, 46 + k, 47 + k] for k in range(10)), n_items=60)  # of the cold item's genre
    scores = model.score(readers)
    assert ((scores > scores[:, [COLD]]).mean(axis=1) < 0.5).mean() > 0.5


def test_an_unfitted_model_says_so(name, tmp_path):
    unfitted = RECOMMENDERS.build(name)
    with pytest.raises(UnsupportedError, match="not fitted"):
        unfitted.score(HISTORIES)
    with pytest.raises(UnsupportedError, match="not fitted"):
        unfitted.save(tmp_path)


def test_unknown_settings_and_names_are_refused(name):
    with pytest.raises(ConfigError, match="no such setting"):
        RECOMMENDERS.build(name, {"no_such": 1})


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(NotFoundError, match="no such model") as caught:
        RECOMMENDERS.build("no such model")
    for name in SETTINGS:
        assert name in caught.value.hint


RATERS = [n for n in SETTINGS if issubclass(RECOMMENDERS[n].cls, RatingPredictor)]


@pytest.mark.parametrize("name", RATERS)
def test_ratings_are_predicted_in_their_scale_and_rank_as_they_are(name):
    model = fit(name)
    assert isinstance(model, RatingPredictor)
    assert model.n_items == DATA.n_items
    cases, items = np.repeat(np.arange(12), 60), np.tile(np.arange(60, dtype=np.int32), 12)
    mixed = np.random.default_rng(0).permutation(len(cases))
    ratings = model.predict(HISTORIES, cases[mixed], items[mixed])
    assert ratings.dtype == np.float64
    assert ratings.min() >= 1.0
    assert ratings.max() <= 5.0
    np.testing.assert_allclose(ratings, model.score(HISTORIES)[cases[mixed], items[mixed]], atol=1e-5)
    assert model.predict(HISTORIES, cases[:0], items[:0]).shape == (0,)


@pytest.mark.parametrize("name", RATERS)
def test_a_model_of_ratings_refuses_data_without_and_names_models_that_need_none(name):
    with pytest.raises(UnsupportedError, match=f"{name} learns from ratings") as caught:
        RECOMMENDERS.build(name, SETTINGS[name]).fit(DATA)
    assert "item_knn" in caught.value.hint

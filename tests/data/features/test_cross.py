"""Combinations within a row and between two, and that the pairs are what multiplying them out gives."""

import numpy as np
import pytest

from penchant.data.features.columns import Columns, Side, words_of
from penchant.data.features.cross import Cross, Crossing
from penchant.data.features.pair_features import PairFeatures
from penchant.errors import ConfigError
from tests.data.features.worlds import columns, observed

COLUMNS: dict[Side, Columns] = {
    "users": columns(sex=["f", "m", "f", None], job=["nurse", "pilot", ["pilot", "clerk"], "nurse"], age=[1, 2, 3, 4]),
    "items": columns(genres=[["war", "drama"], ["drama"], None], price=[1.0, 2.0, 3.0]),
}
ROWS: dict[Side, int] = {"users": 4, "items": 3}
SEEN = observed([(0, 0, 5.0), (0, 1, 4.0), (1, 0, 3.0), (2, 1, 2.0), (3, 2, 1.0), (0, 0, 1.0)], n_users=4, n_items=3)


def fitted(**settings: object) -> Crossing:
    return Cross.of({"rare": 1, **settings}).fit(COLUMNS, SEEN)


def test_two_columns_of_a_row_become_one():
    step = fitted(users=[("sex", "job")])
    made = step.apply("users", COLUMNS["users"])["sex × job"].tolist()
    assert made == [["f × nurse"], ["m × pilot"], ["f × pilot", "f × clerk"], None]
    assert list(step.apply("items", COLUMNS["items"])) == ["genres", "price"]


def test_combinations_are_those_that_training_has_often_enough():
    assert set(fitted(pairs=[("sex", "genres")]).names) == {
        f"users.sex={sex} × items.genres={genre}" for sex in "fm" for genre in ("war", "drama")
    }
    # f meets drama in four events (0-0 twice, 0-1, 2-1) and war in two; m meets each once.
    assert fitted(pairs=[("sex", "genres")], rare=2).names == (
        "users.sex=f × items.genres=drama",
        "users.sex=f × items.genres=war",
    )
    assert fitted(pairs=[("sex", "genres")], rare=4).names == ("users.sex=f × items.genres=drama",)
    assert fitted(pairs=[("sex", "genres")], rare=5).names == ()


def test_by_itself_it_crosses_columns_of_words_that_are_not_too_many():
    assert {(p["users"], p["items"]) for p in fitted().pairs} == {("sex", "genres"), ("job", "genres")}
    assert {(p["users"], p["items"]) for p in fitted(most_combinations=4).pairs} == {("sex", "genres")}


@pytest.mark.parametrize("settings", [{"users": [("sex", "height")]}, {"pairs": [("height", "genres")]}])
def test_a_column_that_is_not_there_is_named(settings):
    with pytest.raises(ConfigError, match="the users have no column height") as caught:
        fitted(**settings)
    assert "sex, job, age" in caught.value.hint


@pytest.fixture(scope="module")
def pairs():
    step = fitted()
    return step, PairFeatures.of_columns(step, COLUMNS, ROWS)


def test_the_pairs_are_products_of_what_the_two_sides_have(pairs):
    """Feature by feature from its name: 1/√n of the user's words times 1/√n of the item's."""
    step, made = pairs
    assert made.width == len(step.names)
    users, items = (side.ravel() for side in np.meshgrid(np.arange(-1, 4), np.arange(3), indexing="ij"))
    found = made.of(users, items).toarray()
    expected = np.zeros_like(found)
    places = [(p["users"], p["items"], *words) for p in step.pairs for words in p["values"]]
    for n, (user, item) in enumerate(zip(users, items, strict=True)):
        for place, (ours, theirs, our_word, their_word) in enumerate(places):
            left = words_of(COLUMNS["users"][ours][user]) if user >= 0 else []
            right = words_of(COLUMNS["items"][theirs][item])
            if our_word in left and their_word in right:
                expected[n, place] = 1 / np.sqrt(len(left) * len(right))
    np.testing.assert_allclose(found, expected)
    assert found.any()


def test_weighed_sides_multiply_to_the_weighed_pairs(pairs):
    _, made = pairs
    weights = np.random.default_rng(0).normal(size=made.width)
    ours, theirs = made.weighed(weights)
    users, items = (side.ravel() for side in np.meshgrid(np.arange(4), np.arange(3), indexing="ij"))
    np.testing.assert_allclose((ours @ theirs.T).toarray().ravel(), made.of(users, items) @ weights)


def test_without_a_crossing_there_are_no_pairs():
    made = PairFeatures.of_columns(None, COLUMNS, ROWS)
    assert made.of(np.array([0, 1]), np.array([2, 2])).shape == (2, 0)
    ours, theirs = made.weighed(np.zeros(0))
    assert (ours.shape, theirs.shape) == ((4, 0), (3, 0))

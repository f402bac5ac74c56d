"""Examples made from events: which, with what text, and which label."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.errors import ConfigError, DataError, UnsupportedError
from penchant.models.language.task_data import (
    TextRendering,
    answered_events,
    clicks,
    comment_sentiment,
    likes,
    purchase_intent,
    ratings,
)

TYPES = ("view", "cart", "purchase", "impression", "click", "rating", "search", "seen")
VIEW, CART, PURCHASE, SHOWN, CLICK, RATING, SEARCH, SEEN = range(8)


def events(*rows: tuple[int, int, int, float], texts: list[Any] | None = None, **further: Any) -> Dataset:
    """(user, item, type, value), one second after another."""
    user, item, kind, value = (np.array(part) for part in zip(*rows, strict=True))
    titles = np.array(["red hat", "blue hat", "green hat"], dtype=object)
    data = Dataset.of_rows(
        name="shop",
        users=Table(tuple(f"u{k}" for k in range(int(user.max()) + 1))),
        items=Table(("r", "b", "g"), {"title": titles}),
        user_rows=user,
        item_rows=item,
        types=kind,
        values=value.astype(np.float64),
        event_types=TYPES,
        timestamps=np.arange(len(rows)) * 1_000_000,
        **further,
    )
    if texts is not None:
        words = np.array(texts, dtype=object)[data.events.keys]
        data = replace(data, events=replace(data.events, texts=words))
    return data


NAN = float("nan")


def test_purchase_intent_by_hand():
    data = events(
        (0, 0, VIEW, NAN), (0, 1, CART, NAN), (0, 1, PURCHASE, NAN), (0, 2, VIEW, NAN), (0, 2, VIEW, NAN),
        (1, 2, VIEW, NAN), (1, 0, SHOWN, NAN), (1, 1, VIEW, NAN), (1, 0, VIEW, NAN),
    )  # fmt: skip
    found = purchase_intent(data, within=2)
    assert found.texts == [
        ("view red hat", None),  # a cart and a purchase follow
        ("cart blue hat; view red hat", None),
        ("purchase blue hat; cart blue hat; view red hat", None),  # two views follow
        # after the next view one event is left: nobody knows
        ("view green hat", None),  # of user 1; what he was only shown is no event of his
    ]
    np.testing.assert_array_equal(found.values, [1, 1, 0, 0])
    np.testing.assert_array_equal(found.users, [0, 0, 0, 1])
    assert found.meaning.codes == {"not_buy": 0, "buy": 1}


def test_a_purchase_further_off_is_seen_by_looking_further():
    data = events(*[(0, 0, VIEW, NAN)] * 4, (0, 0, PURCHASE, NAN))
    assert purchase_intent(data, within=1).values.tolist() == [0, 0, 0, 1]
    assert purchase_intent(data, within=3).values.tolist() == [0, 1, 1, 1]
    assert purchase_intent(data, within=1, at_least=0).values.tolist() == [0, 0, 0, 0, 1]


def test_likes_by_hand_without_the_item_and_what_came_after():
    data = events(
        (0, 0, RATING, 5.0), (0, 1, RATING, 2.0), (0, 2, VIEW, NAN), (0, 0, RATING, 4.0), rating_scale=(1.0, 5.0)
    )  # fmt: skip
    found = likes(data)
    assert found.texts == [
        ("red hat", ""),
        ("blue hat", "liked red hat"),
        ("red hat", "view green hat; disliked blue hat"),
    ]
    np.testing.assert_array_equal(found.values, [1, 0, 1])
    np.testing.assert_array_equal(likes(data, share=1.0).values, [1, 0, 0])
    stars = ratings(data)
    np.testing.assert_array_equal(stars.values, [5, 2, 4])
    assert (stars.meaning.names, stars.meaning.scale) == (None, (1.0, 5.0))


def test_a_click_answers_the_impression_before_it():
    data = events(
        (0, 0, SHOWN, NAN), (0, 0, CLICK, NAN),  # one example: a click
        (0, 1, SHOWN, NAN), (0, 1, SHOWN, NAN), (0, 1, CLICK, NAN),  # shown in vain first
        (0, 2, SHOWN, NAN), (0, 0, SHOWN, NAN), (0, 2, CLICK, NAN),  # what is shown between is in vain
        (1, 0, SHOWN, NAN), (1, 2, CLICK, NAN),  # never shown, as far as is known
    )  # fmt: skip
    found = clicks(data)
    assert [(*texts, label) for texts, label in zip(found.texts, found.values.tolist(), strict=True)] == [
        ("red hat", "", 1),
        ("blue hat", "click red hat", 0),
        ("blue hat", "click red hat", 1),
        ("red hat", "click blue hat", 0),  # his click on it before is left out
        ("green hat", "click blue hat; click red hat", 1),
        ("red hat", "", 0),
        ("green hat", "", 1),
    ]
    assert found.meaning.codes == {"not_click": 0, "click": 1}


def test_answers_that_were_asked_for():
    data = events((0, 0, SEEN, 1.0), (0, 1, SEEN, 0.0), (0, 2, VIEW, NAN))
    found = answered_events(data, "seen", names=("not_seen", "seen"))
    np.testing.assert_array_equal(found.values, [1, 0])
    assert found.texts[1] == ("blue hat", "seen red hat")
    lost = events((0, 0, SEEN, 1.0), (0, 1, SEEN, NAN))
    with pytest.raises(DataError, match="1 of 2 labels of the task 'seen' are missing"):
        answered_events(lost, "seen")
    with pytest.raises(DataError, match="'seen' has the label 3"):
        answered_events(events((0, 0, SEEN, 3.0)), "seen")


def test_comments_and_searches_are_told_by_their_words():
    data = events(
        (0, -1, SEARCH, NAN), (0, 0, RATING, 5.0), (0, 1, RATING, 1.0), (0, 2, RATING, 3.0),
        texts=["warm hats", "lovely and warm", "it scratches", None], rating_scale=(1.0, 5.0),
    )  # fmt: skip
    found = comment_sentiment(data)
    assert found.texts == [("lovely and warm", None), ("it scratches", None)]
    np.testing.assert_array_equal(found.values, [1, 0])
    assert likes(data).texts[0] == ("red hat", "search warm hats")


def test_at_most_so_many_are_drawn_by_the_seed():
    data = events(*[(k % 3, k % 3, RATING, float(1 + k % 5)) for k in range(60)], rating_scale=(1.0, 5.0))
    few = likes(data, rendering=TextRendering(at_most=20, seed=1))
    assert len(few) == 20
    assert likes(data, rendering=TextRendering(at_most=20, seed=1)).texts == few.texts
    assert likes(data, rendering=TextRendering(at_most=20, seed=2)).texts != few.texts


def test_users_are_divided_whole():
    data = events(*[(k % 10, k % 3, RATING, float(1 + k % 5)) for k in range(60)], rating_scale=(1.0, 5.0))
    train, held = likes(data).divided(0.3, seed=0)
    assert len(train) + len(held) == 60
    assert len(np.unique(held.users)) == 3
    assert not set(train.users.tolist()) & set(held.users.tolist())


def test_what_the_data_lack_is_told():
    data = events((0, 0, VIEW, NAN), (0, 1, VIEW, NAN))
    for make, message in (
        (purchase_intent, "purchase intent is learned from events of the type buy, order, purchase, transaction"),
        (clicks, "clicks is learned from events of the type click"),
        (likes, "likes needs ratings"),
        (ratings, "ratings needs ratings"),
        (comment_sentiment, "comment sentiment needs ratings"),
    ):
        with pytest.raises(UnsupportedError, match=message):
            make(data)
    bare = replace(events((0, 0, RATING, 5.0), rating_scale=(1.0, 5.0)), items=Table(("r", "b", "g")))
    with pytest.raises(UnsupportedError, match="likes reads the items' texts"):
        likes(bare)
    with pytest.raises(UnsupportedError, match="has no comments with a rating"):
        comment_sentiment(events((0, 0, RATING, 5.0), rating_scale=(1.0, 5.0)))
    with pytest.raises(ConfigError, match="within is 0"):
        purchase_intent(data, within=0)

"""Profiles and lists follow what a user does: soon, and back again."""

import numpy as np

from penchant.pipeline.interest_model import InterestModel
from penchant.records import Event
from tests.worlds import GENRES

MOST_EVENTS = 5
"""Of a new genre, until profile and list have moved to it."""
SLATE = 5


def read(model: InterestModel, user: str, genre: int, places: range) -> None:
    model.observe([Event(user_id=user, item_id=f"{genre}-{n}", event_id=f"{user}-{genre}-{n}") for n in places])


def share(model: InterestModel, user: str, genre: int) -> float:
    return float(np.mean([item.item_id.startswith(f"{genre}-") for item in model.recommend(user, SLATE).items]))


def test_a_burst_of_a_new_genre_moves_profile_and_list_within_five_events(model: InterestModel):
    """The list turns to it after an event or two. In the profile it has to be sure as well: in a world of four genres,
    each with a quarter of all events, five of nineteen make nobody sure, so it need not be the first yet.
    """
    listed: list[float] = []
    told: list[float] = []
    for row in range(12):
        user = f"u-{row}"
        had = {int(str(event.item_id).split("-")[0]) for event in model.history(user)}
        genre = next(g for g in range(len(GENRES)) if g not in had)
        assert GENRES[genre] not in {one.concept for one in model.interests(user).interests}
        assert share(model, user, genre) <= 0.2
        first = {"listed": np.inf, "told": np.inf}
        for n in range(1, MOST_EVENTS + 1):
            read(model, user, genre, range(n - 1, n))
            if share(model, user, genre) >= 0.6:
                first["listed"] = min(first["listed"], n)
            if any(
                one.concept == GENRES[genre] and one.strength > 0.5 and one.trend in {"new", "rising"}
                for one in model.interests(user).interests[:2]
            ):
                first["told"] = min(first["told"], n)
        listed.append(first["listed"])
        told.append(first["told"])
    assert max(listed) <= 2, listed
    assert max(told) <= MOST_EVENTS, told


def test_the_same_user_at_two_times_has_two_lists_that_follow_his_last_events(model: InterestModel):
    lists: list[list[str]] = []
    shares: list[list[float]] = []
    for genre in (2, 3, 2):
        start = 5 if lists and genre == 2 else 0
        read(model, "u-0", genre, range(start, start + MOST_EVENTS))
        lists.append([item.item_id for item in model.recommend("u-0", SLATE).items])
        shares.append([share(model, "u-0", g) for g in range(len(GENRES))])
    assert lists[0] != lists[1] != lists[2] != lists[0]
    assert [int(np.argmax(found)) for found in shares] == [2, 3, 2]
    assert shares[1][3] > shares[0][3]

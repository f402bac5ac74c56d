"""What serving holds of users: as much as is needed, and the same whoever asks for it."""

from penchant.pipeline import live
from penchant.records import Event


def test_no_more_users_vectors_are_kept_than_there_is_room_for(model, monkeypatch):
    monkeypatch.setattr(live, "BELIEFS_KEPT", 3)
    for user in ("a", "b", "c", "d", "e", "e"):
        model.observe([Event(user_id=user, item_id="0-1")])
        model.recommend(user, 5)
    assert list(model.live._vectors) == ["c", "d", "e"]


def test_one_with_two_interests_gets_both_among_the_first_ten(model):
    """Six events on each of two genres, by turns: neither is served alone, whichever came last."""
    for user, genres in (("space and cookery", ("0", "2")), ("chess and mystery", ("3", "1"))):
        model.observe([Event(user_id=user, item_id=f"{genre}-{n}") for n in range(6) for genre in genres])
        first = [item.item_id.split("-")[0] for item in model.recommend(user, 10).items]
        assert set(first) == set(genres), first
        assert min(first.count(genre) for genre in genres) >= 2, first

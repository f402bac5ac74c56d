"""What serving holds of users: as much as is needed, and the same whoever asks for it."""

from penchant.pipeline import live
from penchant.records import Event


def test_no_more_users_vectors_are_kept_than_there_is_room_for(model, monkeypatch):
    monkeypatch.setattr(live, "BELIEFS_KEPT", 3)
    for user in ("a", "b", "c", "d", "e", "e"):
        model.observe([Event(user_id=user, item_id="0-1")])
        model.recommend(user, 5)
    assert list(model.live._vectors) == ["c", "d", "e"]

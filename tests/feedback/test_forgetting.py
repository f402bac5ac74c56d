"""What users took back does not leave the store."""

from penchant.feedback import open_stores
from penchant.feedback.forgetting import forgotten
from penchant.records import Decision, Edit, Event


def kept(stores) -> list[str]:
    gone = forgotten(stores.log())
    return [str(one.entry.event_id) for one in stores.log() if isinstance(one.entry, Event) and not gone.has(one)]


def edit(edit_id: str, action, *, user_id: str = "u", at: int = 1, **more) -> Edit:
    return Edit(edit_id=edit_id, user_id=user_id, action=action, edited_at=at, **more)


def decision(user_id: str, at: int) -> Decision:
    return Decision(
        slate_id="s", user_id=user_id, decided_at=at, policy="greedy", policy_version="1", bundle="b",
        slots=(), seed=0, eligible=(), scores=(), variances=(),
    )  # fmt: skip


def test_a_forgotten_event_is_gone_until_that_is_undone(tmp_path):
    with open_stores(tmp_path / "s.sqlite") as stores:
        stores.add_events([Event(user_id="u", item_id="i", event_id=name) for name in ("a", "b")])
        stores.add_edit(edit("e1", "forget", event_id="a"))
        assert kept(stores) == ["b"]
        stores.add_edit(edit("e2", "undo", undoes="e1"))
        assert kept(stores) == ["a", "b"]
        stores.add_edit(edit("e3", "undo", undoes="e2"))
        assert kept(stores) == ["b"]


def test_what_one_user_takes_back_stays_another_s(tmp_path):
    with open_stores(tmp_path / "s.sqlite") as stores:
        stores.add_events([Event(user_id="v", item_id="i", event_id="e55")])
        stores.add_edit(edit("e1", "forget", event_id="e55"))  # the imported one of "u"
        assert kept(stores) == ["e55"]


def test_who_begins_anew_leaves_everything_before_behind(tmp_path):
    with open_stores(tmp_path / "s.sqlite") as stores:
        stores.add_events([Event(user_id=user, item_id="i", event_id=f"{user}1") for user in ("u", "v")])
        stores.add_edit(edit("e0", "reset", concept_id="c"))  # of one concept: events stay
        assert kept(stores) == ["u1", "v1"]
        stores.add_edit(edit("e1", "reset", at=100))
        stores.add_events([Event(user_id="u", item_id="i", event_id="u2")])
        assert kept(stores) == ["v1", "u2"]
        gone = forgotten(stores.log())
        assert gone.decided(decision("u", 99))
        assert not gone.decided(decision("u", 100))
        assert not gone.decided(decision("v", 1))

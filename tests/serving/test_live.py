"""After a restart the model stands where it stood."""

from contextlib import contextmanager

import pytest

from penchant.feedback import open_stores
from penchant.progress import Progress
from penchant.records import Edit, EditAction, Event
from penchant.serving.live import LiveModel
from tests.serving.fake_model import FakeModel


def read(item_id: str, event_id: str | None = None, user_id: str = "u") -> Event:
    return Event(user_id=user_id, item_id=item_id, event_type="read", event_id=event_id)


def edit(action: EditAction, *, concept_id: str) -> Edit:
    return Edit(edit_id="", user_id="u", action=action, concept_id=concept_id)


@pytest.fixture
def live(model, stores):
    return LiveModel(model, stores)


def test_a_restart_replays_events_and_edits_in_their_order(live, stores):
    live.observe([read("book-0"), read("book-5")])
    live.edit(edit("more", concept_id="crime"))
    live.observe([read("book-20"), read("nothing")])
    live.edit(edit("less", concept_id="crime"))
    live.edit(edit("mute", concept_id="dystopia"))
    live.edit(edit("reset", concept_id="dystopia"))
    again = LiveModel(FakeModel(), stores)
    assert again.replay() == 7
    assert again.interests("u", as_of=None, limit=12) == live.interests("u", as_of=None, limit=12)
    assert again.history("u", limit=50, before=None) == live.history("u", limit=50, before=None)
    slates = [model.recommend("u", 30, exclude_seen=True) for model in (again, live)]
    assert slates[0].items == slates[1].items


def test_an_event_is_no_repeat_of_a_refused_one(live, stores):
    answer = live.observe([read("nothing", "x"), read("nothing", "x"), read("book-0", "x"), read("book-5", "x")])
    assert (answer.accepted, answer.duplicates) == (1, 1)
    assert [fault.index for fault in answer.rejected] == [0, 1]
    assert [event.item_id for event in live.history("u", limit=9, before=None)] == ["book-0"]
    assert stores.counts()["events"] == 1


def test_what_a_newer_bundle_refuses_stays_in_the_store(stores, caplog):
    stores.add_events([read("gone", "a"), read("book-0", "b"), read("gone", "c")])
    stores.add_edit(Edit(edit_id="e", user_id="u", concept_id="gone", action="more", edited_at=0))
    assert LiveModel(FakeModel(), stores).replay() == 1
    assert "3 stored events or edits" in caplog.text
    assert stores.counts() == {"events": 3, "edits": 1, "slates": 0}


def test_a_long_log_is_handed_over_in_batches_with_progress(stores, monkeypatch):
    monkeypatch.setattr("penchant.serving.live._BATCH", 4)
    stores.add_events([read("book-0", str(n)) for n in range(11)])
    told = []

    class Counting(Progress):
        @contextmanager
        def task(self, name, total=None):
            def advance(n: int = 1, status: str = "") -> None:
                told.append((name, total, n))

            yield advance

    model = FakeModel()
    assert LiveModel(model, stores).replay(progress=Counting()) == 11
    assert len(model.events["u"]) == 11
    assert told == [("replay", 11, 1)] * 11


def test_a_crash_between_disk_and_model_is_mended_by_the_replay(live, stores, model, monkeypatch, tmp_path):
    """The process dies after the store has the event and before the model took it: nothing is withdrawn."""

    def dies(events: object) -> None:
        raise KeyboardInterrupt  # as a signal does: no `except Exception` runs

    monkeypatch.setattr(model, "observe", dies)
    with pytest.raises(KeyboardInterrupt):
        live.observe([read("book-0", "a")])
    after = FakeModel()
    assert LiveModel(after, stores).replay() == 1
    assert [event.event_id for event in after.events["u"]] == ["a"]


def test_events_keep_the_moment_they_were_taken(live, model, tmp_path):
    live.observe([Event(user_id="u", item_id="book-0", timestamp=5), read("book-1")])
    with open_stores(tmp_path / "store.sqlite") as stores:
        stamps = [logged.entry.timestamp for logged in stores.log() if isinstance(logged.entry, Event)]
    assert stamps == [event.timestamp for event in model.events["u"]]
    assert stamps[0] == 5


def test_what_the_server_sets_of_the_dial_holds_where_a_request_turns_it(model, stores):
    live = LiveModel(model, stores, policy={"name": "dial", "never_at": (1,)})
    live.recommend("u", 3, exclude_seen=True, explore=0.5)
    assert (model.wishes["explore"], model.wishes["policy"]) == ({"never_at": (1,), "share": 0.5}, None)
    live.recommend("u", 3, exclude_seen=True)
    assert (model.wishes["explore"], model.wishes["policy"]) == (None, {"name": "dial", "never_at": (1,)})

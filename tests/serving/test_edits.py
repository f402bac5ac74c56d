"""What the API does with a user's own words: all kinds, undone, logged, counted once."""

import pytest

from penchant.serving.live import LiveModel
from tests.serving.fake_model import ODD_USER, FakeModel
from tests.serving.paths import path


def offered(client, user="reader-0") -> list[str]:
    return [i["item_id"] for i in client.get(path("v1", "users", user, "recommendations") + "?k=30").json()["items"]]


def say(client, user="reader-0", **body):
    return client.post(path("v1", "users", user, "edits"), json=body)


def test_every_kind_of_edit_is_taken_and_logged_newest_first(client, stores):
    before = offered(client)
    assert say(client, action="pin", concept_id="crime").json()["interests"][0]["pinned"] is True
    added = say(client, action="add", text="dystopia").json()
    assert (added["edit"]["concept_id"], added["matches"][0]["concept"]) == ("dystopia", "dystopia")
    assert added["moved"][0]["rank_after"] == 1
    assert say(client, action="forget", event_id="reader-0-1").status_code == 200
    assert "reader-0-1" not in {e["event_id"] for e in client.get("/v1/users/reader-0/history").json()["events"]}
    say(client, action="undo")
    assert "reader-0-1" in {e["event_id"] for e in client.get("/v1/users/reader-0/history").json()["events"]}
    log = client.get("/v1/users/reader-0/edits").json()
    assert [e["edit"]["action"] for e in log["edits"]] == ["undo", "forget", "add", "pin"]
    assert [e["standing"] for e in log["edits"]] == [False, False, True, True]
    assert len(client.get("/v1/users/reader-0/edits?limit=2").json()["edits"]) == 2
    say(client, action="reset")
    assert offered(client) == before
    assert stores.counts()["edits"] == 5


def test_delete_takes_back_what_was_said_of_an_interest(client):
    before = offered(client)
    address = path("v1", "users", ODD_USER, "interests", "food & travel 🍜")
    client.put(address, json={"action": "mute", "edit_id": "m"})
    assert client.delete(address).json()["edit"]["action"] == "reset"
    assert offered(client) == before
    assert client.delete(path("v1", "users", "u", "interests", "no/such")).status_code == 404


def test_an_edit_id_that_comes_again_counts_once(client, stores):
    answers = [say(client, action="more", concept_id="crime", edit_id="x").json() for _ in range(2)]
    assert [a["repeated"] for a in answers] == [False, True]
    assert answers[0]["interests"] == answers[1]["interests"]
    assert stores.counts()["edits"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"action": "love"}, 400), ({}, 400), ([], 400), ({"action": "add", "text": 7}, 400),
        ({"action": "more", "concept_id": "no/such"}, 404), ({"action": "forget", "event_id": "reader-1-0"}, 404),
        ({"action": "undo"}, 404), ({"action": "add", "text": "juggling"}, 404),
    ],
)  # fmt: skip
def test_what_is_no_edit_is_refused_and_not_kept(client, stores, body, status):
    answer = client.post("/v1/users/reader-0/edits", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["hint"]
    assert stores.counts()["edits"] == 0


def test_a_model_that_fails_leaves_the_store_as_it_was(client, stores, model, monkeypatch):
    say(client, action="more", concept_id="crime", edit_id="x")
    monkeypatch.setattr(model, "interests", lambda *_, **__: 1 / 0)
    for edit_id in ("x", "y"):
        assert say(client, action="more", concept_id="crime", edit_id=edit_id).status_code == 500
    assert [logged.entry.edit_id for logged in stores.log()] == ["x"]


def test_a_restart_replays_them(client, stores):
    for body in ({"action": "pin", "concept_id": "crime"}, {"action": "forget", "event_id": "reader-0-1"},
                 {"action": "mute", "concept_id": "dystopia"}, {"action": "undo"}):  # fmt: skip
        assert say(client, **body).status_code == 200
    again = LiveModel(FakeModel(), stores)
    assert again.replay() == 4
    live = client.get("/v1/users/reader-0/recommendations?k=30").json()["items"]
    assert [i.item_id for i in again.recommend("reader-0", 30, exclude_seen=True).items] == [i["item_id"] for i in live]

"""Events in: on disk when acknowledged, known to the next recommendation, counted once, refused by name."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from penchant.errors import StoreError
from tests.serving.fake_model import ODD_ITEM, ODD_USER


def send(client: TestClient, *events: Any) -> Response:
    return client.post(
        "/v1/events", content=json.dumps({"events": events}), headers={"content-type": "application/json"}
    )


def read(item_id: Any = "book-10", user_id: Any = "reader-0", **more: Any) -> dict[str, Any]:
    return {"user_id": user_id, "item_id": item_id, "event_type": "read", **more}


def test_an_event_changes_the_next_recommendations(client, stores):
    before = client.get("/v1/users/reader-0/recommendations").json()["items"]
    answer = send(client, *(read(f"book-{n}", slate_id="s") for n in (10, 11, 12)))
    assert answer.status_code == 200
    assert answer.json() == {"accepted": 3, "duplicates": 0, "rejected": []}
    after = client.get("/v1/users/reader-0/recommendations").json()["items"]
    assert after != before
    assert not {"book-10", "book-11", "book-12"} & {item["item_id"] for item in after}
    assert client.get("/v1/users/reader-0/history").json()["events"][0]["item_id"] == "book-12"
    kept = [logged.entry for logged in stores.log()]
    assert [event.slate_id for event in kept] == ["s"] * 3
    assert len({event.event_id for event in kept}) == 3
    assert all(event.timestamp > 1.7e15 for event in kept)


def test_a_user_never_seen_starts_with_his_first_event(client):
    assert client.get("/v1/users/new/interests").json()["cold"] is True
    send(client, read(user_id="new"))
    profile = client.get("/v1/users/new/interests").json()
    assert (profile["cold"], profile["events"]) == (False, 1)


def test_good_events_are_kept_and_bad_ones_named(client, stores):
    answer = send(
        client,
        read(),
        read("no such book"),
        {"item_id": "book-1"},
        read(user_id=""),
        read(value="much"),
        read(timestamp="yesterday"),
        read(evnt_type="click"),
        "an event",
        read(user_id=True),
        read(user_id="x" * 600),
        read(ODD_ITEM, ODD_USER),
    ).json()
    assert answer["accepted"] == 2
    faults = {fault["index"]: (fault["column"], fault["reason"]) for fault in answer["rejected"]}
    assert list(faults) == list(range(1, 10))
    assert [faults[n][0] for n in range(1, 10)] == [
        "item_id", "user_id", "user_id", "value", "timestamp", "evnt_type", "event", "user_id", "user_id"
    ]  # fmt: skip
    assert faults[2][1] == "missing"
    assert faults[3][1] == "empty"
    assert faults[4][1] == "not a number"
    assert "ISO 8601" in faults[5][1]
    assert "event_type" in faults[6][1]
    assert faults[8][1] == "not a string"
    assert "512" in faults[9][1]
    assert stores.counts()["events"] == 2


def test_numbers_are_taken_for_ids(client):
    assert send(client, read(user_id=7)).json()["accepted"] == 1
    assert client.get("/v1/users/7/history").json()["events"]


def test_a_repeated_event_id_counts_once(client, stores):
    first = send(client, read(event_id="a"), read(event_id="a"), read(event_id="b")).json()
    assert (first["accepted"], first["duplicates"]) == (2, 1)
    again = send(client, read("book-11", event_id="b"), read(event_id="reader-0-1")).json()
    assert (again["accepted"], again["duplicates"]) == (0, 2)
    assert len(client.get("/v1/users/reader-0/history").json()["events"]) == 4 + 2


def test_a_refused_event_may_come_again(client, stores, model):
    assert send(client, read("later", event_id="a")).json()["rejected"][0]["index"] == 0
    assert stores.counts()["events"] == 0
    model.titles["later"], model.shelves_of["later"] = "Later", ["crime"]
    assert send(client, read("later", event_id="a")).json()["accepted"] == 1


def test_nothing_is_acknowledged_that_is_not_on_disk(client, stores, model, monkeypatch):
    def full(events: object) -> None:
        raise StoreError("The disk is full.", hint="Make room.")

    with monkeypatch.context() as patched:
        patched.setattr(stores, "add_events", full)
        answer = send(client, read(event_id="a"))
    assert answer.status_code == 503
    assert answer.json()["error"]["type"] == "StoreError"
    assert len(model.events["reader-0"]) == 4
    assert send(client, read(event_id="a")).json()["accepted"] == 1


def test_a_model_that_fails_leaves_nothing_behind(client, stores, model, monkeypatch):
    def broken(events: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(model, "observe", broken)
        assert send(client, read(event_id="a")).status_code == 500
    assert send(client, read(event_id="a")).json()["accepted"] == 1


def test_many_clients_at_once(client, stores):
    def one(n: int) -> Any:
        return send(client, read(event_id=f"own-{n}"), read(event_id="shared")).json()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(one, range(24)))
    assert sum(answer["accepted"] for answer in answers) == 25
    assert sum(answer["duplicates"] for answer in answers) == 23
    assert stores.counts()["events"] == 25


def test_no_events_are_no_fault(client):
    assert send(client).json() == {"accepted": 0, "duplicates": 0, "rejected": []}


@pytest.mark.parametrize(
    ("content", "status", "type_"),
    [
        (b"", 400, "BodyError"),
        (b"{", 400, "BodyError"),
        (b'{"events": [{"user_id": NaN}]}', 400, "BodyError"),
        (b'{"events": [{"value": 1e999}]}', 400, "BodyError"),
        (b'{"events": [{"user_id": "\\ud800"}]}', 400, "BodyError"),
        (b'{"events": "\xff"}', 400, "BodyError"),
        (b"[]", 400, "BodyError"),
        (b'{"events": {}}', 400, "BodyError"),
        (b'{"events": [], "more": 1}', 400, "BodyError"),
        (b"null", 400, "BodyError"),
        (b'{"events": [' + b" " * 100_001 + b"]}", 413, "TooLargeError"),
        (b'{"events": [' + b"0," * 10_000 + b"0]}", 413, "TooLargeError"),
    ],
)
def test_a_body_that_is_no_list_of_events(client, content, status, type_):
    answer = client.post("/v1/events", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == type_
    assert answer.json()["error"]["hint"]


def test_json_must_be_called_json(client):
    """A form of a foreign page can send text/plain with the user's browser; it cannot send JSON unasked."""
    body = b'{"events": []}'
    for headers in ({}, {"content-type": "text/plain"}, {"content-type": "application/x-www-form-urlencoded"}):
        assert client.post("/v1/events", content=body, headers=headers).status_code == 415
    headers = {"content-type": "application/json; charset=utf-8"}
    assert client.post("/v1/events", content=body, headers=headers).status_code == 200

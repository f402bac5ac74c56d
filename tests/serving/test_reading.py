"""Explanations, concepts and replays over HTTP."""

import pytest

from tests.serving.fake_model import ODD_ITEM, ODD_USER
from tests.serving.paths import path


def test_a_served_slate_is_explained_as_it_was_served(client):
    slate = client.get(path("v1", "users", ODD_USER, "recommendations"), params={"k": 4}).json()
    told = client.get(f"/v1/recommendations/{slate['slate_id']}/explanation").json()
    assert (told["user_id"], told["bundle"], told["serving"]) == (ODD_USER, "shelves", "shelves")
    assert [one["item"] for one in told["items"]] == slate["items"]
    for one in told["items"]:
        assert one["total"] == pytest.approx(one["item"]["score"], abs=1e-6)
        assert one["item"]["title"] in one["sentence"]
    client.post("/v1/events", json={"events": [{"user_id": ODD_USER, "item_id": "book-3", "event_type": "rating"}]})
    assert client.get(f"/v1/recommendations/{slate['slate_id']}/explanation").json() == told
    last = slate["items"][-1]["item_id"]
    [one] = client.get(f"/v1/recommendations/{slate['slate_id']}/explanation", params={"item": last}).json()["items"]
    assert one == told["items"][-1]


def test_a_slate_of_an_older_bundle_says_so(client, model, monkeypatch):
    slate = client.get("/v1/users/reader-3/recommendations").json()
    from dataclasses import replace

    card = model.card()
    monkeypatch.setattr(model, "card", lambda: replace(card, bundle="shelves@2"))
    told = client.get(f"/v1/recommendations/{slate['slate_id']}/explanation").json()
    assert (told["bundle"], told["serving"]) == ("shelves", "shelves@2")
    assert "Served by the bundle shelves; now shelves@2 serves" in told["note"]


def test_any_item_is_explained_for_any_user(client):
    told = client.get(path("v1", "users", ODD_USER, "explanations", ODD_ITEM)).json()
    assert sum(part["contribution"] for part in told["parts"]) == pytest.approx(told["score"])
    assert {"rank", "candidates", "standing", "sentence", "counterfactuals", "readout", "paths", "note"} <= set(told)
    stranger = client.get("/v1/users/nobody/explanations/book-1")
    assert stranger.status_code == 200
    assert (stranger.json()["cold"], stranger.json()["readout"]) == (True, None)
    assert "not known" in stranger.json()["note"]


def test_concepts_are_listed_searched_and_opened(client):
    found = client.get("/v1/concepts", params={"q": "fic"}).json()
    assert [view["concept"] for view in found["concepts"]] == ["japanese fiction"]
    assert len(client.get("/v1/concepts", params={"limit": 2}).json()["concepts"]) == 2
    fine = client.get("/v1/concepts", params={"level": "fine"}).json()["concepts"]
    assert all(view["fine"] for view in fine)
    odd = client.get(path("v1", "concepts", "food & travel 🍜")).json()
    assert odd["concept"] == "food & travel 🍜"
    assert {"parent", "children", "examples", "size", "purity", "users"} <= set(odd)


def test_a_user_in_concept_space(client):
    told = client.get("/v1/users/reader-3/concepts").json()
    assert (told["lists"], told["vector"]["cold"]) == ([], False)
    assert told["vector"]["sparsity"] == pytest.approx(1 - len(told["vector"]["axes"]) / 6)
    assert client.get("/v1/users/reader-3/concepts?level=broad").json()["lists"]
    assert client.get("/v1/users/nobody/concepts").json()["vector"]["cold"]


def test_a_replay(client):
    told = client.get("/v1/users/reader-3/replay", params={"every": 3, "limit": 2}).json()
    assert [moment["as_of"] for moment in told["moments"]] == [3, 6, 7]
    assert all(len(line["strength"]) == 3 for line in told["lines"])
    assert client.get("/v1/users/nobody/replay").json()["cold"]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/v1/recommendations/none/explanation", 404),
        ("/v1/users/reader-3/explanations/nothing", 404),
        ("/v1/concepts/nothing", 404),
        ("/v1/concepts?level=deep", 422),
        ("/v1/concepts?limit=0", 422),
        ("/v1/users/reader-3/replay?every=0", 422),
        ("/v1/users/reader-3/concepts?level=x", 422),
    ],
)
def test_what_is_not_there_is_said_in_one_shape(client, address, status):
    answer = client.get(address)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"type", "message", "hint", "request_id"}


def test_an_item_that_the_slate_has_not(client):
    slate = client.get("/v1/users/reader-3/recommendations?k=2").json()["slate_id"]
    answer = client.get(f"/v1/recommendations/{slate}/explanation?item=nothing")
    assert answer.status_code == 404
    assert "has no item 'nothing'" in answer.json()["error"]["message"]

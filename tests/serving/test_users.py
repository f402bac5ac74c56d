"""What the API says of users: interests, history, recommendations, and the edits of interests."""

import pytest
from fastapi.testclient import TestClient

from penchant.errors import NotFoundError
from penchant.serving import create_app
from penchant.serving.live import LiveModel
from tests.serving.fake_model import ODD_USER, FakeModel
from tests.serving.paths import path


def test_search_finds_users_by_a_part_of_their_id(client):
    found = client.get("/v1/users", params={"q": "READER-3"}).json()
    assert found == {"query": "READER-3", "users": [{"user_id": "reader-3", "events": 7}]}
    assert len(client.get("/v1/users?limit=3").json()["users"]) == 3
    assert client.get("/v1/users", params={"q": "者 7/ü 🐉?#%2"}).json()["users"][0]["user_id"] == ODD_USER


@pytest.mark.parametrize("user_id", ["reader-3", ODD_USER, "nobody/of that name %2F 龙"])
@pytest.mark.parametrize("what", ["interests", "history", "recommendations"])
def test_every_id_reaches_the_model_as_it_is(client, user_id, what):
    answer = client.get(path("v1", "users", user_id, what))
    assert answer.status_code == 200
    assert answer.json()["user_id"] == user_id
    assert answer.json()["cold"] == user_id.startswith("nobody")


def test_interests_come_strongest_first_with_their_evidence(client):
    profile = client.get("/v1/users/reader-6/interests").json()
    strengths = [interest["strength"] for interest in profile["interests"]]
    assert strengths == sorted(strengths, reverse=True)
    first = profile["interests"][0]
    assert {"concept_id", "concept", "parent", "confidence", "trend", "short_term", "long_term", "source"} <= set(first)
    assert set(first["evidence"][0]) == {"event_id", "item_id", "title", "event_type", "timestamp", "effect"}
    assert profile["note"] == ""
    assert len(client.get("/v1/users/reader-6/interests?limit=1").json()["interests"]) == 1
    assert client.get("/v1/users/reader-6/interests?as_of=2").json()["as_of"] == 2


def test_history_is_paged_newest_first_without_a_gap(client):
    seen, before = [], ""
    while True:
        page = client.get(f"/v1/users/reader-9/history?limit=4{before}").json()
        seen += [event["position"] for event in page["events"]]
        if page["next_before"] is None:
            break
        before = f"&before={page['next_before']}"
    assert seen == list(range(12, -1, -1))
    exact = client.get("/v1/users/reader-0/history?limit=4").json()
    assert (len(exact["events"]), exact["next_before"]) == (4, None)


def test_an_unknown_user_gets_a_cold_answer_that_says_so(client):
    for what in ("interests", "history", "recommendations"):
        answer = client.get(f"/v1/users/nobody/{what}").json()
        assert answer["cold"] is True
        assert answer["note"]
    assert client.get("/v1/users/nobody/recommendations").json()["items"]


def test_recommendations_add_up_and_are_kept(client, stores):
    slate = client.get("/v1/users/reader-5/recommendations?k=7").json()
    assert [item["rank"] for item in slate["items"]] == list(range(1, 8))
    for item in slate["items"]:
        parts = sum(reason["contribution"] for reason in item["reasons"]) + item["other"] + item["residual"]
        assert parts == pytest.approx(item["score"], abs=1e-9)
    kept = stores.slate(slate["slate_id"])
    assert [item.item_id for item in kept.items] == [item["item_id"] for item in slate["items"]]
    assert kept.items[0].reasons[0].text == slate["items"][0]["reasons"][0]["text"]
    assert stores.counts()["slates"] == 1


def test_seen_items_are_left_out_by_option(client):
    seen = {event["item_id"] for event in client.get("/v1/users/reader-5/history").json()["events"]}

    def asked(exclude: str) -> set[str]:
        address = f"/v1/users/reader-5/recommendations?k=1000&exclude_seen={exclude}"
        return {item["item_id"] for item in client.get(address).json()["items"]}

    assert not seen & asked("true")
    assert seen < asked("false")


def test_a_k_above_the_catalogue_gives_what_there_is(client, model):
    assert len(client.get("/v1/users/nobody/recommendations?k=1000").json()["items"]) == len(model.titles)


@pytest.mark.parametrize(
    "query",
    ["recommendations?k=0", "recommendations?k=-1", "recommendations?k=1001", "recommendations?k=ten",
     "recommendations?exclude_seen=perhaps", "interests?limit=0", "interests?as_of=soon", "interests?as_of=1e30",
     "history?limit=501", "history?before=-1", "history?before=99999999999999999999"],
)  # fmt: skip
def test_parameters_outside_their_range_are_422_and_name_what_came(client, query):
    answer = client.get(f"/v1/users/reader-1/{query}")
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["type"] == "ValidationError"
    assert query.partition("?")[2].partition("=")[0] in error["message"]
    assert query.partition("=")[2] in error["message"]
    assert error["hint"]


def top(client: TestClient) -> str:
    return str(client.get("/v1/users/reader-0/recommendations?k=1").json()["items"][0]["reasons"][0]["concept"])


def test_an_edit_shifts_the_ranking_at_once_and_can_be_taken_back(client):
    before = client.get("/v1/users/reader-0/recommendations?k=30").json()["items"]
    address = path("v1", "users", "reader-0", "interests", "food & travel 🍜")
    assert top(client) != "food & travel 🍜"
    for _ in range(3):
        profile = client.put(address, json={"action": "more"}).json()
    assert profile["interests"][0]["concept"] == "food & travel 🍜"
    assert profile["interests"][0]["source"] == "explicit"
    assert top(client) == "food & travel 🍜"
    client.put(address, json={"action": "mute"})
    muted = client.get("/v1/users/reader-0/recommendations?k=30").json()["items"]
    assert not any(reason["concept"] == "food & travel 🍜" for item in muted for reason in item["reasons"])
    client.put(address, json={"action": "reset"})
    assert client.get("/v1/users/reader-0/recommendations?k=30").json()["items"] == before


@pytest.mark.parametrize("body", [{"action": "love"}, {}, {"action": "more", "by": 2}, [], "more", 7])
def test_an_edit_that_is_none_is_refused_and_not_kept(client, stores, body):
    answer = client.put("/v1/users/reader-0/interests/crime", json=body)
    assert answer.status_code == 400
    assert "action" in answer.json()["error"]["hint"]
    assert stores.counts()["edits"] == 0


def test_an_edit_of_an_unknown_concept_is_404_and_not_kept(client, stores):
    answer = client.put(path("v1", "users", "u", "interests", "no/such"), json={"action": "more"})
    assert answer.status_code == 404
    assert "no/such" in answer.json()["error"]["message"]
    assert stores.counts()["edits"] == 0


def test_a_store_that_fails_does_not_stop_recommendations(client, stores, monkeypatch, caplog):
    from penchant.errors import StoreError

    def full(slate: object, decision: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(stores, "add_slate", full)
    assert client.get("/v1/users/reader-0/recommendations").status_code == 200
    assert "disk is full" in caplog.text
    assert client.get("/health").json()["counts"]["slates_not_kept"] == 1


def test_the_fake_refuses_what_the_model_refuses():
    with pytest.raises(NotFoundError):
        FakeModel().item("nothing")


def test_wishes_in_the_address_reach_the_model(client, model):
    address = (
        "/v1/users/reader-5/recommendations?k=4&rerank=mmr&rerank_weight=0.3&deny=book-1&deny=tags:Crime"
        "&boost=book-2=0.5&quota=tags:Crime=1..2&pin=2=book-9&seen=after:3&allow=book-2"
    )
    slate = client.get(address).json()
    assert len(slate["items"]) == 4
    rules = model.wishes["rules"]
    assert (model.wishes["rerank"], model.wishes["rerank_weight"]) == ("mmr", 0.3)
    assert (rules.allow, rules.deny, rules.pin) == (("book-2",), ("book-1", "tags:Crime"), {2: "book-9"})
    assert (dict(rules.boost), rules.seen, rules.seen_after) == ({"book-2": 0.5}, "after", 3)
    assert (rules.quota["tags:Crime"].least, rules.quota["tags:Crime"].most) == (1, 2)
    client.get("/v1/users/reader-5/recommendations")
    assert model.wishes["rerank"] is None
    assert model.wishes["rules"].empty


def test_wishes_in_a_body_reach_the_model_and_the_slate_is_kept(client, model, stores):
    body = {"k": 3, "rerank": "dpp", "rerank_weight": 0.2, "rules": {"deny": ["book-3"], "pin": {"1": "book-7"}}}
    slate = client.post("/v1/users/reader-5/recommendations", json=body).json()
    assert len(slate["items"]) == 3
    assert "rerank_adjustment" in slate["items"][0]
    assert (model.wishes["rerank"], model.wishes["rules"].pin) == ("dpp", {1: "book-7"})
    assert stores.slate(slate["slate_id"]).slate_id == slate["slate_id"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("boost=book-1", "is no boost"), ("quota=x=3..1", "at least 3"), ("pin=first=book-1", "is no pin"),
        ("seen=never", "seen items"), ("rerank_weight=2", "rerank_weight"),
    ],
)  # fmt: skip
def test_a_wish_that_cannot_be_read_is_named(client, query, says):
    answer = client.get(f"/v1/users/reader-5/recommendations?{query}")
    assert answer.status_code in {400, 422}
    assert says in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "says"), [({"rules": {"denny": []}}, "denny"), ({"k": 0}, "k"), ({"rank": "mmr"}, "rank"), ([], "")]
)
def test_a_body_that_cannot_be_read_is_named(client, body, says):
    answer = client.post("/v1/users/reader-5/recommendations", json=body)
    assert answer.status_code in {400, 422}
    assert says in answer.json()["error"]["message"]


def test_the_dial_reaches_the_model_by_address_and_by_body(client, model):
    slate = client.get("/v1/users/reader-5/recommendations?explore=0.25&k=5").json()
    assert model.wishes["explore"] == 0.25
    assert (slate["policy"], slate["exploration_share"]) == ("dial", 0.25)
    explored = [item for item in slate["items"] if item["explored"]]
    assert [item["exploring"]["concept_id"] for item in explored] == ["crime"]
    client.get("/v1/users/reader-5/recommendations?explore=auto")
    assert model.wishes["explore"] == "auto"
    body = {"k": 3, "explore": {"share": 0.5, "most": 1}}
    assert client.post("/v1/users/reader-5/recommendations", json=body).status_code == 200
    assert model.wishes["explore"] == {"share": 0.5, "most": 1}


def test_the_dials_budget_reaches_the_model_by_address(client, model):
    address = "/v1/users/reader-5/recommendations"
    client.get(f"{address}?explore=0.5&most=2&never_at=1&never_at=2&never=crime&patience=4")
    budget = {"most": 2, "never_at": (1, 2), "never": ("crime",), "patience": 4}
    assert model.wishes["explore"] == {"share": 0.5, **budget}
    client.get(f"{address}?never_at=3")  # the share stays as the model is set
    assert model.wishes["explore"] == {"never_at": (3,)}
    client.get(address)
    assert model.wishes["explore"] is None
    for wrong in ("never_at=1,2", "most=-1", "patience=0"):
        answer = client.get(f"{address}?explore=0.5&{wrong}")
        assert (answer.status_code, wrong.partition("=")[0] in answer.json()["error"]["message"]) == (422, True)


def test_true_is_no_share(client):
    answer = client.post("/v1/users/reader-5/recommendations", json={"explore": True})
    assert (answer.status_code, "explore" in answer.json()["error"]["message"]) == (400, True)


def test_a_policy_is_that_of_the_request_else_that_of_the_server(model, stores):
    """A request that turns the dial wants the dial."""
    soft, address = {"name": "softmax", "temperature": 0.5}, "/v1/users/reader-5/recommendations"
    with TestClient(create_app(model, stores, policy=soft)) as client:
        client.get(address)
        assert model.wishes["policy"] == soft
        client.get(f"{address}?policy=ucb")
        assert model.wishes["policy"] == "ucb"
        assert client.post(address, json={"policy": {"name": "ucb", "width": 2.0}}).status_code == 200
        assert model.wishes["policy"] == {"name": "ucb", "width": 2.0}
        client.get(f"{address}?explore=0.2")
        assert (model.wishes["explore"], model.wishes["policy"]) == (0.2, None)
        assert client.post(address, json={"policy": 7}).status_code in {400, 422}
    with pytest.raises(NotFoundError, match="No policy is called 'magic'"):
        create_app(model, stores, policy="magic")


@pytest.mark.parametrize("explore", ["often", "nan?", ""])
def test_what_is_no_share_is_refused(client, explore):
    response = client.get("/v1/users/reader-5/recommendations", params={"explore": explore})
    assert response.status_code == 422
    assert "explore" in response.json()["error"]["message"]


def test_a_repeated_request_is_the_same_decision(client, stores):
    first = client.get("/v1/users/reader-5/recommendations?explore=0.5&request_id=r-1").json()
    again = client.get("/v1/users/reader-5/recommendations?explore=0.5&request_id=r-1").json()
    assert again["slate_id"] == first["slate_id"]
    assert again["items"] == first["items"]
    assert stores.counts()["slates"] == 1
    other = client.get("/v1/users/reader-6/recommendations?explore=0.5&request_id=r-1").json()
    assert other["slate_id"] != first["slate_id"]
    # An empty one would be the same for all requests of a user.
    assert client.get("/v1/users/reader-5/recommendations?request_id=").status_code == 422


def test_decisions_are_kept_and_tries_come_back_at_the_next_start(client, stores, model):
    slate = client.get("/v1/users/reader-5/recommendations?explore=0.5&k=5").json()
    shown = {"user_id": "reader-5", "item_id": slate["items"][0]["item_id"], "event_type": "impression"}
    client.post("/v1/events", json={"events": [{**shown, "slate_id": slate["slate_id"]}]})
    (decision,) = list(stores.decisions())
    assert decision.slate_id == slate["slate_id"]
    assert [slot.propensity for slot in decision.slots] == [item["propensity"] for item in slate["items"]]
    assert [slot.rendered for slot in decision.slots] == [True, None, None, None, None]
    assert decision.tries == ("crime",)
    LiveModel(model, stores).replay()
    assert model.attempts == [("reader-5", "crime")]


def test_questions_are_answered_by_edits(client):
    asked = client.get("/v1/users/stranger/questions?n=2").json()
    assert len(asked["questions"]) == 2
    first = asked["questions"][0]["concept_id"]
    assert client.put(f"/v1/users/stranger/interests/{first}", json={"action": "more"}).status_code == 200
    after = client.get("/v1/users/stranger/questions?n=2").json()
    assert first not in {question["concept_id"] for question in after["questions"]}
    assert after["answered"] == 1
    for n in (0, 99):
        assert client.get(f"/v1/users/stranger/questions?n={n}").status_code == 422


def test_discoveries_are_interests_the_user_does_not_have(client):
    found = client.get("/v1/users/reader-0/discoveries?limit=2").json()
    assert len(found["interests"]) == 2
    had = {interest["concept_id"] for interest in client.get("/v1/users/reader-0/interests").json()["interests"]}
    assert not had & {interest["concept_id"] for interest in found["interests"]}
    assert client.get("/v1/users/stranger/discoveries").json()["cold"]
    assert client.get("/v1/users/reader-0/discoveries?limit=0").status_code == 422

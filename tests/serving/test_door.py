"""Errors of one shape, request ids, headers, the access log, and paths."""

import json
import logging
import re

import pytest
from httpx2 import Response

from penchant.serving.door import decoded
from tests.serving.fake_model import FakeModel


def faulty(answer: Response, status: int, type_: str) -> dict[str, str]:
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    error: dict[str, str] = answer.json()["error"]
    assert list(error) == ["type", "message", "hint", "request_id"]
    assert error["type"] == type_
    assert error["message"]
    assert error["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "application/json"
    return error


def test_an_address_that_is_not_there(client):
    for address in ("/nothing", "/v1", "/v1/users/a/b/c", "/v1/users//interests", "/v1/users/", "/docs", "/static/x"):
        faulty(client.get(address), 404, "NotFoundError")
    assert "/v1/a%2Fb" in faulty(client.get("/v1/a%2Fb"), 404, "NotFoundError")["message"]


def test_a_method_that_is_not_there(client):
    answer = client.delete("/v1/events")
    faulty(answer, 405, "MethodNotAllowedError")
    assert answer.headers["allow"] == "POST"


def test_a_query_parameter_that_is_not_there_is_named_with_those_there_are(client):
    answer = client.get("/v1/users/reader-5/recommendations?explore=0.5&never_on=1,2&kk=3")
    error = faulty(answer, 422, "ParameterError")
    assert "has no query parameter 'kk', 'never_on'" in error["message"]
    assert "There are: allow, boost, deny, exclude_seen, explore, k, most, never, never_at, patience," in error["hint"]
    assert faulty(client.get("/health?verbose=1"), 422, "ParameterError")["hint"] == "It has none."


def test_no_address_answers_to_a_query_parameter_that_it_does_not_have(client):
    asked = 0
    for address, methods in client.get("/openapi.json").json()["paths"].items():
        for method in methods:
            answer = client.request(method, f"{re.sub('{.*?}', 'x', address)}?no_such=1")
            faulty(answer, 422, "ParameterError")
            asked += 1
    assert asked > 20


def test_a_path_that_is_not_utf8(client):
    faulty(client.get("/v1/users/%ff/interests"), 400, "PathError")


def test_a_fault_of_ours_shows_nothing_of_the_inside(client, model, monkeypatch, caplog):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(model, "interests", broken)
    answer = client.get("/v1/users/u/interests", headers={"x-request-id": "abc"})
    error = faulty(answer, 500, "InternalError")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert error["request_id"] == "abc"
    assert "abc" in caplog.text
    assert "secret detail" in caplog.text


def test_a_request_id_comes_back_where_it_is_a_plain_one(client):
    assert client.get("/health", headers={"x-request-id": "req-1.a"}).headers["x-request-id"] == "req-1.a"
    for odd in ("", "a b", "x" * 200, '"}<script>'):
        given = client.get("/health", headers={"x-request-id": odd}).headers["x-request-id"]
        assert len(given) == 32
        assert given != odd


def test_every_answer_carries_the_security_headers(client):
    for address in ("/", "/health", "/nothing", "/static/favicon.svg"):
        headers = client.get(address).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "style-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_the_access_log_has_one_json_line_per_request(client, caplog):
    caplog.set_level(logging.INFO, logger="penchant.access")
    client.get("/v1/users/a%0Ab/history?limit=0", headers={"x-request-id": "one"})
    lines = [json.loads(record.message) for record in caplog.records if record.name == "penchant.access"]
    assert len(lines) == 1
    line = lines[0]
    assert (line["request_id"], line["method"], line["status"]) == ("one", "GET", 422)
    assert line["path"] == "/v1/users/a%0Ab/history"
    assert line["ms"] >= 0


@pytest.mark.parametrize("id_", ["a/b", "%2F", "%252F", "%", "a%25b", "/", "100%/2F", " ", "é"])
def test_ids_survive_the_path(client, id_):
    from tests.serving.paths import path

    assert client.get(path("v1", "users", id_, "history")).json()["user_id"] == id_
    assert decoded(id_.replace("%", "%25").replace("/", "%2F")) == id_


def test_health_tells_what_answers(client):
    client.get("/v1/users/reader-0/recommendations")
    health = client.get("/health").json()
    assert health["ready"] is True
    assert health["bundle"] == "shelves"
    assert set(health["versions"]) == {"api", "penchant", "python"}
    card = FakeModel().card()
    assert health["counts"] == {
        "users": card.users, "items": card.items, "events": card.events, "concepts": card.concepts,
        "stored_events": 0, "stored_edits": 0, "stored_slates": 1, "slates_not_kept": 0,
    }  # fmt: skip


def test_openapi_names_every_address(client):
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/health", "/metrics", "/v1/users", "/v1/users/{user_id}/interests", "/v1/users/{user_id}/history",
        "/v1/users/{user_id}/recommendations", "/v1/users/{user_id}/discoveries",
        "/v1/users/{user_id}/questions",
        "/v1/users/{user_id}/interests/{concept_id}",
        "/v1/users/{user_id}/edits", "/v1/users/{user_id}/drift", "/v1/drift", "/v1/users/{user_id}/concepts",
        "/v1/users/{user_id}/explanations/{item_id}", "/v1/users/{user_id}/replay", "/v1/concepts",
        "/v1/concepts/{concept_id}", "/v1/recommendations", "/v1/recommendations/{slate_id}/explanation",
        "/v1/items", "/v1/items/{item_id}", "/v1/items/{item_id}/similar", "/v1/events",
    }  # fmt: skip
    post = document["paths"]["/v1/events"]["post"]
    event = post["requestBody"]["content"]["application/json"]["schema"]["properties"]["events"]["items"]
    assert set(event["properties"]) >= {"user_id", "item_id", "event_type", "timestamp", "value", "event_id"}
    assert "Failure" in post["responses"]["4XX"]["content"]["application/json"]["schema"]["$ref"]
    plain = document["paths"].pop("/metrics")["get"]["responses"]["200"]["content"]
    assert list(plain) == ["text/plain"]
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["responses"]["200"]["content"]["application/json"]["schema"].get("$ref")

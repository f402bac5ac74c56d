"""Drift over HTTP."""

from fastapi.testclient import TestClient


def test_a_users_drift(client: TestClient):
    answer = client.get("/v1/users/ann/drift")
    assert answer.status_code == 200
    told = answer.json()
    assert told["user_id"] == "ann"
    assert told["drift"]["score"] == 0.25
    assert len(told["points"]) == told["as_of"]


def test_the_populations_drift(client: TestClient):
    assert client.get("/v1/drift").json() == {"alarms": [], "events": 100, "baseline": 100, "watched": 3}


def test_a_moment_that_is_none(client: TestClient):
    assert client.get("/v1/users/ann/drift", params={"as_of": "soon"}).status_code == 422

"""Recommendations for words over HTTP."""

import pytest

ADDRESS = "/v1/recommendations"


def test_items_for_a_text(client, model):
    answer = client.post(ADDRESS, json={"text": "雪国", "k": 3, "rules": {"deny": ["b17"]}})
    assert answer.status_code == 200
    slate = answer.json()
    assert [item["title"] for item in slate["items"]] == ["雪国 (Snow Country)"]
    assert slate["user_id"] == ""
    assert model.wishes["rules"].deny == ("b17",)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "text"),
        ({"text": "  "}, 422, "no letter"),
        ({"text": "x" * 20_001}, 400, "20000"),
        ({"text": "a book", "k": 0}, 400, "k"),
        ({"text": "a book", "user": "u"}, 400, "no such setting"),
        ({"text": ["a", "b"]}, 400, "text"),
        ([], 400, ""),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_shape(client, body, status, said):
    answer = client.post(ADDRESS, json=body)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]["message"]
    assert len(answer.json()["error"]["message"]) < 400


def test_a_body_that_is_no_json(client):
    answer = client.post(ADDRESS, content="text=a book", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    answer = client.post(ADDRESS, content="{", headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert client.get(ADDRESS).status_code == 405

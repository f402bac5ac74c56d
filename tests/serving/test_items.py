"""What the API says of items."""

from tests.serving.fake_model import ODD_ITEM
from tests.serving.paths import path


def test_search_finds_items_by_title(client):
    found = client.get("/v1/items", params={"q": "雪国"}).json()["items"]
    assert [(item["title"], item["events"]) for item in found] == [("雪国 (Snow Country)", 3)]
    assert len(client.get("/v1/items?limit=4").json()["items"]) == 4
    assert client.get("/v1/items?q=zzz").json()["items"] == []
    assert client.get("/v1/items", params={"q": "x" * 600}).status_code == 422


def test_an_item_with_an_odd_id(client, model):
    item = client.get(path("v1", "items", ODD_ITEM)).json()
    assert item["item_id"] == ODD_ITEM
    assert item["title"] == model.titles[ODD_ITEM]
    assert item["attributes"]["authors"] == ["Ann <b>Author</b>", "周"]
    near = client.get(path("v1", "items", ODD_ITEM, "similar") + "?k=3").json()
    assert near["item_id"] == ODD_ITEM
    assert len(near["items"]) == 3
    assert near["items"][0]["shared"] == ["food & travel 🍜"]


def test_a_k_above_the_catalogue_gives_all_others(client, model):
    assert len(client.get("/v1/items/book-0/similar?k=1000").json()["items"]) == len(model.titles) - 1


def test_an_unknown_item_is_404(client):
    for address in (path("v1", "items", "no/such thing"), path("v1", "items", "no/such thing", "similar")):
        answer = client.get(address)
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] == "NotFoundError"
        assert "no/such thing" in answer.json()["error"]["message"]

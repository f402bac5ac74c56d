"""The interest model behind the API: what the fake promises, the real one keeps."""

import json
import signal
import sys
from pathlib import Path

import pytest
import torch
from fastapi.testclient import TestClient

import penchant
from penchant.cli import main
from penchant.feedback import open_stores
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from penchant.serving import create_app
from tests.serving.paths import path
from tests.serving.test_server import asked, running
from tests.worlds import genre_world


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Matrices this small are slower on several threads, and much slower where other tests use the same cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the real model, fitted on a tiny world for two epochs."""
    settings = {
        "text": False,
        "model": {"tracker": {"dim": 16, "training": {"max_epochs": 2, "warmup_steps": 2, "learning_rate": 0.01}}},
    }
    place = tmp_path_factory.mktemp("bundles") / "genres"
    InterestModel(config=InterestModelConfig.of(settings)).fit(genre_world(users=40)).save(place)
    return place


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store.sqlite"


@pytest.fixture
def client(bundle, store):
    with open_stores(store) as stores, TestClient(create_app(penchant.load(bundle), stores)) as client:
        yield client


def offered(client: TestClient, user_id: str = "u-0", k: int = 60) -> list[tuple[str, float]]:
    slate = client.get(path("v1", "users", user_id, "recommendations"), params={"k": k}).json()
    return [(item["item_id"], item["score"]) for item in slate["items"]]


def read(client: TestClient, item_id: str, user_id: str = "u-0", event_type: str = "read") -> None:
    event = {"user_id": user_id, "item_id": item_id, "event_type": event_type}
    answer = client.post("/v1/events", json={"events": [event]}).json()
    assert answer == {"accepted": 1, "duplicates": 0, "rejected": []}


def test_health(client):
    health = client.get("/health").json()
    assert health["bundle"].startswith("genres@")
    assert health["clock"] == "position"
    assert (health["counts"]["users"], health["counts"]["items"]) == (40, 60)
    assert health["counts"]["concepts"] > 0


def test_scores_add_up_and_every_reason_has_words(client):
    slate = client.get("/v1/users/u-0/recommendations?k=20").json()
    for item in slate["items"]:
        told = sum(reason["contribution"] for reason in item["reasons"])
        assert told + item["other"] + item["residual"] == pytest.approx(item["score"], abs=1e-6)
        assert all(reason["text"] for reason in item["reasons"])


def test_rules_over_http_are_kept_and_the_score_stays_what_its_reasons_add_up_to(client):
    plain = client.get("/v1/users/u-0/recommendations?k=40").json()["items"]
    denied, pinned = plain[0]["item_id"], plain[20]["item_id"]
    address = f"/v1/users/u-0/recommendations?k=6&rerank=mmr&rerank_weight=0.8&deny={denied}&pin=2={pinned}"
    slate = client.get(address).json()
    shown = [item["item_id"] for item in slate["items"]]
    assert denied not in shown
    assert shown[1] == pinned
    assert slate["policy"] == "greedy+mmr"
    for item in slate["items"]:
        told = sum(reason["contribution"] for reason in item["reasons"])
        assert told + item["other"] + item["residual"] == pytest.approx(item["score"], abs=1e-6)
    assert any(item["rerank_adjustment"] < 0 for item in slate["items"])
    body = {"k": 6, "rerank": "mmr", "rerank_weight": 0.8, "rules": {"deny": [denied], "pin": {"2": pinned}}}
    same = client.post("/v1/users/u-0/recommendations", json=body).json()
    assert [item["item_id"] for item in same["items"]] == shown
    gone = client.get("/v1/users/u-0/recommendations?pin=1=no-such-item")
    assert gone.status_code == 404
    assert "no-such-item" in gone.json()["error"]["message"]


def test_an_event_changes_recommendations_interests_and_history_at_once(client):
    before, interests = offered(client), client.get("/v1/users/u-0/interests").json()
    read(client, before[0][0])
    after = offered(client)
    assert after != before
    assert before[0][0] not in [item for item, _ in after]
    assert client.get("/v1/users/u-0/interests").json() != interests
    assert client.get("/v1/users/u-0/history").json()["events"][0]["item_id"] == before[0][0]


def test_not_interested_takes_an_item_away(client):
    first = offered(client)[0][0]
    read(client, first, event_type="not_interested")
    assert first not in [item for item, _ in offered(client)]


def test_an_edit_shifts_the_ranking_and_mute_takes_its_items_away(client):
    before = offered(client)
    interest = client.get("/v1/users/u-0/interests").json()["interests"][0]
    address = path("v1", "users", "u-0", "interests", interest["concept_id"])
    assert client.put(address, json={"action": "more"}).status_code == 200
    assert offered(client) != before
    muted = client.put(address, json={"action": "mute"}).json()
    shown = next(one for one in muted["interests"] if one["concept_id"] == interest["concept_id"])
    assert (shown["source"], shown["muted"]) == ("explicit", True)
    for item, _ in offered(client)[:10]:
        assert interest["concept"] not in client.get(path("v1", "items", item)).json()["concepts"]
    client.put(address, json={"action": "reset"})
    assert offered(client) == before


def test_every_edited_interest_stays_in_the_profile_so_that_it_can_be_taken_back(client):
    for interest in client.get("/v1/users/u-0/interests").json()["interests"]:
        client.put(path("v1", "users", "u-0", "interests", interest["concept_id"]), json={"action": "mute"})
    profile = client.get("/v1/users/u-0/interests").json()
    assert all(interest["muted"] for interest in profile["interests"])
    assert len(profile["interests"]) >= 2


def test_a_restart_gives_the_same_answers(client, bundle, store):
    read(client, "2-3")
    interest = client.get("/v1/users/u-0/interests").json()["interests"][0]
    client.put(path("v1", "users", "u-0", "interests", interest["concept_id"]), json={"action": "less"})
    read(client, "3-4", event_type="not_interested")
    read(client, "1-1", user_id="new/用户")
    asked = [path("v1", "users", user, what) for user in ("u-0", "new/用户") for what in ("interests", "history")]
    live = [client.get(address).json() for address in asked], offered(client), offered(client, "new/用户")
    with open_stores(store) as stores, TestClient(create_app(penchant.load(bundle), stores)) as again:
        replayed = [again.get(address).json() for address in asked], offered(again), offered(again, "new/用户")
    assert replayed == live


def test_an_unknown_user_and_an_unknown_item(client):
    assert client.get("/v1/users/nobody/recommendations").json()["cold"] is True
    assert client.get("/v1/users/nobody/interests").json()["cold"] is True
    assert client.get("/v1/items/nothing").status_code == 404
    answer = client.post("/v1/events", json={"events": [{"user_id": "u-0", "item_id": "nothing"}]}).json()
    assert answer["rejected"][0]["column"] == "item_id"


def test_search_and_similar(client):
    assert client.get("/v1/items?q=chess").json()["items"]
    assert client.get("/v1/users?q=u-3").json()["users"][0]["user_id"] == "u-3"
    near = client.get("/v1/items/0-0/similar?k=1000").json()["items"]
    assert len(near) == 59


def test_penchant_serve_keeps_a_store_beside_the_bundle_and_ends_cleanly(bundle):
    with running("-m", "penchant", "serve", str(bundle), "--port", "0") as (process, address):
        event = {"user_id": "u-1", "item_id": "0-0", "event_type": "read", "event_id": "kept"}
        answer = asked(f"{address}/v1/events", {"events": [event]})
        assert answer == {"accepted": 1, "duplicates": 0, "rejected": []}
        assert asked(f"{address}/v1/users/u-1/history")["events"][0]["event_id"] == "kept"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out == "Stopped.\n"
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/v1/events", 200),
        ("GET", "/v1/users/u-1/history", 200),
    ]
    assert "Traceback" not in err
    with open_stores(bundle.with_name("genres.feedback.sqlite")) as stores:
        assert stores.counts()["events"] == 1


def test_a_store_that_cannot_be_opened(bundle, tmp_path, monkeypatch, capsys):
    (tmp_path / "bad").write_bytes(b"x" * 5_000)
    for store, said in ((str(tmp_path / "bad"), "is damaged"), ("redis://host", "No store speaks 'redis'")):
        monkeypatch.setattr(sys, "argv", ["penchant", "serve", str(bundle), "--port", "0", "--store", store])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        assert said in capsys.readouterr().err

"""A server that serves by softmax: its log tells what other policies earn, and judges an update's challenger."""

import json
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from penchant.cli.app import app
from penchant.data.dataset import Dataset
from penchant.feedback import open_stores
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel, load
from penchant.records import Decision
from penchant.serving import create_app
from tests.continual.test_rounds import TINY
from tests.continual.world import two_periods
from tests.worlds import GENRES

FROM = 3
READERS = 40


@pytest.fixture(scope="module")
def periods() -> tuple[Dataset, Dataset]:
    return two_periods(users=40, later=100)


@pytest.fixture(scope="module")
def bundle(periods, tmp_path_factory) -> Path:
    place = Path(tmp_path_factory.mktemp("bundles")) / "genres"
    InterestModel(config=InterestModelConfig.of(TINY)).fit(periods[0]).save(place)
    return place


@pytest.fixture(autouse=True)
def same_draws(monkeypatch):
    """What a slate draws follows from its id."""
    numbers = count()
    monkeypatch.setattr("penchant.pipeline.slates.uuid.uuid4", lambda: SimpleNamespace(hex=f"{next(numbers):032x}"))


def serving(bundle: Path, store: Path, policy: dict[str, Any]) -> tuple[Any, TestClient]:
    stores = open_stores(store)
    return stores, TestClient(create_app(load(bundle), stores, policy=policy))


def ask(client: TestClient, user: str, **asked: Any) -> dict[str, Any]:
    answer = client.post(f"/v1/users/{user}/recommendations", json={"k": 2, **asked})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def post(client: TestClient, *events: dict[str, Any]) -> None:
    assert client.post("/v1/events", json={"events": list(events)}).json()["accepted"] == len(events)


def cli(*arguments: object) -> Any:
    found = CliRunner().invoke(app, [*map(str, arguments), "--json", "-"], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def asked_of(decision: Decision, temperature: float) -> np.ndarray:
    """p(item at the first place), worked out from what the log says."""
    odds = np.exp((np.array(decision.scores) - max(decision.scores)) / temperature)
    return np.asarray(odds / odds.sum())


def test_the_log_tells_what_another_policy_earns(bundle, tmp_path):
    """Users take an item of genre 0 at the first place wherever they see one: what greedy earns is then known."""
    store, temperature = tmp_path / "store.sqlite", 0.5
    stores, client = serving(bundle, store, {"name": "softmax", "temperature": temperature})
    repeats = 8
    with stores:
        slates = [ask(client, f"u-{n}") for n in range(READERS) for _ in range(repeats)]
        took = [slate for slate in slates if slate["items"][0]["item_id"].startswith("0-")]
        for slate in took:
            item = slate["items"][0]["item_id"]
            post(
                client,
                {"user_id": slate["user_id"], "item_id": item, "event_type": "read", "slate_id": slate["slate_id"]},
            )
        decisions = list(stores.decisions())
    assert len(decisions) == len(slates)
    assert {one.policy for one in decisions} == {"softmax"}
    firsts = [asked_of(one, temperature) for one in decisions]
    places = [one.eligible.index(one.slots[0].item_id) for one in decisions]
    told = [one.slots[0].propensity for one in decisions]
    np.testing.assert_allclose([p[n] for p, n in zip(firsts, places, strict=True)], told, rtol=1e-6)
    # As often as they say: the best first, and the first ten of the list.
    for upto in (1, 10):
        expected = np.array([np.sort(p)[::-1][:upto].sum() for p in firsts])
        seen = sum(p[n] >= np.sort(p)[::-1][upto - 1] for p, n in zip(firsts, places, strict=True))
        assert abs(seen - expected.sum()) < 4 * np.sqrt((expected * (1 - expected)).sum())
        assert 0.05 < seen / len(firsts) < 0.95
    sharper = tmp_path / "policies.toml"
    sharper.write_text("[softmax]\ntemperature = 0.3\n", encoding="utf-8")
    earns = np.mean([asked_of(one, 0.3) @ [item.startswith("0-") for item in one.eligible] for one in decisions])
    assert cli("log", store, "--to", tmp_path / "log.jsonl")["decisions"] == len(slates)
    value = cli("ope", tmp_path / "log.jsonl", "--policy", "softmax", "--config", sharper)["value"]
    assert value["logged_by"] == {f"softmax@{decisions[0].policy_version}": len(slates)}
    assert value["logged"]["value"] == pytest.approx(len(took) / len(slates))
    for told in (value["all_places"], value["first_place"]):
        found = {one["estimator"]: one for one in told}
        chosen = found[value["chosen"]] if value["chosen"] in found else found["chosen"]
        assert chosen["refused"] == ""
        low, high = chosen["intervals"]["bootstrap"]
        assert low <= earns <= high
        assert high - low < 0.3
    # What it was logged by is read from the log, and its probabilities are those that were logged.
    same = cli("ope", tmp_path / "log.jsonl", "--policy", "uniform", "--logging-policy", "softmax")["value"]
    assert next(one for one in same["all_places"] if one["estimator"] == "independent_ips")["value"] is not None


def test_it_judges_a_challenger(bundle, periods, tmp_path):
    """Each reader of the second period is shown a book of the shelf that he reads, and where it is the one that he
    takes next he takes it from there.
    """
    store, second = tmp_path / "store.sqlite", periods[1]
    stores, client = serving(bundle, store, {"name": "softmax", "temperature": 0.4})
    histories, ids, answered = second.histories(), second.items.ids, 0
    with stores:
        for row in range(len(histories)):
            user = second.users.ids[row]
            for place, item in enumerate(ids[n] for n in histories.items[histories.of(row)].tolist()):
                event = {"user_id": user, "item_id": item, "event_type": "interaction"}
                if place >= FROM:
                    shelf = GENRES[int(item.split("-")[0])]
                    slate = ask(client, user, k=1, rules={"allow": [f"tags:{shelf}"]})
                    if item in [shown["item_id"] for shown in slate["items"]]:
                        event["slate_id"] = slate["slate_id"]
                        answered += 1
                post(client, event)
        decisions = list(stores.decisions())
    told = tmp_path / "update.toml"
    told.write_text(
        "[learning]\nepochs = 12\nlearning_rate = 0.02\nanchor = 0.001\n[gate]\nheld_out = 0.5\nmost_forgotten = 1.0\n",
        encoding="utf-8",
    )
    verdict = cli("update", bundle, "--events", store, "--config", told)["verdict"]
    assert (verdict["decided_by"], verdict["logged_refused"]) == ("logged decisions", "")
    logged, gain = verdict["logged"], verdict["logged"]["gain"]
    assert logged["policy"] == "softmax"
    assert gain["cases"] + logged["left_out"]["decisions of users who do not judge"] == len(decisions)
    assert logged["champion"] == pytest.approx(answered / len(decisions), abs=0.05)
    assert logged["unsupported"] == 0.0  # a whole shelf was eligible
    assert gain["value"] > 0
    assert gain["low"] < gain["value"] < gain["high"]
    assert verdict["wins"] == (gain["low"] > 0)

"""Requests served as an experiment says."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from penchant.errors import ConfigError
from penchant.feedback import open_stores
from penchant.serving import create_app
from penchant.serving.experiments import ServedExperiment, Trial
from tests.serving.fake_model import FakeModel

DIAL = {"name": "dial", "arms": {"control": {"explore": 0.0}, "curious": {"explore": 0.3}}}
USERS = [f"visitor-{n}" for n in range(40)]


def trial(said=DIAL, models=None) -> Trial:
    return Trial(settings=ServedExperiment.of(said), models=models or {})


def application(folder: Path, model: FakeModel, running: Trial):
    stores = open_stores(folder / "store.sqlite")
    return stores, TestClient(create_app(model, stores, trial=running))


def ask(client, user, **asked):
    answer = client.get(f"/v1/users/{user}/recommendations", params={"k": 3, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()


def click(client, user, slate, **more):
    item = slate["items"][0]["item_id"]
    event = {"user_id": user, "item_id": item, "event_type": "click", "slate_id": slate["slate_id"], **more}
    assert client.post("/v1/events", json={"events": [event]}).json()["accepted"] == 1


def test_a_request_that_comes_again_keeps_its_arm(tmp_path):
    stores, client = application(tmp_path, FakeModel(), trial())
    with stores:
        first, again = (ask(client, USERS[0], request_id="r-1") for _ in range(2))
        assert again["slate_id"] == first["slate_id"]
        assert again["arm"] == first["arm"] is not None


def test_arms_with_bundles_of_their_own_know_what_users_do(tmp_path):
    here, other = FakeModel(), FakeModel()
    said = {"name": "refit", "arms": {"control": {}, "new": {"bundle": "books.v2"}}}
    loaded: list[Path] = []

    def load(path: Path) -> FakeModel:
        loaded.append(path)
        return other

    running = Trial.of(ServedExperiment.of(said), load)
    assert loaded == [Path("books.v2")]
    stores, client = application(tmp_path, here, running)
    with stores:
        user = next(user for user in USERS if running.settings.experiment.arm(user) == "new")
        stays = next(user for user in USERS if running.settings.experiment.arm(user) == "control")
        slate = ask(client, user)
        assert slate["arm"] == "new"
        click(client, user, slate)
        ask(client, stays)
        assert f"recommend {user}" in other.calls
        assert f"recommend {user}" not in here.calls
        assert f"recommend {stays}" in here.calls
        assert client.put(f"/v1/users/{user}/interests/crime", json={"action": "mute"}).status_code in {200, 404}
        assert len(here.events[user]) == len(other.events[user]) == 1
        assert [edit.edit_id for edit in here.log] == [edit.edit_id for edit in other.log]
    fresh, second = FakeModel(), FakeModel()
    with open_stores(tmp_path / "store.sqlite") as stores:
        create_app(fresh, stores, trial=trial(said, {"new": second}))
    assert len(fresh.events[user]) == len(second.events[user]) == 1  # a restart tells both


def test_what_one_bundle_alone_has_is_taken_and_what_none_has_is_refused(tmp_path):
    here, other = FakeModel(), FakeModel()
    newest = next(iter(here.titles))
    del here.titles[newest]
    said = {"name": "refit", "arms": {"a": {}, "b": {"bundle": "v2"}}}
    stores, client = application(tmp_path, here, trial(said, {"b": other}))
    with stores:
        events = [{"user_id": USERS[0], "item_id": item, "event_id": item} for item in (newest, "nowhere")]
        told = client.post("/v1/events", json={"events": events}).json()
        assert told["accepted"] == 1
        assert [fault["index"] for fault in told["rejected"]] == [1]
        assert [getattr(one.entry, "event_id", None) for one in stores.log()] == [newest]
        assert len(other.events[USERS[0]]) == 1


def test_only_part_of_the_traffic_is_enrolled(tmp_path):
    stores, client = application(tmp_path, FakeModel(), trial({**DIAL, "traffic": 0.3}))
    with stores:
        arms = [ask(client, user)["arm"] for user in USERS]
    assert 3 < sum(arm is not None for arm in arms) < 25


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"name": "x", "arms": {"a": {"explore": 0.1}}}, "two arms"),
        ({"name": "x", "arms": {"a": {"explore": 0.1}, "b": {"explore": 0.1}}}, "all arms are the same"),
        ({"name": "x", "arms": {"a": {"explore": 1.1}, "b": {}}}, "share lies from 0 to 1"),
        ({"name": "x", "arms": {"a": {"share": 0.5}, "b": {"explore": 0.1}}}, "every arm has a share"),
        ({"name": "x", "arms": {"a": {"share": 0.5}, "b": {"share": 0.4, "explore": 0.1}}}, "add up to 1"),
        ({"name": "x", "arms": {"a": {"rerank": "magic"}, "b": {}}}, "no reranker is called 'magic'"),
        ({"name": "x", "arms": {"a": {"policy": "magic"}, "b": {}}}, "No policy is called 'magic'"),
        ({"name": "x", "arms": {"a": {"policy": {"name": "softmax", "heat": 1}}, "b": {}}}, "heat: no such setting"),
        ({"name": "x", "arms": {"a": {"policy": "softmax", "explore": 0.1}, "b": {}}}, "explore is a setting of"),
        ({"name": "", "arms": {"a": {"explore": 0.1}, "b": {}}}, "name"),
        ({"arms": {"a": {"explore": 0.1}, "b": {}}}, "name"),
    ],
)
def test_what_is_no_experiment_is_refused(said, told):
    with pytest.raises(ConfigError, match=told):
        ServedExperiment.of(said)


def test_an_arm_may_choose_by_another_policy(tmp_path):
    """Who turns the dial himself is served by his own word, and is no exposure to an arm that names a policy."""
    model, soft = FakeModel(), {"name": "softmax", "temperature": 0.5}
    running = trial({"name": "soft", "arms": {"control": {}, "soft": {"policy": soft}}})
    stores, client = application(tmp_path, model, running)
    with stores:
        for user in USERS[:10]:
            slate = ask(client, user)
            assert model.wishes["policy"] == {"control": None, "soft": soft}[slate["arm"]]
            assert ask(client, user, explore=0.2)["arm"] is None
            assert (model.wishes["explore"], model.wishes["policy"]) == (0.2, None)
            assert ask(client, user, policy="ucb")["arm"] is None
            assert model.wishes["policy"] == "ucb"


def test_an_arm_that_cannot_be_served_is_refused_before_anybody_asks(tmp_path, monkeypatch):
    model = FakeModel()

    def refuse(*_: object, **asked: object) -> None:
        if asked.get("rerank_weight") is not None:
            raise ConfigError("A weight came without a reranker.", hint="Name one.")

    monkeypatch.setattr(model, "decide", refuse)
    said = {"name": "x", "arms": {"plain": {}, "odd": {"rerank_weight": 0.3}}}
    with pytest.raises(ConfigError, match="The arm 'odd' cannot be served: A weight came without a reranker"):
        application(tmp_path, model, trial(said))

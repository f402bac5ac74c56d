"""`penchant update`, `rollback` and `ask` on a tiny bundle."""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from penchant.data.dataset import Dataset, Table
from penchant.feedback import open_stores
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel, load
from penchant.records import Event
from penchant.serving.live import LiveModel
from tests.continual.world import two_periods

EAGER = "[learning]\nepochs = 12\nlearning_rate = 0.02\nanchor = 0.001\n[gate]\nheld_out = 0.6\nmost_forgotten = 1.0\n"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("update")
    first, second = two_periods(users=40, later=100)
    settings = {
        "text": False,
        "model": {
            "sources": [],
            "tracker": {
                "dim": 16,
                "layers": 1,
                "dropout": 0.1,
                "training": {"max_epochs": 2, "warmup_steps": 2, "learning_rate": 0.01},
            },
        },
    }
    InterestModel(config=InterestModelConfig.of(settings)).fit(first).save(place / "genres")
    first.save(place / "same")
    second.save(place / "second")
    (place / "eager.toml").write_text(EAGER)
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "here")
    return tmp_path / "here"


def test_update_publishes_what_wins_and_rolls_back(place, penchant):
    bundle = place / "genres"
    told = ("update", bundle, "--events", place / "second", "--config", place / "eager.toml", "--json")
    code, out, err = penchant(*told)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["wins"], found["reason"]
    assert (found["published"], found["stands"]) == (False, "genres")
    assert not (place / "genres.current").exists()
    assert found["new"]["users"] == 100
    assert found["verdict"]["new"]["low"] > 0
    code, out, _ = penchant(*told, "--publish")
    assert json.loads(out)["stands"] == "genres.v2"
    model = load(bundle)
    assert model.bundle.startswith("genres.v2@")
    assert model.fitted.dataset.n_users == 140
    assert model.fitted.facts["update"]["from"].startswith("genres@")
    assert not model.recommend("later-3", 5).cold
    assert "nothing new to learn" in penchant(*told)[1]
    code, out, _ = penchant("rollback", bundle)
    assert (code, out) == (0, f"{bundle}: genres stands, of genres, genres.v2.\n")
    assert load(bundle).fitted.dataset.n_users == 40
    code, _, err = penchant("rollback", bundle)
    assert code == 2
    assert "nothing stood before it" in err


def test_nothing_new_and_not_due_do_nothing(place, penchant):
    code, out, _ = penchant("update", place / "genres", "--events", place / "same", "--publish")
    assert code == 0
    assert "genres: nothing new to learn." in out
    code, out, _ = penchant("update", place / "genres", "--events", place / "second", "--after-events", "99999")
    assert "1000 new events; an update is due after 99999" in out
    code, out, _ = penchant("update", place / "genres", "--events", place / "second", "--after-hours", "5")
    assert "hours since the last fit; due after 5" in out
    assert not (place / "genres.current").exists()


def test_a_challenger_that_learned_nothing_leaves_the_champion(place, penchant):
    still = place / "still.toml"
    still.write_text("[learning]\nepochs = 1\nlearning_rate = 0.0\n")
    code, out, _ = penchant("update", place / "genres", "--events", place / "second", "--config", still, "--publish")
    assert code == 0
    assert "genres keeps its place" in out
    assert not (place / "genres.v2").exists()


def test_a_store_is_learned_from_and_what_was_forgotten_is_not(place):
    from penchant.continual.coming import coming
    from penchant.records import Edit

    with open_stores(place / "store.db") as stores:
        stores.add_events([Event(user_id="w", item_id=f"0-{n}", event_id=f"w{n}", timestamp=n) for n in range(6)])
        stores.add_events([Event(user_id="w", item_id="no-such-item", event_id="x", timestamp=9)])
        stores.add_edit(Edit(edit_id="f", user_id="w", action="forget", event_id="w2", edited_at=1))
    came = coming(place / "store.db", load(place / "genres"))
    assert (came.growth.events, came.forgotten, came.refused) == (5, 1, 1)
    events = came.growth.dataset.events
    ids = {came.growth.dataset.event_id(int(key)) for key in events.keys[came.growth.new]}
    assert ids == {"w0", "w1", "w3", "w4", "w5"}


def test_killed_while_publishing_the_old_one_stands(place, penchant, monkeypatch):
    bundle = place / "genres"
    before = load(bundle).bundle

    def killed(self, path):
        Path(path).mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(InterestModel, "save", killed)
    told = ("update", bundle, "--events", place / "second", "--config", place / "eager.toml", "--publish")
    assert penchant(*told)[0] == 130
    assert load(bundle).bundle == before


def test_bad_input_is_told(place, penchant):
    no_table = place / "gate.toml"
    no_table.write_text("gate = 3\n", encoding="utf-8")
    for arguments, words in (
        (("update", place / "genres", "--events", "x", "--config", no_table, "--margin", "0.1"), "gate: Input"),
        (("update", place / "none", "--events", place / "second"), "No bundle at"),
        (("update", place / "genres", "--events", place / "none"), "neither a dataset folder nor a store"),
        (("rollback", place / "genres"), "has one version"),
        (("ask", place / "genres", "--n", "11"), "asked 1 to 10"),
    ):
        code, _, err = penchant(*arguments)
        assert code == 2
        assert words in err


def test_ask(place, penchant):
    code, out, _ = penchant("ask", place / "genres", "--n", "2", "--json")
    assert code == 0
    assert len(json.loads(out)["questions"]) == 2
    assert "Do you like" in penchant("ask", place / "genres")[1]


def test_a_new_item_with_no_text_is_served_after_an_update(place, penchant):
    """It joins the catalogue with its events, and those who took what its takers took get it ranked."""
    old = Dataset.load(place / "second")
    items = Table((*old.items.ids, "brand-new"), {})
    rows = old.events.items.copy()
    rows[4::10] = len(items) - 1
    Dataset.of_rows(
        name="with a new item", users=old.users, items=items, user_rows=old.events.users, item_rows=np.asarray(rows)
    ).save(place / "new item")
    told = ("update", place / "genres", "--events", place / "new item", "--config", place / "eager.toml", "--publish")
    code, out, err = penchant(*told, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["new"]["items"] == 1
    assert json.loads(out)["published"], json.loads(out)["reason"]
    assert load(place / "genres").item("brand-new").events == 100


def test_the_loop_closes_from_a_slate_to_a_new_version(place, penchant):
    """Recommend, explore, take feedback, tell it from the log, learn from it, publish: the list is another one."""
    second, store = Dataset.load(place / "second"), place / "store.sqlite"
    histories, ids = second.histories(), second.items.ids
    with open_stores(store) as stores:
        live = LiveModel(load(place / "genres"), stores)
        for row in range(len(histories)):
            user = second.users.ids[row]
            events = [
                Event(user_id=user, item_id=ids[item], event_id=f"{user}-{place}")
                for place, item in enumerate(histories.items[histories.of(row)].tolist())
            ]
            live.observe(events[:1])
            slate = live.recommend(user, 5, exclude_seen=True, explore=0.3)
            shown = {item.item_id for item in slate.items}
            live.observe([replace(e, slate_id=slate.slate_id if e.item_id in shown else None) for e in events[1:]])
        before = [item.item_id for item in live.recommend("later-3", 5, exclude_seen=False).items]
        before_scores = [item.score for item in live.recommend("later-3", 5, exclude_seen=False).items]
    code, out, _ = penchant("log", store, "--to", place / "log.jsonl", "--json")
    assert (code, json.loads(out)["events"]) == (0, len(second.events))
    answer = place / "answer.json"
    assert (
        penchant("ope", place / "log.jsonl", "--policy", "greedy", "--reward", "interaction=1", "--json", answer)[0]
        == 0
    )
    assert "greedy" in answer.read_text()
    code, out, _ = penchant(
        "update", place / "genres", "--events", store, "--config", place / "eager.toml", "--json", "--publish"
    )
    found = json.loads(out)
    assert (code, found["stands"]) == (0, "genres.v2"), found["reason"]
    # The dial shows what it holds best, so that its log does not overlap with what another model would show.
    assert found["verdict"]["decided_by"] == "held-out events"
    assert "no overlap" in found["verdict"]["logged_refused"]
    after = load(place / "genres").recommend("later-3", 5, exclude_seen=False)
    assert after.bundle.startswith("genres.v2@")
    assert ([item.item_id for item in after.items], [item.score for item in after.items]) != (before, before_scores)


def test_watch_tells_each_round_until_it_is_stopped(place, penchant, monkeypatch):
    waits = []

    def stopped(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", stopped)
    still = place / "still.toml"
    still.write_text("[learning]\nepochs = 1\nlearning_rate = 0.0\n")
    told = ("watch", place / "genres", "--events", place / "second", "--config", still, "--after-events", "100")
    code, out, err = penchant(*told, "--look", "90s", "--json")
    assert (code, err) == (0, "Stopped.\n")
    assert waits == [90.0, 90.0]
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(one["due"], one["stands"]) for one in lines] == [(["1000 new events"], "genres")]
    assert not (place / "genres.current").exists()
    waits.clear()
    code, out, _ = penchant(*told)
    assert "1000 new events" in out
    assert "genres keeps its place" in out
    assert "held-out events decide: there are no logged decisions" in out
    assert waits == [600.0, 600.0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "Nothing says when to update"),
        (("--every", "soon"), "--every takes a time"),
        (("--every", "0h"), "--every takes a time"),
        (("--every", "1d", "--look", "-3m"), "--look takes a time"),
    ],
)
def test_watch_refuses_what_says_nothing(place, penchant, options, words):
    code, _, err = penchant("watch", place / "genres", "--events", place / "second", *options)
    assert code == 2
    assert words in err

"""Rounds of updating: when they are due, what they leave behind, and that none of them stops the next."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from penchant.continual import rounds, triggers
from penchant.continual.rounds import Order, update_bundle, watch
from penchant.continual.triggers import Tried, TriggerConfig, due
from penchant.continual.updating import UpdateConfig
from penchant.errors import ConfigError, StoreError
from penchant.feedback import open_stores
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel, load
from penchant.records import Event
from tests.continual.world import two_periods

START = datetime(2026, 1, 1, tzinfo=UTC)
STILL = UpdateConfig.of({"learning": {"epochs": 1, "learning_rate": 0.0, "anchor": 0.0}})
EAGER = UpdateConfig.of(
    {
        "learning": {"epochs": 12, "learning_rate": 0.02, "anchor": 0.001},
        "gate": {"held_out": 0.6, "most_forgotten": 1.0},
    }
)
TINY = {
    "text": False,
    "model": {
        "sources": [],
        "tracker": {"dim": 16, "layers": 1, "training": {"max_epochs": 2, "warmup_steps": 2, "learning_rate": 0.01}},
    },
}


class Clock:
    """Time passes only while it is waited for; after the last look somebody presses Ctrl-C."""

    def __init__(self, looks: int) -> None:
        self.at, self.left = START, looks
        self.meanwhile: dict[int, Callable[[], object]] = {}
        self.looked = 0

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.looked += 1
        if self.looked >= self.left:
            raise KeyboardInterrupt
        self.at += timedelta(seconds=seconds)
        if self.looked in self.meanwhile:
            self.meanwhile[self.looked]()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("rounds")
    first, second = two_periods(users=40, later=100)
    model = InterestModel(config=InterestModelConfig.of(TINY), now=lambda: START).fit(first)
    model.save(place / "genres")
    second.save(place / "second")
    return place


def _watched(order: Order, when: TriggerConfig, clock: Clock, *, every: float = 3_600.0) -> list[Any]:
    told: list[Any] = []
    with pytest.raises(KeyboardInterrupt):
        watch(order, when, look_every=every, now=clock.now, wait=clock.wait, tell=told.append)
    return told


def _events(store: Path, user: str, n: int) -> None:
    with open_stores(store) as stores:
        stores.add_events([Event(user_id=user, item_id=f"0-{k}", event_id=f"{user}{k}") for k in range(n)])


def test_it_trains_when_the_time_has_come_and_not_before(made):
    order = Order(bundle=made / "genres", events=made / "second", settings=STILL, publish=True)
    told = _watched(order, TriggerConfig(after_hours=5), Clock(looks=14))
    assert [one["at"] for one in told] == [(START + timedelta(hours=h)).isoformat() for h in (5, 10)]
    assert all(not one["wins"] and not one["published"] and "failed" not in one for one in told)
    assert [one["due"] for one in told] == [["5.0 hours since the last fit"], ["5.0 hours since the last try"]]
    assert not (made / "genres.current").exists()


def test_it_trains_when_enough_came_and_what_was_tried_makes_nothing_due(made, tmp_path):
    store = tmp_path / "store.db"
    _events(store, "u", 4)
    clock = Clock(looks=7)
    clock.meanwhile = {2: lambda: _events(store, "v", 7), 5: lambda: _events(store, "w", 12)}
    order = Order(bundle=made / "genres", events=store, settings=STILL, publish=True)
    told = _watched(order, TriggerConfig(after_events=10), clock)
    assert [(one["at"], one["due"]) for one in told] == [
        ((START + timedelta(hours=2)).isoformat(), ["11 new events"]),
        ((START + timedelta(hours=5)).isoformat(), ["12 new events"]),
    ]


def test_a_round_that_fails_is_told_and_the_next_goes_on(made, tmp_path, monkeypatch):
    gone, calls = tmp_path / "not yet", []

    def fails(*_, **__):
        calls.append(1)
        raise MemoryError("no room")

    order = Order(bundle=made / "genres", events=gone, settings=STILL, publish=True)
    clock = Clock(looks=6)
    clock.meanwhile = {
        2: lambda: _events(gone, "u", 6),
        3: lambda: monkeypatch.setattr(rounds, "update", fails),
        4: lambda: _events(gone, "v", 6),
    }
    told = _watched(order, TriggerConfig(after_events=5), clock)
    assert [one.get("failed", False) for one in told] == [True, True, False, True]
    assert "neither a dataset folder nor a store" in told[0]["reason"]
    assert told[3]["reason"] == "MemoryError: no room"
    assert told[3]["stands"] == "genres"
    assert len(calls) == 1, "what failed is not tried again before it is due anew"


def test_what_wins_is_published_and_learned_events_count_no_more(made, tmp_path):
    bundle = tmp_path / "books"
    load(made / "genres").start(load(made / "genres").fitted).save(bundle)
    order = Order(bundle=bundle, events=made / "second", settings=EAGER, publish=True)
    told = _watched(order, TriggerConfig(after_events=100), Clock(looks=3))
    assert [one["stands"] for one in told] == ["books.v2"]
    assert told[0]["published"], told[0]["reason"]
    assert told[0]["verdict"]["decided_by"] == "held-out events"
    assert told[0]["verdict"]["logged_refused"] == "there are no logged decisions"
    assert load(bundle).fitted.facts["update"]["verdict"]["decided_by"] == "held-out events"


def test_nothing_to_wait_for_and_no_bundle_are_refused(made, tmp_path):
    order = Order(bundle=made / "genres", events=made / "second")
    clock = Clock(looks=1)
    with pytest.raises(ConfigError, match="Nothing says when"):
        watch(order, TriggerConfig(), look_every=1, now=clock.now, wait=clock.wait, tell=print)
    nowhere = Order(bundle=tmp_path / "none", events=made / "second")
    with pytest.raises(ConfigError, match="No bundle"):
        watch(nowhere, TriggerConfig(after_hours=1), look_every=1, now=clock.now, wait=clock.wait, tell=print)
    assert clock.looked == 0


def _growth(events: int):
    return SimpleNamespace(events=events)


def _champion(fitted_at: datetime | None = START):
    facts = {} if fitted_at is None else {"fitted_at": fitted_at.isoformat()}
    return SimpleNamespace(fitted=SimpleNamespace(facts=facts))


class TestDue:
    """Each condition for itself."""

    def test_hours(self):
        when = TriggerConfig(after_hours=2)
        for hours, holds in ((1.9, False), (2.0, True), (-5.0, False)):
            found = due(when, _champion(), None, now=START + timedelta(hours=hours))
            assert bool(found.met) is holds
            assert bool(found.unmet) is not holds
        tried = Tried(at=START + timedelta(hours=3))
        assert not due(when, _champion(), None, now=START + timedelta(hours=4), tried=tried).met
        assert due(when, _champion(None), None, now=START).met

    def test_changes_count_once(self, monkeypatch):
        monkeypatch.setattr(triggers, "_changed_at", lambda *_: 70)
        when = TriggerConfig(on_drift=True)
        found = due(when, _champion(), _growth(9), now=START)
        assert (found.met, found.changed_at) == (("what users take has changed",), 70)
        assert not due(when, _champion(), _growth(9), now=START, tried=Tried(at=START, changed_at=70)).met
        assert due(when, _champion(), _growth(9), now=START, tried=Tried(at=START, changed_at=69)).met

    def test_each_is_told(self):
        when = TriggerConfig(after_events=10, after_hours=1)
        found = due(when, _champion(), _growth(12), now=START)
        assert found.met == ("12 new events",)
        assert found.unmet == ("0.0 hours since the last fit; due after 1",)


def test_one_round_asks_for_all_conditions(made):
    order = Order(bundle=made / "genres", events=made / "second", settings=STILL)
    when = TriggerConfig(after_events=10, after_hours=1)
    found = update_bundle(order, when, now=lambda: START)
    assert found["reason"] == "0.0 hours since the last fit; due after 1"
    assert "verdict" not in found


def test_a_store_that_breaks_is_told_with_what_to_do(made, tmp_path, monkeypatch):
    def broken(*_):
        raise StoreError("the store is damaged.", hint="Restore it.")

    monkeypatch.setattr(rounds, "coming", broken)
    order = Order(bundle=made / "genres", events=tmp_path / "s.db", publish=True)
    told = _watched(order, TriggerConfig(after_events=1), Clock(looks=1))
    assert told[0]["reason"] == "the store is damaged. Restore it."

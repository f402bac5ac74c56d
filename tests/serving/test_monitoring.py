"""What is watched while serving: counters, measures of the last minutes, alerts that come and go."""

import logging
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from penchant.errors import ConfigError, StoreError
from penchant.records import Event, ObserveResult, PopulationAlarm, PopulationDrift, RecommendedItem, Rejection, Slate
from penchant.serving import create_app
from penchant.serving.monitoring import Monitoring, MonitoringConfig


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def slate(number: int, **more: Any) -> Slate:
    items = tuple(RecommendedItem(item_id=f"i{n}", title="", rank=n + 1, score=0.0, explored=n == 2) for n in range(3))
    told = {"user_id": "u", "generated_at": "", "bundle": "b", "policy": "greedy", "items": items, **more}
    return Slate(slate_id=f"s{number}", **told)


def click(number: int, item: str = "i0", kind: str = "click") -> Event:
    return Event(user_id="u", item_id=item, event_type=kind, slate_id=f"s{number}")


def took(watch: Monitoring, *events: Event) -> None:
    watch.took(events, ObserveResult(accepted=len(events), duplicates=0))


def sample(text: str, name: str, **labels: str) -> float:
    found = [
        one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if one.name == name and labels.items() <= one.labels.items()
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def told(watch: Monitoring) -> str:
    return watch.exposition(stored={"events": 2}, readings={"kept": 3}).decode()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def watched(clock: Clock, **said: Any) -> Monitoring:
    return Monitoring(MonitoringConfig.of({"window": 60, "least": 10, **said}), now=clock)


def test_measures_are_those_of_the_window(clock):
    watch = watched(clock)
    for n in range(100):
        watch.began()
        watch.ended("GET", "/x", 500 if n < 5 else 200, (n + 1) / 1_000)
    for route in ("/health", "/metrics"):  # a probe's own requests say nothing of how users are served
        watch.began()
        watch.ended("GET", route, 200, 60.0)
    measures = watch.measures()
    assert measures["latency_p95_ms"] == pytest.approx(95.05)
    assert measures["errors"] == 0.05
    assert measures["requests_per_second"] == pytest.approx(100 / 60)
    clock.at = 61
    assert "errors" not in watch.measures()  # too few: none
    text = told(watch)
    assert sample(text, "penchant_requests_total", route="/x", status="500") == 5
    assert sample(text, "penchant_request_seconds_count", route="/x") == 100
    assert sample(text, "penchant_request_seconds_sum", route="/x") == pytest.approx(5.05)
    assert sample(text, "penchant_requests_in_progress") == 0
    assert sample(text, "penchant_stored", kind="events") == 2
    assert sample(text, "penchant_user_readings", from_="kept") == 3


def test_answered_slates_are_counted_once_and_for_what_they_showed(clock):
    watch = watched(clock)
    for n in range(20):
        watch.served(slate(n))
    watch.served(slate(0), repeated=True)
    watch.served(slate(99), kept=False)
    took(watch, click(0), click(0, "i1"), click(1, "elsewhere"), click(2, kind="view"), click(3, kind="rating"))
    took(watch, Event(user_id="u", item_id="i0", event_type="click"), click(77))
    watch.took(
        [click(4)], ObserveResult(accepted=0, duplicates=0, rejected=(Rejection(index=0, column="x", reason=""),))
    )
    assert watch.measures()["answered"] == pytest.approx(1 / 20)
    text = told(watch)
    assert sample(text, "penchant_slates_total", policy="greedy", arm="") == 21
    assert sample(text, "penchant_places_total", explored="yes") == 21
    assert sample(text, "penchant_requests_repeated_total") == 1
    assert sample(text, "penchant_slates_not_kept_total") == 1
    assert sample(text, "penchant_slates_answered_total") == 1
    assert sample(text, "penchant_events_total", outcome="rejected") == 1
    assert sample(text, "penchant_window", measure="not_kept") == 1
    clock.at = 61
    assert watch.measures() == {"not_kept": 0.0}
    assert 'measure="answered"' not in told(watch)


def test_alerts_come_are_told_once_and_go(clock, caplog):
    bounds = {"latency_p95_ms": 50, "errors": 0.1, "answered": 0.5, "not_kept": 0, "drift": 1}
    watch = watched(clock, alerts=bounds)
    assert watch.alerts() == ()  # of nothing nothing is said
    caplog.set_level(logging.WARNING, "penchant.serving")
    for n in range(20):
        watch.ended("GET", "/x", 200 if n % 5 else 500, 0.1)
        watch.served(slate(n))
    watch.served(slate(99), kept=False)
    watch.found_drift(2)
    assert {alert.name for alert in watch.alerts()} == set(bounds)
    watch.alerts()
    assert len(caplog.messages) == 5
    assert any(re.fullmatch(r"Alert: answered is 0, below 0\.5", line) for line in caplog.messages)
    assert sample(told(watch), "penchant_alert", alert="errors") == 1
    clock.at = 61
    for n in range(20):
        watch.ended("GET", "/x", 200, 0.01)
        watch.served(slate(100 + n))
        took(watch, click(100 + n))
    watch.found_drift(0)
    assert watch.alerts() == ()
    assert sum("is over" in line for line in caplog.messages) == 5
    assert sample(told(watch), "penchant_alert", alert="errors") == 0


def test_alerts_are_looked_at_as_requests_come(clock, caplog):
    """Also where nobody scrapes."""
    watch = watched(clock, alerts={"errors": 0.0})
    caplog.set_level(logging.WARNING, "penchant.serving")
    for _ in range(12):
        clock.at += 1
        watch.ended("GET", "/x", 500, 0.1)
    assert [line for line in caplog.messages if line.startswith("Alert: errors")]


def test_the_server_tells_it_all(model, stores):
    config = MonitoringConfig.of({"least": 3, "alerts": {"errors": 0.0, "drift": 0}})
    with TestClient(create_app(model, stores, monitoring=config), raise_server_exceptions=False) as client:
        assert client.get("/health").json()["status"] == "ok"
        for n in range(3):
            answer = client.get(f"/v1/users/reader-{n}/recommendations").json()
        client.get("/v1/users/reader-0/recommendations?k=0")
        client.get("/nowhere/at-all")
        event = {"user_id": "reader-2", "item_id": answer["items"][0]["item_id"], "event_type": "click"}
        client.post("/v1/events", json={"events": [{**event, "slate_id": answer["slate_id"]}]})
        answer = client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        route = "/v1/users/{user_id}/recommendations"
        assert sample(answer.text, "penchant_requests_total", route=route, status="200") == 3
        assert sample(answer.text, "penchant_requests_total", route=route, status="422") == 1
        assert sample(answer.text, "penchant_requests_total", route="other", status="404") == 1
        assert "at-all" not in answer.text
        assert "reader-" not in answer.text  # whose requests these were is nobody's business
        assert sample(answer.text, "penchant_slates_answered_total") == 1
        assert sample(answer.text, "penchant_window", measure="answered") == pytest.approx(1 / 3)
        assert sample(answer.text, "penchant_requests_in_progress") == 1  # this one


def test_a_server_that_fails_is_degraded_and_says_why(model, stores, monkeypatch):
    config = MonitoringConfig.of({"least": 3, "alerts": {"errors": 0.2, "not_kept": 0}})

    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    def full(*_: object) -> None:
        raise StoreError("full")

    with TestClient(create_app(model, stores, monitoring=config), raise_server_exceptions=False) as client:
        monkeypatch.setattr(model, "find_users", broken)
        for _ in range(3):
            assert client.get("/v1/users").status_code == 500
        monkeypatch.setattr(stores, "add_slate", full)
        assert client.get("/v1/users/reader-1/recommendations").status_code == 200
        health = client.get("/health")
        assert (health.status_code, health.json()["status"], health.json()["ready"]) == (200, "degraded", True)
        assert {alert["name"] for alert in health.json()["alerts"]} == {"errors", "not_kept"}
        assert "above 0.2" in next(a["text"] for a in health.json()["alerts"] if a["name"] == "errors")


def test_drift_is_claimed_once():
    watch = Monitoring(MonitoringConfig.of({"alerts": {"drift": 0}}), now=lambda: 5.0)
    assert [watch.claims_drift() for _ in range(3)] == [True, False, False]


def test_drift_is_read_where_it_has_a_bound_and_not_at_every_look(model, stores, monkeypatch):
    calls = []
    alarms = [  # the first is of the dataset, and no news
        PopulationAlarm(kind="more", concept_id="c", concept="c", before=0.1, after=0.3, moment=n, event=n)
        for n in (1, 2)
    ]

    def drifted() -> PopulationDrift:
        calls.append(1)
        return PopulationDrift(alarms=tuple(alarms), events=2, baseline=1, watched=1)

    monkeypatch.setattr(model, "population_drift", drifted)
    with TestClient(create_app(model, stores)) as client:
        assert 'measure="drift"' not in client.get("/metrics").text
        assert calls == []
        client.get("/v1/drift")
        assert sample(client.get("/metrics").text, "penchant_window", measure="drift") == 1
    calls.clear()
    config = MonitoringConfig.of({"alerts": {"drift": 0}})
    with TestClient(create_app(model, stores, monitoring=config)) as client:
        assert client.get("/health").json()["status"] == "degraded"
        client.get("/metrics")
        assert len(calls) == 1
    alarms.pop()
    with TestClient(create_app(model, stores, monitoring=config)) as client:
        assert client.get("/health").json()["status"] == "ok"


def test_a_word_that_is_no_method_makes_no_series_and_a_full_memory_no_lower_rate(clock, monkeypatch):
    monkeypatch.setattr("penchant.serving.monitoring.MOST_KEPT", 50)
    watch = watched(clock)
    for n in range(100):
        clock.at = n / 10
        watch.began()
        watch.ended(f"WORD{n}", "/x", 200, 0.01)
    assert watch.measures()["requests_per_second"] == pytest.approx(10, rel=0.05)
    assert sample(told(watch), "penchant_requests_total", route="/x") == 100


@pytest.mark.parametrize(
    "said",
    [
        {"window": 0},
        {"least": 0},
        {"alerts": {"errors": 1.5}},
        {"alerts": {"latency_p95_ms": 0}},
        {"alerts": {"memory": 1}},
        {"alerts": {"drift": -1}},
    ],
)
def test_bounds_that_are_none_are_refused(said):
    with pytest.raises(ConfigError):
        MonitoringConfig.of(said)

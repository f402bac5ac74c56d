"""How a server does: counters and times for Prometheus, and alerts where a measure of the last minutes passes a bound.

    window = 900                # seconds
    [alerts]
    latency_p95_ms = 200        # above: alert
    errors = 0.01               # share of answers with status 500 or more
    not_kept = 0                # slates that the store did not take
    answered = 0.02             # below: share of slates with an answer that counts
    drift = 0                   # changes noticed in what all users take

Measures of too few requests, or slates, are none, and raise no alert. `answered` is the online metric: of the slates of
the window, those of which something was taken that has a reward (`penchant.feedback.attribution.REWARDS`).
"""

import logging
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import prometheus_client
from prometheus_client import CollectorRegistry, Gauge, Histogram
from pydantic import Field

from penchant.config import Config
from penchant.feedback.attribution import REWARDS
from penchant.records import Event, ObserveResult, Slate

_log = logging.getLogger("penchant.serving")
MOST_KEPT = 50_000
"""Requests and slates of the window, at most: of more, the last"""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""That are labels; a client may send any other word, and each would be a series that is kept"""
PROBES = frozenset({"/health", "/metrics"})
"""Routes whose requests say nothing of how users are served: they are counted, and are not in the window's measures"""
LOOK_EVERY = 5.0
"""Seconds between two looks at the alerts, beside those that are asked for"""


class AlertsConfig(Config):
    """Bounds; None: no alert."""

    latency_p95_ms: float | None = Field(default=None, gt=0)
    errors: float | None = Field(default=None, ge=0, le=1)
    not_kept: int | None = Field(default=None, ge=0)
    answered: float | None = Field(default=None, ge=0, le=1)
    drift: int | None = Field(default=None, ge=0)


class MonitoringConfig(Config):
    """What is watched."""

    window: float = Field(default=900.0, gt=0)
    """Seconds"""
    least: int = Field(default=20, ge=1)
    """Requests, or slates, below which a measure of them is none"""
    drift_every: float = Field(default=3_600.0, gt=0)
    """Seconds after which drift is read again, where it has a bound: reading takes the model's time"""
    alerts: AlertsConfig = AlertsConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A measure beyond its bound."""

    name: str
    value: float
    bound: float
    text: str


class Monitoring:
    """Takes what happens and tells how it goes. Safe under threads; `now` gives seconds that never run back."""

    def __init__(self, config: MonitoringConfig | None = None, *, now: Callable[[], float] = time.monotonic) -> None:
        self.config = config or MonitoringConfig()
        self.registry = CollectorRegistry()
        self._now = now
        self._lock = Lock()
        self._requests: deque[tuple[float, float, bool]] = deque(maxlen=MOST_KEPT)
        self._lost: deque[float] = deque(maxlen=MOST_KEPT)
        self._slates: OrderedDict[str, tuple[float, frozenset[str]]] = OrderedDict()
        self._answered: set[str] = set()
        self._drift: int | None = None
        self._drift_asked: float | None = None
        self._alerts: dict[str, Alert] = {}
        self._looked = now()
        self._make()

    def _make(self) -> None:
        registry = self.registry

        def counter(name: str, told: str, *labels: str) -> prometheus_client.Counter:
            return prometheus_client.Counter(f"penchant_{name}", told, labels, registry=registry)

        self._count = {
            "requests": counter("requests", "Requests answered.", "method", "route", "status"),
            "slates": counter("slates", "Slates served.", "policy", "arm"),
            "places": counter("places", "Places of slates served.", "explored"),
            "events": counter("events", "Events that came.", "outcome"),
            "answered": counter("slates_answered", "Slates of which something was taken."),
            "lost": counter("slates_not_kept", "Slates that the store did not take."),
            "repeats": counter("requests_repeated", "Requests answered with the slate that they got before."),
        }
        self._seconds = Histogram("penchant_request_seconds", "Time to an answer.", ["route"], registry=registry)
        self._open = Gauge("penchant_requests_in_progress", "Requests under way.", registry=registry)
        self._cache = Gauge(
            "penchant_user_readings", "Users read: kept and fitted ones are cache hits.", ["from_"], registry=registry
        )
        self._stored = Gauge("penchant_stored", "What the store holds.", ["kind"], registry=registry)
        self._measure = Gauge("penchant_window", "Measures of the last minutes.", ["measure"], registry=registry)
        self._alert = Gauge("penchant_alert", "1 where a measure is beyond its bound.", ["alert"], registry=registry)
        for name, bound in self.config.alerts.model_dump().items():
            if bound is not None:
                self._alert.labels(name).set(0)

    def began(self) -> None:
        """A request came."""
        self._open.inc()

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; 499 where the client left before, which is no fault of the server's."""
        status = status or 499
        self._open.dec()
        self._count["requests"].labels(method if method in METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        now = self._now()
        with self._lock:
            if route not in PROBES:
                self._requests.append((now, seconds, status >= 500))
            due = now - self._looked >= LOOK_EVERY
        if due:
            self.alerts()

    def served(self, slate: Slate, *, repeated: bool = False, kept: bool = True) -> None:
        """A slate went out."""
        if repeated:
            self._count["repeats"].inc()
            return
        self._count["slates"].labels(slate.policy, slate.arm or "").inc()
        explored = sum(item.explored for item in slate.items)
        self._count["places"].labels("yes").inc(explored)
        self._count["places"].labels("no").inc(len(slate.items) - explored)
        with self._lock:
            if kept:
                self._slates[slate.slate_id] = self._now(), frozenset(item.item_id for item in slate.items)
                while len(self._slates) > MOST_KEPT:
                    self._answered.discard(self._slates.popitem(last=False)[0])
            else:
                self._lost.append(self._now())
        if not kept:
            self._count["lost"].inc()

    def took(self, events: Sequence[Event], result: ObserveResult) -> None:
        """Events came, and this became of them."""
        told = {"accepted": result.accepted, "duplicate": result.duplicates, "rejected": len(result.rejected)}
        for outcome, count in told.items():
            self._count["events"].labels(outcome).inc(count)
        refused = {fault.index for fault in result.rejected}
        for place, event in enumerate(events):
            if place not in refused and event.slate_id is not None and REWARDS.get(event.event_type, 0.0) > 0:
                self._answer(event.slate_id, event.item_id)

    def _answer(self, slate_id: str, item_id: str | None) -> None:
        with self._lock:
            found = self._slates.get(slate_id)
            if found is None or item_id not in found[1] or slate_id in self._answered:
                return
            self._answered.add(slate_id)
        self._count["answered"].inc()

    def found_drift(self, alarms: int) -> None:
        """Drift was read: so many changes in what all users take."""
        with self._lock:
            self._drift_asked, self._drift = self._now(), alarms

    def claims_drift(self) -> bool:
        """Whether drift has a bound and was not read for long. Who is told so reads it; nobody else does meanwhile."""
        if self.config.alerts.drift is None:
            return False
        with self._lock:
            if self._drift_asked is not None and self._now() - self._drift_asked < self.config.drift_every:
                return False
            self._drift_asked = self._now()
            return True

    def measures(self) -> dict[str, float]:
        """Measures of the window; those of too little are not there."""
        since, least = self._now() - self.config.window, self.config.least
        with self._lock:
            while self._requests and self._requests[0][0] < since:
                self._requests.popleft()
            while self._lost and self._lost[0] < since:
                self._lost.popleft()
            while self._slates and next(iter(self._slates.values()))[0] < since:
                self._answered.discard(self._slates.popitem(last=False)[0])
            requests, slates = list(self._requests), len(self._slates)
            told = {"not_kept": float(len(self._lost))}
            if slates >= least:
                told["answered"] = len(self._answered) / slates
            if self._drift is not None:
                told["drift"] = float(self._drift)
        if len(requests) >= least:
            told["latency_p95_ms"] = float(np.quantile([seconds for _, seconds, _ in requests], 0.95)) * 1e3
            told["errors"] = sum(failed for _, _, failed in requests) / len(requests)
            full = len(requests) == MOST_KEPT  # then they are of less than the window
            span = max(self._now() - requests[0][0], 1e-3) if full else self.config.window
            told["requests_per_second"] = len(requests) / span
        return told

    def alerts(self) -> tuple[Alert, ...]:
        """Measures beyond their bounds now. Those that begin or end are logged."""
        measures, found = self.measures(), {}
        for name, bound in self.config.alerts.model_dump().items():
            if bound is None or name not in measures:
                continue
            value, below = measures[name], name == "answered"
            if value < bound if below else value > bound:
                text = f"{name.replace('_', ' ')} is {value:.4g}, {'below' if below else 'above'} {bound:g}"
                found[name] = Alert(name=name, value=value, bound=float(bound), text=text)
        with self._lock:
            before, self._alerts, self._looked = self._alerts, found, self._now()
            for name in found.keys() ^ before.keys():  # within the lock, or the looks of two threads cross
                self._alert.labels(name).set(name in found)
        for name in found.keys() - before.keys():
            _log.warning("Alert: %s", found[name].text)
        for name in before.keys() - found.keys():
            _log.warning("Alert is over: %s", name.replace("_", " "))
        return tuple(found.values())

    def exposition(self, *, stored: Mapping[str, int], readings: Mapping[str, int]) -> bytes:
        """All of it in Prometheus' text format."""
        self.alerts()
        for kind, count in stored.items():
            self._stored.labels(kind).set(count)
        for source, count in Counter(readings).items():
            self._cache.labels(source).set(count)
        self._measure.clear()
        for name, value in self.measures().items():
            self._measure.labels(name).set(value)
        return prometheus_client.generate_latest(self.registry)

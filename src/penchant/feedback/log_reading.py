"""JSON lines of decisions and events, read back: what is bad is set aside with its line and reason, the rest is kept.

A ranking without our key tells nothing of propensities and is set aside; an interaction without it is read.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from penchant.data.quarantine import Fault, Quarantine
from penchant.errors import SourceError
from penchant.feedback.decisions import OWN, fault_of
from penchant.records import Decision, Event, LoggedSlot

SQLITE = b"SQLite format 3\x00"
"""How a store's file begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackLog:
    """What a file held: lines = decisions + events + other + blank + quarantined."""

    decisions: tuple[Decision, ...]
    events: tuple[Event, ...]
    lines: int
    blank: int
    other: int
    """Lines of the schema that are neither: metadata of items and users"""
    faults: tuple[Fault, ...]
    """What was set aside"""


class _BadLineError(Exception):
    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def is_store(path: Path) -> bool:
    """Whether a file is a server's store. `OSError` for one that cannot be read."""
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def read_log(path: Path, *, quarantine: Quarantine | None = None) -> FeedbackLog:
    """Read a log. A bad line is set aside with its number, column and reason, and, where one is given, written to the
    quarantine (which raises `BadRowError` where it is strict). `SourceError` for a file that is not there.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", hint="Give a file of JSON lines.") from None
    if raw.startswith(SQLITE):
        raise SourceError(f"{path} is a store, not a log.", hint=f"Write its log: penchant log {path} --to FILE.jsonl")
    decisions: list[Decision] = []
    events: list[Event] = []
    faults: list[Fault] = []
    blank = other = 0
    lines = raw.splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            blank += 1
            continue
        try:
            read = _read_line(line)
        except _BadLineError as bad:
            fault = Fault(number, bad.column, bad.reason, line.decode("utf-8", "backslashreplace"))
            faults.append(fault)
            if quarantine is not None:
                quarantine.add(path.name, fault)
            continue
        if isinstance(read, Decision):
            decisions.append(read)
        elif isinstance(read, Event):
            events.append(read)
        else:
            other += 1
    return FeedbackLog(
        decisions=tuple(decisions),
        events=tuple(events),
        lines=len(lines),
        blank=blank,
        other=other,
        faults=tuple(faults),
    )


def _read_line(line: bytes) -> Decision | Event | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _BadLineError(None, f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise _BadLineError(None, "not a JSON object")
    kind = record.get("event")
    if kind == "ranking":
        return _decision(record)
    if kind == "interaction":
        return _event(record)
    if kind in {"item", "user"}:
        return None
    raise _BadLineError("event", f"{kind!r} is no kind of event: ranking, interaction, item or user")


def _decision(record: Mapping[str, Any]) -> Decision:
    own = record.get(OWN)
    if not isinstance(own, dict):
        raise _BadLineError(OWN, "the ranking says nothing of how it was decided: no propensities")
    items = _typed(record, "items", list)
    slots = []
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get(OWN), dict):
            raise _BadLineError("items", "an item says nothing of its propensity")
        slots.append(_slot(item))
    decision = Decision(
        slate_id=_typed(record, "id", str),
        user_id=_typed(record, "user", str),
        decided_at=_typed(own, "decided_at", int),
        policy=_typed(own, "policy", str),
        policy_version=_typed(own, "policy_version", str),
        bundle=_typed(own, "bundle", str),
        slots=tuple(slots),
        seed=_typed(own, "seed", int),
        eligible=_texts(own, "eligible"),
        scores=_numbers(own, "scores"),
        variances=_numbers(own, "variances"),
        looks=_looks(own),
        context=_context(record),
        request_id=None if own.get("request_id") is None else _typed(own, "request_id", str),
        ope_valid=_typed(own, "ope_valid", bool),
    )
    fault = fault_of(decision)
    if fault:
        raise _BadLineError("propensity" if "propensity" in fault or "prefix" in fault else None, fault)
    return decision


def _looks(own: Mapping[str, Any]) -> tuple[float | None, ...]:
    looks = own.get("looks", [])
    if not isinstance(looks, list) or not all(x is None or _is_number(x) for x in looks):
        raise _BadLineError("looks", "looks are numbers or null")
    return tuple(None if x is None else float(x) for x in looks)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _slot(item: Mapping[str, Any]) -> LoggedSlot:
    own = item[OWN]
    rendered = own.get("rendered")
    if rendered is not None and not isinstance(rendered, bool):
        raise _BadLineError("rendered", f"{rendered!r} is neither true, false nor null")
    return LoggedSlot(
        item_id=_typed(item, "id", str),
        position=_typed(own, "position", int),
        propensity=_number(own, "propensity"),
        prefix_propensity=_number(own, "prefix_propensity"),
        explored=_typed(own, "explored", bool),
        tries=None if own.get("tries") is None else _typed(own, "tries", str),
        rendered=rendered,
    )


def _event(record: Mapping[str, Any]) -> Event:
    own = record.get(OWN)
    exact = own.get("timestamp") if isinstance(own, dict) else None
    said = {}
    for entry in record.get("fields") or ():
        if isinstance(entry, dict) and entry.get("name") in {"value", "text"}:
            said[entry["name"]] = entry.get("value")
    value, text = said.get("value"), said.get("text")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise _BadLineError("value", f"{value!r} is no number")
    if text is not None and not isinstance(text, str):
        raise _BadLineError("text", f"{text!r} is no text")
    return Event(
        user_id=_typed(record, "user", str),
        item_id=None if record.get("item") is None else _typed(record, "item", str),
        event_type=_typed(record, "type", str),
        timestamp=exact if isinstance(exact, int) else _moment(record.get("timestamp")),
        value=None if value is None else float(value),
        text=text,
        event_id=None if record.get("id") is None else _typed(record, "id", str),
        slate_id=None if record.get("ranking") is None else _typed(record, "ranking", str),
    )


def _moment(value: Any) -> int | None:
    """UTC microseconds of what the schema allows: milliseconds as text or number, or ISO 8601."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value * 1000
    if isinstance(value, str):
        if value.lstrip("-").isdecimal():
            return int(value) * 1000
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            since = moment - datetime(1970, 1, 1, tzinfo=UTC)
            return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    raise _BadLineError("timestamp", f"{value!r} is neither milliseconds nor ISO 8601")


def _context(record: Mapping[str, Any]) -> dict[str, float | str]:
    context: dict[str, float | str] = {}
    for entry in record.get("fields") or ():
        name, value = (entry.get("name"), entry.get("value")) if isinstance(entry, dict) else (None, None)
        if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, int | float | str):
            raise _BadLineError("fields", f"{entry!r} is no named number or text")
        context[name] = value
    return context


def _typed(record: Mapping[str, Any], column: str, kind: type) -> Any:
    if column not in record:
        raise _BadLineError(column, "missing")
    value = record[column]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _BadLineError(column, f"{value!r} is no {kind.__name__}")
    return value


def _number(record: Mapping[str, Any], column: str) -> float:
    value = record.get(column)
    if value is None:
        raise _BadLineError(column, "missing")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _BadLineError(column, f"{value!r} is no number")
    return float(value)


def _numbers(record: Mapping[str, Any], column: str) -> tuple[float, ...]:
    values = _typed(record, column, list)
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        raise _BadLineError(column, "not all are numbers")
    return tuple(map(float, values))


def _texts(record: Mapping[str, Any], column: str) -> tuple[str, ...]:
    values = _typed(record, column, list)
    if not all(isinstance(value, str) for value in values):
        raise _BadLineError(column, "not all are texts")
    return tuple(values)

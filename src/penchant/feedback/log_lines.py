"""One JSON line of a log as the decision or event that it is.

Other programs write logs too, so nothing of a line is believed before it is looked at: of a bad one the column and the
reason are told, and what came is cut short in it.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from penchant.feedback.decisions import OWN, fault_of
from penchant.records import Decision, Event, LoggedSlot

LATEST = 2**62
"""Microseconds from 1970, either way, up to which a moment is one"""
TOLD = 80
"""Characters of what a bad line says that its reason repeats"""
_MILLISECONDS = re.compile(r"-?[0-9]{1,18}")


class BadLineError(Exception):
    """A line that is neither a decision nor an event: the column at fault, where it is one, and the reason."""

    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def read_line(line: bytes) -> Decision | Event | None:
    """A line as what it tells of; None for metadata of items and users. `BadLineError` for what is none of these."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadLineError(None, f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise BadLineError(None, "not a JSON object")
    kind = record.get("event")
    if kind == "ranking":
        return _decision(record)
    if kind == "interaction":
        return _event(record)
    if kind in ("item", "user"):  # no set: what a line says need not have a hash
        return None
    raise BadLineError("event", f"{_said(kind)} is no kind of event: ranking, interaction, item or user")


def _decision(record: Mapping[str, Any]) -> Decision:
    own = record.get(OWN)
    if not isinstance(own, dict):
        raise BadLineError(OWN, "the ranking says nothing of how it was decided: no propensities")
    items = _typed(record, "items", list)
    slots = []
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get(OWN), dict):
            raise BadLineError("items", "an item says nothing of its propensity")
        slots.append(_slot(item))
    decision = Decision(
        slate_id=_typed(record, "id", str),
        user_id=_typed(record, "user", str),
        decided_at=_microseconds(own, "decided_at"),
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
        settings=_settings(own),
        request_id=None if own.get("request_id") is None else _typed(own, "request_id", str),
        ope_valid=_typed(own, "ope_valid", bool),
    )
    fault = fault_of(decision)
    if fault:
        raise BadLineError("propensity" if "propensity" in fault or "prefix" in fault else None, fault)
    return decision


def _settings(own: Mapping[str, Any]) -> dict[str, Any]:
    settings = own.get("settings", {})
    if not isinstance(settings, dict):
        raise BadLineError("settings", f"{_said(settings)} are no settings: names with values")
    return settings


def _looks(own: Mapping[str, Any]) -> tuple[float | None, ...]:
    looks = own.get("looks", [])
    if not isinstance(looks, list) or not all(x is None or _is_number(x) for x in looks):
        raise BadLineError("looks", "looks are numbers or null")
    return tuple(None if x is None else float(x) for x in looks)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _slot(item: Mapping[str, Any]) -> LoggedSlot:
    own = item[OWN]
    rendered = own.get("rendered")
    if rendered is not None and not isinstance(rendered, bool):
        raise BadLineError("rendered", f"{_said(rendered)} is neither true, false nor null")
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
    own = record.get(OWN, {})
    if not isinstance(own, dict):
        raise BadLineError(OWN, f"{_said(own)} is no object")
    said = {entry["name"]: entry.get("value") for entry in _fields(record)}
    value, text = said.get("value"), said.get("text")
    if value is not None and not _is_number(value):
        raise BadLineError("value", f"{_said(value)} is no number")
    if text is not None and not isinstance(text, str):
        raise BadLineError("text", f"{_said(text)} is no text")
    exact = own.get("timestamp") is not None
    return Event(
        user_id=_typed(record, "user", str),
        item_id=None if record.get("item") is None else _typed(record, "item", str),
        event_type=_typed(record, "type", str),
        timestamp=_microseconds(own, "timestamp") if exact else _moment(record.get("timestamp")),
        value=None if value is None else float(value),
        text=text,
        event_id=None if record.get("id") is None else _typed(record, "id", str),
        slate_id=None if record.get("ranking") is None else _typed(record, "ranking", str),
    )


def _moment(value: Any) -> int | None:
    """UTC microseconds of what the schema allows: milliseconds as text or number, or ISO 8601."""
    if value is None:
        return None
    found = value * 1000 if isinstance(value, int) and not isinstance(value, bool) else None
    if isinstance(value, str):
        if _MILLISECONDS.fullmatch(value):
            found = int(value) * 1000
        else:
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                pass
            else:
                moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
                since = moment - datetime(1970, 1, 1, tzinfo=UTC)
                found = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if found is None or abs(found) >= LATEST:
        raise BadLineError("timestamp", f"{_said(value)} is neither milliseconds nor ISO 8601")
    return found


def _microseconds(record: Mapping[str, Any], column: str) -> int:
    value: int = _typed(record, column, int)
    if abs(value) >= LATEST:
        raise BadLineError(column, f"{value} is no moment in microseconds")
    return value


def _context(record: Mapping[str, Any]) -> dict[str, float | str]:
    context: dict[str, float | str] = {}
    for entry in _fields(record):
        value = entry.get("value")
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise BadLineError("fields", f"{_said(entry)} is no named number or text")
        context[entry["name"]] = value
    return context


def _fields(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    fields = record.get("fields")
    if fields is None:
        return []
    if not isinstance(fields, list):
        raise BadLineError("fields", f"{_said(fields)} is no list")
    for entry in fields:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise BadLineError("fields", f"{_said(entry)} has no name")
    return fields


def _typed(record: Mapping[str, Any], column: str, kind: type) -> Any:
    if column not in record:
        raise BadLineError(column, "missing")
    value = record[column]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise BadLineError(column, f"{_said(value)} is no {kind.__name__}")
    return value


def _number(record: Mapping[str, Any], column: str) -> float:
    value = record.get(column)
    if value is None:
        raise BadLineError(column, "missing")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadLineError(column, f"{_said(value)} is no number")
    return float(value)


def _numbers(record: Mapping[str, Any], column: str) -> tuple[float, ...]:
    values = _typed(record, column, list)
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        raise BadLineError(column, "not all are numbers")
    return tuple(map(float, values))


def _texts(record: Mapping[str, Any], column: str) -> tuple[str, ...]:
    values = _typed(record, column, list)
    if not all(isinstance(value, str) for value in values):
        raise BadLineError(column, "not all are texts")
    return tuple(values)


def _said(value: Any) -> str:
    """What came, short enough for a reason."""
    told = repr(value)
    return told if len(told) <= TOLD else f"{told[:TOLD]}…"

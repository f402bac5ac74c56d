"""Decisions and events as JSON lines in the ranking and interaction schema of Metarank, with our own fields under one
key, ``penchant``: other programs read what they know, and `read_log` reads back every bit.

    {"event": "ranking", "id": slate, "timestamp": "milliseconds", "user": …, "fields": [context], "items":
     [{"id": …, "fields": [{"name": "relevancy", "value": score}], "penchant": {propensity, …}}], "penchant": {…}}
    {"event": "interaction", "id": event, "ranking": slate, "timestamp": …, "user": …, "type": …, "item": …,
     "fields": [{"name": "value", …}], "penchant": {"timestamp": microseconds}}

Source: the event schema in Metarank's documentation.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson

from penchant.errors import SchemaError
from penchant.records import Decision, Event, LoggedSlot

OWN = "penchant"
RELEVANCY = "relevancy"
TOLERANCE = 1e-9
"""How far, relatively, a prefix product may be from the product of its propensities."""
_APART = {"slate_id", "user_id", "slots", "context"}
_OF_DECISION = tuple(field.name for field in fields(Decision) if field.name not in _APART)
_OF_SLOT = tuple(field.name for field in fields(LoggedSlot) if field.name != "item_id")


def write_log(path: Path, decisions: Iterable[Decision], events: Iterable[Event] = ()) -> int:
    """Write decisions, then events; how many lines that were. `SchemaError` for one that would not read back."""
    lines = 0
    with path.open("wb") as file:
        for line in (*map(decision_line, decisions), *map(event_line, events)):
            file.write(line + b"\n")
            lines += 1
    return lines


def decision_line(decision: Decision) -> bytes:
    """A decision as a ranking. `SchemaError` where it holds what `fault_of` names."""
    fault = fault_of(decision)
    if fault:
        raise SchemaError(f"Slate {decision.slate_id!r}: {fault}.", hint="Log the decision as it was taken.")
    expected = dict(zip(decision.eligible, decision.scores, strict=True))
    record = {
        "event": "ranking",
        "id": decision.slate_id,
        "timestamp": str(decision.decided_at // 1000),
        "user": decision.user_id,
        "fields": [{"name": name, "value": value} for name, value in decision.context.items()],
        "items": [
            {
                "id": slot.item_id,
                "fields": [{"name": RELEVANCY, "value": expected[slot.item_id]}],
                OWN: {name: getattr(slot, name) for name in _OF_SLOT},
            }
            for slot in decision.slots
        ],
        OWN: {name: getattr(decision, name) for name in _OF_DECISION},
    }
    return _dumps(record)


def event_line(event: Event) -> bytes:
    """An event as an interaction."""
    optional = {"id": event.event_id, "ranking": event.slate_id, "item": event.item_id}
    record: dict[str, Any] = {"event": "interaction", **{k: v for k, v in optional.items() if v is not None}}
    if event.timestamp is not None:
        record["timestamp"] = str(event.timestamp // 1000)
    said = [
        {"name": name, "value": getattr(event, name)} for name in ("value", "text") if getattr(event, name) is not None
    ]
    record |= {"user": event.user_id, "type": event.event_type, "fields": said, OWN: {"timestamp": event.timestamp}}
    return _dumps(record)


def fault_of(decision: Decision) -> str:
    """What makes a decision unfit for estimates, in words; "" where nothing does."""
    slots, eligible = decision.slots, decision.eligible
    if not len(eligible) == len(decision.scores) == len(decision.variances):
        return f"{len(eligible)} eligible items, {len(decision.scores)} scores, {len(decision.variances)} variances"
    if len(decision.looks) not in (0, len(eligible)):
        return f"{len(eligible)} eligible items, {len(decision.looks)} looks"
    if len(set(eligible)) != len(eligible):
        return "an item is eligible twice"
    if not all(map(math.isfinite, (*decision.scores, *decision.variances))):
        return "a score or variance is not finite"
    if any(variance < 0 for variance in decision.variances):
        return "a variance is negative"
    if len({slot.item_id for slot in slots}) != len(slots):
        return "an item is on the slate twice"
    known, product = set(eligible), 1.0
    for place, slot in enumerate(slots, start=1):
        if slot.position != place:
            return f"place {place} of the slate says position {slot.position}"
        if slot.item_id not in known:
            return f"item {slot.item_id!r} is on the slate and was not eligible"
        if not 0 < slot.propensity <= 1:
            return f"the propensity of place {place} is {slot.propensity}, which is not above 0 and at most 1"
        product *= slot.propensity
        if not math.isclose(slot.prefix_propensity, product, rel_tol=TOLERANCE):
            return (
                f"the prefix product of place {place} is {slot.prefix_propensity:.6g}, the propensities' {product:.6g}"
            )
    if not all(isinstance(value, str) or math.isfinite(value) for value in decision.context.values()):
        return "a value of the context is not finite"
    return ""


def _dumps(record: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(record)
    except (orjson.JSONEncodeError, TypeError) as error:
        raise SchemaError(f"This cannot be written as JSON: {error}.", hint="Use UTF-8 and 64-bit numbers.") from None

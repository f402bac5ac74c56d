"""What a server decided and what came of it, as the log of an experiment: from its store, or from what `penchant log`
wrote.

A decision of an arm is an exposure, at its moment and with its slate's id; its segment is ``stranger`` where nothing
was known of the user, else ``known``. An event is an event. A store keeps both in the order in which they came, each by
itself; here they stand by time, and an event that names a slate not before it, for its clock may be behind.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from penchant.errors import SourceError
from penchant.feedback import open_stores
from penchant.feedback.attribution import identity
from penchant.feedback.forgetting import unforgotten
from penchant.feedback.log_reading import is_store, read_log
from penchant.records import Decision, Event

CLOCKS_APART = 600_000_000
"""Microseconds by which an event may seem earlier than the slate that it names"""
NOT_IN_EXPERIMENT, NO_TIME, OTHER = "not_in_experiment", "without_time", "no_decision_or_event"


class Line(NamedTuple):
    """A line of an experiment's log: its number, its record, why it is none, or the rule that leaves it out."""

    number: int
    record: dict[str, Any]
    fault: str = ""
    left_out: str = ""


def is_feedback(path: Path) -> bool:
    """Whether a file is a store, or JSON lines of decisions and events: the first line that is a record says so.
    `SourceError` for one that cannot be read.
    """
    try:
        if is_store(path):
            return True
        with path.open("rb") as file:
            for line in file:
                try:
                    record = orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue
                if isinstance(record, dict):
                    return record.get("event") in ("ranking", "interaction")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", hint="Give a log, or a store.") from None
    return False


def lines_of(path: Path) -> Iterator[Line]:
    """Decisions and events of a store or of JSON lines; of a store without what users have forgotten."""
    if is_store(path):
        with open_stores(str(path)) as stores:
            decisions, events = unforgotten(stores)
            yield from _lines([*decisions], [*events])
        return
    read = read_log(path)
    for fault in read.faults:
        yield Line(fault.line, {}, fault.reason)
    yield from _lines(read.decisions, read.events)
    for _ in range(read.other):
        yield Line(0, {}, left_out=OTHER)


def events_of(path: Path) -> list[Event]:
    """Its events alone, each once."""
    if is_store(path):
        with open_stores(str(path)) as stores:
            return list(unforgotten(stores)[1])
    return list({identity(event): event for event in read_log(path).events}.values())


def _lines(decisions: Iterable[Decision], events: Iterable[Event]) -> Iterator[Line]:
    decisions = list(decisions)
    made = {one.slate_id: one.decided_at for one in decisions}
    keyed = [(one.decided_at, 0, _exposure(one)) for one in decisions]
    keyed += [(_moment(one, made), 1, _event(one)) for one in events]
    keyed.sort(key=lambda entry: entry[:2])
    for number, (_, _, record) in enumerate(keyed, start=1):
        yield Line(number, {}, left_out=record) if isinstance(record, str) else Line(number, record)


def _moment(event: Event, made: Mapping[str, int]) -> int:
    at = event.timestamp or 0
    decided = made.get(event.slate_id or "", at)
    return decided if 0 < decided - at <= CLOCKS_APART else at


def _exposure(decision: Decision) -> dict[str, Any] | str:
    """Its record, or the rule that leaves it out."""
    told = decision.context
    if "experiment" not in told or "arm" not in told:
        return NOT_IN_EXPERIMENT
    return {
        "kind": "exposure",
        "experiment": str(told["experiment"]),
        "arm": str(told["arm"]),
        "user_id": decision.user_id,
        "timestamp": decision.decided_at,
        "event_id": decision.slate_id,
        "segment": "stranger" if told.get("cold") else "known",
    }


def _event(event: Event) -> dict[str, Any] | str:
    """The same; with all that tells two events without an id apart."""
    if event.timestamp is None:
        return NO_TIME
    return {
        "kind": "event",
        "user_id": event.user_id,
        "event_type": event.event_type,
        "value": event.value,
        "timestamp": event.timestamp,
        "event_id": event.event_id,
        "item_id": event.item_id,
        "slate_id": event.slate_id,
        "text": event.text,
    }

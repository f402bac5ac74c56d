"""What comes through Python may be of any type, since no schema has looked at it: that is told before it is taken."""

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from reprlib import repr as shortened

from penchant.errors import ConfigError, DataError
from penchant.records import Edit, Event


def shown(value: object) -> str:
    """A value and its type, cut short."""
    return f"{shortened(value)} ({type(value).__name__})"


def check_events(events: object) -> None:
    """`DataError` for what is no sequence of events."""
    if not isinstance(events, Iterable) or isinstance(events, str | Mapping):
        raise DataError(
            f"{shown(events)} came where events were asked for; they are a sequence.", hint="Give a list: [event]."
        )


def event_fault(event: object) -> tuple[str, str] | None:
    """The first field of an event that is not of its type, and why it is refused; None where all are."""
    if not isinstance(event, Event):
        return "event", f"{shown(event)} is no penchant.records.Event"
    for column, needed in (
        ("user_id", True),
        ("event_type", True),
        ("item_id", False),
        ("text", False),
        ("event_id", False),
        ("slate_id", False),
    ):
        value = getattr(event, column)
        if not (isinstance(value, str) or (value is None and not needed)):
            return column, f"{shown(value)} is no text: give a str{'' if needed else ', or None'}"
    if event.value is not None and not isinstance(event.value, Real):
        return "value", f"{shown(event.value)} is no number: give a float, or None"
    if event.timestamp is not None and not _whole(event.timestamp):
        return "timestamp", f"{shown(event.timestamp)} is no whole number: give an int of UTC microseconds, or None"
    return None


def finite(value: float) -> bool:
    """Whether a number is finite as a float: a whole number may be too large for one."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def check_edit(edit: Edit) -> None:
    """`ConfigError` for a field of an edit that is not of its type."""
    for name in ("user_id", "edit_id", "action", "concept_id", "event_id", "text", "undoes"):
        value = getattr(edit, name)
        needed = name in ("user_id", "edit_id", "action")
        if not (isinstance(value, str) or (value is None and not needed)):
            raise ConfigError(
                f"{name} came as {shown(value)}; it is a str{'' if needed else ' or None'}.",
                hint=f"Give {name} as text, such as str({name}).",
            )
    if edit.strength is not None and not (isinstance(edit.strength, Real) and finite(edit.strength)):
        raise ConfigError(
            f"strength came as {shown(edit.strength)}; it is a finite float or None.",
            hint="Leave it out: it is found when the edit is made.",
        )
    if not _whole(edit.edited_at):
        raise ConfigError(
            f"edited_at came as {shown(edit.edited_at)}; it is an int, UTC microseconds.",
            hint="Leave it out: an edit is of the moment it is made.",
        )


def check_moment(as_of: int | None) -> None:
    """`ConfigError` for a moment that is neither None nor a whole number."""
    if as_of is not None and not _whole(as_of):
        raise ConfigError(
            f"as_of came as {shown(as_of)}; it is an int or None.",
            hint="Give the number of events where the data have positions, UTC microseconds where they have times: "
            "int(moment.timestamp() * 1e6) of a datetime with a time zone.",
        )


def _whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)

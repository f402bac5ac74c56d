"""What users do, and what becomes of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something a user did. `timestamp` is UTC microseconds, or a position in the user's sequence where the
    source has no time.
    """

    user_id: str
    item_id: str | None
    event_type: str = "interaction"
    timestamp: int | None = None
    value: float | None = None
    text: str | None = None
    event_id: str | None = None
    slate_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """An event of a user's history as shown to a person. `position` is its place in his history, oldest 0."""

    event_id: str
    item_id: str | None
    title: str
    event_type: str
    timestamp: int
    position: int
    value: float | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An event that was not taken: its place in what was sent, the column at fault, and why."""

    index: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveResult:
    """What became of observed events: accepted + duplicates + len(rejected) = events sent."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejection, ...] = ()

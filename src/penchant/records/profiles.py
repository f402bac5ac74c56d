"""What is known of users: interests, their drift, and interests worth a try."""

from dataclasses import dataclass
from typing import Literal

Trend = Literal["rising", "steady", "fading", "new"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """An event behind an interest; `effect` is how much it moved the interest's strength."""

    event_id: str
    item_id: str | None
    """None for something that the user wrote; `title` then begins what he wrote."""
    title: str
    event_type: str
    timestamp: int
    effect: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """A concept's place in a profile.

    `strength` is signed, in standard deviations over users; `confidence` is a probability.
    """

    concept_id: str
    concept: str
    parent: str | None
    strength: float
    confidence: float
    trend: Trend
    short_term: float
    long_term: float
    first_seen: int
    last_seen: int
    count: int
    source: Literal["behaviour", "text", "explicit"]
    evidence: tuple[Evidence, ...] = ()
    summary: str = ""
    """The interest as a person reads it: "strong and steady (14 books, last: …)"."""
    muted: bool = False
    """The user asked for nothing of it; no item with this concept is served."""
    pinned: bool = False
    """The user asked for it to stay; what he does moves it no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftAlarm:
    """A change that was noticed. Moments are those of the events, as in an interest's evidence.

    ``new``: a concept that had been no interest comes often. ``returning``: one that had been, after a pause.
    ``rising``: one that is, more often than it used to. ``faded``: one comes much more rarely. ``shift``: events as a
    whole became surprising; no concept is named.
    """

    kind: Literal["new", "returning", "rising", "faded", "shift"]
    concept_id: str | None
    concept: str
    moment: int
    """When the change most likely began"""
    detected: int
    """When it was noticed"""
    event_id: str
    """The event that it was noticed at"""
    also: tuple[str, ...] = ()
    """Names of concepts that changed with it"""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How much what a user takes has changed of late."""

    score: float
    """0: as usual for a history without drift; 1: an alarm was raised at the last event. Halves every few events."""
    last_change: int | None = None
    """When the last change noticed began; None: none was noticed"""
    alarms: tuple[DriftAlarm, ...] = ()
    """The newest first"""
    watched: int = 0
    """Events in which an alarm could have been raised: the first of a history only teach what is usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPoint:
    """The drift score after an event."""

    event_id: str
    timestamp: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftHistory:
    """A user's drift over time; `points` are of the events that were read, oldest first."""

    user_id: str
    as_of: int
    drift: Drift
    points: tuple[DriftPoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationAlarm:
    """A change in what all users take."""

    kind: Literal["more", "less", "surprise"]
    """A concept's share of all events rose or fell; or the model foresees events worse than it did."""
    concept_id: str | None
    concept: str
    before: float
    """Share before the change, or mean surprise in [0, 1]"""
    after: float
    moment: int
    """Timestamp of the last event read when it was noticed"""
    event: int
    """How many events had been read then"""
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationDrift:
    """Changes in what all users take, newest first."""

    alarms: tuple[PopulationAlarm, ...]
    events: int
    """Events read, in the order they happened, or where the data have no times, in the order they were observed"""
    baseline: int
    """How many of them are the dataset's"""
    watched: int
    """Concepts watched"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A user's interests at a moment, the largest strength × confidence first.

    `as_of` is UTC microseconds, or a number of events where the data has no time.
    """

    user_id: str
    as_of: int
    interests: tuple[Interest, ...]
    events: int
    cold: bool = False
    drift: Drift | None = None
    """Whether and when they changed; None for a user without events"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """An interest that a user is not known to have and that is worth a try."""

    concept_id: str
    concept: str
    parent: str | None
    chance: float
    """That the next interest new to him is this one, of all that he does not have"""
    strength: float
    """What the model reads of it all the same, in standard deviations over users, and ..."""
    uncertainty: float
    """... how far from that it may be"""
    via_id: str | None
    """The interest of his from which it is come to"""
    via: str | None
    text: str
    """Why, as a person reads it"""
    items: tuple[str, ...] = ()
    """Ids of items to try it with, the best first"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discoveries:
    """Interests worth a try, the likeliest first."""

    user_id: str
    as_of: int
    interests: tuple[Discovery, ...]
    known: int
    """Concepts that he has touched"""
    cold: bool = False

"""The few frozen records that travel between stages. Field names are the names on the wire (JSON, HTTP, Python)."""

from dataclasses import dataclass, field
from typing import Any, Literal

Trend = Literal["rising", "steady", "fading", "new"]
Source = Literal["concept", "event", "graph", "popularity", "newness", "edit", "everyone"]
"""Where a part of a score comes from; ``everyone`` is what the model likes for the average user."""


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
class Reason:
    """One named part of a score. `contribution` is in score units and may be negative."""

    source: Source
    contribution: float
    concept_id: str | None = None
    concept: str | None = None
    event_id: str | None = None
    item_id: str | None = None
    title: str | None = None
    evidence: tuple[str, ...] = ()
    text: str = ""
    """The reason as a person reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploring:
    """Why an item is shown that would not be otherwise: the interest it tries, which the user is not known to have.

    Without a concept the item itself is what is tried: how much it is liked is uncertain.
    """

    concept_id: str | None
    concept: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendedItem:
    """An item of a slate: reasons + other + residual = score within 1e-6·max(1, |score|)."""

    item_id: str
    title: str
    rank: int
    score: float
    explored: bool = False
    propensity: float = 1.0
    reasons: tuple[Reason, ...] = ()
    other: float = 0.0
    residual: float = 0.0
    probability: float | None = None
    rerank_adjustment: float = 0.0
    exploring: Exploring | None = None
    """Of an explored item"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slate:
    """A ranked list as served."""

    user_id: str
    slate_id: str
    generated_at: str
    bundle: str
    policy: str
    items: tuple[RecommendedItem, ...]
    cold: bool = False
    """The user is unknown or has no events: the list is not personal, and `note` says so."""
    note: str = ""
    timings_ms: dict[str, float] = field(default_factory=dict)
    exploration_share: float = 0.0
    """The share of its places that were meant for finding out"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedSlot:
    """A place of a slate as it was decided."""

    item_id: str
    position: int
    """From 1"""
    propensity: float
    """p(item | places before, draw)"""
    prefix_propensity: float
    """The product of the propensities up to and with this place"""
    explored: bool = False
    """The item would not have been on the slate had nothing been explored."""
    tries: str | None = None
    """The interest that an explored item tries, by id; None where it tries none"""
    rendered: bool | None = None
    """Whether the user's screen showed it; None: not told"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How a slate came about, as far as is needed to ask later what another policy would have earned."""

    slate_id: str
    user_id: str
    decided_at: int
    """UTC microseconds"""
    policy: str
    policy_version: str
    """Changes when the policy's settings do"""
    bundle: str
    slots: tuple[LoggedSlot, ...]
    seed: int
    """What the policy drew from"""
    eligible: tuple[str, ...]
    """Items that could have been on the slate"""
    scores: tuple[float, ...]
    """Of the eligible: what was expected of each"""
    variances: tuple[float, ...]
    """Of the eligible: how far from that it may be"""
    context: dict[str, float | str] = field(default_factory=dict)
    """What was known of the request: device, scenario, page, drift score, ..."""
    request_id: str | None = None
    """A retry carries that of the first try, and is the same decision"""
    ope_valid: bool = True
    """False where something altered the slate after the policy's decision: nothing can then be estimated from it."""

    @property
    def tries(self) -> tuple[str, ...]:
        """The interests that it tries, by id."""
        return tuple(slot.tries for slot in self.slots if slot.tries is not None)


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


EditAction = Literal["more", "less", "pin", "mute", "add", "forget", "reset", "undo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A user's own word on what is known of him: an entry of the log, like an event.

    ``more``, ``less``, ``pin`` and ``mute`` name a concept; ``add`` has the words typed, and the concept they were
    taken for; ``forget`` names an event of his, ``undo`` an edit of his; ``reset`` a concept, or nothing: then all is
    meant. `edited_at` is UTC microseconds. A repeated `edit_id` counts once.
    """

    edit_id: str
    user_id: str
    action: EditAction
    concept_id: str | None = None
    event_id: str | None = None
    text: str | None = None
    undoes: str | None = None
    strength: float | None = None
    """Standard deviations by which it moves its interest, as found when it was made; None: as the settings say."""
    edited_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptMatch:
    """A concept that typed words may mean. `similarity` is in (0, 1], 1 for its own name."""

    concept_id: str
    concept: str
    similarity: float
    how: Literal["name", "words", "meaning"]
    """By its name or an alias, by words of these or a maker or title that is of it, or by the language model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedItem:
    """An item that an edit moved. A rank is None where the item is not among the first; a score where it is not served
    at all, such as of a muted interest.
    """

    item_id: str
    title: str
    rank_before: int | None
    rank_after: int | None
    score_before: float | None
    score_after: float | None
    change: float | None
    """score_after − score_before"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditResult(Profile):
    """What an edit did: the user's profile after it, and what became of the top of his slate."""

    edit: Edit
    """As it was taken: with its id, and the concept that typed words were taken for."""
    repeated: bool = False
    """An edit of this id was taken before; nothing was done."""
    moved: tuple[MovedItem, ...] = ()
    """The first items before and after, those of the slate after it first."""
    entered: tuple[str, ...] = ()
    """Items that are among the first only after it, and ..."""
    left: tuple[str, ...] = ()
    """... only before."""
    matches: tuple[ConceptMatch, ...] = ()
    """What typed words may have meant, the concept taken first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditEntry:
    """An edit as the log tells it."""

    edit: Edit
    concept: str | None
    """The concept's name, where it names one."""
    standing: bool
    """Whether it counts: neither undone, nor taken back by a reset, nor contradicted by a later edit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarItem:
    """A neighbour of an item by the cosine of their vectors."""

    item_id: str
    title: str
    similarity: float
    shared: tuple[str, ...] = ()
    """Names of the concepts both items activate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemView:
    """An item as shown to a person."""

    item_id: str
    title: str
    text: str
    attributes: dict[str, Any]
    concepts: tuple[str, ...]
    events: int


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
class UserSummary:
    """A user found by a search."""

    user_id: str
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSummary:
    """An item found by a search."""

    item_id: str
    title: str
    events: int


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a fitted model is and what it stands on."""

    bundle: str
    """The bundle's name and version, as slates carry it."""
    dataset: str
    clock: Literal["time", "position"]
    users: int
    items: int
    events: int
    concepts: int
    encoder: str | None = None
    fitted_at: str | None = None
    nouns: tuple[str, str] = ("item", "items")
    """What one item and many are called, such as book and books."""

"""What an explanation of one item for one user is made of. Field names are the names on the wire."""

from dataclasses import dataclass
from typing import Literal

from penchant.records import Evidence, Source

Standing = Literal["recommendable", "seen", "turned_down", "muted"]
"""Whether the item may be recommended to the user now, and why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePart:
    """One part of a score; all parts of an explanation add up to the score."""

    source: Source | Literal["residual", "constant"]
    contribution: float
    """In score units; may be negative."""
    text: str
    """The part as a person reads it."""
    concept_id: str | None = None
    concept: str | None = None
    event_id: str | None = None
    item_id: str | None = None
    title: str | None = None
    evidence: tuple[Evidence, ...] = ()
    """Of the two largest concepts: the events behind them. `effect` is by how much the interest's strength changes when
    the event is left out, in standard deviations over users, as in the profile."""
    per_strength: float | None = None
    """Of a concept: score units for one standard deviation of strength, so effects can be read in score units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """What the score and rank would be without one thing, all items ranked again under the same exclusions."""

    without: Literal["concept", "edit", "event"]
    name: str
    """The concept's name, or the title of the event's item."""
    change: float
    """Score minus `score`: what the thing brings. Of a concept or an edit it is the part's contribution."""
    score: float
    rank: int
    text: str
    concept_id: str | None = None
    event_id: str | None = None
    item_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReadout:
    """How much the tracker's answer rests on one event, read in two ways."""

    event_id: str
    item_id: str
    title: str
    event_type: str
    timestamp: int
    attention: float
    """Share of the attention, between 0 and 1; see `penchant.models.sequential.attribution`."""
    gradient: float
    """Score units by integrated gradients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """The second view: what the tracker looked at. It speaks of the tracker's part of the score only."""

    events: tuple[EventReadout, ...]
    """The events that the tracker reads, those with the largest share of either kind, newest first."""
    start: float
    """Attention on the state before the first event: on none of them."""
    others: float
    """Attention on events that are not told."""
    gradient_total: float
    """Score of the tracker minus its score for as many events that say nothing: what all gradients add up to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """A node of a path, and the name of the edge that leads to the next."""

    kind: Literal["user", "item", "entity"]
    id: str
    label: str
    edge: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgePath:
    """From the user over something in his history to the item, along what the catalogue knows."""

    steps: tuple[PathStep, ...]
    text: str
    items: int
    """How many items the entity in the middle is on: the fewer, the more the path says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why an item has its score and rank for a user, now."""

    user_id: str
    item_id: str
    title: str
    rank: int
    """1 + how many items that may be recommended have a higher score; before rerankers and rules."""
    candidates: int
    """How many items may be recommended to the user, this one counted."""
    score: float
    standing: Standing
    parts: tuple[ScorePart, ...]
    """Every part of the score: concepts from the largest, events, edits, what is the same for everyone, residual and
    constant. They add up to the score."""
    sentence: str
    counterfactuals: tuple[Counterfactual, ...] = ()
    readout: Readout | None = None
    """None where the tracker has read nothing."""
    paths: tuple[KnowledgePath, ...] = ()
    cold: bool = False
    """Nothing is known of the user: the score is popularity and his edits."""
    note: str = ""

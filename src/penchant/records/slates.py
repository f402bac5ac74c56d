"""What is served: items, their reasons, and how they were chosen."""

from dataclasses import dataclass, field
from typing import Any, Literal

Source = Literal["concept", "event", "graph", "popularity", "newness", "edit", "everyone", "text"]
"""Where a part of a score comes from; ``everyone`` is what the model likes for the average user, ``text`` how like the
item's description is to words that were asked with."""


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
    arm: str | None = None
    """Of the experiment that its user was in when it was served; None: in none"""


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
    """Items that could have been on the slate; of equal scores the earlier one is taken first"""
    scores: tuple[float, ...]
    """Of the eligible: what was expected of each"""
    variances: tuple[float, ...]
    """Of the eligible: how far from that it may be"""
    looks: tuple[float | None, ...] = ()
    """Of the eligible: by what a look around was drawn, None where it was not to be explored; empty where none was
    made. With `scores` and the policy's settings in `context` the propensities follow from it."""
    context: dict[str, float | str] = field(default_factory=dict)
    """What was known of the request: device, scenario, page, drift score, ...; ``experiment`` and ``arm`` where one
    decided it"""
    settings: dict[str, Any] = field(default_factory=dict)
    """Of a policy that was asked for by name, all of them; what the dial needs stands in `context`"""
    request_id: str | None = None
    """A retry carries that of the first try, and is the same decision"""
    ope_valid: bool = True
    """False where something altered the slate after the policy's decision: nothing can then be estimated from it."""

    @property
    def tries(self) -> tuple[str, ...]:
        """The interests that it tries, by id."""
        return tuple(slot.tries for slot in self.slots if slot.tries is not None)

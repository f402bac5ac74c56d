"""Which reward belongs to which place of which slate.

An event carries the slate it answers to. It counts for the first place of that slate with its item, if it happened
within the window after the decision; what does not count is counted under the name of its reason. Reading the same log
again with more events in it updates rewards and adds no place: a click at noon and a purchase at night are one place,
whose reward rises.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, field_validator

from penchant.config import Config
from penchant.feedback.decisions import fault_of
from penchant.records import Decision, Event

_TAKEN = ("interaction", "click", "like", "purchase", "read", "watch", "listen")
"""Also what the console says of an item that was taken"""
REWARDS = {**dict.fromkeys(_TAKEN, 1.0), "view": 0.0}
MICROSECONDS = 1_000_000


class AttributionConfig(Config):
    """When and how much an event counts."""

    window_seconds: float = Field(default=7 * 86_400, gt=0)
    """After the decision; what comes later counts no more."""
    slack_seconds: float = Field(default=0.0, ge=0)
    """How much earlier than its decision an event may say it happened: clocks of two machines differ."""
    rewards: Mapping[str, float] = Field(default_factory=lambda: dict(REWARDS))
    """Event type → reward; types that are not here count for nothing, under ``without_reward``."""
    combine: Literal["highest", "sum", "latest"] = "highest"
    """Where several events answer to one place"""

    @field_validator("rewards")
    @classmethod
    def _finite(cls, rewards: Mapping[str, float]) -> Mapping[str, float]:
        for name, reward in rewards.items():
            if not abs(reward) < float("inf"):
                raise ValueError(f"the reward of {name!r} is {reward}, which is not finite")
        if not rewards:
            raise ValueError("no event type has a reward")
        return rewards


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewarded:
    """A decision and what came of each of its places."""

    decision: Decision
    rewards: tuple[float, ...]
    """Of each place; 0 where nothing came"""
    events: tuple[int, ...]
    """How many events each place's reward is made of"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionReport:
    """What became of everything: decisions = kept + those counted by name, and events likewise."""

    decisions: int
    decisions_kept: int
    decisions_left_out: Mapping[str, int]
    """``repeated`` (same slate or request again), ``altered`` (changed after the policy decided), ``faulty`` (see
    `penchant.feedback.decisions.fault_of`), ``empty``"""
    events: int
    events_attributed: int
    events_left_out: Mapping[str, int]
    """``repeated`` (an event_id again; without one an event that says the same), ``without_slate``,
    ``never_served`` (no decision with this slate), ``of_left_out_decision``, ``other_user``, ``not_on_slate``,
    ``without_time``, ``before_decision``, ``after_window``, ``without_reward``"""


def attribute(
    decisions: Iterable[Decision], events: Iterable[Event], config: AttributionConfig | None = None
) -> tuple[list[Rewarded], AttributionReport]:
    """Join events to decisions. The order of events makes no difference, but for equal moments with ``latest``."""
    config = config or AttributionConfig()
    kept, of_request, left_out = _distinct(decisions)
    total_decisions = len(kept) + sum(left_out.values())
    unusable: set[str] = set()
    for slate_id, one in list(kept.items()):
        reason = _unfit(one)
        if reason:
            left_out[reason] += 1
            unusable.add(slate_id)
            del kept[slate_id]
    answers: dict[str, dict[int, list[tuple[int, float]]]] = {slate_id: {} for slate_id in kept}
    seen: set[str | Event] = set()
    reasons: Counter[str] = Counter()
    given = attributed = 0
    for event in events:
        given += 1
        if identity(event) in seen:
            reasons["repeated"] += 1
            continue
        seen.add(identity(event))
        answered = of_request.get(event.slate_id, event.slate_id) if event.slate_id is not None else None
        decision = kept.get(answered) if answered is not None else None
        if decision is None:
            reasons[_unknown(answered, unusable)] += 1
            continue
        place = _place(decision, event, config)
        if isinstance(place, str):
            reasons[place] += 1
            continue
        attributed += 1
        moment = event.timestamp if event.timestamp is not None else decision.decided_at
        answers[decision.slate_id].setdefault(place, []).append((moment, config.rewards[event.event_type]))
    rewarded = [_reward(one, answers[slate_id], config) for slate_id, one in kept.items()]
    report = AttributionReport(
        decisions=total_decisions,
        decisions_kept=len(kept),
        decisions_left_out=dict(left_out),
        events=given,
        events_attributed=attributed,
        events_left_out=dict(reasons),
    )
    return rewarded, report


def identity(event: Event) -> str | Event:
    """What an event is known by if it is delivered again: its id; without one all that it says, which is the slate, the
    user, the item, the type, the moment, and the value or text.
    """
    return event if event.event_id is None else event.event_id


def _distinct(decisions: Iterable[Decision]) -> tuple[dict[str, Decision], dict[str, str], Counter[str]]:
    """Decisions by slate, the first of each request; slates of retries → the slate of the first; counts."""
    kept: dict[str, Decision] = {}
    first_of_request: dict[tuple[str, str], str] = {}
    same: dict[str, str] = {}
    left_out: Counter[str] = Counter()
    for decision in decisions:
        if decision.slate_id in kept or decision.slate_id in same:
            left_out["repeated"] += 1
            continue
        if decision.request_id is not None:
            first = first_of_request.setdefault((decision.user_id, decision.request_id), decision.slate_id)
            if first != decision.slate_id:
                same[decision.slate_id] = first
                left_out["repeated"] += 1
                continue
        kept[decision.slate_id] = decision
    return kept, same, left_out


def _unfit(decision: Decision) -> str:
    if not decision.ope_valid:
        return "altered"
    if not decision.slots:
        return "empty"
    return "faulty" if fault_of(decision) else ""


def _unknown(slate_id: str | None, unusable: set[str]) -> str:
    if slate_id is None:
        return "without_slate"
    return "of_left_out_decision" if slate_id in unusable else "never_served"


def _place(decision: Decision, event: Event, config: AttributionConfig) -> int | str:
    """The place that an event answers to, or why there is none."""
    if event.user_id != decision.user_id:
        return "other_user"
    place = next((n for n, slot in enumerate(decision.slots) if slot.item_id == event.item_id), None)
    if place is None:
        return "not_on_slate"
    if event.timestamp is None:
        return "without_time"
    after = event.timestamp - decision.decided_at
    if after < -config.slack_seconds * MICROSECONDS:
        return "before_decision"
    if after > config.window_seconds * MICROSECONDS:
        return "after_window"
    return place if event.event_type in config.rewards else "without_reward"


def _reward(decision: Decision, answers: Mapping[int, list[tuple[int, float]]], config: AttributionConfig) -> Rewarded:
    rewards, counts = [], []
    for place in range(len(decision.slots)):
        found = answers.get(place, [])
        counts.append(len(found))
        values = [reward for _, reward in found]
        if not values:
            rewards.append(0.0)
        elif config.combine == "sum":
            rewards.append(float(sum(sorted(values))))
        elif config.combine == "latest":
            rewards.append(max(found, key=lambda answer: answer[0])[1])
        else:
            rewards.append(max(values))
    return Rewarded(decision=decision, rewards=tuple(rewards), events=tuple(counts))

"""What an experiment is about, as two numbers per user: a measure is ``Σ_u y_u / Σ_u x_u`` over an arm's users.

=============  ===========================================  =====================================
`kind`         y                                            x
=============  ===========================================  =====================================
share          1 where he did it at all                     1                    (conversion)
count          how often                                    1                    (activity, purchases)
sum            Σ value                                      1                    (revenue, watch time)
mean           Σ value                                      how often            (satisfaction, order value)
active_days    days on which he did it                      1                    (activity)
stickiness     days on which he did it                      days observed, of those who did it at all (DAU/MAU)
retention      1 where he did it `day` to `day + span`      1, of those observed for so long
               days after his exposure
return         Σ value − Σ cost                             Σ cost               (return on investment)
=============  ===========================================  =====================================

Days are of 24 hours from a user's first exposure. An event without a value has no part in a sum, mean or return
(`without_value` counts them). Which event types make a measure is said per domain in `DOMAINS`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from penchant.config import Config
from penchant.errors import NotFoundError
from penchant.evaluation.ab_testing.log import Action, Unit
from penchant.types import MICROSECONDS_PER_DAY, DoubleArray

Kind: TypeAlias = Literal["share", "count", "sum", "mean", "active_days", "stickiness", "retention", "return"]


class Measure(Config):
    """One measure."""

    kind: Kind
    events: tuple[str, ...] = ()
    """Event types that count; none: all"""
    costs: tuple[str, ...] = ()
    """For ``return``: event types whose values are costs"""
    day: int = Field(default=7, ge=1)
    span: int = Field(default=1, ge=1)
    better: Literal["higher", "lower"] = "higher"
    margin: float | None = Field(default=None, ge=0)
    """A guardrail: the worst relative change that is still acceptable, 0.02 for 2 %. None: no guardrail"""

    @model_validator(mode="after")
    def _costs(self) -> Self:
        if (self.kind == "return") != bool(self.costs):
            raise ValueError("costs are named for a return, and for nothing else")
        return self


VALUED: frozenset[Kind] = frozenset(("sum", "mean", "return"))
"""Kinds that add up values"""
_BUY, _RATE, _WATCH, _COST = ("purchase",), ("rating",), ("watch",), ("cost",)
DOMAINS: Mapping[str, Mapping[str, Measure]] = {
    "shop": {
        "conversion": Measure(kind="share", events=_BUY),
        "sales": Measure(kind="sum", events=_BUY),
        "order_value": Measure(kind="mean", events=_BUY),
        "satisfaction": Measure(kind="mean", events=_RATE),
        "roi": Measure(kind="return", events=_BUY, costs=_COST),
    },
    "media": {
        "watch_time": Measure(kind="sum", events=_WATCH),
        "activity": Measure(kind="active_days"),
        "stickiness": Measure(kind="stickiness"),
        "retention": Measure(kind="retention", day=7),
        "satisfaction": Measure(kind="mean", events=_RATE),
    },
    "news": {
        "clicks": Measure(kind="count", events=("click",)),
        "activity": Measure(kind="active_days"),
        "stickiness": Measure(kind="stickiness"),
        "retention": Measure(kind="retention", day=1),
    },
    "learning": {
        "completion": Measure(kind="share", events=("complete",)),
        "time": Measure(kind="sum", events=("study", "watch")),
        "satisfaction": Measure(kind="mean", events=_RATE),
        "retention": Measure(kind="retention", day=7, span=7),
    },
}
"""Business measures by domain, with the event types they are read from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A measure of n users."""

    y: DoubleArray
    x: DoubleArray
    """1 for all, but in ratios"""
    past: DoubleArray
    """(n,) the same y from before the exposure; zeros where there is no past"""


def domain(name: str) -> Mapping[str, Measure]:
    """The measures of a domain; `NotFoundError` names those there are."""
    if name not in DOMAINS:
        raise NotFoundError(f"No domain is called {name!r}.", hint=f"There are: {', '.join(DOMAINS)}.")
    return DOMAINS[name]


def found_in(units: Sequence[Unit]) -> dict[str, Measure]:
    """Measures for a log of which nothing is said: for each event type who did it, how often, and its value's sum where
    there are values.
    """
    types = sorted({action.event_type for unit in units for action in unit.after})
    valued = {a.event_type for unit in units for a in unit.after if a.value is not None}
    made: dict[str, Measure] = {}
    for name in types:
        made[f"{name}: users"] = Measure(kind="share", events=(name,))
        made[f"{name}: count"] = Measure(kind="count", events=(name,))
        if name in valued:
            made[f"{name}: value"] = Measure(kind="sum", events=(name,))
    return made


def without_value(measure: Measure, units: Sequence[Unit]) -> tuple[int, int]:
    """Of the events that a measure would add up the values of, the past's too: how many have none, and how many there
    are. (0, 0) for a measure that adds up none.
    """
    if measure.kind not in VALUED:
        return 0, 0
    types = {*measure.events, *measure.costs} if measure.events else None
    values = [a.value for unit in units for a in (*unit.past, *unit.after) if types is None or a.event_type in types]
    return values.count(None), len(values)


def sample(measure: Measure, units: Sequence[Unit], *, ends_at: int) -> Sample:
    """A measure of each user."""
    rows = [_of(measure, unit.after, unit.exposed_at, ends_at) for unit in units]
    past = [_of(measure, unit.past, unit.exposed_at, unit.exposed_at)[0] if unit.past else 0.0 for unit in units]
    y, x = np.array(rows, dtype=np.float64).reshape(-1, 2).T
    return Sample(y=y, x=x, past=np.array(past, dtype=np.float64))


def _of(measure: Measure, actions: Sequence[Action], start: int, ends_at: int) -> tuple[float, float]:
    """What one user adds above and below."""
    if measure.kind in VALUED:
        actions = [a for a in actions if a.value is not None]
    mine = [a for a in actions if not measure.events or a.event_type in measure.events]
    match measure.kind:
        case "share":
            return float(bool(mine)), 1.0
        case "count":
            return float(len(mine)), 1.0
        case "sum":
            return _total(mine), 1.0
        case "mean":
            return _total(mine), float(len(mine))
        case "active_days":
            return float(len(_days(mine, start))), 1.0
        case "stickiness":
            return float(len(_days(mine, start))), float(
                1 + abs(ends_at - start) // MICROSECONDS_PER_DAY
            ) if mine else 0.0
        case "retention":
            last = (measure.day + measure.span) * MICROSECONDS_PER_DAY
            came = any(measure.day <= day < measure.day + measure.span for day in _days(mine, start))
            watched = ends_at - start >= last or ends_at == start
            return (float(came), 1.0) if watched else (0.0, 0.0)
        case "return":
            costs = _total([a for a in actions if a.event_type in measure.costs])
            return _total(mine) - costs, costs


def _days(actions: Sequence[Action], start: int) -> set[int]:
    return {(action.timestamp - start) // MICROSECONDS_PER_DAY for action in actions}


def _total(actions: Sequence[Action]) -> float:
    return float(sum(action.value or 0.0 for action in actions))

"""When an update is due: by the clock, by how much came, or because what users take has changed.

Nothing here waits: whoever has a scheduler asks, and what is not due costs a reading of the bundle.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.data.growth import Growth
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Event


class TriggerConfig(Config):
    """Conditions."""

    after_events: int | None = Field(default=None, ge=1)
    """So many new events at least."""
    after_hours: float | None = Field(default=None, gt=0)
    """So long since the bundle was fitted or updated."""
    on_drift: bool = False
    """A change in what all users take was noticed at one of the new events (`PopulationDrift`)."""

    @property
    def reads_events(self) -> bool:
        """Whether what came has to be read to tell."""
        return self.after_events is not None or self.on_drift


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What was there when an update was tried last: it makes no other one due."""

    at: datetime
    events: int = 0
    """New events"""
    changed_at: int = 0
    """The last event at which a change was noticed"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Which conditions hold and which do not, in words."""

    met: tuple[str, ...]
    unmet: tuple[str, ...]
    changed_at: int = 0
    """The last event at which a change was noticed; 0 for none"""


def due(
    config: TriggerConfig, champion: InterestModel, growth: Growth | None, *, now: datetime, tried: Tried | None = None
) -> Due:
    """Ask all conditions. Those that read events do not hold where `growth` is None. Drift is looked for in the new
    events, on a copy of the champion.
    """
    held: list[tuple[bool, str, str]] = []
    """Whether, why, and why not"""
    changed_at = 0
    if config.after_events is not None:
        n = 0 if growth is None else growth.events - (tried.events if tried is not None else 0)
        words = f"{n} new events"
        held.append((n >= config.after_events, words, f"{words}; an update is due after {config.after_events}"))
    if config.after_hours is not None:
        fitted_at, asked = champion.fitted.facts.get("fitted_at"), timedelta(hours=config.after_hours)
        since = tried.at if tried is not None else datetime.fromisoformat(fitted_at) if fitted_at is not None else None
        passed = now - since if since is not None else asked  # a bundle that does not say when is old enough
        words = f"{passed.total_seconds() / 3600:.1f} hours since the last {'fit' if tried is None else 'try'}"
        held.append((passed >= asked, words, f"{words}; due after {config.after_hours:g}"))
    if config.on_drift:
        changed_at = 0 if growth is None else _changed_at(champion, growth)
        fresh = changed_at > (tried.changed_at if tried is not None else 0)
        held.append((fresh, "what users take has changed", "what users take has not changed"))
    return Due(
        met=tuple(why for holds, why, _ in held if holds),
        unmet=tuple(why for holds, _, why in held if not holds),
        changed_at=changed_at,
    )


def _changed_at(champion: InterestModel, growth: Growth) -> int:
    """The last of the new events at which a change in what all users take was noticed, counted from the first event
    there is; 0 for none.
    """
    watching = InterestModel(config=champion.config, seed=champion.seed, now=champion.now).start(champion.fitted)
    watching.population_drift()  # what is usual, before the new events
    watching.observe(new_events(growth))
    found = watching.population_drift()
    return max((alarm.event for alarm in found.alarms if alarm.event > found.baseline), default=0)


def new_events(growth: Growth) -> list[Event]:
    """The new events that are on items, in the order in which they happened."""
    data = growth.dataset
    events, places = data.events, np.flatnonzero(growth.new & (data.events.items >= 0))
    return [
        Event(
            user_id=data.users.ids[events.users[n]],
            item_id=data.items.ids[events.items[n]],
            event_type=data.event_types[events.types[n]],
            timestamp=int(events.timestamps[n]),
            event_id=data.event_id(int(events.keys[n])),
        )
        for n in places[np.argsort(events.timestamps[places], kind="stable")].tolist()
    ]

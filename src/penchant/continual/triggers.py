"""When an update is due: by the clock, by how much came, or because what users take has changed.

Nothing here waits: whoever has a scheduler asks, and what is not due costs a reading of the bundle.
"""

from datetime import datetime, timedelta

from pydantic import Field

from penchant.config import Config
from penchant.records import PopulationDrift


class TriggerConfig(Config):
    """Conditions, of which each that is set has to hold; none: an update is always due."""

    after_events: int | None = Field(default=None, ge=1)
    """So many new events at least."""
    after_hours: float | None = Field(default=None, gt=0)
    """So long since the bundle was fitted or updated."""
    on_drift: bool = False
    """A change in what all users take was noticed at one of the new events (`PopulationDrift`)."""


def not_due(
    config: TriggerConfig, *, new_events: int, fitted_at: str | None, now: datetime, drift: PopulationDrift | None
) -> str | None:
    """Why no update is due, None where one is. `drift` is asked for only where it counts."""
    if config.after_events is not None and new_events < config.after_events:
        return f"{new_events} new events; an update is due after {config.after_events}"
    if config.after_hours is not None and fitted_at is not None:
        since = now - datetime.fromisoformat(fitted_at)
        if since < timedelta(hours=config.after_hours):
            return f"{since.total_seconds() / 3600:.1f} hours since the last fit; due after {config.after_hours:g}"
    if config.on_drift:
        fresh = [alarm for alarm in drift.alarms if alarm.event > drift.baseline] if drift is not None else []
        if not fresh:
            return "what users take has not changed"
    return None

"""Rounds of updating a bundle: one when asked, or one whenever it is due, for as long as nobody stops it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from penchant.continual.coming import Coming, coming
from penchant.continual.triggers import Due, Tried, TriggerConfig, due
from penchant.continual.updating import UpdateConfig, update
from penchant.errors import ConfigError, PenchantError
from penchant.interfaces import Encoder
from penchant.pipeline import publishing
from penchant.pipeline.encoding import cached_encoder
from penchant.pipeline.interest_model import InterestModel, load
from penchant.progress import SILENT, Progress

Told = Mapping[str, Any]
"""What a round came to, as JSON has it"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which bundle learns from what, and how."""

    bundle: Path
    events: Path
    """A dataset folder, or a store"""
    settings: UpdateConfig = field(default_factory=UpdateConfig)
    encoder: str | None = None
    """What reads the items' texts, where it is not the bundle's own"""
    publish: bool = False
    """Let the new version stand where it wins"""
    seed: int = 0

    def check(self) -> None:
        """`ConfigError` where there is no bundle."""
        if not self.bundle.is_dir():
            raise ConfigError(f"No bundle at {self.bundle}.", hint="Make one with `penchant fit DIR --to BUNDLE`.")


def update_bundle(
    order: Order, when: TriggerConfig, *, now: Callable[[], datetime], progress: Progress = SILENT
) -> Told:
    """One round, where all conditions hold."""
    order.check()
    champion = load(order.bundle, now=now)
    came = coming(order.events, champion)
    found = due(when, champion, came.growth, now=now())
    told = {"bundle": str(order.bundle), "stands": publishing.current(order.bundle).name, "published": False}
    if found.unmet:
        return {**told, "wins": False, "reason": found.unmet[0]}
    return {**told, **_round(order, champion, came, progress)}


def watch(
    order: Order,
    when: TriggerConfig,
    *,
    look_every: float,
    now: Callable[[], datetime],
    wait: Callable[[float], None],
    tell: Callable[[Told], None],
    progress: Progress = SILENT,
) -> None:
    """Look every so many seconds, and update where any condition holds: until `wait` raises (Ctrl-C).

    A round that fails is told, and looked at again when it is due anew: what was there when one was tried makes no
    other one due. `ConfigError` where no condition is set.
    """
    if when == TriggerConfig():
        raise ConfigError(
            "Nothing says when to update.", hint="Give --every, --after-events or --on-drift, or several of them."
        )
    order.check()
    tried: Tried | None = None
    while True:
        told, tried = _look(order, when, tried, now=now, progress=progress)
        if told is not None:
            tell(told)
        wait(look_every)


def _look(
    order: Order, when: TriggerConfig, tried: Tried | None, *, now: Callable[[], datetime], progress: Progress
) -> tuple[Told | None, Tried | None]:
    """What there is to tell, None for nothing, and what was tried last."""
    at = now()
    told = {"bundle": str(order.bundle), "at": at.isoformat(), "published": False, "wins": False}
    found: Due | None = None
    n = 0
    try:
        champion = load(order.bundle, now=now)
        told["stands"] = publishing.current(order.bundle).name
        came = None
        if when.reads_events:
            came = coming(order.events, champion)
            n = came.growth.events
        found = due(when, champion, came.growth if came is not None else None, now=at, tried=tried)
        if not found.met:
            return None, tried
        told["due"] = list(found.met)
        came = came or coming(order.events, champion)
        n = came.growth.events
        told |= _round(order, champion, came, progress)
    except Exception as error:  # whatever it is, the next round may do better
        told |= {"failed": True, "reason": _words(error)}
    if found is None:  # it could not be looked: try again at the next look
        return told, tried
    # A new version has learned what came; its events count from nothing again.
    return told, None if told["published"] else Tried(at=at, events=n, changed_at=found.changed_at)


def _round(order: Order, champion: InterestModel, came: Coming, progress: Progress) -> dict[str, Any]:
    reader = _reader(champion, order.encoder)
    found = update(champion, came, order.settings, encoder=reader, seed=order.seed, progress=progress)
    told = {**found.told, "wins": found.model is not None}
    told["reason"] = "nothing new to learn" if found.verdict is None else found.verdict.reason
    if found.model is not None and order.publish:
        place = publishing.publish(order.bundle, found.model.save)
        told |= {"published": True, "stands": place.name}
    return told


def _reader(champion: InterestModel, encoder: str | None) -> Encoder | None:
    """What reads the items' texts: None where nothing does, or where the bundle says itself."""
    if encoder is None or not champion.config.text:
        return None
    return cached_encoder(encoder, champion.fitted.dataset.items)


def _words(error: Exception) -> str:
    if isinstance(error, PenchantError):
        return f"{error.message} {error.hint}".strip()
    return f"{type(error).__name__}: {error}"

"""The owner's rules for a list: what may appear, what must, what is lifted, and what becomes of seen items."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from penchant.config import Config
from penchant.errors import ConfigError, NotFoundError
from penchant.reranking.selectors import Selectors
from penchant.types import BoolArray, DoubleArray, IntArray, RowArray

Seen = Literal["exclude", "include", "after", "demote"]


class Quota(Config):
    """How many of some items a list has, at least and at most."""

    least: int = Field(default=0, ge=0)
    most: int | None = Field(default=None, ge=0)
    """None: no limit."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.most is not None and self.least > self.most:
            raise ValueError(f"at least {self.least} and at most {self.most} cannot both hold")
        return self


class Rules(Config):
    """Rules for one list or for all. Items are named by selectors (see `Selectors`): an id, or ``column:value``.

    Where rules meet: a denied item never appears; a pinned one appears whether or not it is allowed or was seen, and
    counts in quotas; quotas limit what comes beside the pins.
    """

    allow: tuple[str, ...] = ()
    """Only these items; empty: all."""
    deny: tuple[str, ...] = ()
    """Never these. An id that is not in the catalogue cannot appear anyway and is passed over."""
    boost: Mapping[str, float] = Field(default_factory=dict)
    """Selector → what is added to the value of its items, in the scores' unit; below 0 it is taken away."""
    quota: Mapping[str, Quota] = Field(default_factory=dict)
    """Selector → how many of its items the list has."""
    pin: Mapping[int, str] = Field(default_factory=dict)
    """Place, from 1 → the item's id."""
    seen: Seen | None = None
    """What becomes of items the user had: none of them (``exclude``), all (``include``), those he last had more than
    `seen_after` events ago (``after``), or all with `seen_penalty` taken away (``demote``). None: as the request says.
    """
    seen_after: int = Field(default=50, ge=0)
    seen_penalty: float = Field(default=1.0, ge=0)

    @field_validator("pin")
    @classmethod
    def _places(cls, pin: Mapping[int, str]) -> Mapping[int, str]:
        if pin and min(pin) < 1:
            raise ValueError(f"places count from 1; {min(pin)} came")
        if len(set(pin.values())) < len(pin):
            raise ValueError("an item is pinned to two places")
        return pin

    @property
    def empty(self) -> bool:
        """Whether there is nothing to keep to."""
        return not (self.allow or self.deny or self.boost or self.quota or self.pin) and self.seen is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A quota on the rows of a catalogue."""

    name: str
    """The selector, as a person wrote it."""
    members: BoolArray
    """(I,)"""
    least: int
    most: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """Rules in terms of a catalogue's rows, for one user."""

    allowed: BoolArray
    """(I,) items that may come by their score"""
    lifts: DoubleArray
    """(I,) what is added to values"""
    pins: Mapping[int, int]
    """Place, from 1 → row"""
    limits: tuple[Limit, ...] = ()

    @classmethod
    def none(cls, n_items: int) -> Self:
        """No rules: everything may come."""
        return cls(allowed=np.ones(n_items, dtype=np.bool_), lifts=np.zeros(n_items), pins={})


def constraints(rules: Rules, selectors: Selectors, n_items: int, *, k: int, history_L: RowArray) -> Constraints:
    """What rules mean for a list of K items after a history, oldest first. `rules.seen` must be said.

    `NotFoundError` for an item or label that is not there, `ConfigError` for an item pinned and denied, or pinned below
    the list's end.
    """
    denied = np.zeros(n_items, dtype=np.bool_)
    for selector in rules.deny:
        try:
            denied[selectors.rows(selector)] = True
        except NotFoundError:
            if ":" in selector:
                raise
    allowed = ~denied
    if rules.allow:
        chosen = np.zeros(n_items, dtype=np.bool_)
        for selector in rules.allow:
            chosen[selectors.rows(selector)] = True
        allowed &= chosen
    lifts = np.zeros(n_items)
    for selector, amount in rules.boost.items():
        lifts[selectors.rows(selector)] += amount
    ages = events_since(history_L, n_items)
    if rules.seen == "exclude":
        allowed &= ages < 0
    elif rules.seen == "after":
        allowed &= (ages < 0) | (ages > rules.seen_after)
    elif rules.seen == "demote":
        lifts[ages >= 0] -= rules.seen_penalty
    return Constraints(
        allowed=allowed,
        lifts=lifts,
        pins=_pins(rules, selectors, denied, k),
        limits=tuple(_limit(name, quota, selectors, n_items) for name, quota in rules.quota.items()),
    )


def events_since(history_L: RowArray, n_items: int) -> IntArray:
    """(I,) how many events came after the last one on each item, −1 for items that are not in the history."""
    ages = np.full(n_items, -1, dtype=np.int64)
    ages[history_L] = len(history_L) - 1 - np.arange(len(history_L))  # oldest first: the last assignment stays
    return ages


def _pins(rules: Rules, selectors: Selectors, denied_I: BoolArray, k: int) -> dict[int, int]:
    pins = {}
    for place, item_id in sorted(rules.pin.items()):
        if place > k:
            raise ConfigError(f"{item_id!r} is pinned to place {place} of {k}.", hint="Pin it higher, or ask for more.")
        pins[place] = selectors.row(item_id)
        if denied_I[pins[place]]:
            raise ConfigError(f"{item_id!r} is both pinned and denied.", hint="Take away one of the two.")
    return pins


def _limit(name: str, quota: Quota, selectors: Selectors, n_items: int) -> Limit:
    members = np.zeros(n_items, dtype=np.bool_)
    members[selectors.rows(name)] = True
    return Limit(name=name, members=members, least=quota.least, most=quota.most)

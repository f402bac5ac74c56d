"""A dataset and what came since: one dataset whose rows begin with the old one's."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from penchant.data.dataset import Dataset, Events, Table
from penchant.errors import DataError
from penchant.types import AnyArray, BoolArray, IntArray, ObjectArray, RowArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What a dataset grew to. Users, items and event types keep their rows and codes; new ones come after them."""

    dataset: Dataset
    new: BoolArray
    """(N,) which of its events are new"""
    users: int
    """How many users are new"""
    items: int
    """How many items are new, with events or without"""
    event_types: tuple[str, ...]
    """Types that the old dataset has not"""
    repeated: int
    """Events that came and that it had already"""

    @property
    def events(self) -> int:
        """How many events are new."""
        return int(self.new.sum())

    @property
    def of_items(self) -> BoolArray:
        """The same mask for the dataset's item events alone, in the order of its histories."""
        return np.asarray(self.new[self.dataset.events.items >= 0])


def grown(old: Dataset, came: Dataset, *, alone: bool = False) -> Growth:
    """The old dataset with what `came` has beside it, whether that holds all events again or the new ones alone.

    Where the clock is ``time``, an event is the same as another of its user, item, type and moment, counted as often as
    it happened, or of its id. Where it is ``position``, `came` holds all events again if the histories of most shared
    users begin with the old ones, and what follows is new; else, or where `came` is known to be the new events `alone`,
    everything in it is new and follows the old history.
    Every event has an id of its own afterwards, the one it had: edits that name it stay true.

    Raises `DataError` for clocks that differ, and for histories of which only some begin with the old ones.
    """
    if old.clock != came.clock:
        raise DataError(
            f"The events that came are ordered by {came.clock}, and those known by {old.clock}.",
            hint="Import both with the same clock: `penchant import … --clock`.",
        )
    users, items = _joined_ids(old.users, came.users), _joined_ids(old.items, came.items)
    types = (*old.event_types, *(name for name in came.event_types if name not in old.event_types))
    code = {name: n for n, name in enumerate(types)}
    theirs = replace(
        came.events,
        users=users.rows(came.users.ids)[came.events.users],
        items=np.where(came.events.items >= 0, items.rows(came.items.ids)[came.events.items], -1).astype(np.int32),
        types=np.array([code[name] for name in came.event_types], dtype=np.int32)[came.events.types],
    )
    if old.clock == "time":
        fresh = _unknown(old, theirs, came)
    else:
        fresh = np.ones(len(theirs), dtype=np.bool_) if alone else _following(old.events, theirs, len(old.users))
    added = theirs.where(fresh)
    dataset, new = _appended(old, added, came)
    dataset = replace(
        dataset,
        users=users,
        items=items,
        event_types=types,
        rating_scale=old.rating_scale or came.rating_scale,
        links=came.links if came.links is not None else old.links,
    )
    return Growth(
        dataset=dataset,
        new=new,
        users=len(users) - len(old.users),
        items=len(items) - len(old.items),
        event_types=types[len(old.event_types) :],
        repeated=int(len(fresh) - fresh.sum()),
    )


def _joined_ids(old: Table, came: Table) -> Table:
    """All ids, the old ones first; what the old table says stands, and what it leaves open is filled."""
    ids = (*old.ids, *(one for one in came.ids if old.row(one) < 0))
    places = came.rows(ids)
    columns: dict[str, ObjectArray] = {}
    for name in dict.fromkeys((*old.columns, *came.columns)):
        values = np.full(len(ids), None, dtype=object)
        if name in old.columns:
            values[: len(old)] = old.columns[name]
        if name in came.columns:
            open_ = np.array([value is None for value in values]) & (places >= 0)
            values[open_] = came.columns[name][places[open_]]
        columns[name] = values
    return Table(ids, columns)


def _unknown(old: Dataset, theirs: Events, came: Dataset) -> BoolArray:
    """Which events that came the old dataset has not: neither by id nor, as often, by what they are."""
    both = np.stack(
        [np.concatenate([getattr(one, name).astype(np.int64) for one in (old.events, theirs)]) for name in _SAME],
        axis=1,
    )
    same = np.unique(both, axis=0, return_inverse=True)[1].ravel()
    before, after = np.split(same, [len(old.events)])
    had = np.bincount(before, minlength=int(same.max(initial=-1)) + 1)
    fresh = _occurrence(after) >= had[after]
    if came.event_ids and old.event_ids:
        known = {old.event_id(int(key)) for key in old.events.keys}
        fresh &= np.array([came.event_id(int(key)) not in known for key in theirs.keys], dtype=np.bool_)
    return np.asarray(fresh)


_SAME = ("users", "items", "types", "timestamps")


def _occurrence(labels: IntArray) -> IntArray:
    """How many of the same label came before each."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    first = np.searchsorted(ordered, ordered, side="left")
    places = np.empty(len(labels), dtype=np.int64)
    places[order] = np.arange(len(labels)) - first
    return places


def _following(old: Events, theirs: Events, n_users: int) -> BoolArray:
    """Which events that came follow what is known, where there is only order."""
    fresh = np.ones(len(theirs), dtype=np.bool_)
    order = np.argsort(theirs.users, kind="stable")
    begins = unlike = 0
    for user in np.unique(theirs.users[theirs.users < n_users]).tolist():
        known = slice(*np.searchsorted(old.users, [user, user + 1]).tolist())
        length = known.stop - known.start
        if not length:
            continue
        mine = order[slice(*np.searchsorted(theirs.users[order], [user, user + 1]).tolist())][:length]
        if len(mine) == length and all(
            np.array_equal(getattr(old, name)[known], getattr(theirs, name)[mine]) for name in ("items", "types")
        ):
            fresh[mine] = False
            begins += 1
        else:
            unlike += 1
    if begins and unlike and begins > unlike:
        raise DataError(
            f"{begins} users' histories begin with what is known of them, and {unlike} users' do not.",
            hint="Give all events again, or the new ones alone.",
        )
    return fresh if begins > unlike else np.ones(len(theirs), dtype=np.bool_)


def _appended(old: Dataset, added: Events, came: Dataset) -> tuple[Dataset, BoolArray]:
    """The events in order, with ids of their own, and which are new."""
    before, n = old.events, len(old.events)
    stamps = added.timestamps
    if old.clock == "position":
        known = np.zeros(max(int(added.users.max(initial=-1)) + 1, old.n_users), dtype=np.int64)
        np.maximum.at(known, before.users, before.timestamps + 1)
        stamps = known[added.users] + _occurrence(added.users.astype(np.int64))
    users = np.concatenate([before.users, added.users])
    times = np.concatenate([before.timestamps, stamps])
    order = np.lexsort((np.arange(len(users)), times, users))
    beside = {
        one.name: _joined(getattr(before, one.name), getattr(added, one.name), (n, len(added)), order)
        for one in fields(Events)
        if one.name not in {"users", "timestamps", "keys"}
    }
    keys = np.arange(len(users), dtype=np.int64)
    events = Events(users=users[order], timestamps=times[order], keys=keys, **beside)
    ids = _ids(old, added.keys, came)
    named: Mapping[int, str] = {place: ids[source] for place, source in enumerate(order.tolist())}
    return replace(old, events=events, event_ids=named), np.asarray(order >= n)


def _joined(old: AnyArray | None, added: AnyArray | None, lengths: tuple[int, int], order: IntArray) -> Any:
    """A column of the events in their order; where one side does not have it, None or False."""
    there = old if old is not None else added
    if there is None:
        return None
    nothing = None if there.dtype == object else 0
    parts = [
        np.full(n, nothing, there.dtype) if part is None else part
        for part, n in zip((old, added), lengths, strict=True)
    ]
    return np.concatenate(parts)[order]


def _ids(old: Dataset, added_keys: AnyArray | RowArray, came: Dataset) -> list[str]:
    """The old events' ids, then those of the new: their own where they have one that is free, else a new one."""
    ids = [old.event_id(int(key)) for key in old.events.keys]
    taken, number = set(ids), len(ids)
    for key in added_keys.tolist():
        name = came.event_id(int(key)) if came.event_ids else None
        while name is None or name in taken:
            name, number = f"e{number}", number + 1
        taken.add(name)
        ids.append(name)
    return ids

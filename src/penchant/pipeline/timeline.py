"""Everything users did: the dataset the model was fitted on, and the events observed since."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.pipeline.malformed import check_events, event_fault, finite
from penchant.pipeline.sayings import DAMNED, Written, is_search, written_in
from penchant.records import Event, HistoryEvent, ObserveResult, Rejection
from penchant.types import BoolArray, IntArray

MAX_ID_LENGTH = 512
AS_FITTED = (0, (0, frozenset[int]()))
"""The version of a history that is the dataset's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Live:
    """An observed event; `item` is −1 for a search or free text."""

    key: int
    item: int
    type: int
    timestamp: int
    value: float
    text: str | None


class Timeline:
    """Histories that grow: the fitted dataset never changes, observed events are laid over it, forgotten ones hidden.

    Where the dataset's clock is ``position``, an observed event takes the user's next position and its own timestamp is
    not read; where it is ``time``, an event without a timestamp takes `now`, and one dated later than that too: nothing
    has happened that is to come.

    `damns` tells of an observed event whether its words speak against its item: it then counts as `DAMNED`, which is no
    consumption, and is shown by the type it came with.
    """

    def __init__(self, dataset: Dataset, *, damns: Callable[[Event], bool] | None = None) -> None:
        self.dataset = dataset
        self.event_types = list(dataset.event_types)
        self._damns = damns
        self._shown: dict[int, str] = {}
        """Types of observed events that count as another, by their keys"""
        self._live: dict[str, list[_Live]] = {}
        self._forgotten: dict[str, tuple[int, frozenset[int]]] = {}
        self._ids: dict[int, str] = {}
        self._seen_ids: set[str] = set()
        self._imported = (0, 0)
        """Imported events without ids of their own are called e<key>, from the first key to below the second."""
        self._next_key = int(dataset.events.keys.max(initial=-1)) + 1
        if dataset.event_ids is not None:
            self._seen_ids.update(dataset.event_ids.values())
        elif len(dataset.events):
            self._imported = (int(dataset.events.keys.min()), self._next_key)

    def known(self, user_id: str) -> bool:
        """Whether the user has an entry in the dataset or an observed event."""
        return self.dataset.users.row(user_id) >= 0 or user_id in self._live

    @property
    def observed(self) -> int:
        """Events observed since the model was fitted."""
        return sum(map(len, self._live.values()))

    def observed_of(self, user_id: str) -> int:
        """Events of one user observed since the model was fitted."""
        return len(self._live.get(user_id, ()))

    def counts(self) -> dict[str, int]:
        """Item events that each user has more than the dataset tells, less than it where he has had some forgotten."""
        counts = {user: sum(event.item >= 0 for event in events) for user, events in self._live.items()}
        for user in self._forgotten:
            row = self.dataset.users.row(user)
            imported = len(self.dataset.histories(np.array([row], dtype=np.int32)).items) if row >= 0 else 0
            counts[user] = len(self.history(user).items) - imported
        return counts

    @property
    def mark(self) -> int:
        """Every event so far has a key below this, every later one has not."""
        return self._next_key

    def forget(self, user_id: str, *, below: int, keys: frozenset[int]) -> None:
        """From now on a user has none of his events with a key `below` this, and none of those with one of `keys`; what
        was hidden before and is not so any more is there again.
        """
        self._forgotten.pop(user_id, None)
        if below or keys:
            self._forgotten[user_id] = below, keys

    def version(self, user_id: str) -> tuple[int, tuple[int, frozenset[int]]]:
        """Equal at two moments where the user's history is; `AS_FITTED` where it is the dataset's."""
        return self.observed_of(user_id), self._forgotten.get(user_id, (0, frozenset()))

    def key(self, user_id: str, event_id: str) -> int:
        """The key of one of the user's own events, −1 where he has none of this id (any more)."""
        imported, live = self.dataset.events.keys[self._span(user_id)], self._live.get(user_id, ())
        keys = [*imported.tolist(), *(event.key for event in live)]
        found = next((key for key in keys if self.event_id(key) == event_id), -1)
        return found if found >= 0 and not self._hidden(user_id, np.array([found])).any() else -1

    def _hidden(self, user_id: str, keys: IntArray) -> BoolArray:
        below, some = self._forgotten.get(user_id, (0, frozenset()))
        return (keys < below) | np.isin(keys, list(some))

    def _span(self, user_id: str) -> slice:
        """The user's rows of the dataset's events."""
        row = self.dataset.users.row(user_id)
        return slice(*np.searchsorted(self.dataset.events.users, [row, row + 1]).tolist()) if row >= 0 else slice(0)

    def _moved_up(self, user_id: str, stamps: IntArray) -> IntArray:
        """Where the clock counts positions, those of events that are left when some are hidden: as if these had never
        been. Item events and texts move together.
        """
        if self.dataset.clock != "position":
            return stamps
        events, span, live = self.dataset.events, self._span(user_id), self._live.get(user_id, ())
        keys = np.concatenate([events.keys[span], [event.key for event in live]]).astype(np.int64)
        moments = np.concatenate([events.timestamps[span], [event.timestamp for event in live]]).astype(np.int64)
        left = np.unique(moments[~self._hidden(user_id, keys)])
        return np.asarray(np.unique(moments)[np.searchsorted(left, stamps)], dtype=np.int64)

    def users_since(self, mark: int) -> list[str]:
        """Users of whom an item event with a key of `mark` or above was observed."""
        return [user for user, events in self._live.items() if any(e.key >= mark and e.item >= 0 for e in events)]

    def live_users(self) -> list[str]:
        """Users with observed events who are not in the dataset."""
        return [user for user in self._live if self.dataset.users.row(user) < 0]

    def event_id(self, key: int) -> str:
        """The id of an event, observed or imported."""
        return self._ids[key] if key in self._ids else self.dataset.event_id(key)

    def history(self, user_id: str, *, as_of: int | None = None) -> Histories:
        """One user's item events, oldest first (B = 1); none for an unknown user.

        `as_of` keeps the events up to that moment: the first `as_of` events where the clock is ``position``, those with
        timestamp ≤ `as_of` (UTC microseconds) where it is ``time``.
        """
        row = self.dataset.users.row(user_id)
        base = self.dataset.histories(np.array([row], dtype=np.int32)) if row >= 0 else _none(row)
        live = [event for event in self._live.get(user_id, ()) if event.item >= 0]
        if live:
            live.sort(key=lambda event: (event.timestamp, self.event_id(event.key)))
            base = _joined(base, live)
        if user_id in self._forgotten:
            base = base.keep(~self._hidden(user_id, base.keys))
            base = replace(base, timestamps=self._moved_up(user_id, base.timestamps))
        if as_of is None:
            return base
        if self.dataset.clock == "position":
            return base.keep(np.arange(len(base.items)) < as_of)
        return base.keep(base.timestamps <= as_of)

    def observe(self, events: Sequence[Event], *, now: int) -> ObserveResult:
        """Take the good events, count repeated ids once, and say why the others were refused. `DataError` for what is
        no sequence of events.
        """
        check_events(events)
        accepted = duplicates = 0
        rejected = []
        for index, event in enumerate(events):
            fault = event_fault(event) or self._fault(event)
            key = -1 if fault else self._imported_key(event)
            repeated = not fault and event.event_id in self._seen_ids
            if key >= 0 and not repeated:
                had = self._item_of(event.user_id, key)
                repeated = had == event.item_id
                fault = None if repeated else ("event_id", f"{event.event_id} is this user's event on {had}: rename it")
            if fault:
                rejected.append(Rejection(index=index, column=fault[0], reason=fault[1]))
            elif repeated:
                duplicates += 1
            else:
                self._add(event, now)
                accepted += 1
        return ObserveResult(accepted=accepted, duplicates=duplicates, rejected=tuple(rejected))

    def imported_of(self, row: int) -> int:
        """Item events that the dataset has of the user of this row."""
        events = self.dataset.events
        first, end = np.searchsorted(events.users, [row, row + 1])
        return int(np.count_nonzero(events.items[first:end] >= 0))

    def texts(self, user_id: str, *, as_of: int | None = None) -> list[Written]:
        """What the user wrote, oldest first: with an item, or as a search. `as_of` as for `history`: where the clock
        counts positions, what was written before the next of his item events.
        """
        texts = written_in(self.dataset, self._span(user_id))
        live = [
            Written(e.key, e.timestamp, e.text, is_search(self.event_types[e.type], e.item), e.item >= 0)
            for e in self._live.get(user_id, ())
            if e.text
        ]
        # Of one moment imported ones come first, in file order, then observed ones by their ids, as in `history`.
        texts += sorted(live, key=lambda one: (one.timestamp, self.event_id(one.key)))
        texts.sort(key=lambda one: one.timestamp)
        if user_id in self._forgotten and texts:
            hidden = self._hidden(user_id, np.array([one.key for one in texts]))
            texts = [one for one, gone in zip(texts, hidden.tolist(), strict=True) if not gone]
            stamps = self._moved_up(user_id, np.array([one.timestamp for one in texts], dtype=np.int64))
            texts = [one._replace(timestamp=stamp) for one, stamp in zip(texts, stamps.tolist(), strict=True)]
        if as_of is not None and texts:
            end = as_of
            if self.dataset.clock == "position":
                positions = self.history(user_id).timestamps
                as_of = max(as_of, 0)
                end = int(positions[as_of]) - 1 if as_of < len(positions) else np.iinfo(np.int64).max
            texts = [one for one in texts if one.timestamp <= end]
        return texts

    def events(self, user_id: str, *, limit: int, before: int | None) -> list[HistoryEvent]:
        """The user's item events, newest first, from those at a position below `before`."""
        history = self.history(user_id)
        end = len(history.items) if before is None else max(0, min(before, len(history.items)))
        return [
            HistoryEvent(
                event_id=self.event_id(int(history.keys[n])),
                item_id=self.dataset.items.ids[history.items[n]],
                title=self.dataset.title(int(history.items[n])),
                event_type=self._shown.get(int(history.keys[n]), self.event_types[history.types[n]]),
                timestamp=int(history.timestamps[n]),
                value=None if math.isnan(history.values[n]) else float(history.values[n]),
                position=n,
            )
            for n in range(end - 1, max(end - 1 - limit, -1), -1)
        ]

    def of_types(self, history: Histories, names: frozenset[str]) -> BoolArray:
        """(N,) whether each event's type is one of `names`."""
        return np.isin(history.types, [code for code, name in enumerate(self.event_types) if name in names])

    def counted(self, event: Event) -> str:
        """The type that an event counts as: its own, or `DAMNED`."""
        return DAMNED if self._damns is not None and self._damns(event) else event.event_type

    def _imported_key(self, event: Event) -> int:
        """The key of the user's own imported event that is called as this one is; −1 where none is.

        Imported events without ids of their own are called e<key>. A client that counts its events in the same way
        means others by it, so that of another user it is no repetition.
        """
        name = event.event_id or ""
        number = name[1:]
        if not (name.startswith("e") and number.isascii() and number.isdigit() and str(int(number)) == number):
            return -1
        first, end = self._imported
        own = self.dataset.events.keys[self._span(event.user_id)]
        return int(number) if first <= int(number) < end and int(number) in own else -1

    def _item_of(self, user_id: str, key: int) -> str | None:
        """The item of one of the user's imported events; None of a search."""
        span = self._span(user_id)
        item = int(self.dataset.events.items[span][self.dataset.events.keys[span] == key][0])
        return self.dataset.items.ids[item] if item >= 0 else None

    def _fault(self, event: Event) -> tuple[str, str] | None:
        if not event.user_id.strip():
            return "user_id", "empty: name the user"
        for column, value in (
            ("user_id", event.user_id),
            ("event_type", event.event_type),
            ("event_id", event.event_id),
        ):
            if value is not None and len(value) > MAX_ID_LENGTH:
                return column, f"longer than {MAX_ID_LENGTH} characters"
        if not event.event_type.strip():
            return "event_type", "empty: say what the user did, such as 'click' or 'purchase'"
        if event.item_id is None and not event.text:
            return "item_id", "missing: an event needs an item, or a text such as a search"
        if event.item_id is not None and self.dataset.items.row(event.item_id) < 0:
            return "item_id", f"no item {event.item_id!r} in the catalogue of this model"
        if event.value is not None and not finite(event.value):
            return "value", "not a finite number"
        if event.timestamp is not None and abs(event.timestamp) >= 2**62:
            return "timestamp", "outside the range of microseconds since 1970"
        return None

    def _add(self, event: Event, now: int) -> None:
        mine = self._live.setdefault(event.user_id, [])
        if self.dataset.clock == "position":
            imported = self.dataset.events.timestamps[self._span(event.user_id)]  # texts, too
            stamp = int(imported.max(initial=-1)) + 1 + len(mine)
        else:
            stamp = now if event.timestamp is None else min(event.timestamp, now)
        counted = self.counted(event)
        if counted not in self.event_types:
            self.event_types.append(counted)
        key = self._next_key
        while event.event_id is None and f"e{key}" in self._seen_ids:
            key += 1
        self._next_key = key + 1
        self._ids[key] = f"e{key}" if event.event_id is None else event.event_id
        self._seen_ids.add(self._ids[key])
        if counted != event.event_type:
            self._shown[key] = event.event_type
        mine.append(
            _Live(
                key=key,
                item=-1 if event.item_id is None else self.dataset.items.row(event.item_id),
                type=self.event_types.index(counted),
                timestamp=stamp,
                value=math.nan if event.value is None else event.value,
                text=event.text,
            )
        )


def _none(row: int) -> Histories:
    return Histories(
        users=np.array([row], dtype=np.int32),
        indptr=np.zeros(2, dtype=np.int64),
        items=np.zeros(0, dtype=np.int32),
        timestamps=np.zeros(0, dtype=np.int64),
        types=np.zeros(0, dtype=np.int32),
        values=np.zeros(0),
        keys=np.zeros(0, dtype=np.int64),
    )


def _joined(base: Histories, live: list[_Live]) -> Histories:
    stamps = np.concatenate([base.timestamps, [e.timestamp for e in live]]).astype(np.int64)
    keys = np.concatenate([base.keys, [e.key for e in live]]).astype(np.int64)
    # Of events at one moment imported ones come first, in file order, then observed ones by their ids: the order in
    # which they arrived does not matter.
    order = np.lexsort((np.arange(len(stamps)), stamps))
    return Histories(
        users=base.users,
        indptr=np.array([0, len(stamps)], dtype=np.int64),
        items=np.concatenate([base.items, [e.item for e in live]]).astype(np.int32)[order],
        timestamps=stamps[order],
        types=np.concatenate([base.types, [e.type for e in live]]).astype(np.int32)[order],
        values=np.concatenate([base.values, [e.value for e in live]]).astype(np.float64)[order],
        keys=keys[order],
    )

"""What every evaluation protocol makes, and the pieces they are made with."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.histories import Cases, Histories
from penchant.types import BoolArray, IntArray, RowArray

Protocol = Literal["leave-one-out", "temporal", "k-fold", "k-fold-users", "k-fold-time", "cold-items", "cold-users"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

REPEATS_TOLD = 0.01
"""Share of repeated targets from which a result tells it."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """One division of a dataset. Validation and test are asked with `Cases`; only `train` is fitted."""

    protocol: Protocol
    train: Dataset
    validation: Cases
    test: Cases
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the protocol did, for the report: settings, counts, the share of users whose last event is tied."""

    @property
    def hash(self) -> str:
        """16 hex digits that change when any id, training event, history or target does."""
        events = self.train.events
        arrays = [events.users, events.items, events.timestamps]
        for cases in (self.validation, self.test):
            asked = cases.histories
            arrays += [
                asked.users,
                asked.indptr,
                asked.items,
                asked.timestamps,
                cases.target_indptr,
                cases.target_items,
            ]
        digest = hashlib.blake2b(self.protocol.encode(), digest_size=8)
        for table in (self.train.users, self.train.items):
            digest.update("\x1f".join(table.ids).encode())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def next_item(histories: Histories) -> Cases:
    """Cases that ask for the last item of each history when it first came, given the events before the run of events
    on it: with one of them given, the others are no guess.
    """
    last, before = histories.indptr[1:] - 1, histories.before_last_item()
    given = histories.between(np.arange(len(histories)), np.zeros_like(before), before)
    return Cases(
        histories=replace(given, asked_at=histories.timestamps[histories.indptr[:-1] + before]),
        target_indptr=np.arange(len(histories) + 1, dtype=np.int64),
        target_items=histories.items[last],
        target_values=histories.values[last],
    )


def next_item_after(histories: Histories, rows: IntArray, lengths: IntArray) -> Cases:
    """A case for each (history, length): its first `length` events are given, the one after them is asked for."""
    place = histories.indptr[:-1][rows] + lengths
    return Cases(
        histories=replace(prefixes(histories, rows, lengths), asked_at=histories.timestamps[place]),
        target_indptr=np.arange(len(rows) + 1, dtype=np.int64),
        target_items=histories.items[place],
        target_values=histories.values[place],
    )


def later_items(histories: Histories, given: BoolArray, asked: BoolArray) -> tuple[Cases, int]:
    """A case for each user with events where `given` (N,) and events where `asked` (N,): the distinct asked items.

    Also the number of users who have events to ask for but none to give: nothing can be said of them.
    """
    before, after = histories.keep(given), histories.keep(asked)
    users = np.flatnonzero((before.lengths > 0) & (after.lengths > 0))
    targets = after.take(users)
    owner = np.repeat(np.arange(len(users)), targets.lengths)
    n_items = int(targets.items.max(initial=0)) + 1
    first = np.sort(np.unique(owner * n_items + targets.items, return_index=True)[1])
    counts = np.bincount(owner[first], minlength=len(users))
    cases = Cases(
        histories=before.take(users),
        target_indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        target_items=targets.items[first],
        target_values=targets.values[first],
    )
    return cases, int((after.lengths > 0).sum() - len(users))


def prefixes(histories: Histories, rows: IntArray, lengths: IntArray) -> Histories:
    """The first `lengths` events of the histories at `rows`; a row may come more than once."""
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    events = np.repeat(histories.indptr[:-1][rows] - indptr[:-1], lengths) + np.arange(indptr[-1])
    return Histories(
        users=histories.users[rows],
        indptr=indptr,
        items=histories.items[events],
        timestamps=histories.timestamps[events],
        types=histories.types[events],
        values=histories.values[events],
        keys=histories.keys[events],
    )


def before_item_event(dataset: Dataset, users: RowArray | IntArray, item_events: IntArray) -> BoolArray:
    """Which events (N,) come before the item event (counted among the dataset's item events) named for each of
    `users`; all events of users not named. Searches and other events without an item are cut at the same place.
    """
    events = dataset.events
    on_items = np.flatnonzero(events.items >= 0)
    end = np.full(dataset.n_users, len(events), dtype=np.int64)
    end[users] = on_items[item_events]
    return np.asarray(np.arange(len(events)) < end[events.users])


def without_last(dataset: Dataset, among: BoolArray) -> tuple[Dataset, Cases]:
    """Training without the last item of each user where `among` (U,) holds and he has another before it, and the
    validation cases that ask for it.
    """
    histories = dataset.histories()
    before = histories.before_last_item()
    users = np.flatnonzero(among & (before > 0))
    train = dataset.select(before_item_event(dataset, users, histories.indptr[users] + before[users]))
    return train, next_item(histories.take(users))


def repeated_targets(cases: Cases) -> float:
    """The share of the targets that the history of their case has already."""
    asked = cases.histories
    if not len(cases.target_items):
        return 0.0
    size = int(max(asked.items.max(initial=0), cases.target_items.max(initial=0))) + 1
    had = np.repeat(np.arange(len(asked)), asked.lengths) * size + asked.items
    owners = np.repeat(np.arange(len(asked)), np.diff(cases.target_indptr))
    return float(np.isin(owners * size + cases.target_items, had).mean())


def cautions(facts: Mapping[str, Any]) -> list[str]:
    """What a reader of a result has to know of the split, from its facts."""
    notes = []
    if "caution" in facts:
        notes.append(f"{facts['caution'][0].upper()}{facts['caution'][1:]}.")
    if facts.get("tied_last_event_share"):
        notes.append(
            f"{facts['tied_last_event_share']:.1%} of the users have a last event at the same time as the one before "
            "it: which is last is the order in the source."
        )
    if facts.get("repeated_target_share", 0) >= REPEATS_TOLD:
        notes.append(
            f"{facts['repeated_target_share']:.1%} of the targets are items that the user's history has already: with "
            "history excluded they are ranked all the same, so that a model which gives the past again finds them."
        )
    return notes


def tied_last_events(dataset: Dataset) -> dict[str, Any]:
    """The share of users (with two events or more) whose last event has the same time as the one before it: their
    test event is the last only by the order in the source. None where the clock is a position.
    """
    histories = dataset.histories()
    last = histories.indptr[1:][histories.lengths >= 2] - 1
    if dataset.clock == "position" or not len(last):
        return {"tied_last_event_share": None}
    tied = histories.timestamps[last] == histories.timestamps[last - 1]
    return {"tied_last_event_share": round(float(tied.mean()), 4)}

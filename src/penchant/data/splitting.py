"""Evaluation protocols: what a model is fitted on, tuned on and asked.

================ =======================================================================================
leave-one-out    each user's last event is the test, the one before the validation, the rest trains
temporal         two global cuts in time: train | validation | test, for all users alike
k-fold           random rows; only for comparison with published figures: it looks into the future
k-fold-users     whole users are held out; they are asked for their last event
cold-items       a seeded share of items has no event in training or history; each such event is a case
cold-users       a seeded share of users is held out; they are asked after their first few events
================ =======================================================================================

Train, validation and test never share an event, and but for ``k-fold`` no test event is earlier than a training event
of the same user (events at one moment keep the source's order). A validation event is never fitted: at test it is
part of the history a model is handed, no more.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.histories import Cases, Histories
from penchant.errors import ConfigError, ProtocolError
from penchant.types import BoolArray, RowArray

Protocol = Literal["leave-one-out", "temporal", "k-fold", "k-fold-users", "cold-items", "cold-users"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)


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
        """16 hex digits that change when any training event, history or target does."""
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


def split(dataset: Dataset, protocol: Protocol = "leave-one-out") -> Split:
    """Divide a dataset by a protocol.

    Raises `ConfigError` for a protocol that does not exist and `ProtocolError` where the data cannot serve it: no
    time, or nobody with enough events.
    """
    if protocol == "leave-one-out":
        return leave_one_out(dataset)
    raise ConfigError(f"No protocol is called {protocol!r}.", hint=f"There are: {', '.join(PROTOCOLS)}.")


def leave_one_out(dataset: Dataset) -> Split:
    """The last item event of each user is the test, the one before the validation.

    Users with fewer than three item events stay in training whole. Searches and other events without an item are
    trained on where they come before the user's validation event.
    """
    histories = dataset.histories()
    tested = np.flatnonzero(histories.lengths >= 3).astype(np.int32)
    if not len(tested):
        longest = int(histories.lengths.max(initial=0))
        raise ProtocolError(
            f"leave-one-out needs a user with three events on items; the longest history has {longest}.",
            hint="Import more events of each user, or evaluate with k-fold-users (two events) or temporal.",
        )
    asked = histories.take(tested.astype(np.int64))
    train = dataset.select(before(dataset, tested, back=2))
    return Split(
        protocol="leave-one-out",
        train=train,
        validation=next_item(asked.without_tail(1)),
        test=next_item(asked),
        facts={"users_only_in_training": int(dataset.n_users - len(tested)), **tied_last_events(dataset)},
    )


def next_item(histories: Histories) -> Cases:
    """Cases that ask for the last item of each history, given the events before it."""
    last = histories.indptr[1:] - 1
    return Cases(
        histories=histories.without_tail(1),
        target_indptr=np.arange(len(histories) + 1, dtype=np.int64),
        target_items=histories.items[last],
    )


def before(dataset: Dataset, users: RowArray, *, back: int) -> BoolArray:
    """Which events (N,) come before the user's `back`-th last item event; all events of users not named."""
    events = dataset.events
    on_items = np.flatnonzero(events.items >= 0)
    end = np.full(dataset.n_users, len(events), dtype=np.int64)
    end[users] = on_items[dataset.histories().indptr[users + 1] - back]
    return np.asarray(np.arange(len(events)) < end[events.users])


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

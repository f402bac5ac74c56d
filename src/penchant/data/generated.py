"""Rows that a generator made: put beside the observed ones, marked, and taken out again before anything is measured.

Generated rows are the history of a **twin**, a user who is nobody: he begins with the first events of a real user, his
source, and goes on with generated ones. All of his events are marked, the repeated ones too, and no observed history
changes. `penchant.data.splitting` takes twins out before it divides anything, and a model that holds out validation
cases of its own holds out none of theirs.
"""

from dataclasses import dataclass, replace

import numpy as np

from penchant.data.dataset import Dataset, Events, Table
from penchant.errors import DataError
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, IntArray, RowArray

PREFIX = "generated-"
"""A twin's id is this and a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins:
    """T generated continuations, packed as compressed rows: twin t owns ``items[indptr[t]:indptr[t + 1]]``."""

    sources: RowArray
    """(T,) the user whose first events each twin begins with, and whose attributes he has"""
    given: IntArray
    """(T,) how many of his source's first item events he repeats"""
    indptr: IntArray
    """(T + 1,)"""
    items: RowArray
    """(M,) generated item rows, in order"""

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def rows(self) -> int:
        """All events of the twins, repeated and generated."""
        return int(self.given.sum()) + len(self.items)


def is_generated(dataset: Dataset) -> BoolArray:
    """(U,) users whose every event is generated: twins."""
    twins = np.zeros(dataset.n_users, dtype=np.bool_)
    marks = dataset.events.generated
    if marks is not None:
        twins[dataset.events.users[marks]] = True
        twins[dataset.events.users[~marks]] = False
    return twins


def without_generated(dataset: Dataset) -> Dataset:
    """The observed dataset: no generated event, no twin; the same object where there are none.

    Twins stand behind all others in the user table, so that observed users keep their rows and the fingerprint is again
    the one from before. `DataError` for a table in another order: its rows would have to change.
    """
    marks = dataset.events.generated
    if marks is None:
        return dataset
    twins = is_generated(dataset)
    observed = int((~twins).sum())
    if twins[:observed].any():
        raise DataError(
            f"{dataset.name!r} has generated users between observed ones.",
            hint="Make it again with `penchant augment`, which puts them last.",
        )
    users = dataset.users
    table = Table(users.ids[:observed], {name: values[:observed] for name, values in users.columns.items()})
    return replace(dataset, users=table, events=replace(dataset.events.where(~marks), generated=None))


def with_generated(dataset: Dataset, twins: Twins, *, seed: int) -> Dataset:
    """The dataset with T twins behind its users.

    A repeated event is its source's as it was. A generated one takes type and value, both, from an observed event on
    its item, drawn by the seed (of any item where this one has none): values stay within the scale. Where the clock is
    ``time`` it follows the one before it after a pause drawn from the observed ones, and never comes after the
    last observed moment.

    `DataError` for twins that name users, items or given events that are not there.
    """
    _check(dataset, twins)
    histories, rng = dataset.histories(), numpy_rng(seed, "generated")
    events, drawn = dataset.events, _drawn_events(dataset, twins.items, rng)
    new = np.diff(twins.indptr)
    lengths = twins.given + new
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    owner = np.repeat(np.arange(len(twins)), lengths)
    place = np.arange(starts[-1]) - starts[:-1][owner]
    repeated = place < twins.given[owner]
    copied = np.repeat(histories.indptr[twins.sources] - starts[:-1], lengths)[repeated] + np.flatnonzero(repeated)

    def column(of_copied: IntArray | RowArray, of_new: IntArray | RowArray) -> IntArray:
        values = np.empty(len(owner), dtype=of_copied.dtype)
        values[repeated], values[~repeated] = of_copied, of_new
        return values

    values = np.empty(len(owner), dtype=np.float64)
    values[repeated], values[~repeated] = histories.values[copied], histories.values[drawn]
    moments = _moments(dataset, owner, place, repeated, histories.timestamps[copied], rng)
    observed = np.zeros(len(events), dtype=np.bool_)
    marks = observed if events.generated is None else events.generated
    nothing = np.full(len(owner), None, dtype=object)
    first = dataset.n_users
    joined = Events(
        users=np.concatenate([events.users, first + owner]).astype(np.int32),
        items=np.concatenate([events.items, column(histories.items[copied], twins.items)]).astype(np.int32),
        types=np.concatenate([events.types, column(histories.types[copied], histories.types[drawn])]).astype(np.int32),
        timestamps=np.concatenate([events.timestamps, moments]),
        values=np.concatenate([events.values, values]),
        keys=np.concatenate([events.keys, events.keys.max(initial=-1) + 1 + np.arange(len(owner))]).astype(np.int64),
        texts=None if events.texts is None else np.concatenate([events.texts, nothing]),
        platforms=None if events.platforms is None else np.concatenate([events.platforms, nothing]),
        generated=np.concatenate([marks, np.ones(len(owner), dtype=np.bool_)]),
    )
    ids = _new_ids(dataset.users, len(twins))
    columns = {name: np.concatenate([values, values[twins.sources]]) for name, values in dataset.users.columns.items()}
    return replace(dataset, users=Table((*dataset.users.ids, *ids), columns), events=joined)


def _check(dataset: Dataset, twins: Twins) -> None:
    lengths = dataset.histories().lengths
    if len(twins) and not (twins.sources.min() >= 0 and twins.sources.max() < dataset.n_users):
        raise DataError("A twin's source is no user of the dataset.", hint="Give rows of its user table.")
    if (twins.given < 0).any() or (twins.given > lengths[twins.sources]).any():
        raise DataError("A twin repeats more events than its source has.", hint="Give at most the source's length.")
    if len(twins.items) and not (twins.items.min() >= 0 and twins.items.max() < dataset.n_items):
        raise DataError("A generated item is not in the catalogue.", hint="Generate with this dataset's items.")


def _drawn_events(dataset: Dataset, items_M: RowArray, rng: np.random.Generator) -> IntArray:
    """(M,) for each item a random one among the observed events on it, as a place in the packed histories."""
    observed = dataset.histories().items
    order = np.argsort(observed, kind="stable")
    starts = np.searchsorted(observed[order], np.arange(dataset.n_items + 1))
    counts = np.diff(starts)[items_M]
    within = starts[items_M] + np.floor(rng.random(len(items_M)) * counts).astype(np.int64)
    anything = rng.integers(max(len(order), 1), size=len(items_M))
    return np.asarray(order[np.where(counts > 0, np.minimum(within, len(order) - 1), anything)], dtype=np.int64)


def _moments(
    dataset: Dataset,
    owner: IntArray,
    place: IntArray,
    repeated: BoolArray,
    copied: IntArray,
    rng: np.random.Generator,
) -> IntArray:
    """(N,) when each of the twins' events was."""
    if dataset.clock == "position":
        return place.astype(np.int64)
    histories = dataset.histories()
    gaps = np.diff(histories.timestamps)
    gaps = gaps[np.diff(np.repeat(np.arange(len(histories)), histories.lengths)) == 0]
    gaps = gaps if len(gaps) else np.zeros(1, dtype=np.int64)
    moments = np.empty(len(owner), dtype=np.int64)
    moments[repeated] = copied
    pauses = rng.choice(gaps, size=len(owner))
    begins = rng.choice(histories.timestamps, size=len(owner))
    last = int(histories.timestamps.max())
    for n in np.flatnonzero(~repeated):  # each waits for the one before it
        moments[n] = begins[n] if place[n] == 0 else min(int(moments[n - 1] + pauses[n]), last)
    return moments


def _new_ids(users: Table, n: int) -> list[str]:
    ids: list[str] = []
    number = 0
    while len(ids) < n:
        number += 1
        if users.row(name := f"{PREFIX}{number}") < 0:
            ids.append(name)
    return ids

"""Cold items and cold users: which they are (one seeded file for everybody), and how they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import orjson

from penchant.artifacts import write_json
from penchant.data.dataset import Dataset, Table
from penchant.data.histories import Cases
from penchant.data.partition import Split, before_item_event, next_item_after, prefixes, tied_last_events, without_last
from penchant.errors import ProtocolError, SourceError
from penchant.seeding import numpy_rng, stable_hash
from penchant.types import BoolArray, IntArray

COLD_USER_LENGTHS = (0, 1, 2, 3, 5, 10)
"""After how many events a cold user is asked for the next; after none, his attributes are all there is."""

LaterEvents = Literal["drop", "keep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Which ids are cold. On disk: ``{"kind": "cold-split", "fingerprint", "seed", "share", "items", "users"}``."""

    fingerprint: str
    """Of the dataset they were chosen from."""
    seed: int
    share: float
    items: tuple[str, ...]
    users: tuple[str, ...]

    @classmethod
    def choose(cls, dataset: Dataset, *, share: float, seed: int) -> "HeldOut":
        """A seeded `share` of the items with events, stratified by popularity, and of the users with two item events
        or more, stratified by history length.

        Strata: ids in descending order of their count, cut into as many equal runs as ids are wanted; the id with the
        lowest seeded hash is taken from each run. So the choice does not depend on the order of the source.
        """
        lengths = dataset.histories().lengths
        counts = dataset.item_counts()
        items = _stratified(dataset.items, counts, np.flatnonzero(counts > 0), share=share, seed=seed)
        users = _stratified(dataset.users, lengths, np.flatnonzero(lengths >= 2), share=share, seed=seed)
        return cls(fingerprint=dataset.fingerprint, seed=seed, share=share, items=items, users=users)

    def save(self, path: Path) -> None:
        """Write the file."""
        ids = {"items": list(self.items), "users": list(self.users)}
        head = {"kind": "cold-split", "fingerprint": self.fingerprint, "seed": self.seed, "share": self.share}
        write_json(path, head | ids)

    @classmethod
    def load(cls, path: Path) -> "HeldOut":
        """Read the file; `SourceError` where it is missing or is something else."""
        try:
            value = orjson.loads(path.read_bytes())
            if value["kind"] != "cold-split":
                raise ValueError(value["kind"])
            return cls(
                fingerprint=str(value["fingerprint"]),
                seed=int(value["seed"]),
                share=float(value["share"]),
                items=tuple(map(str, value["items"])),
                users=tuple(map(str, value["users"])),
            )
        except FileNotFoundError:
            raise SourceError(f"No split file at {path}.", hint="Leave it out, and one is chosen.") from None
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, OSError) as error:
            raise SourceError(f"{path} is not a split file: {error!r}.", hint="Make it again.") from None

    def check(self, dataset: Dataset) -> None:
        """`ProtocolError` where the file was made from other data."""
        if self.fingerprint != dataset.fingerprint:
            raise ProtocolError(
                f"The split file was made from data with fingerprint {self.fingerprint}; "
                f"{dataset.name!r} has {dataset.fingerprint}.",
                hint="Use the data it was made from, or choose a new split.",
            )


def cold_items(dataset: Dataset, held_out: HeldOut, *, later_events: LaterEvents, max_cases: int, seed: int) -> Split:
    """Every event of a cold item is a case: the user's warm events before it are given, cold and warm items are ranked
    together. No event of a cold item is in training, validation or any history.

    `later_events`: ``drop`` ends each user's training events before his first cold one, so that no training event is
    later than a test event; ``keep`` trains on the later warm events too (long histories lose little, time is not
    respected). The validation asks for each user's last warm training event. A cold event without a warm one before
    it is not a case; above `max_cases` the cases are a seeded sample.
    """
    held_out.check(dataset)
    cold = np.zeros(dataset.n_items, dtype=np.bool_)
    cold[dataset.items.rows(held_out.items)] = True
    histories = dataset.histories()
    is_cold = cold[histories.items]
    warm = histories.keep(~is_cold)
    events = np.flatnonzero(is_cold)
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    given = np.concatenate([[0], np.cumsum(~is_cold)])[events] - warm.indptr[owners[events]]
    asked = _sample(np.flatnonzero(given > 0), max_cases, seed=seed)
    if not len(asked):
        raise ProtocolError(
            f"None of the {len(held_out.items)} cold items of {dataset.name!r} has an event after a warm one.",
            hint="Raise the share of cold items, or import more events.",
        )
    test = Cases(
        histories=prefixes(warm, owners[events[asked]], given[asked]),
        target_indptr=np.arange(len(asked) + 1, dtype=np.int64),
        target_items=histories.items[events[asked]],
        target_values=histories.values[events[asked]],
    )
    trained = (dataset.events.items < 0) | ~cold[dataset.events.items]
    if later_events == "drop":
        users, first = np.unique(owners[events], return_index=True)
        trained &= before_item_event(dataset, users, events[first])
    train, validation = without_last(dataset.select(trained), np.ones(dataset.n_users, dtype=np.bool_))
    return Split(
        protocol="cold-items",
        train=train,
        validation=validation,
        test=test,
        facts={
            "cold_items": len(held_out.items),
            "cold_seed": held_out.seed,
            "later_events": later_events,
            "time_respected": later_events == "drop",
            "later_events_dropped": int((~is_cold).sum() - (dataset.select(trained).events.items >= 0).sum()),
            "cold_events": len(events),
            "cold_events_without_history": int((given == 0).sum()),
            "cold_events_asked": len(asked),
        },
    )


def cold_users(dataset: Dataset, held_out: HeldOut) -> Split:
    """Cold users have no event in training and are asked for the next item after their first 0, 1, 2, 3, 5 and 10 item
    events, as far as they have them and it is another than the one before. The validation asks for the last item of
    each other user.
    """
    held_out.check(dataset)
    histories = dataset.histories()
    rows = dataset.users.rows(held_out.users).astype(np.int64)
    users, lengths = np.repeat(np.sort(rows), len(COLD_USER_LENGTHS)), np.tile(COLD_USER_LENGTHS, len(rows))
    there = histories.lengths[users] > lengths
    place = np.where(there, histories.indptr[users] + lengths, 0)
    there &= (lengths == 0) | (histories.items[place] != histories.items[place - 1])  # else it was given already
    if not there.any():
        raise ProtocolError(
            f"None of the {len(rows)} cold users of {dataset.name!r} has two events on items.",
            hint="Raise the share of cold users, or import more events of each user.",
        )
    is_warm: BoolArray = np.ones(dataset.n_users, dtype=np.bool_)
    is_warm[rows] = False
    train, validation = without_last(dataset.select(is_warm[dataset.events.users]), is_warm)
    return Split(
        protocol="cold-users",
        train=train,
        validation=validation,
        test=next_item_after(histories, users[there], lengths[there]),
        facts={
            "cold_users": len(rows),
            "cold_seed": held_out.seed,
            "asked_after_events": list(COLD_USER_LENGTHS),
            **tied_last_events(dataset),
        },
    )


def _stratified(table: Table, counts: IntArray, pool: IntArray, *, share: float, seed: int) -> tuple[str, ...]:
    hashes = {row: stable_hash(table.ids[row], seed=seed) for row in pool.tolist()}
    ordered = sorted(hashes, key=lambda row: (-counts[row], hashes[row]))
    wanted = min(len(ordered), max(1, round(share * len(ordered))))
    runs: Sequence[IntArray] = np.array_split(np.array(ordered, dtype=np.int64), wanted) if ordered else []
    # Within a run of equal counts the first has the lowest hash; a second hash keeps the choice from following that.
    return tuple(table.ids[min(run.tolist(), key=lambda row: stable_hash(table.ids[row], seed=~seed))] for run in runs)


def _sample(rows: IntArray, n: int, *, seed: int) -> IntArray:
    if len(rows) <= n:
        return rows
    return np.sort(numpy_rng(seed, "cold cases").choice(rows, size=n, replace=False))

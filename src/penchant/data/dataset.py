"""The dataset in memory: id tables and columnar events, with ids outside and rows inside."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from penchant.data.histories import Histories
from penchant.data.links import Links
from penchant.errors import DataError
from penchant.types import AnyArray, BoolArray, DoubleArray, IntArray, ObjectArray, RowArray

Clock = Literal["time", "position"]


@dataclass(frozen=True)
class Table:
    """Ids and their attributes. An id's row is its place; the map is bijective and saved with every model."""

    ids: tuple[str, ...]
    columns: Mapping[str, ObjectArray] = field(default_factory=dict)
    """Attribute name → (rows,) values; None where missing; lists for multi-valued attributes."""

    def __post_init__(self) -> None:
        if len(self._rows) != len(self.ids):
            raise DataError(
                "An id table has the same id twice.", hint="Make ids unique; `penchant import` merges duplicates."
            )

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {id_: row for row, id_ in enumerate(self.ids)}

    def row(self, id_: str) -> int:
        """The row of an id, −1 where it is unknown."""
        return self._rows.get(id_, -1)

    def rows(self, ids: Sequence[str]) -> RowArray:
        """The rows of many ids, −1 where unknown."""
        return np.fromiter((self._rows.get(i, -1) for i in ids), dtype=np.int32, count=len(ids))

    def attributes(self, row: int) -> dict[str, Any]:
        """The attributes an id has a value for."""
        return {name: values[row] for name, values in self.columns.items() if values[row] is not None}


@dataclass(frozen=True, kw_only=True)
class Events:
    """N events as columns, sorted by (user, timestamp, order in the source); ties in time keep the source's order."""

    users: RowArray
    items: RowArray
    """−1 for a search or free text."""
    types: RowArray
    """Codes in `Dataset.event_types`."""
    timestamps: IntArray
    values: DoubleArray
    """NaN where there is none."""
    keys: IntArray
    """The event's row in the dataset folder's events file."""
    texts: ObjectArray | None = None
    platforms: ObjectArray | None = None
    generated: BoolArray | None = None
    """(N,) which events a generator made (`penchant.data.generated`); None where all were observed."""

    def __len__(self) -> int:
        return len(self.users)

    def where(self, mask: BoolArray) -> "Events":
        """The events where `mask` (N,) holds."""
        return Events(
            users=self.users[mask],
            items=self.items[mask],
            types=self.types[mask],
            timestamps=self.timestamps[mask],
            values=self.values[mask],
            keys=self.keys[mask],
            texts=None if self.texts is None else self.texts[mask],
            platforms=None if self.platforms is None else self.platforms[mask],
            generated=None if self.generated is None else self.generated[mask],
        )


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Events of users on items, with attributes.

    `clock` says what timestamps are: ``time`` (UTC microseconds) or ``position`` (order only: no gaps, no dates).
    """

    name: str
    users: Table
    items: Table
    events: Events
    event_types: tuple[str, ...] = ("interaction",)
    clock: Clock = "time"
    rating_scale: tuple[float, float] | None = None
    """Lowest and highest value of rating events; None where values are not ratings."""
    event_ids: Mapping[int, str] | None = None
    """Event key → the id its source gave it; None where the source gave none (then ids are ``e<key>``)."""
    licence: str = ""
    links: Links | None = None
    """Friends, related items and other relations; None where the source has none."""
    report: Mapping[str, Any] | None = None
    """How the data came to be, where it was imported: conservation, rules, quarantine (as in `dataset.json`)."""

    @classmethod
    def load(cls, path: Path | str) -> "Dataset":
        """Read a dataset folder; `BundleError` where it is missing, cut in half, altered or of a newer format."""
        from penchant.data.folder import load_dataset

        return load_dataset(path)

    @classmethod
    def from_frames(
        cls,
        interactions: Any,
        items: Any = None,
        users: Any = None,
        *,
        name: str = "frames",
        settings: Mapping[str, Any] | None = None,
    ) -> "Dataset":
        """A dataset from pandas, polars or pyarrow frames, through the checks that files pass.

        `settings` are those of an import, such as ``{"map": {"user": "uid"}}``. The first bad row is an error
        (`BadRowError`) unless they hold ``"strict": False``; then bad rows are left out and counted in `report`.
        """
        from penchant.data.frames import dataset_from_frames

        return dataset_from_frames(interactions, items, users, name=name, settings=settings)

    def save(self, path: Path | str) -> Path:
        """Write the dataset to a folder, which takes its place only when whole."""
        from penchant.data.folder import save_dataset

        return save_dataset(self, path)

    @classmethod
    def of_rows(
        cls,
        *,
        name: str,
        users: Table,
        items: Table,
        user_rows: AnyArray,
        item_rows: AnyArray,
        timestamps: AnyArray | None = None,
        values: AnyArray | None = None,
        types: AnyArray | None = None,
        event_types: tuple[str, ...] = ("interaction",),
        clock: Clock | None = None,
        rating_scale: tuple[float, float] | None = None,
    ) -> "Dataset":
        """A dataset from parallel arrays, in the source's order; events are sorted by (user, timestamp, order).

        Without `timestamps` the order in the source is each user's order and the clock is ``position``.
        """
        n = len(user_rows)
        stamps = np.arange(n, dtype=np.int64) if timestamps is None else np.asarray(timestamps, dtype=np.int64)
        order = np.lexsort((np.arange(n), stamps, np.asarray(user_rows)))
        sorted_users = np.asarray(user_rows, dtype=np.int32)[order]
        if timestamps is None:
            first = np.searchsorted(sorted_users, sorted_users, side="left")
            stamps_sorted = np.arange(n, dtype=np.int64) - first
        else:
            stamps_sorted = stamps[order]
        events = Events(
            users=sorted_users,
            items=np.asarray(item_rows, dtype=np.int32)[order],
            types=(np.zeros(n, dtype=np.int32) if types is None else np.asarray(types, dtype=np.int32)[order]),
            timestamps=stamps_sorted,
            values=(np.full(n, np.nan) if values is None else np.asarray(values, dtype=np.float64)[order]),
            keys=np.asarray(order, dtype=np.int64),
        )
        return cls(
            name=name,
            users=users,
            items=items,
            events=events,
            event_types=event_types,
            clock=clock or ("position" if timestamps is None else "time"),
            rating_scale=rating_scale,
        )

    @property
    def n_users(self) -> int:
        """U"""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """I"""
        return len(self.items)

    def select(self, mask: BoolArray) -> "Dataset":
        """The same users and items with only the events where `mask` (N,) holds."""
        return replace(self, events=self.events.where(mask))

    def histories(self, users: RowArray | None = None) -> Histories:
        """Item events of the given user rows (all users, in row order, where None), oldest first."""
        if users is None:
            return self._all_histories
        return self._all_histories.take(np.asarray(users, dtype=np.int64))

    @cached_property
    def _all_histories(self) -> Histories:
        events = self.events if (self.events.items >= 0).all() else self.events.where(self.events.items >= 0)
        return Histories(
            users=np.arange(self.n_users, dtype=np.int32),
            indptr=np.searchsorted(events.users, np.arange(self.n_users + 1)).astype(np.int64),
            items=events.items,
            timestamps=events.timestamps,
            types=events.types,
            values=events.values,
            keys=events.keys,
        )

    def item_counts(self) -> IntArray:
        """(I,) events per item."""
        items = self.events.items
        return np.bincount(items[items >= 0], minlength=self.n_items).astype(np.int64)

    def event_id(self, key: int) -> str:
        """The id of an event: its source's, or ``e<key>``."""
        return (self.event_ids or {}).get(key, f"e{key}")

    def title(self, item: int) -> str:
        """What to call an item: its title, or its id where it has none."""
        titles = self.items.columns.get("title")
        return str(titles[item]) if titles is not None and titles[item] else self.items.ids[item]

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change when any id or event does."""
        digest = hashlib.blake2b(digest_size=8)
        for table in (self.users, self.items):
            digest.update("\x1f".join(table.ids).encode())
        for column in ("users", "items", "types", "timestamps", "values"):
            digest.update(np.ascontiguousarray(getattr(self.events, column)).tobytes())
        digest.update("\x1f".join(self.event_types).encode())
        if self.events.generated is not None:
            digest.update(self.events.generated.tobytes())
        return digest.hexdigest()

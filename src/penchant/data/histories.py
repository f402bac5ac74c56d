"""Users' events packed end to end: what every model reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from penchant.errors import DataError
from penchant.types import BoolArray, DoubleArray, IntArray, RowArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """B users' item events, oldest first, packed as compressed rows: user b owns ``[indptr[b], indptr[b+1])``.

    A history is handed to a model at every call, so the same fitted model serves training, replay and live use.
    """

    users: RowArray
    """(B,) row of each user in the dataset's user table; −1 for a user the dataset does not know."""
    indptr: IntArray
    """(B+1,)"""
    items: RowArray
    """(N,) item rows, never −1."""
    timestamps: IntArray
    """(N,) UTC microseconds, or positions where the dataset's clock is ``position``."""
    types: RowArray
    """(N,) codes in the dataset's event types."""
    values: DoubleArray
    """(N,) rating, dwell or quantity; NaN where there is none."""
    keys: IntArray
    """(N,) which event of the dataset (or of the live store) this is."""
    asked_at: IntArray | None = None
    """(B,) when the answer is asked for, on the clock of `timestamps`; None where requests do not say."""

    def __len__(self) -> int:
        return len(self.users)

    @property
    def lengths(self) -> IntArray:
        """(B,) events per user."""
        return np.diff(self.indptr)

    def check_items(self, n_items: int) -> None:
        """Raise `DataError` for an item row that a model of `n_items` does not have: sparse products do not look, and
        would read memory that is not theirs.
        """
        if not len(self.items):
            return
        if self.items.min() < 0:
            raise DataError(
                f"A history has the item row {self.items.min()}; rows are counted from 0.",
                hint="Leave out events without an item.",
            )
        if self.items.max() >= n_items:
            raise DataError(
                f"A history has the item row {self.items.max()}, and the model was fitted with {n_items} items.",
                hint="Fit the model again on the dataset that has this item, or leave the event out.",
            )

    def of(self, b: int) -> slice:
        """The slice of user b's events in `items`, `timestamps`, `types`, `values` and `keys`."""
        return slice(int(self.indptr[b]), int(self.indptr[b + 1]))

    def take(self, rows: IntArray | Sequence[int] | slice) -> "Histories":
        """The histories of some of the B users, in the order given."""
        index = np.arange(len(self))[rows]
        return self.between(index, np.zeros(len(index), dtype=np.int64), self.lengths[index])

    def between(self, rows_W: IntArray, begin_W: IntArray, end_W: IntArray) -> "Histories":
        """Stretches of histories: of user ``rows[w]`` the events from ``begin[w]`` to before ``end[w]``."""
        indptr = np.concatenate([[0], np.cumsum(end_W - begin_W)]).astype(np.int64)
        events = np.repeat(self.indptr[:-1][rows_W] + begin_W - indptr[:-1], end_W - begin_W) + np.arange(indptr[-1])
        asked_at = None if self.asked_at is None else self.asked_at[rows_W]
        return self._events(events, users=self.users[rows_W], indptr=indptr, asked_at=asked_at)

    def keep(self, mask: BoolArray) -> "Histories":
        """The same users with only the events where `mask` (N,) holds."""
        kept = np.concatenate([[0], np.cumsum(mask)]).astype(np.int64)
        return self._events(np.flatnonzero(mask), users=self.users, indptr=kept[self.indptr], asked_at=self.asked_at)

    def tail(self, n: int) -> "Histories":
        """Each user's last `n` events."""
        from_end = np.repeat(self.indptr[1:], self.lengths) - np.arange(len(self.items))
        return self.keep(from_end <= n)

    def before_last_item(self) -> IntArray:
        """(B,) how many of each user's events come before the run of events on his last item; 0 for a user without.

        A view, a click and a purchase of one thing, one after the other, are a run: who knows one knows the others.
        """
        begins = np.ones(len(self.items), dtype=np.bool_)
        begins[1:] = self.items[1:] != self.items[:-1]
        some = self.lengths > 0
        begins[self.indptr[:-1][some]] = True
        latest = np.maximum.accumulate(np.where(begins, np.arange(len(self.items)), 0))
        before = np.zeros(len(self), dtype=np.int64)
        before[some] = latest[self.indptr[1:][some] - 1] - self.indptr[:-1][some]
        return before

    def without_tail(self, n: int) -> "Histories":
        """Each user's events but the last `n`."""
        from_end = np.repeat(self.indptr[1:], self.lengths) - np.arange(len(self.items))
        return self.keep(from_end > n)

    def leaving_out(self, events: IntArray) -> "Histories":
        """For one user (B = 1), a history without each of the given events in turn: (len(events),) histories."""
        n = len(self.items)
        copies = self.take(np.zeros(len(events), dtype=np.int64))
        mask = np.ones(len(events) * n, dtype=bool)
        mask[np.arange(len(events)) * n + events] = False
        return copies.keep(mask)

    def reordered(self, order: IntArray) -> "Histories":
        """The events in another order, (N,), the moments where they were: the n-th event now is ``order[n]``.

        The order is to keep users apart.
        """
        return replace(
            self,
            items=self.items[order],
            types=self.types[order],
            values=self.values[order],
            keys=self.keys[order],
        )

    @staticmethod
    def stack(parts: Sequence["Histories"]) -> "Histories":
        """The users of several histories one after the other."""
        starts = np.cumsum([0] + [len(part.items) for part in parts])
        return Histories(
            users=np.concatenate([part.users for part in parts]),
            indptr=np.concatenate(
                [[0], *(part.indptr[1:] + start for part, start in zip(parts, starts[:-1], strict=True))]
            ).astype(np.int64),
            items=np.concatenate([part.items for part in parts]),
            timestamps=np.concatenate([part.timestamps for part in parts]),
            types=np.concatenate([part.types for part in parts]),
            values=np.concatenate([part.values for part in parts]),
            keys=np.concatenate([part.keys for part in parts]),
            asked_at=_joined([part.asked_at for part in parts]),
        )

    def batches(self, size: int) -> Iterator[tuple[slice, "Histories"]]:
        """Consecutive runs of at most `size` users, with their place among the B."""
        for start in range(0, len(self), size):
            place = slice(start, min(start + size, len(self)))
            yield place, self.take(place)

    def _events(self, events: IntArray, *, users: RowArray, indptr: IntArray, asked_at: IntArray | None) -> "Histories":
        return Histories(
            asked_at=asked_at,
            users=users,
            indptr=indptr,
            items=self.items[events],
            timestamps=self.timestamps[events],
            types=self.types[events],
            values=self.values[events],
            keys=self.keys[events],
        )


def _joined(asked_at: Sequence[IntArray | None]) -> IntArray | None:
    """Request times of several histories, None where any of them does not say."""
    said = [times for times in asked_at if times is not None]
    return np.concatenate(said) if said and len(said) == len(asked_at) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """What a model is asked at evaluation: B input histories and, for each, the items that came after.

    Compressed rows: case b's targets are ``target_items[target_indptr[b]:target_indptr[b+1]]``; never empty.
    """

    histories: Histories
    target_indptr: IntArray
    target_items: RowArray
    target_values: DoubleArray | None = None
    """(T,) the value of each target's event, such as the rating to predict; NaN where it has none. None: not kept."""

    def __len__(self) -> int:
        return len(self.histories)

    def targets(self, b: int) -> RowArray:
        """The target items of case b."""
        return self.target_items[self.target_indptr[b] : self.target_indptr[b + 1]]

    def take(self, rows: IntArray | Sequence[int] | slice) -> "Cases":
        """Some of the B cases, in the order given."""
        index = np.arange(len(self))[rows]
        lengths = np.diff(self.target_indptr)[index]
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.repeat(self.target_indptr[:-1][index] - indptr[:-1], lengths) + np.arange(indptr[-1])
        return Cases(
            histories=self.histories.take(index),
            target_indptr=indptr,
            target_items=self.target_items[places],
            target_values=None if self.target_values is None else self.target_values[places],
        )

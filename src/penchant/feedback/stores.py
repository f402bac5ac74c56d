"""What any store of events, edits and served slates promises."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from penchant.records import Decision, Edit, Event, Slate


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An event or an edit with its place in the log: a model that is handed entries in this order stands where the
    model stood that took them live.
    """

    sequence: int
    entry: Event | Edit


class Stores(ABC):
    """One log of events and edits, and the slates that were served. Safe to share between threads.

    A method that returns without an error has its work on disk; one that raises `StoreError` has changed nothing.
    """

    @abstractmethod
    def add_events(self, events: Sequence[Event]) -> list[bool]:
        """Append events to the log. True for each one stored; False where its `event_id` is in the log already, or
        earlier among `events`: a repeated event counts once, and the first one stands. Raises `SchemaError` for an
        event without an id.
        """

    @abstractmethod
    def withdraw_events(self, event_ids: Sequence[str]) -> None:
        """Take events out of the log again: for those the model refused. An id that is not there is no error."""

    @abstractmethod
    def add_edit(self, edit: Edit) -> bool:
        """Append an edit to the log; False where its `edit_id` is in it already: a repeated one counts once."""

    @abstractmethod
    def withdraw_edit(self, edit_id: str) -> None:
        """Take an edit out of the log again: for one the model refused."""

    @abstractmethod
    def log(self, *, after: int = 0) -> Iterator[Logged]:
        """Events and edits in the order they were taken, those after the sequence number `after`."""

    @abstractmethod
    def add_slate(self, slate: Slate, decision: Decision | None = None) -> None:
        """Keep a served slate with its items, positions, scores and reasons, and how it was decided where that is
        known. A repeated `slate_id` counts once, and so does a user's `request_id`: the first one stands.
        """

    @abstractmethod
    def slate(self, slate_id: str) -> Slate:
        """A served slate as it was. Raises `NotFoundError`."""

    @abstractmethod
    def slate_for(self, user_id: str, request_id: str) -> Slate | None:
        """The slate that answered a request of a user, None where none did yet."""

    @abstractmethod
    def decisions(self) -> Iterator[Decision]:
        """How slates were decided, in the order in which they were; items that an ``impression`` event on the slate
        names were `rendered`.
        """

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """How many events, edits and slates are kept."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the store. A closed store is not used again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

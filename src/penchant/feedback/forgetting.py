"""What users took back, read from the log alone: events that were forgotten, and users who began anew."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from penchant.feedback.stores import Logged, Stores
from penchant.records import Decision, Edit, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What must not leave the store any more."""

    events: frozenset[tuple[str, str]] = frozenset()
    """Users, and ids of their events that they took back one by one: another's of the same id is his"""
    resets: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Users who took back everything: their last reset's place in the log, and its moment"""

    def has(self, logged: Logged) -> bool:
        """Whether an entry of the log is an event that was forgotten."""
        entry = logged.entry
        if not isinstance(entry, Event):
            return False
        taken_back = (entry.user_id, entry.event_id) in self.events
        return taken_back or logged.sequence < self.resets.get(entry.user_id, (0, 0))[0]

    def decided(self, decision: Decision) -> bool:
        """Whether a decision stands on what its user has taken back since."""
        return decision.decided_at < self.resets.get(decision.user_id, (0, 0))[1]


def undone(edits: Sequence[Edit]) -> frozenset[str]:
    """Ids of edits, given in their order, that an undo took back; an undo that was undone itself takes nothing back."""
    found: set[str] = set()
    for edit in reversed(edits):
        if edit.action == "undo" and edit.edit_id not in found and edit.undoes is not None:
            found.add(edit.undoes)
    return frozenset(found)


def forgotten(log: Iterable[Logged]) -> Forgotten:
    """What the edits of a log took back, but for those that were undone."""
    edits: list[tuple[int, Edit]] = [(one.sequence, one.entry) for one in log if isinstance(one.entry, Edit)]
    gone = undone([edit for _, edit in edits])
    standing = [(sequence, edit) for sequence, edit in edits if edit.edit_id not in gone]
    return Forgotten(
        events=frozenset(
            (e.user_id, e.event_id) for _, e in standing if e.action == "forget" and e.event_id is not None
        ),
        resets={
            edit.user_id: (sequence, edit.edited_at)
            for sequence, edit in standing
            if edit.action == "reset" and edit.concept_id is None
        },
    )


def unforgotten(stores: Stores) -> tuple[Iterator[Decision], Iterator[Event]]:
    """Decisions and events of a store that may leave it: without what users took back."""
    gone = forgotten(stores.log())
    events = (one.entry for one in stores.log() if isinstance(one.entry, Event) and not gone.has(one))
    return (decision for decision in stores.decisions() if not gone.decided(decision)), events

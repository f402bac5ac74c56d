"""A user's own words on what is known of him, as they stand: what each edit in their log still says.

The log is never changed but by adding to it, and all that follows from it is worked out anew from the whole: so an undo
gives back what was there, bit for bit, and a replay stands where the log was written. Of words that contradict each
other the later holds:

- ``mute`` takes a ``pin`` away, and the other way round;
- ``more`` or ``add`` takes a ``mute`` away, ``less`` a ``pin``; both count as they would without;
- an edit of a concept below a muted or pinned one makes an exception of it;
- ``reset`` of a concept takes back what was said of it before, not what was said of those above or below it;
- ``reset`` of all takes back every edit before it and forgets every event before it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from penchant.feedback.forgetting import undone
from penchant.interests.editing import EditingConfig
from penchant.records import Edit
from penchant.types import BoolArray, DoubleArray, IntArray

Family = Sequence[IntArray]
"""The columns of each concept and of those below it, to all of which an edit of it goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An edit in its place."""

    edit: Edit
    column: int
    """Of its concept; −1 where it names none."""
    key: int
    """Of the event to forget; −1 where it names none."""
    mark: int
    """Events with keys below this came before it."""


@dataclass(frozen=True, slots=True)
class Edits:
    """One user's log of edits and what follows from it; a record, never changed in place."""

    log: tuple[Taken, ...] = ()
    config: EditingConfig = field(default_factory=EditingConfig)

    def __bool__(self) -> bool:
        return any(True for _ in self._of_concepts())

    def then(self, taken: Taken) -> "Edits":
        """With one more."""
        return Edits((*self.log, taken), self.config)

    def where(self, kept: Callable[[Taken], bool]) -> "Edits":
        """Only with those that are kept."""
        return Edits(tuple(taken for taken in self.log if kept(taken)), self.config)

    def of(self, edit_id: str) -> Edit | None:
        """The edit of this id, if it is in the log."""
        return next((taken.edit for taken in self.log if taken.edit.edit_id == edit_id), None)

    @property
    def latest(self) -> int:
        """When the last edit was made, UTC microseconds; 0 where none was. A later one is not made before, whatever a
        clock that jumped back says.
        """
        return max((taken.edit.edited_at for taken in self.log), default=0)

    @property
    def undone(self) -> frozenset[str]:
        """Ids of edits that an undo took back."""
        return undone([taken.edit for taken in self.log])

    @property
    def last(self) -> Edit | None:
        """What an undo that names nothing takes back: the last edit that is neither undone nor an undo."""
        gone = self.undone
        return next(
            (t.edit for t in reversed(self.log) if t.edit.action != "undo" and t.edit.edit_id not in gone), None
        )

    @property
    def standing(self) -> tuple[Taken, ...]:
        """The edits that are neither undone nor reset, oldest first; undos and resets are not among them."""
        gone = self.undone
        standing: list[Taken] = []
        for taken in self.log:
            if taken.edit.action == "undo" or taken.edit.edit_id in gone:
                continue
            if taken.edit.action != "reset":
                standing.append(taken)
            elif taken.column < 0:
                standing.clear()
            else:
                standing = [one for one in standing if one.column != taken.column]
        return tuple(standing)

    @property
    def forgotten(self) -> tuple[int, frozenset[int]]:
        """Of events: those with a key below the first were all forgotten, and those with keys in the second."""
        marks = [taken.mark for taken in self._resets]
        return max(marks, default=0), frozenset(t.key for t in self.standing if t.edit.action == "forget")

    @property
    def begun_anew(self) -> int:
        """When everything was last reset, UTC microseconds; 0 where it never was."""
        return max((taken.edit.edited_at for taken in self._resets), default=0)

    @property
    def _resets(self) -> list[Taken]:
        """The resets of everything that stand."""
        gone = self.undone
        return [t for t in self.log if t.edit.action == "reset" and t.column < 0 and t.edit.edit_id not in gone]

    @property
    def columns(self) -> frozenset[int]:
        """The concepts that something was said of which still counts."""
        return frozenset(taken.column for taken in self._of_concepts())

    @property
    def words(self) -> tuple[tuple[Taken, float], ...]:
        """The edits that are evidence of an interest, each with its step in standard deviations."""
        steps = ((taken, self.config.step_of(taken.edit.action)) for taken in self._of_concepts())
        return tuple(
            (taken, step if taken.edit.strength is None else math.copysign(taken.edit.strength, step))
            for taken, step in steps
            if step
        )

    def vector(self, family: Family, said: DoubleArray) -> DoubleArray:
        """(C,) standard deviations: what was `said`, at most the limit; that of a pin; minus the limit for a mute."""
        # Words keep to the limit; events that followed may have taken what is due to them beyond.
        edits = np.clip(said, -self.config.limit, self.config.limit)
        overrides = self._overrides(family)
        for column, override in overrides.items():
            # A concept with an exception below it is not pushed down: that would push the exception's items too.
            spared = override < 0 and any(overrides.get(int(c), 0) >= 0 for c in family[column])
            edits[column] = 0.0 if spared else override
        return edits

    def silenced(self, family: Family) -> IntArray:
        """The muted columns, those below included, ascending."""
        return _columns(self._overrides(family), -1)

    def pinned(self, family: Family) -> IntArray:
        """The pinned columns, those below included, ascending."""
        return _columns(self._overrides(family), 1)

    def excluded(self, family: Family, activations_IC: sp.csr_array, bears_IC: sp.csr_array) -> BoolArray:
        """(I,) items of muted concepts: those above the threshold in any, but for the exceptions below it."""
        excluded = np.zeros(bears_IC.shape[0], dtype=np.bool_)
        overrides = self._overrides(family)
        for taken in self._of_concepts():
            if taken.edit.action != "mute":
                continue
            covered = family[taken.column]
            off = np.array([overrides.get(int(c), 0) < 0 for c in covered])
            if not off.any():
                continue
            hit = self._above(covered[off], activations_IC, bears_IC)
            if not off.all():
                hit &= ~self._above(covered[~off], activations_IC, bears_IC)
            excluded |= hit
        return excluded

    def _above(self, columns: IntArray, activations_IC: sp.csr_array, bears_IC: sp.csr_array) -> BoolArray:
        """(I,) items that are of any of the concepts, or above the threshold in one."""
        threshold = self.config.mute_above
        of = activations_IC if threshold else bears_IC
        return np.asarray((of[:, columns] > threshold).sum(axis=1)).ravel() > 0

    def _of_concepts(self) -> Iterator[Taken]:
        return (taken for taken in self.standing if taken.column >= 0)

    def _overrides(self, family: Family) -> dict[int, float]:
        """The shift of each pinned (above 0) and each muted column, those below included; the later word holds."""
        overrides: dict[int, float] = {}
        for taken in self._of_concepts():
            action, strength = taken.edit.action, taken.edit.strength
            for column in family[taken.column].tolist():
                if action == "pin":
                    overrides[column] = self.config.pin if strength is None else strength
                elif action == "mute":
                    overrides[column] = -self.config.limit
                elif column in overrides and (overrides[column] > 0) == (action == "less"):
                    del overrides[column]
        return overrides


def _columns(overrides: dict[int, float], sign: int) -> IntArray:
    return np.array(sorted(column for column, shift in overrides.items() if shift * sign > 0), dtype=np.int64)

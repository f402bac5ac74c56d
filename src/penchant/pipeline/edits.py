"""A user's own words on his interests: more of it, less of it, none of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from penchant.errors import ConfigError
from penchant.types import DoubleArray, IntArray

Action = Literal["more", "less", "mute", "reset"]
STEP = 1.0
"""Standard deviations by which one `more` or `less` moves an interest."""
LIMIT = 5.0


@dataclass(slots=True)
class Edits:
    """One user's edits: standard deviations per concept column, and muted columns."""

    strength: dict[int, float] = field(default_factory=dict)
    muted: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.strength or self.muted)

    @property
    def columns(self) -> frozenset[int]:
        """What was edited."""
        return frozenset(self.strength) | self.muted

    def apply(self, column: int, action: str) -> None:
        """``more`` and ``less`` move the interest one step, ``mute`` hides its items, ``reset`` takes it all back."""
        if action not in get_args(Action):
            raise ConfigError(f"No edit is called {action!r}.", hint=f"There are: {', '.join(get_args(Action))}.")
        if action == "reset":
            self.strength.pop(column, None)
            self.muted.discard(column)
        elif action == "mute":
            self.muted.add(column)
        else:
            step = STEP if action == "more" else -STEP
            moved = float(np.clip(self.strength.get(column, 0.0) + step, -LIMIT, LIMIT))
            self.strength.pop(column, None)
            if moved:
                self.strength[column] = moved

    def vector(self, family: Sequence[IntArray]) -> DoubleArray:
        """(C,) standard deviations, at most the limit; a muted interest has minus the limit.

        `family` are the columns of each concept and of those below it, to all of which an edit of it goes.
        """
        edits = np.zeros(len(family))
        for column, strength in self.strength.items():
            edits[family[column]] += strength
        edits = np.clip(edits, -LIMIT, LIMIT)
        edits[self.silenced(family)] = -LIMIT
        return edits

    def silenced(self, family: Sequence[IntArray]) -> IntArray:
        """The muted columns and all below them."""
        return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(family[column] for column in self.muted)]))

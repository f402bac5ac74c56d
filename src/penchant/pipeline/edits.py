"""A user's own words on his interests: more of it, less of it, none of it."""

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from penchant.errors import ConfigError
from penchant.types import DoubleArray

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

    def vector(self, n_concepts: int) -> DoubleArray:
        """(C,) standard deviations; a muted interest has minus the limit."""
        edits = np.zeros(n_concepts)
        for column, strength in self.strength.items():
            edits[column] = strength
        edits[list(self.muted)] = -LIMIT
        return edits

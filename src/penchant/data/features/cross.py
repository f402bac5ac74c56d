"""Combinations of values: of one row (gender and occupation), and of a user with an item (gender and category)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.data.features.columns import SIDES, Columns, Observed, Side, column_of, kind_of, words_of
from penchant.data.features.encoding import memberships
from penchant.errors import ConfigError
from penchant.types import AnyArray

TIMES = " × "


class Cross(Config):
    """Settings of the step."""

    step: Literal["cross"] = "cross"
    users: tuple[tuple[str, str], ...] = ()
    """Pairs of user columns that become one column."""
    items: tuple[tuple[str, str], ...] = ()
    pairs: tuple[tuple[str, str], ...] | None = None
    """(user column, item column); None: every two columns of words with at most `most_combinations` together."""
    most_combinations: int = Field(default=1_000, ge=1)
    rare: int = Field(default=20, ge=1)
    """A combination of fewer training events gets no feature."""

    def fit(self, columns: Mapping[Side, Columns], seen: Observed) -> "Crossing":
        """Learn which combinations there are. `ConfigError` for a column that is not there."""
        within: dict[Side, list[list[str]]] = {"users": [], "items": []}
        for side in SIDES:
            for names in self.users if side == "users" else self.items:
                self._check(side, columns[side], names)
                within[side].append(list(names))
        found = []
        for ours, theirs in self._pairs(columns):
            table = self._combinations(columns["users"][ours], columns["items"][theirs], seen)
            if table:
                found.append({"users": ours, "items": theirs, "values": table})
        return Crossing(within=within, pairs=found, rare=self.rare)

    def _check(self, side: str, columns: Columns, names: Sequence[str]) -> None:
        strangers = sorted(set(names) - set(columns))
        if strangers:
            raise ConfigError(
                f"cross: the {side} have no column {', '.join(strangers)}.",
                hint=f"Columns that the steps before left: {', '.join(columns) or 'none'}.",
            )

    def _pairs(self, columns: Mapping[Side, Columns]) -> list[tuple[str, str]]:
        if self.pairs is not None:
            for ours, theirs in self.pairs:
                self._check("users", columns["users"], [ours])
                self._check("items", columns["items"], [theirs])
            return list(self.pairs)
        sizes: dict[Side, dict[str, int]] = {"users": {}, "items": {}}
        for side in SIDES:
            for name, column in columns[side].items():
                if kind_of(column) in {"word", "words"}:
                    sizes[side][name] = len({word for value in column for word in words_of(value)})
        return [
            (ours, theirs)
            for (ours, m), (theirs, n) in product(sizes["users"].items(), sizes["items"].items())
            if m * n <= self.most_combinations
        ]

    def _combinations(self, ours: AnyArray, theirs: AnyArray, seen: Observed) -> list[list[str]]:
        """The combinations with enough training events, in sorted order."""
        (left, our_words), (right, their_words) = memberships(ours), memberships(theirs)
        events = sp.csr_array((np.ones(len(seen.users)), (seen.users, seen.items)), shape=(seen.n_users, seen.n_items))
        counts = sp.coo_array(left.T @ (events @ right))
        often = counts.data >= self.rare
        places = sorted(zip(counts.row[often].tolist(), counts.col[often].tolist(), strict=True))
        return [[our_words[a], their_words[b]] for a, b in places]


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """Columns made of two columns, and combinations of a user's word with an item's."""

    within: Mapping[Side, Sequence[Sequence[str]]]
    pairs: Sequence[Mapping[str, Any]]
    """``users`` and ``items`` name the columns, ``values`` lists the [user word, item word] that have a feature."""
    rare: int

    def apply(self, side: Side, columns: Columns) -> Columns:
        """The columns, and the crossed ones after them: ``gender × occupation`` is ``F × writer``."""
        made = dict(columns)
        for first, second in self.within[side]:
            if first in columns and second in columns:
                both = zip(columns[first], columns[second], strict=True)
                words = ([TIMES.join(two) for two in product(words_of(a), words_of(b))] for a, b in both)
                made[f"{first}{TIMES}{second}"] = column_of((w or None for w in words), len(columns[first]))
        return made

    @property
    def names(self) -> tuple[str, ...]:
        """The features of pairs: ``users.gender=F × items.categories=Drama``."""
        return tuple(
            f"users.{pair['users']}={ours}{TIMES}items.{pair['items']}={theirs}"
            for pair in self.pairs
            for ours, theirs in pair["values"]
        )

    def as_json(self) -> dict[str, Any]:
        """For a manifest and a report."""
        return {"step": "cross", "within": dict(self.within), "pairs": list(self.pairs), "rare": self.rare}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Crossing":
        """What `as_json` gave."""
        return cls(within=saved["within"], pairs=saved["pairs"], rare=int(saved["rare"]))

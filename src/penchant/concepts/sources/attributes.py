"""Names from attributes: tags, genres, categories and their paths, makers."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import Field

from penchant.concepts.proposals import DESCRIPTIONS, TITLES, Catalogue, Collected, ConceptSource, Proposal
from penchant.concepts.words import is_name, key
from penchant.config import Config
from penchant.errors import ConfigError
from penchant.types import ObjectArray

IGNORED = frozenset(
    {*TITLES, *DESCRIPTIONS, "original_title", "item_type", "url", "image", "asin", "keywords", "language"}
)
MAKERS = frozenset(
    {"author", "authors", "artist", "artists", "brand", "brands", "creator", "creators", "director", "directors"}
    | {"maker", "makers", "manufacturer", "publisher"}
)
"""Columns that say who made an item: no field that another belongs to, though an item may have several makers."""
PATH = " > "
REPEATED = 0.95
"""A column with this share of its names on the same items in other columns says nothing new."""


class AttributesConfig(Config):
    """Which attributes give names."""

    columns: tuple[str, ...] | None = None
    """Attribute columns to read; None: every list of texts, and every text column whose values repeat."""
    path_share: float = Field(default=0.9, gt=0.5, le=1)
    """Where paths say what is broader: the share of a name's occurrences that must come right after the same name."""


class Attributes(ConceptSource):
    """Every value of an attribute is a name; values that differ in case, hyphens or spaces are one.

    Paths, either lists within a list or texts such as ``"Beauty > Makeup > Nails"``, also say what is broader: the name
    before, where it is nearly always the same. The order within a plain list of tags says nothing, and is not read.
    """

    config: AttributesConfig

    def propose(self, catalogue: Catalogue) -> list[Proposal]:
        """`ConfigError` for a column that the items do not have."""
        columns = catalogue.items.columns
        chosen = self.config.columns
        if chosen is not None and (missing := [name for name in chosen if name not in columns]):
            raise ConfigError(
                f"[vocabulary] columns: items have no {', '.join(map(repr, missing))}.",
                hint=f"They have: {', '.join(sorted(columns))}.",
            )
        if chosen is not None:
            return [proposal for kind in chosen for proposal in self._read(kind, columns[kind])]
        read = {kind: self._read(kind, columns[kind]) for kind in _telling(columns)}
        return [proposal for kind in _without_repeats(read) for proposal in read[kind]]

    def _read(self, kind: str, values: ObjectArray) -> list[Proposal]:
        names = Collected(kind)
        before: dict[str, Counter[str]] = {}
        many = False
        for row, value in enumerate(values):
            many |= isinstance(value, (list, tuple, np.ndarray)) or (isinstance(value, str) and PATH in value)
            for path in _paths(value):
                for place, name in enumerate(path):
                    names.add(row, name)
                    if len(path) > 1 and is_name(name):
                        before.setdefault(key(name), Counter())[key(path[place - 1]) if place else ""] += 1
        told = []
        for proposal in names.proposals(breadth=0 if many and kind not in MAKERS else 1):
            parents = before.get(proposal.key[1], Counter())
            parent, times = min(parents.items(), key=lambda entry: (-entry[1], entry[0]), default=("", 0))
            steady = parent and parent != proposal.key[1] and times >= self.config.path_share * parents.total()
            told.append(replace(proposal, parent=(kind, parent)) if steady else proposal)
        return told


def _without_repeats(read: Mapping[str, list[Proposal]]) -> list[str]:
    """The columns but those that only gather what others say, such as one of all makers and categories.

    A column is left out where the others together, but none of them alone, have nearly all its names on the same items.
    The fullest comes first, and what was left out says nothing of those that follow.
    """
    kept = list(read)
    of_name = {kind: {proposal.key[1]: proposal.rows for proposal in proposals} for kind, proposals in read.items()}
    sizes = {kind: sum(len(rows) for rows in names.values()) for kind, names in of_name.items()}
    for kind in sorted(read, key=lambda kind: -sizes[kind]):
        said, by_one = 0, dict.fromkeys(kept, 0)
        for name, rows in of_name[kind].items():
            there = np.zeros(len(rows), dtype=bool)
            for other in kept:
                if other != kind and name in of_name[other]:
                    mine = np.isin(rows, of_name[other][name])
                    by_one[other] += int(mine.sum())
                    there |= mine
            said += int(there.sum())
        if said >= REPEATED * sizes[kind] > max(by_one.values()):
            kept.remove(kind)
    return kept


def _telling(columns: Mapping[str, ObjectArray]) -> Iterator[str]:
    """Lists of texts, paths, and text columns where an average value is on more than one item."""
    for name, values in columns.items():
        present = (
            [v for v in values if v is not None and not (isinstance(v, str) and v == "")] if name not in IGNORED else []
        )
        lists = [v for v in present if isinstance(v, (list, tuple, np.ndarray))]
        texts = [v for v in present if isinstance(v, str)]
        if lists and len(lists) == len(present):
            if any(path for v in lists[:100] for path in _paths(v)):
                yield name
        elif texts and all(isinstance(v, (str, float)) for v in present):
            repeat = len(set(texts)) <= len(texts) / 2
            if repeat or any(PATH in text for text in texts):
                yield name


def _paths(value: Any) -> Iterator[list[str]]:
    """The paths of a value, from broad to fine; a plain name is a path of one."""
    if isinstance(value, str):
        yield [part for part in value.split(PATH) if is_name(part)]
    elif isinstance(value, (list, tuple, np.ndarray)):
        for part in value:
            if isinstance(part, (list, tuple, np.ndarray)):
                yield [name for name in part if is_name(name)]
            else:
                yield from _paths(part)

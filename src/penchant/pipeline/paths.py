"""Paths from a user to an item along what the catalogue knows: user → an item of his → what both share → the item.

Known are the items' attributes (one author, brand or tag on both) and the dataset's links (both lead to one entity, or
one leads to the other). A path explains and does not rank: what it counts for is in the parts of the score.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.data.links import ENDS
from penchant.interests.explained import KnowledgePath, PathStep
from penchant.types import IntArray, ObjectArray

NO_ENTITIES = frozenset({"title", "text", "timestamp"})
"""Columns that say what an item is, not what it shares."""
MOST_SHARED = 0.2
"""An entity on a larger share of the catalogue connects everything with everything and makes no path."""
MOST_PATHS = 3

Entity = tuple[str, str]
"""Name of the edge, and the entity's own name or id."""


@dataclass(frozen=True)
class KnowledgeGraph:
    """Items and the entities they share."""

    dataset: Dataset

    @cached_property
    def entities(self) -> tuple[dict[Entity, IntArray], tuple[tuple[Entity, ...], ...]]:
        """Entity → rows of its items, for entities of two and more; and the same by item."""
        rows: dict[Entity, list[int]] = {}
        labels: dict[Entity, Entity] = {}
        for name, column in self.dataset.items.columns.items():
            if name not in NO_ENTITIES:
                for row, value in _values(column):
                    folded = (name, value.casefold())
                    labels.setdefault(folded, (name, value))
                    rows.setdefault(folded, []).append(row)
        for edge, other, row in self._linked():
            rows.setdefault((edge, other), []).append(row)
        found: dict[Entity, IntArray] = {}
        most = max(2.0, MOST_SHARED * self.dataset.n_items)
        by_item: list[list[Entity]] = [[] for _ in range(self.dataset.n_items)]
        for key, members in rows.items():
            unique = np.unique(np.array(members, dtype=np.int64))
            if 2 <= len(unique) <= most:
                entity = labels.get(key, key)
                found[entity] = unique
                for row in unique.tolist():
                    by_item[row].append(entity)
        return found, tuple(map(tuple, by_item))

    @cached_property
    def between_items(self) -> dict[tuple[int, int], str]:
        """Pairs of items that a link joins, in either direction, and what the link is called."""
        links = self.dataset.links
        if links is None:
            return {}
        item = ENDS.index("item")
        both = np.flatnonzero((links.subject_kinds == item) & (links.object_kinds == item))
        found: dict[tuple[int, int], str] = {}
        for n in both.tolist():
            name = links.names[links.relations[n]]
            a, b = int(links.subjects[n]), int(links.objects[n])
            found.setdefault((a, b), name)
            found.setdefault((b, a), name)
        return found

    def paths(
        self, user_id: str, history: Histories, item: int, *, event_words: tuple[str, ...], most: int = MOST_PATHS
    ) -> tuple[KnowledgePath, ...]:
        """The most telling paths to an item, none where there is none: over the rarest entity first, of one entity over
        the user's last item with it. `event_words` says for each event type what the user did.
        """
        last: dict[int, int] = {}
        for n, row in enumerate(history.items.tolist()):
            if row != item:
                last[row] = n
        members, by_item = self.entities
        found: list[tuple[int, int, int, str, Entity | None]] = []
        for row, n in last.items():
            if name := self.between_items.get((row, item)):
                found.append((2, -n, row, name, None))
        for entity in by_item[item]:
            common = [(last[row], row) for row in members[entity].tolist() if row in last]
            if common:
                n, row = max(common)
                found.append((len(members[entity]), -n, row, entity[0], entity))
        found.sort(key=lambda path: (path[0], path[1], path[3], path[4] or ("", "")))
        return tuple(
            self._told(user_id, event_words[history.types[-n]], row, edge, entity, item, size)
            for size, n, row, edge, entity in found[:most]
        )

    def _told(
        self, user_id: str, did: str, row: int, edge: str, entity: Entity | None, item: int, size: int
    ) -> KnowledgePath:
        ids, title = self.dataset.items.ids, self.dataset.title
        shown = edge.replace("_", " ")
        steps = [PathStep(kind="user", id=user_id, label=user_id, edge=did)]
        steps.append(PathStep(kind="item", id=ids[row], label=title(row), edge=edge))
        if entity is not None:
            steps.append(PathStep(kind="entity", id=f"{entity[0]}:{entity[1]}", label=entity[1], edge=edge))
        steps.append(PathStep(kind="item", id=ids[item], label=title(item)))
        text = (
            f"{did} {title(row)} → {shown}: {entity[1]} → {title(item)}"
            if entity
            else (f"{did} {title(row)} → {shown} → {title(item)}")
        )
        return KnowledgePath(steps=tuple(steps), text=text, items=size)

    def _linked(self) -> Iterator[tuple[str, str, int]]:
        """Links between an item and an entity outside the catalogue: edge, entity, item."""
        links = self.dataset.links
        if links is None:
            return
        item, other = ENDS.index("item"), ENDS.index("other")
        for kinds, rows, other_kinds, others in (
            (links.subject_kinds, links.subjects, links.object_kinds, links.objects),
            (links.object_kinds, links.objects, links.subject_kinds, links.subjects),
        ):
            for n in np.flatnonzero((kinds == item) & (other_kinds == other)).tolist():
                yield links.names[links.relations[n]], links.others[others[n]], int(rows[n])


def _values(column: ObjectArray) -> Iterator[tuple[int, str]]:
    """The texts of a column with their rows; numbers and dates are no entities."""
    for row, value in enumerate(column):
        for one in value if isinstance(value, list | tuple | np.ndarray) else (value,):
            if isinstance(one, str) and (text := one.strip()):
                yield row, text

"""Finding users and items by what a person types."""

import numpy as np

from penchant.data.dataset import Dataset
from penchant.records import ItemSummary, UserSummary
from penchant.types import IntArray


class Finder:
    """Case-blind search over user ids, item ids and titles."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._popularity: IntArray = dataset.item_counts()
        self._activity: IntArray = dataset.histories().lengths
        self._users = [user.casefold() for user in dataset.users.ids]
        self._items = [f"{dataset.title(i)}\n{id_}".casefold() for i, id_ in enumerate(dataset.items.ids)]

    def users(self, query: str, limit: int, *, also: list[str]) -> list[UserSummary]:
        """Users whose id holds the query; exact first, then those that start with it, then the most active.

        `also` names users who came after the dataset.
        """
        wanted = query.strip().casefold()
        found = [row for row, user in enumerate(self._users) if wanted in user]
        found.sort(
            key=lambda row: (
                self._users[row] != wanted,
                not self._users[row].startswith(wanted),
                -int(self._activity[row]),
                row,
            )
        )
        new = [UserSummary(user_id=user, events=0) for user in also if wanted in user.casefold()]
        known = [UserSummary(user_id=self._dataset.users.ids[r], events=int(self._activity[r])) for r in found[:limit]]
        return (known + new)[:limit]

    def items(self, query: str, limit: int) -> list[ItemSummary]:
        """Items whose title or id holds every word of the query, the most popular first; an exact id comes first."""
        words = query.casefold().split()
        exact = self._dataset.items.row(query.strip())
        found = np.array([row for row, text in enumerate(self._items) if all(w in text for w in words)], dtype=np.int64)
        ordered = found[np.lexsort((found, -self._popularity[found]))].tolist()
        rows = ([exact] if exact >= 0 else []) + [row for row in ordered if row != exact]
        return [
            ItemSummary(
                item_id=self._dataset.items.ids[row],
                title=self._dataset.title(row),
                events=int(self._popularity[row]),
            )
            for row in rows[:limit]
        ]

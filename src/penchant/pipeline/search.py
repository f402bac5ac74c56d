"""Finding users and items by what a person types."""

from collections.abc import Mapping

from penchant.data.dataset import Dataset
from penchant.data.generated import is_generated
from penchant.records import ItemSummary, UserSummary
from penchant.types import IntArray


class Finder:
    """Case-blind search over user ids, item ids and titles. Twins, whom a generator made, are no users to be found."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._popularity: IntArray = dataset.item_counts()
        self._activity: IntArray = dataset.histories().lengths
        self._users = [user.casefold() for user in dataset.users.ids]
        self._made_up = is_generated(dataset)
        self._items = [f"{dataset.title(i)}\n{id_}".casefold() for i, id_ in enumerate(dataset.items.ids)]

    def users(self, query: str, limit: int, *, observed: Mapping[str, int]) -> list[UserSummary]:
        """Users whose id holds the query; exact first, then those that start with it, then the most active.

        `observed` counts the events users had since the dataset was made, those of new users among them.
        """
        wanted = query.strip().casefold()
        found = [
            (self._dataset.users.ids[row], user, int(self._activity[row]))
            for row, user in enumerate(self._users)
            if wanted in user and not self._made_up[row]
        ]
        new = ((user, user.casefold(), 0) for user in observed if self._dataset.users.row(user) < 0)
        found += [entry for entry in new if wanted in entry[1]]
        told = [(id_, folded, events + observed.get(id_, 0)) for id_, folded, events in found]
        told.sort(key=lambda entry: (entry[1] != wanted, not entry[1].startswith(wanted), -entry[2]))
        return [UserSummary(user_id=id_, events=events) for id_, _, events in told[:limit]]

    def items(self, query: str, limit: int) -> list[ItemSummary]:
        """Items whose title or id holds every word of the query.

        The item of exactly this id or title comes first, then titles that start with the query, then the popular.
        """
        wanted = query.strip().casefold()
        words = wanted.split()
        found = [row for row, text in enumerate(self._items) if all(word in text for word in words)]

        def order(row: int) -> tuple[bool, bool, int, int]:
            lines = self._items[row].split("\n")
            return wanted not in lines, not lines[0].startswith(wanted), -int(self._popularity[row]), row

        rows = sorted(found, key=order)
        return [
            ItemSummary(
                item_id=self._dataset.items.ids[row],
                title=self._dataset.title(row),
                events=int(self._popularity[row]),
            )
            for row in rows[:limit]
        ]

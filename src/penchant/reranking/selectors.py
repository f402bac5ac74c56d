"""Names for sets of items in rules: an item's id, or ``column:value`` for all items with that value."""

from functools import cached_property

import numpy as np

from penchant.data.dataset import Table
from penchant.errors import NotFoundError
from penchant.types import IntArray


class Selectors:
    """Resolves selectors against the items of a catalogue.

    ``b17`` is the item with this id. ``categories:Fantasy`` are all items whose column `categories` is, or holds,
    "Fantasy" (letters' case aside); so ``item_type:movie`` or ``brand:OPI`` select by any other column. An id that
    looks like the second is taken for the id.
    """

    def __init__(self, items: Table) -> None:
        self._items = items
        self._columns: dict[str, dict[str, list[int]]] = {}

    def rows(self, selector: str) -> IntArray:
        """The item rows a selector names; `NotFoundError` where it names none."""
        row = self._items.row(selector)
        if row >= 0:
            return np.array([row], dtype=np.int64)
        column, colon, value = selector.partition(":")
        if not colon or column not in self._items.columns:
            there = ", ".join(f"{name}:…" for name in self._labelling) or "none"
            raise NotFoundError(
                f"No item {selector!r} in the catalogue, and no column of items is called that.",
                hint=f"Give an item's id, or column:value; columns: {there}.",
            )
        found = self._values(column).get(value.strip().casefold())
        if not found:
            raise NotFoundError(
                f"No item has {value!r} among its {column}.", hint="Look at an item to see how its values are written."
            )
        return np.array(found, dtype=np.int64)

    def row(self, item_id: str) -> int:
        """The row of one item; `NotFoundError` where there is none."""
        row = self._items.row(item_id)
        if row < 0:
            raise NotFoundError(f"No item {item_id!r} in the catalogue.", hint="Find items by title with a search.")
        return row

    @cached_property
    def _labelling(self) -> list[str]:
        """Columns that repeat values: what a rule may well be about."""
        return [name for name in self._items.columns if name not in {"title", "text"}]

    def _values(self, column: str) -> dict[str, list[int]]:
        """Value → rows, made when a column is first asked for."""
        if column not in self._columns:
            found: dict[str, list[int]] = {}
            for row, value in enumerate(self._items.columns[column]):
                if value is None:
                    continue
                for one in value if isinstance(value, list | tuple | np.ndarray) else (value,):
                    rows = found.setdefault(str(one).strip().casefold(), [])
                    if not rows or rows[-1] != row:
                        rows.append(row)
            self._columns[column] = found
        return self._columns[column]

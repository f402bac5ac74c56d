"""An epoch in parts, each made into a batch when its turn comes."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from penchant.types import IntArray

Batch = TypeVar("Batch")


class Minibatches(Sequence[Batch], Generic[Batch]):
    """`make` of `size` places of an order at a time; the last batch may be smaller. Held is one batch at a time."""

    def __init__(self, order: IntArray, *, size: int, make: Callable[[IntArray], Batch]) -> None:
        self._order, self._size, self._make = order, size, make

    def __len__(self) -> int:
        return (len(self._order) + self._size - 1) // self._size

    # Not `typing.overload`: what that registers outlives the interpreter, and DuckDB then reports leaks on exit.
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        return self._make(self._order[place * self._size : (place + 1) * self._size])

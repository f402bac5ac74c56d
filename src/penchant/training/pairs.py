"""Batches of (user, an item of his, items not his), drawn as they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from penchant.seeding import numpy_rng
from penchant.types import IntArray

REDRAWS = 50
"""How often an unwanted item that the user does have is drawn again; after that it stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairBatch:
    """N wanted items, each with S unwanted ones of the same user, as rows."""

    users_N: Tensor
    wanted_N: Tensor
    unwanted_NS: Tensor

    def to(self, device: torch.device) -> "PairBatch":
        """The same on a device."""
        return PairBatch(
            users_N=self.users_N.to(device), wanted_N=self.wanted_N.to(device), unwanted_NS=self.unwanted_NS.to(device)
        )


class PairBatches(Sequence[PairBatch]):
    """One epoch over the entries of a (U, I) matrix of wanted items, in a seeded order, `size` entries at a time.

    Unwanted items are drawn uniformly and drawn again where the user has them (Rendle et al. 2009). A batch is made
    from the seed, the epoch and its place, so it is the same whenever it is asked for.
    """

    def __init__(self, matrix: sp.csr_array, *, size: int, unwanted: int, seed: int, epoch: int) -> None:
        self._wanted = matrix
        self._users = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        self._keys = self._users * matrix.shape[1] + matrix.indices
        self._order = numpy_rng(seed, "pairs", str(epoch)).permutation(len(self._users))
        self._size, self._unwanted, self._seed, self._epoch = size, unwanted, seed, epoch
        if not matrix.has_sorted_indices:
            self._keys.sort()

    def __len__(self) -> int:
        return (len(self._order) + self._size - 1) // self._size

    # Not `typing.overload`: what that registers outlives the interpreter, and DuckDB then reports leaks on exit.
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        rows = self._order[place * self._size : (place + 1) * self._size]
        users = self._users[rows]
        return PairBatch(
            users_N=torch.from_numpy(users),
            wanted_N=torch.from_numpy(self._wanted.indices[rows].astype(np.int64)),
            unwanted_NS=torch.from_numpy(self._draw(users, place)),
        )

    def _draw(self, users_N: IntArray, place: int) -> IntArray:
        n_items = self._wanted.shape[1]
        rng = numpy_rng(self._seed, "unwanted", str(self._epoch), str(place))
        drawn = rng.integers(n_items, size=(len(users_N), self._unwanted))
        again = np.arange(drawn.size)
        for _ in range(REDRAWS):
            keys = users_N[again // self._unwanted] * n_items + drawn.flat[again]
            found = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
            again = again[self._keys[found] == keys]
            if not len(again):
                break
            drawn.flat[again] = rng.integers(n_items, size=len(again))
        return drawn

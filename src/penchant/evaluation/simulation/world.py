"""What a simulated recommender may see (`Catalogue`, `Feedback`), and what only the world and its judge know (`World`).

A recommender is handed these records and never the world, so a planted interest cannot leak into it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from penchant.concepts.leading import leading_of
from penchant.errors import DataError
from penchant.types import BoolArray, DoubleArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What is public of a world before its first round."""

    activations: sp.csr_array
    """(I, C) how much each item is of each concept, at least 0"""
    n_users: int
    history_users: IntArray
    """(N,) whose each event of the past is, oldest first within a user"""
    history_items: IntArray
    """(N,) what he took"""

    @property
    def n_items(self) -> int:
        """I"""
        return int(self.activations.shape[0])

    @property
    def n_concepts(self) -> int:
        """C"""
        return int(self.activations.shape[1])

    def leading(self) -> sp.csr_array:
        """(I, C) 1 for the concepts that an item is mainly of, see `penchant.concepts.leading`."""
        return leading_of(self.activations)

    def touched(self) -> BoolArray:
        """(U, C) the concepts that a user's past events were mainly of."""
        taken = sp.coo_array(
            (np.ones(len(self.history_users)), (self.history_users, self.history_items)),
            shape=(self.n_users, self.n_items),
        ).tocsr()
        return np.asarray((taken @ self.leading()).toarray() > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """How users reacted to slates of one round; −1 pads a slate that ran out of items."""

    round: int
    """When the slates were shown"""
    users: IntArray
    """(B,)"""
    items: IntArray
    """(B, K)"""
    engaged: BoolArray
    """(B, K)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What came of one round: what is told of it at once or later, and what the judge alone sees."""

    feedback: Feedback
    arrives: IntArray
    """(B,) the round before which the feedback is told; the next, where it is not delayed"""
    expected: DoubleArray
    """(B, K) the chance that each place would be engaged with, in the state the users were in"""


class World(ABC):
    """Users who react. Its state moves with each `react`; a policy's run begins with a new `World`."""

    catalogue: Catalogue

    @abstractmethod
    def available(self, round_: int) -> BoolArray:
        """(U, I) what may be shown to whom in this round; something already shown may be in it."""

    @abstractmethod
    def react(self, round_: int, items_UK: IntArray) -> Reaction:
        """Show each user his slate, −1 pads, and let time pass. `DataError` for what is not in the catalogue."""

    @abstractmethod
    def appeal(self, round_: int) -> DoubleArray:
        """(U, I) the chance of an engagement if seen, as the users are now: for the judge and the oracle alone."""

    @abstractmethod
    def interested(self) -> BoolArray:
        """(U, C) what users are truly interested in now: for the judge alone."""

    def check(self, items_UK: IntArray) -> None:
        """`DataError` where slates name items that do not exist, or one item twice."""
        catalogue = self.catalogue
        if items_UK.ndim != 2 or len(items_UK) != catalogue.n_users:
            raise DataError(
                f"Slates of shape {items_UK.shape} came.", hint=f"Give one row for each of {catalogue.n_users} users."
            )
        if items_UK.size and (items_UK.max() >= catalogue.n_items or items_UK.min() < -1):
            raise DataError(
                f"A slate names item {items_UK.max()} or {items_UK.min()}.",
                hint=f"Items are 0 to {catalogue.n_items - 1}; −1 pads.",
            )
        ordered = np.sort(items_UK, axis=1)
        if ((np.diff(ordered, axis=1) == 0) & (ordered[:, 1:] >= 0)).any():
            raise DataError("A slate has the same item twice.", hint="An item takes one place.")

"""Planted users: events are items of one concept of a real catalogue, and from a known event on of another."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from penchant.data.histories import Histories
from penchant.types import DoubleArray, IntArray

BEFORE, AFTER, EARLIER = 40, 20, 30
"""Events of the old interest, events after it, and events of an interest that is to return."""
FEWEST, MOST = 60, 400
"""Items of a concept that is planted."""
OVERLAP = 0.1
"""Of one concept's items, how many may bear the other, at most."""


@dataclass(frozen=True)
class Pair:
    """What a planted user turns from, what he turns to, and a third concept, unlike both."""

    old: int
    new: int
    third: int


@dataclass(frozen=True)
class Planted:
    """A planted user: items, and from which event on he is another."""

    pair: Pair
    items: IntArray
    change: int


def pairs(activations: sp.csr_array, n: int, rng: np.random.Generator) -> list[Pair]:
    """Concepts that hardly share an item."""
    borne = (activations > 0).astype(np.int64)
    sizes = np.asarray(borne.sum(axis=0)).ravel()
    shared = (borne.T @ borne).toarray() / np.maximum(sizes, 1)
    apart = (np.maximum(shared, shared.T) <= OVERLAP) & ~np.eye(len(sizes), dtype=bool)
    fit = (sizes >= FEWEST) & (sizes <= MOST)
    found: list[Pair] = []
    while len(found) < n:
        old, new, third = rng.choice(np.flatnonzero(fit), 3, replace=False)
        if apart[old, new] and apart[old, third] and apart[new, third]:
            found.append(Pair(int(old), int(new), int(third)))
    return found


class Shelves:
    """Draws items of a concept, popular ones more often, none twice."""

    def __init__(self, activations: sp.csr_array, counts_I: IntArray, rng: np.random.Generator) -> None:
        self.columns = activations.tocsc()
        self.counts = counts_I
        self.rng = rng

    def draw(self, concept: int, n: int, *, without: IntArray | None = None) -> IntArray:
        """N items of a concept."""
        items = self.columns.indices[self.columns.indptr[concept] : self.columns.indptr[concept + 1]]
        items = np.setdiff1d(items, without if without is not None else [])
        weights = self.counts[items] + 1.0
        return self.rng.choice(items, n, replace=False, p=weights / weights.sum()).astype(np.int64)

    def abrupt(self, pair: Pair) -> Planted:
        """Another interest from one event to the next, never shown before."""
        first = self.draw(pair.third, EARLIER)
        old = self.draw(pair.old, BEFORE, without=first)
        new = self.draw(pair.new, AFTER, without=np.concatenate([first, old]))
        return Planted(pair, np.concatenate([first, old, new]), EARLIER + BEFORE)

    def returning(self, pair: Pair) -> Planted:
        """The same, but what comes had been the first interest of all."""
        first = self.draw(pair.new, EARLIER)
        old = self.draw(pair.old, BEFORE, without=first)
        new = self.draw(pair.new, AFTER, without=np.concatenate([first, old]))
        return Planted(pair, np.concatenate([first, old, new]), EARLIER + BEFORE)

    def gradual(self, pair: Pair) -> Planted:
        """The new interest takes a share of events that grows from nothing to all over `AFTER` events."""
        first = self.draw(pair.third, EARLIER)
        old = self.draw(pair.old, BEFORE + AFTER, without=first)
        new = self.draw(pair.new, AFTER + 10, without=np.concatenate([first, old]))
        turned = np.concatenate([self.rng.random(AFTER) < (np.arange(AFTER) + 1) / AFTER, np.ones(10, dtype=bool)])
        later = np.where(turned, new, np.concatenate([old[BEFORE:], new[:10]]))
        return Planted(pair, np.concatenate([first, old[:BEFORE], later]), EARLIER + BEFORE)

    def constant(self, pair: Pair) -> Planted:
        """No change: the two interests all along, in random order."""
        both = np.concatenate([self.draw(pair.old, BEFORE), self.draw(pair.third, BEFORE)])
        items = self.rng.permutation(np.unique(both))
        return Planted(pair, items.astype(np.int64), len(items))


def histories_of(users: list[Planted]) -> Histories:
    """Planted users as histories; their rows are −1."""
    lengths = [len(user.items) for user in users]
    total = int(sum(lengths))
    return Histories(
        users=np.full(len(users), -1, dtype=np.int32),
        indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        items=np.concatenate([user.items for user in users]).astype(np.int32),
        timestamps=np.concatenate([np.arange(n) for n in lengths]).astype(np.int64),
        types=np.zeros(total, dtype=np.int32),
        values=np.full(total, np.nan),
        keys=np.arange(total, dtype=np.int64),
    )


def percentiles(values: list[int] | DoubleArray) -> dict[str, float]:
    """Median and 90th percentile."""
    if not len(values):
        return {}
    return {"median": float(np.median(values)), "p90": float(np.percentile(values, 90))}

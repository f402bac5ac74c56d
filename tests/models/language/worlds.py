"""Worlds in words, whose right answers are known."""

from typing import Any

import numpy as np

from penchant.data.dataset import Dataset, Table
from penchant.types import DoubleArray, IntArray, RowArray
from tests.models.rating.worlds import rated

COLOURS = ("red", "blue")
NUMBERS = tuple(f"n{k}" for k in range(8))
VOCABULARY = (*COLOURS, *NUMBERS, "liked", "disliked", "found", "fair", "chose", "view", "cart", "purchase", "search")
ONE_WORD: dict[str, Any] = {"item_words": 1, "last_events": 5}
"""Behaviour told by colours alone."""


def colour_world(
    *, users: int = 160, told: int = 2, asked: int = 2, noise: float = 0.0, seed: int = 0
) -> tuple[Dataset, IntArray, RowArray, DoubleArray]:
    """Users who love one colour: they chose three items of it, then rate `told` items, 5 for that colour and 1 for the
    other, but for a share of `noise`, the other way round.

    Every item is loved by half of the users, and every user loves half of the items: neither the item's text nor the
    user's tells a rating, only both together. The training part, and held-out pairs with their ratings.
    """
    rng = np.random.default_rng(seed)
    titles = [f"{colour} {number}" for colour in COLOURS for number in NUMBERS]
    train: list[tuple[int, int, float]] = []
    held: list[tuple[int, int, float]] = []
    for user in range(users):
        first = user % 2 * len(NUMBERS)
        chosen = rng.permutation(np.arange(first, first + len(NUMBERS)))[:3]
        train += [(user, item, np.nan) for item in chosen.tolist()]
        others = rng.permutation(np.setdiff1d(np.arange(len(titles)), chosen))[: told + asked]
        for n, item in enumerate(others.tolist()):
            matches = (item // len(NUMBERS) == user % 2) != (rng.random() < noise)
            (train if n < told else held).append((user, item, 5.0 if matches else 1.0))
    data = rated(train, n_users=users, n_items=len(titles), items={"title": list(titles)})
    owners, items, ratings = (np.array(part) for part in zip(*held, strict=True))
    return data, owners.astype(np.int64), items.astype(np.int32), ratings


def shop_world(*, users: int = 60, length: int = 14, noise: float = 0.0, seed: int = 0) -> Dataset:
    """Who puts something into the cart buys next; who views goes on viewing, but for a share of `noise`."""
    rng = np.random.default_rng(seed)
    titles = np.array([f"{colour} {number}" for colour in COLOURS for number in NUMBERS], dtype=object)
    types = ("view", "cart", "purchase")
    rows = []
    for user in range(users):
        kind = 0
        for _ in range(length):
            rows.append((user, int(rng.integers(len(titles))), kind))
            bought_next = kind == 1
            if rng.random() < noise:
                bought_next = not bought_next
            kind = 2 if bought_next else int(rng.random() < 0.5)
    user_rows, items, kinds = (np.array(part) for part in zip(*rows, strict=True))
    return Dataset.of_rows(
        name="shop",
        users=Table(tuple(f"u{k}" for k in range(users))),
        items=Table(tuple(f"i{k}" for k in range(len(titles))), {"title": titles}),
        user_rows=user_rows,
        item_rows=items,
        types=kinds,
        event_types=types,
        timestamps=np.arange(len(rows)) * 1_000_000,
    )

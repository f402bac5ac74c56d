"""A small world with attributes of every kind, and columns to hand to a step."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penchant.data.dataset import Dataset, Table
from penchant.data.features.columns import Columns, Observed, column_of

GENRES = ("drama", "comedy", "war")


def columns(**values: Sequence[Any]) -> Columns:
    return {name: column_of(column, len(column)) for name, column in values.items()}


def observed(rows: Sequence[tuple[int, int, float]], *, n_users: int, n_items: int) -> Observed:
    users, items, values = (np.array(part) for part in zip(*rows, strict=True))
    return Observed(users=users, items=items, values=values.astype(np.float64), n_users=n_users, n_items=n_items)


def people_and_films(seed: int = 0, **changes: Mapping[str, Sequence[Any]]) -> Dataset:
    """60 users and 45 items, the last 10 and the last 5 without events; `changes` replaces columns of a side."""
    rng = np.random.default_rng(seed)
    users: dict[str, Sequence[Any]] = {
        "age": [None if u % 9 == 0 else int(rng.integers(15, 70)) for u in range(60)],
        "job": [("clerk", "nurse", "pilot")[u % 3] for u in range(60)],
        "zip": [f"z{u}" for u in range(60)],
    }
    items: dict[str, Sequence[Any]] = {
        "title": [f"Film {i}" for i in range(45)],
        "released": [f"{1 + i % 28:02d}-Jan-{1980 + i % 30}" for i in range(45)],
        "genres": [[GENRES[i % 3], *(["short"] if i % 5 == 0 else [])] for i in range(45)],
    }
    seen = rng.random((50, 40)) < 0.4
    u, i = np.nonzero(seen)
    ratings = np.clip(3 + (u % 3 == i % 3) + rng.normal(size=len(u)).round(), 1, 5)
    return Dataset.of_rows(
        name="people and films",
        users=Table(tuple(f"u{k}" for k in range(60)), columns(**{**users, **changes.get("users", {})})),
        items=Table(tuple(f"i{k}" for k in range(45)), columns(**{**items, **changes.get("items", {})})),
        user_rows=u,
        item_rows=i,
        values=ratings,
        rating_scale=(1.0, 5.0),
    )

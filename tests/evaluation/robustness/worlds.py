"""Readers of two tastes, whose ratings follow them."""

import numpy as np

from penchant.data.dataset import Clock, Dataset, Table

ITEMS = 60


def two_tastes(*, users: int = 120, seed: int = 0, rated: bool = True, clock: Clock = "position") -> Dataset:
    """Each user has 12 items, ten of his own half; the first items of each half are the popular ones. His own half gets
    4 or 5, the other 1 to 3. The last item nobody has but one user.
    """
    rng = np.random.default_rng(seed)
    rows, items, values = [], [], []
    weights = 1.0 / np.arange(2, ITEMS // 2 + 1)
    for user in range(users):
        half = user % 2
        for own, count in ((half, 10), (1 - half, 2)):
            size = ITEMS // 2 - 1
            drawn = own * (ITEMS // 2) + rng.choice(size, size=count, replace=False, p=weights / weights.sum())
            rows += [user] * count
            items += drawn.tolist()
            values += (rng.integers(4, 6, size=count) if own == half else rng.integers(1, 4, size=count)).tolist()
    rows.append(0)
    items.append(ITEMS - 1)
    values.append(3)
    count = len(rows)
    return Dataset.of_rows(
        name="tastes",
        users=Table(tuple(f"u{k}" for k in range(users)), {"age": np.full(users, 30, dtype=object)}),
        items=Table(tuple(f"i{k}" for k in range(ITEMS))),
        user_rows=np.array(rows),
        item_rows=np.array(items),
        values=np.array(values, dtype=float) if rated else None,
        event_types=("rating",) if rated else ("view",),
        timestamps=None if clock == "position" else rng.permutation(count) * 1_000_000,
        clock=clock,
        rating_scale=(1.0, 5.0) if rated else None,
    )

"""A stream of two periods whose second one contradicts the first."""

import numpy as np

from penchant.data.dataset import Dataset, Table
from tests.worlds import genre_world

PER_GENRE, STRIDE = 15, 4


def two_periods(*, users: int = 160, later: int = 120, seed: int = 0) -> tuple[Dataset, Dataset]:
    """The genre world, and then new users of whom most take after ``g-n`` not ``g-(n+1)`` but ``g-(n+4)``.

    What a history looks like tells which walk it is; who learns the second period alone unlearns the first.
    """
    first = genre_world(users=users, seed=seed)
    rng = np.random.default_rng(seed + 1)
    user_rows, item_rows = [], []
    for user in range(later):
        genre, place = int(rng.integers(4)), int(rng.integers(PER_GENRE))
        for _ in range(10):
            user_rows.append(user)
            item_rows.append(genre * PER_GENRE + place)
            place = (place + (STRIDE if rng.random() < 0.9 else int(rng.integers(1, PER_GENRE)))) % PER_GENRE
    second = Dataset.of_rows(
        name="second period",
        users=Table(tuple(f"later-{k}" for k in range(later))),
        items=first.items,
        user_rows=np.array(user_rows),
        item_rows=np.array(item_rows),
    )
    return first, second

"""Tiny worlds whose right answers are known."""

import numpy as np

from penchant.data.dataset import Dataset, Table

GENRES = ("space opera", "cozy mystery", "cookery", "chess")


def genre_world(
    *, users: int = 240, per_genre: int = 15, length: int = 14, seed: int = 0, newcomers: int = 0
) -> Dataset:
    """Users who keep to one genre for their first half and to another for the second, and walk each genre in order.

    Item ``g-n`` is the n-th of genre g; after it most users take ``g-(n+1)``. User ``u-k`` starts with genre k mod 4;
    the first eight go on to genre (k + 1) mod 4, the others to any other genre, so that a change cannot be foreseen.
    With `newcomers`, users say which genre they like (the one they start with), and that many more have no events.
    """
    rng = np.random.default_rng(seed)
    genres = len(GENRES)
    ids = [f"{g}-{n}" for g in range(genres) for n in range(per_genre)]
    titles = [f"{GENRES[g]} volume {n}" for g in range(genres) for n in range(per_genre)]
    user_rows, item_rows = [], []
    for user in range(users):
        step = 1 if user < 8 else int(rng.integers(1, genres))
        for half in range(2):
            genre = (user + half * step) % genres
            place = int(rng.integers(per_genre))
            for _ in range(length // 2):
                user_rows.append(user)
                item_rows.append(genre * per_genre + place)
                place = (place + (1 if rng.random() < 0.85 else int(rng.integers(1, per_genre)))) % per_genre
    tags = np.empty(len(ids), dtype=object)
    tags[:] = [[GENRES[g]] for g in range(genres) for _ in range(per_genre)]
    return Dataset.of_rows(
        name="genre world",
        users=Table(
            tuple(f"u-{k}" for k in range(users + newcomers)),
            {"likes": np.array([GENRES[k % genres] for k in range(users + newcomers)], dtype=object)}
            if newcomers
            else {},
        ),
        items=Table(tuple(ids), {"title": np.array(titles, dtype=object), "tags": tags}),
        user_rows=np.array(user_rows),
        item_rows=np.array(item_rows),
    )

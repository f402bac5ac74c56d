"""Small worlds of ratings, and questions to ask about them."""

from collections.abc import Sequence

import numpy as np

from penchant.data.dataset import Dataset, Table
from penchant.data.histories import Histories
from penchant.types import DoubleArray, IntArray, RowArray


def rated(
    rows: Sequence[tuple[int, int, float]],
    *,
    n_users: int | None = None,
    n_items: int | None = None,
    scale: tuple[float, float] | None = (1.0, 5.0),
    users: dict[str, list[object]] | None = None,
    items: dict[str, list[object]] | None = None,
) -> Dataset:
    """Events (user, item, rating) in order; NaN for an event without a rating."""
    u, i, r = (np.array(part) for part in zip(*rows, strict=True))
    n_users, n_items = n_users or int(u.max()) + 1, n_items or int(i.max()) + 1
    return Dataset.of_rows(
        name="ratings",
        users=Table(tuple(f"u{k}" for k in range(n_users)), _columns(users)),
        items=Table(tuple(f"i{k}" for k in range(n_items)), _columns(items)),
        user_rows=u,
        item_rows=i,
        timestamps=np.arange(len(rows)),
        values=np.asarray(r, dtype=np.float64),
        rating_scale=scale,
    )


def _columns(values: dict[str, list[object]] | None) -> dict[str, np.ndarray]:
    columns = {}
    for name, column in (values or {}).items():
        columns[name] = np.empty(len(column), dtype=object)
        columns[name][:] = column
    return columns


def factor_world(
    *, users: int = 60, items: int = 40, dim: int = 2, share: float = 0.5, noise: float = 0.3, seed: int = 0
) -> tuple[Dataset, IntArray, RowArray, DoubleArray]:
    """Ratings in halves from known biases and factors: the training part, and held-out pairs with their ratings."""
    rng = np.random.default_rng(seed)
    truth = 3.0 + 0.4 * rng.normal(size=(users, 1)) + 0.5 * rng.normal(size=(1, items))
    truth = truth + 0.6 * rng.normal(size=(users, dim)) @ rng.normal(size=(dim, items))
    ratings = np.clip(np.round(2 * (truth + noise * rng.normal(size=truth.shape))) / 2, 1, 5)
    seen = rng.random(truth.shape) < share
    train = [(u, i, ratings[u, i]) for u, i in zip(*np.nonzero(seen), strict=True)]
    held = np.nonzero(~seen & (rng.random(truth.shape) < 0.3))
    data = rated(train, n_users=users, n_items=items)
    return data, held[0].astype(np.int64), held[1].astype(np.int32), ratings[held]


def history(*ratings: tuple[int, float]) -> Histories:
    """One stranger who rated items."""
    return histories(ratings)


def histories(*people: Sequence[tuple[int, float]]) -> Histories:
    """Strangers, and what each rated, oldest first."""
    lengths = [len(person) for person in people]
    flat = [pair for person in people for pair in person]
    n = len(flat)
    return Histories(
        users=np.full(len(people), -1, dtype=np.int32),
        indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        items=np.array([item for item, _ in flat], dtype=np.int32),
        timestamps=np.arange(n, dtype=np.int64),
        types=np.zeros(n, dtype=np.int32),
        values=np.array([value for _, value in flat], dtype=np.float64),
        keys=np.arange(n, dtype=np.int64),
    )


def rmse(predicted: DoubleArray, actual: DoubleArray) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean((predicted - actual) ** 2)))

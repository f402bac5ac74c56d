"""Datasets from plain lists, and text vectors for the genre world."""

from collections.abc import Sequence

import numpy as np

from penchant.data.dataset import Dataset, Table
from penchant.data.histories import Histories
from penchant.types import FloatArray
from tests.worlds import GENRES


def dataset_of(sequences: Sequence[Sequence[int]], n_items: int) -> Dataset:
    """One user for each sequence of item rows, oldest first."""
    return Dataset.of_rows(
        name="toy",
        users=Table(tuple(f"u{u}" for u in range(len(sequences)))),
        items=Table(tuple(f"i{i}" for i in range(n_items))),
        user_rows=np.repeat(np.arange(len(sequences)), [len(s) for s in sequences]),
        item_rows=np.array([i for s in sequences for i in s], dtype=np.int32),
    )


def strangers(*sequences: Sequence[int], n_items: int) -> Histories:
    """Histories of users that no dataset knows."""
    histories = dataset_of(sequences, n_items).histories()
    histories.users[:] = -1
    return histories


def genre_texts(dataset: Dataset, *, dim: int = 12, seed: int = 0) -> FloatArray:
    """Unit vectors near one direction for each genre of the genre world."""
    rng = np.random.default_rng(seed)
    genres = np.arange(dataset.n_items) // (dataset.n_items // len(GENRES))
    vectors = rng.normal(size=(len(GENRES), dim))[genres] + 0.3 * rng.normal(size=(dataset.n_items, dim))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

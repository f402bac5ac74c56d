"""Item-based collaborative filtering whose neighbours know the direction of time."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.interfaces import FitOptions, Recommender
from penchant.models.saving import fitted, read_model, write_model
from penchant.types import AnyArray, DoubleArray, FloatArray, IntArray, RowArray

NAME = "item_knn"


class ItemKNNConfig(Config):
    """Settings of `ItemKNN`."""

    window: int = Field(default=8, ge=1)
    """Two events of a user are neighbours when at most this many steps apart."""
    forward: float = Field(default=1.0, ge=0)
    """Weight of "i came after j" for recommending i to who touched j."""
    backward: float = Field(default=0.5, ge=0)
    """Weight of "i came before j"."""
    distance_power: float = Field(default=0.7, ge=0)
    """A pair d steps apart weighs d to minus this."""
    decay: float = Field(default=0.6, gt=0, le=1)
    """Weight of a history's event relative to the one after it."""
    max_neighbours: int = Field(default=1000, ge=1)
    """Neighbours kept for an item, the strongest."""


class ItemKNN(Recommender):
    """Directed, distance-weighted item neighbours under a history that fades.

    ::

        w_ji  = Σ over users, over pairs of events (j at step s, i at step t ≠ s, |t − s| ≤ window, i ≠ j)
                    (forward if t > s else backward) · |t − s|^−distance_power
        κ_ji  = w_ji / sqrt(n_j n_i)                  n: events of the item in the training data
        s_bi  = Σ_{k=1..L} decay^(L−k) κ_{h_k, i}     h_1 … h_L: the history of b, oldest first

    Unit: cosine-like co-occurrence, ≥ 0. With ``forward = backward = 1``, ``distance_power = 0`` and an unlimited
    window it is the cosine item-kNN of Sarwar et al. (2001) and Deshpande and Karypis (2004) on counts. Direction,
    distance and decay follow the sequential neighbourhood models of Ludewig and Jannach (2018).

    Caveat: an item without training events is nobody's neighbour and scores 0.
    """

    reads_text: ClassVar[bool] = False
    config: ItemKNNConfig

    def __init__(self, config: ItemKNNConfig | None = None) -> None:
        super().__init__(config or ItemKNNConfig())
        self._neighbours: sp.csr_array | None = None

    @property
    def neighbours(self) -> sp.csr_array:
        """κ, (I, I) sparse float32: row j holds the neighbours of history item j."""
        return fitted(self._neighbours, NAME)

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Count the pairs, one distance at a time."""
        progress = (options or FitOptions()).progress
        histories, n = dataset.histories(), dataset.n_items
        owners = np.repeat(np.arange(len(histories)), histories.lengths)
        items = histories.items
        pairs = sp.csr_array((np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(n + 1, np.int32)), shape=(n, n))
        longest = int(histories.lengths.max(initial=0))
        distances = range(1, min(self.config.window, longest - 1) + 1)
        with progress.task("Item neighbours", total=len(distances)) as advance:
            for d in distances:
                earlier, later = items[:-d], items[d:]
                kept = (owners[:-d] == owners[d:]) & (earlier != later)
                ones = np.ones(int(kept.sum()), dtype=np.float32)
                step = sp.csr_array((ones, (earlier[kept], later[kept])), shape=(n, n))
                pairs = pairs + np.float32(d**-self.config.distance_power) * (
                    np.float32(self.config.forward) * step + np.float32(self.config.backward) * step.T.tocsr()
                )
                advance()
        scale = 1.0 / np.sqrt(np.maximum(dataset.item_counts(), 1))
        rows = np.repeat(np.arange(n), np.diff(pairs.indptr))
        pairs.data = (pairs.data * scale[rows] * scale[pairs.indices]).astype(np.float32)
        pairs.eliminate_zeros()
        self._neighbours = _strongest(pairs, self.config.max_neighbours)
        return self

    def score(self, histories: Histories) -> FloatArray:
        """The scores s_bi, (B, I)."""
        if len(histories) == 1:  # one user waits for the answer: a sparse product would read the whole matrix
            owners, columns, values = self._entries(histories.items)
            weights = values * self._fades(histories)[owners]
            return np.bincount(columns, weights=weights, minlength=self.neighbours.shape[0])[None].astype(np.float32)
        return np.asarray((self._faded(histories) @ self.neighbours).todense(), dtype=np.float32)

    def event_weights(self, history: Histories, items: RowArray) -> DoubleArray:
        """What each event of one user's history adds to the score of the given items, (L, K); columns sum to the score.

        ``e_kj = decay^(L−k) κ_{h_k, items_j}``: the exact parts behind "because you read …".
        """
        owners, columns, values = self._entries(history.items)
        asked, back = np.unique(items, return_inverse=True)
        place = np.full(self.neighbours.shape[0], -1, dtype=np.int64)
        place[asked] = np.arange(len(asked))
        wanted = place[columns] >= 0
        parts = np.zeros((len(history.items), len(asked)), dtype=np.float64)
        parts[owners[wanted], place[columns[wanted]]] = values[wanted]
        return parts[:, back] * self._fades(history)[:, None]

    def save(self, folder: Path) -> None:
        """Write the neighbours as compressed rows."""
        kept = self.neighbours
        arrays: dict[str, AnyArray] = {"data": kept.data, "indices": kept.indices, "indptr": kept.indptr}
        write_model(folder, NAME, self.config, arrays=arrays, facts={"n_items": kept.shape[0]})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the neighbours."""
        config, facts, arrays = read_model(folder, NAME, ItemKNNConfig, needs=("n_items", "data", "indices", "indptr"))
        model = cls(config)
        n = int(facts["n_items"])
        model._neighbours = sp.csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(n, n))
        return model

    def _entries(self, items_L: RowArray) -> tuple[IntArray, RowArray, FloatArray]:
        """The neighbours of L items end to end, (M,): whose neighbour (0 … L − 1), which item, and κ."""
        starts, ends = self.neighbours.indptr[items_L], self.neighbours.indptr[items_L + 1]
        lengths = (ends - starts).astype(np.int64)
        owners = np.repeat(np.arange(len(items_L)), lengths)
        entries = np.arange(len(owners)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + starts[owners]
        return owners, self.neighbours.indices[entries], self.neighbours.data[entries]

    def _fades(self, histories: Histories) -> FloatArray:
        """decay^(events of the same user that came after), (N,)."""
        ages = np.repeat(histories.indptr[1:], histories.lengths) - 1 - np.arange(len(histories.items))
        return np.asarray(np.power(self.config.decay, ages), dtype=np.float32)

    def _faded(self, histories: Histories) -> sp.csr_array:
        """Histories as sparse rows of fades, (B, I); a repeated item's fades add up."""
        shape = (len(histories), self.neighbours.shape[0])
        return sp.csr_array((self._fades(histories), histories.items, histories.indptr), shape=shape)


def _strongest(matrix: sp.csr_array, k: int) -> sp.csr_array:
    """The k largest entries of each row, columns in order; equal entries by column."""
    lengths = np.diff(matrix.indptr)
    if lengths.max(initial=0) <= k:
        matrix.sort_indices()
        return matrix
    rows = np.repeat(np.arange(matrix.shape[0]), lengths)
    order = np.lexsort((matrix.indices, -matrix.data, rows))
    place = np.arange(len(order)) - matrix.indptr[rows]
    kept = np.sort(order[place < k])
    chosen = sp.csr_array((matrix.data[kept], (rows[kept], matrix.indices[kept])), shape=matrix.shape)
    chosen.sort_indices()
    return chosen

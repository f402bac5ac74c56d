"""Item-based collaborative filtering: neighbours that know the direction of time, or cosine and Pearson."""

import copy
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.data.sparse_rows import RowEntries, row_entries
from penchant.interfaces import FitOptions, Recommender
from penchant.models.holdout import VALIDATION_K, catalogue_ties, held_out, sampled, validation_ndcg
from penchant.models.interactions import Signal, fades
from penchant.models.neighborhood_config import ItemKNNConfig
from penchant.models.new_items import Inheritance
from penchant.models.saving import fitted, read_model, write_model
from penchant.models.sparse_similarity import neighbours, similarity, strongest
from penchant.progress import Progress
from penchant.types import AnyArray, BoolArray, DoubleArray, FloatArray, RowArray

NAME = "item_knn"
VALIDATION_USERS = 2_000
"""Cases that decide the similarity, at most."""


class ItemKNN(Recommender):
    """Item neighbours under a history: directed, distance-weighted and fading, or blind to order where that is better.

    With ``similarity`` cooccurrence:

    ::

        w_ji  = Σ over users, over pairs of events (j at step s, i at step t ≠ s, |t − s| ≤ window, i ≠ j)
                    (forward if t > s else backward) · |t − s|^−distance_power
        κ_ji  = w_ji / sqrt(n_j n_i)                  n: events of the item in the training data
        s_bi  = Σ_{k=1..L} decay^(L−k) κ_{h_k, i}     h_1 … h_L: the history of b, oldest first

    Unit: cosine-like co-occurrence, ≥ 0. With ``forward = backward = 1``, ``distance_power = 0`` and an unlimited
    window it is the cosine item-kNN of Sarwar et al. (2001) and Deshpande and Karypis (2004) on counts. Direction,
    distance and decay follow the sequential neighbourhood models of Ludewig and Jannach (2018).

    With ``similarity`` cosine or pearson, κ_ji compares the columns j and i of the users' numbers x (see `Signal`), and
    an event counts for what it amounts to::

        κ_ji  = cos(x_·j, x_·i)  or  their correlation, times n_ji / (n_ji + damping); only the positive ones
        s_bi  = Σ_k decay^(L−k) x_k κ_{h_k, i}        divided by Σ_k decay^(L−k) κ_{h_k, i} for `weighted_mean`

    Pearson's correlation is that over the users who rated both where the numbers are ratings (Sarwar et al. 2001), and
    that over all users, untouched counted as 0, otherwise: on those who touched both, touches are constant. With
    ``decay = 1`` the weighted mean of ratings is Sarwar's prediction.

    With ``similarity`` auto, the default, `settle` compares the first with cosines blind to order on validation, where
    there are no validation cases on each user's last event; without any it is co-occurrence.

    `fit` raises what `Signal.fit` raises. Caveat: an item without training events is nobody's neighbour and scores 0.
    """

    reads_text: ClassVar[bool] = False
    name: ClassVar[str] = NAME
    settings: ClassVar[type[ItemKNNConfig]] = ItemKNNConfig
    config: ItemKNNConfig

    def __init__(self, config: ItemKNNConfig | None = None) -> None:
        super().__init__(config or self.settings())
        self.chosen: ItemKNNConfig = self.config
        """The settings with the similarity that ``auto`` chose."""
        self.tried: dict[str, float] = {}
        """NDCG@10 on validation of what ``auto`` chose from; empty where a similarity was given."""
        self._neighbours: sp.csr_array | None = None
        self._signal: Signal | None = None

    @property
    def neighbours(self) -> sp.csr_array:
        """κ, (I, I) sparse float32: row j holds the neighbours of history item j."""
        return fitted(self._neighbours, self.name)

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Choose the similarity where none is given, and find the neighbours."""
        options = options or FitOptions()
        self.settle(dataset, options)
        return self._find(dataset, options.progress)

    def settle(self, dataset: Dataset, options: FitOptions) -> None:
        """Take the similarity that is given, or of `ItemKNNConfig.orders` the first that is best on validation."""
        self.chosen, self.tried = self.config, {}
        if self.config.similarity != "auto":
            return
        orders = self.config.orders
        self.chosen = orders[0]
        if not (dataset.events.items >= 0).any():
            return
        training, cases = held_out(dataset, options)
        cases, ties = sampled(cases, VALIDATION_USERS, options.seed), catalogue_ties(dataset, options.seed)
        if not len(cases):
            return
        for settings in orders:
            alone = ItemKNNConfig(**{name: getattr(settings, name) for name in ItemKNNConfig.model_fields})
            found = ItemKNN(alone)._find(training, options.progress)
            word = f"cosine, damping {alone.damping:g}" if alone.similarity == "cosine" else alone.similarity
            self.tried[word] = validation_ndcg(found.score, cases, ties=ties)
        best = max(self.tried, key=lambda word: self.tried[word])
        self.chosen = orders[list(self.tried).index(best)]
        shown = "; ".join(f"{word} {value:.4f}" for word, value in self.tried.items())
        options.progress.note(f"Item neighbours by {best} (NDCG@{VALIDATION_K} on validation: {shown})")

    def _find(self, dataset: Dataset, progress: Progress) -> Self:
        """Find the neighbours by the settings as `chosen`."""
        chosen = self.chosen
        if chosen.similarity == "cooccurrence":
            self._signal = None
            self._neighbours = strongest(self._co_occurrence(dataset, progress), chosen.max_neighbours)
            return self
        self._signal = Signal.fit(dataset, chosen.signal, model=NAME)
        columns = self._signal.matrix(dataset.histories(), dataset.n_items).T.tocsr()
        rated = self._signal.rated and self._signal.values == "value"
        alike = partial(similarity, kind="pearson" if chosen.similarity == "pearson" else "cosine", rated=rated)
        k, damping = chosen.max_neighbours, chosen.damping
        found = neighbours(columns, columns, alike=alike, damping=damping, k=k, same=True, progress=progress)
        self._neighbours = found.astype(np.float32)
        return self

    def _co_occurrence(self, dataset: Dataset, progress: Progress) -> sp.csr_array:
        """κ of directed pairs, (I, I): counted one distance at a time."""
        histories, n = dataset.histories(), dataset.n_items
        owners = np.repeat(np.arange(len(histories)), histories.lengths)
        items = histories.items
        pairs = sp.csr_array((np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(n + 1, np.int32)), shape=(n, n))
        longest = int(histories.lengths.max(initial=0))
        distances = range(1, min(self.chosen.window, longest - 1) + 1)
        with progress.task("Item neighbours", total=len(distances)) as advance:
            for d in distances:
                earlier, later = items[:-d], items[d:]
                kept = (owners[:-d] == owners[d:]) & (earlier != later)
                ones = np.ones(int(kept.sum()), dtype=np.float32)
                step = sp.csr_array((ones, (earlier[kept], later[kept])), shape=(n, n))
                pairs = pairs + np.float32(d**-self.chosen.distance_power) * (
                    np.float32(self.chosen.forward) * step + np.float32(self.chosen.backward) * step.T.tocsr()
                )
                advance()
        scale = 1.0 / np.sqrt(np.maximum(dataset.item_counts(), 1))
        rows = np.repeat(np.arange(n), np.diff(pairs.indptr))
        pairs.data = (pairs.data * scale[rows] * scale[pairs.indices]).astype(np.float32)
        pairs.eliminate_zeros()
        return pairs

    def score(self, histories: Histories) -> FloatArray:
        """The scores s_bi, (B, I)."""
        if len(histories) == 1:  # one user waits for the answer: a sparse product would read the whole matrix
            return self.score_entries(histories, self.entries(histories))
        sums = self._summed(histories, self._weights(histories))
        if self.config.weighted_mean:
            sums = _means(sums, self._summed(histories, self._fades(histories)))
        return sums.astype(np.float32)

    def entries(self, history: Histories) -> RowEntries:
        """The neighbours of each event of one user's history."""
        history.check_items(self.neighbours.shape[0])
        return row_entries(self.neighbours, history.items)

    def event_weights(self, history: Histories, items: RowArray, found: RowEntries | None = None) -> DoubleArray:
        """What each event of one user's history adds to the score of the given items, (L, K); columns sum to the score.

        ``e_kj = decay^(L−k) x_k κ_{h_k, items_j}`` (x_k is 1 by default; the weighted mean's divisor is applied): the
        exact parts behind "because you read …". `found` are the history's `entries`, where the caller has them.
        """
        found = found or self.entries(history)
        asked, back = np.unique(items, return_inverse=True)
        place = np.full(self.neighbours.shape[0], -1, dtype=np.int64)
        place[asked] = np.arange(len(asked))
        wanted = np.flatnonzero(place[found.columns] >= 0)
        kappa = np.zeros((len(history.items), len(asked)), dtype=np.float64)
        kappa[found.owners[wanted], place[found.columns[wanted]]] = found.values[wanted]
        parts = kappa * self._weights(history)[:, None]
        if self.config.weighted_mean:
            parts = _means(parts, (kappa * self._fades(history)[:, None]).sum(axis=0))
        return np.asarray(parts[:, back], dtype=np.float64)

    def without(self, items_I: BoolArray) -> Self:
        """The same model with some items nobody's neighbours and without neighbours of their own."""
        other, kept = copy.copy(self), sp.diags_array((~items_I).astype(np.float32))
        other._neighbours = sp.csr_array(kept @ self.neighbours @ kept)
        other._neighbours.eliminate_zeros()
        return other

    def inherit(self, inheritance: Inheritance) -> Self:
        """Let items without events be the neighbours that those are which they read like: ``κ_ji = Σ_m a_im κ_jm``."""
        matrix = self.neighbours
        givers = inheritance.matrix(matrix.shape[0])
        given = strongest(sp.csr_array(matrix @ givers.T), self.config.max_neighbours)
        self._neighbours = sp.csr_array(matrix + given).astype(np.float32)
        return self

    def save(self, folder: Path) -> None:
        """Write the neighbours as compressed rows."""
        kept = self.neighbours
        arrays: dict[str, AnyArray] = {"data": kept.data, "indices": kept.indices, "indptr": kept.indptr}
        facts = {
            "n_items": kept.shape[0],
            "signal": self._signal and self._signal.facts(),
            "chosen": self.chosen.model_dump(mode="json"),
        }
        write_model(folder, self.name, self.config, arrays=arrays, facts=facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the neighbours."""
        needs = ("n_items", "data", "indices", "indptr")
        config, facts, arrays = read_model(folder, cls.name, cls.settings, needs=needs)
        model = cls(config)
        if "chosen" in facts:  # models saved before there was a choice have the one similarity that they were given
            model.chosen = cls.settings.of(facts["chosen"], where=str(folder))
        n = int(facts["n_items"])
        model._neighbours = sp.csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(n, n))
        model._signal = Signal.of_facts(facts["signal"]) if facts.get("signal") else None
        return model

    def _fades(self, histories: Histories) -> FloatArray:
        """decay^(events of the same user that came after), (N,)."""
        return fades(histories, self.chosen.decay).astype(np.float32)

    def _weights(self, histories: Histories) -> FloatArray:
        """What each event counts, (N,): its fade times what it amounts to."""
        if self._signal is None:
            return self._fades(histories)
        return (fades(histories, self.chosen.decay) * self._signal.of_events(histories)).astype(np.float32)

    def score_entries(self, history: Histories, found: RowEntries) -> FloatArray:
        """`score` of one user whose `entries` the caller has, (1, I)."""
        sums = self._summed_entries(found, self._weights(history))
        if self.config.weighted_mean:
            sums = _means(sums, self._summed_entries(found, self._fades(history)))
        return sums.astype(np.float32)

    def _summed_entries(self, found: RowEntries, weights_L: FloatArray) -> AnyArray:
        weights = found.values * weights_L[found.owners]
        return np.bincount(found.columns, weights=weights, minlength=self.neighbours.shape[0])[None]

    def _summed(self, histories: Histories, weights_N: FloatArray) -> AnyArray:
        """Σ_k weight_k κ_{h_k, i}, (B, I)."""
        n_items = self.neighbours.shape[0]
        histories.check_items(n_items)
        rows = sp.csr_array((weights_N, histories.items, histories.indptr), shape=(len(histories), n_items))
        sums: AnyArray = (rows @ self.neighbours).toarray()
        return sums


def _means(sums: AnyArray, masses: AnyArray) -> AnyArray:
    """Sums by their masses; 0 where nothing weighs."""
    means: AnyArray = np.divide(sums, masses, out=np.zeros_like(sums), where=np.broadcast_to(masses > 0, sums.shape))
    return means

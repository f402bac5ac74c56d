"""A model's scores after a reranker, so that lists for people are measured by the code that measures models."""

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.interfaces import Candidates, ItemFacts, Recommender
from penchant.metrics.diversity import labels_of
from penchant.models.graph.item_vectors import item_graph_vectors
from penchant.reranking.choosing import rerank
from penchant.reranking.rules import constraints
from penchant.reranking.selectors import Selectors
from penchant.reranking.settings import Reranking
from penchant.types import FloatArray, RowArray

GRAPH_DIM = 64


def item_facts(train: Dataset, item_vectors: FloatArray | None) -> ItemFacts:
    """What rerankers may ask: categories and tags, users of each item, and text vectors; where there are neither texts
    nor labels, vectors of the item graph.
    """
    labels = labels_of(train)
    if item_vectors is None and labels is None:
        item_vectors = item_graph_vectors(train, GRAPH_DIM)
    histories = train.histories()
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    pairs = np.unique(owners * train.n_items + histories.items)
    return ItemFacts(
        counts=np.bincount(pairs % max(train.n_items, 1), minlength=train.n_items),
        n_users=int((histories.lengths > 0).sum()),
        vectors=item_vectors,
        labels=labels,
    )


class RerankedScores:
    """Scores whose order is that of the reranked lists.

    The `k` first places of each history's list are chosen by rules and reranker from the best `pool` items that are
    not in it (or as `rules.seen` says); they get the pool's highest scores in the list's order, the rest of the pool
    the others; items outside keep theirs, and those the rules refuse come last. So a ranking of these scores begins
    with the list. Items of the history keep their scores: where the history is not taken out of the ranking, they stand
    in it.
    """

    def __init__(
        self, model: Recommender, reranking: Reranking, *, train: Dataset, facts: ItemFacts, k: int, ties: RowArray
    ) -> None:
        self._model, self._facts, self._k, self._ties = model, facts, k, ties
        self._reranker = reranking.build()
        rules = reranking.rules
        self._rules = rules if rules.seen else rules.model_copy(update={"seen": "exclude"})
        self._pool = max(reranking.pool, k)
        self._selectors = Selectors(train.items)
        nobody = np.zeros(0, dtype=np.int32)
        self._refused = ~constraints(self._rules, self._selectors, train.n_items, k=k, history_L=nobody).allowed

    def score(self, histories: Histories) -> FloatArray:
        """(B, I)"""
        scores = self._model.score(histories).astype(np.float32, copy=True)
        for b in range(len(histories)):
            self._rerank(scores[b], histories.items[histories.of(b)])
        return scores

    def _rerank(self, scores_I: FloatArray, history_L: RowArray) -> None:
        rules = constraints(self._rules, self._selectors, len(scores_I), k=self._k, history_L=history_L)
        pinned = np.array(list(rules.pins.values()), dtype=np.int64)
        best = np.lexsort((self._ties, -np.where(rules.allowed, scores_I + rules.lifts, -np.inf)))
        best = best[: min(self._pool, int(rules.allowed.sum()))]
        rows = np.unique(np.concatenate([best, pinned])).astype(np.int32)
        ties, scores = self._ties[rows], scores_I[rows].astype(np.float64)
        candidates = Candidates(items=rows, scores=scores, ties=ties, history=history_L)
        listed = rerank(candidates, self._k, rules, facts=self._facts, reranker=self._reranker).order
        rest = np.setdiff1d(np.arange(len(rows)), listed)
        order = rows[np.concatenate([listed, rest[np.lexsort((ties[rest], -scores[rest]))]])]
        refused = self._refused.copy()
        refused[pinned] = False
        scores_I[refused] = scores_I.min() - np.float32(1.0)
        outside = rules.allowed.copy()
        outside[rows] = False
        floor = scores_I[outside].max(initial=np.float32(-np.inf))
        scores_I[order] = _strictly(np.sort(scores_I[rows])[::-1], floor)


def _strictly(falling_N: FloatArray, floor: np.float32) -> FloatArray:
    """Falling scores without ties: none below `floor`, each at least the smallest step above the one after it."""
    values = np.maximum(falling_N, floor)
    for n in range(len(values) - 2, -1, -1):
        if values[n] <= values[n + 1]:
            values[n] = np.nextafter(values[n + 1], np.float32(np.inf))
    return values

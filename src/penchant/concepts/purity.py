"""How much the items of a concept have in common."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from penchant.concepts.proposals import Catalogue, Proposal
from penchant.concepts.tf_idf import read_terms, tf_idf
from penchant.concepts.words import is_chinese, spelling
from penchant.types import DoubleArray, FloatArray, IntArray


class TextSpace:
    """Unit vectors of I items' texts, and what they say of sets of items.

    Vectors of a language model are taken as they are. Without a model the space is that of TF-IDF weights, where items
    that share a phrase are alike for that alone: there, the words of a concept's own name are left out of its measure.
    """

    def __init__(self, vectors: FloatArray | sp.csr_array, words: Sequence[str] = ()) -> None:
        """`words`: the name of each dimension, where dimensions have names."""
        self._vectors = vectors
        self._places: dict[str, list[int]] = {}
        for place, word in enumerate(words):
            for part in word.split():
                self._places.setdefault(spelling(part), []).append(place)
        squares = _squares(vectors)
        self._there = squares > 0
        self._total, self._squares, self._n = _total(vectors), float(squares.sum()), int(self._there.sum())

    def purity(self, rows: IntArray, name: str = "") -> float | None:
        """(w − b) / (1 − b): w is the mean cosine of two items of the set, b that of two items of the catalogue.

        1: all texts are the same; 0: no more alike than items taken at random; below 0: less. Items without a text do
        not count; None where fewer than two have one.
        """
        rows = rows[self._there[rows]]
        if len(rows) < 2:
            return None
        mine, n = self._vectors[rows], len(rows)
        total, squares, of_all = self._total, self._squares, self._n
        if own := self._own(name):
            with_own = mine
            mine, n = _without(mine, own)
            total = total - _total(with_own) + _total(mine)
            squares, of_all = squares - len(rows) + n, of_all - len(rows) + n
        if n < 2:
            return None
        within, among_all = _alike(_total(mine), float(_squares(mine).sum()), n), _alike(total, squares, of_all)
        return (within - among_all) / (1 - among_all) if among_all < 1 else 0.0

    def typical(self, rows: IntArray, weights: FloatArray, k: int) -> IntArray:
        """The k rows most like the others of the set, the heavier of equal ones first, then in row order."""
        mine = self._vectors[rows]
        like_others = np.asarray(mine @ _total(mine)).ravel() - _squares(mine)
        return rows[np.lexsort((rows, -weights, -np.round(like_others, 6)))][:k]

    def centroid(self, rows: IntArray) -> DoubleArray:
        """(D,) the sum of the set's vectors, scaled to length 1 (0 where no item has a text)."""
        total = _total(self._vectors[rows])
        length = float(np.linalg.norm(total))
        return np.asarray(total / length if length > 0 else total, dtype=np.float64)

    def _own(self, name: str) -> list[int]:
        told: set[int] = set()
        for part in name.split():
            if is_chinese(part):
                told.update(place for word, places in self._places.items() if word in part for place in places)
            else:
                told.update(self._places.get(spelling(part), ()))
        return sorted(told)


def text_space(catalogue: Catalogue, proposals: Sequence[Proposal]) -> TextSpace:
    """The language model's vectors where they are, else words and attributes by TF-IDF."""
    if catalogue.vectors is not None:
        return TextSpace(catalogue.vectors)
    if catalogue.encoder is not None:
        return TextSpace(catalogue.item_vectors)
    n_items = len(catalogue.items)
    terms = read_terms(catalogue.texts, catalogue.words, weights=(1.0, 1.0), max_words=1)
    attributes = [p for p in proposals if p.breadth < 2]
    on = sp.coo_array(
        (
            np.ones(sum(len(p.rows) for p in attributes)),
            (
                np.concatenate([p.rows for p in attributes] or [np.zeros(0, dtype=np.int64)]),
                np.repeat(np.arange(len(attributes)), [len(p.rows) for p in attributes]),
            ),
        ),
        shape=(n_items, len(attributes)),
    )
    counts = sp.csr_array(sp.hstack([terms.counts, on], format="csr"))
    return TextSpace(tf_idf(counts), [*terms.names, *(p.name for p in attributes)])


def _without(vectors: Any, places: list[int]) -> tuple[sp.csr_array, int]:
    """The vectors with some dimensions left out, of length 1 again, and how many have anything left."""
    rest = sp.csr_array(vectors, copy=True)
    rest.data[np.isin(rest.indices, places)] = 0
    lengths = np.sqrt(_squares(rest))
    rest.data /= np.repeat(np.where(lengths > 0, lengths, 1), np.diff(rest.indptr))
    return rest, int((lengths > 0).sum())


def _alike(total_D: DoubleArray, squares: float, n: int) -> float:
    """The mean of x_i · x_j over i ≠ j, from Σ x and Σ x²: (|Σ x|² − Σ x²) / (n (n − 1))."""
    return (float(total_D @ total_D) - squares) / (n * (n - 1)) if n > 1 else 0.0


def _total(vectors: FloatArray | sp.csr_array) -> DoubleArray:
    return np.asarray(vectors.sum(axis=0), dtype=np.float64).ravel()


def _squares(vectors: FloatArray | sp.csr_array) -> DoubleArray:
    if isinstance(vectors, np.ndarray):
        return np.asarray(np.einsum("id,id->i", vectors, vectors, dtype=np.float64), dtype=np.float64)
    squared: DoubleArray = np.asarray(vectors.power(2).sum(axis=1), dtype=np.float64).ravel()
    return squared

"""Terms of texts and how telling each is: TF-IDF."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from penchant.concepts.words import Words, joined
from penchant.data.histories import Histories
from penchant.types import DoubleArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The V terms of I texts, in the order of their names."""

    names: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    """The words that each term is made of."""
    cohesion: DoubleArray
    """(V,) how firmly they belong together, at most 1; 1 for a single word."""
    counts: sp.csr_array
    """n, (I, V) float64: how often each text has each term."""
    weights: sp.csr_array
    """(I, V) float64: `tf_idf` of the counts."""

    def top(self, k: int, weights: sp.csr_array | None = None) -> list[list[tuple[str, float]]]:
        """The k heaviest terms of each row with their weights, equal ones by name; of the texts by default."""
        table = self.weights if weights is None else weights
        told = []
        for row in range(table.shape[0]):
            span = slice(table.indptr[row], table.indptr[row + 1])
            terms, values = table.indices[span], table.data[span]
            best = np.lexsort((terms, -values))[:k]
            told.append([(self.names[terms[b]], float(values[b])) for b in best if values[b] > 0])
        return told

    def of_users(self, histories: Histories) -> sp.csr_array:
        """(B, V): the mean weights of the texts of each user's items, so `top` tells what a user's items speak of.

        A user without items has an empty row.
        """
        return sp.csr_array(user_means(histories, self.counts.shape[0]) @ self.weights)


def user_means(histories: Histories, n_items: int) -> sp.csr_array:
    """(B, I): each row shares 1 out among the events of a history; empty for one without events."""
    lengths = histories.lengths
    users = np.repeat(np.arange(len(histories)), lengths)
    shares = np.repeat(1.0 / np.maximum(lengths, 1), lengths)
    return sp.coo_array((shares, (users, histories.items)), shape=(len(histories), n_items)).tocsr()


def tf_idf(counts: sp.csr_array, *, smooth: bool = False, unit: bool = True) -> sp.csr_array:
    """w_iv = n_iv · ln(I / df_v), where df_v is the number of texts that have v; rows are then scaled to length 1.

    With `smooth`, ln((1 + I) / (1 + df_v)) + 1, as if one more text had every term once: no term weighs nothing. A term
    in no text weighs nothing either way. Salton and Buckley, "Term-weighting approaches in automatic text retrieval",
    Information Processing & Management 24(5), 1988.
    """
    n_texts = counts.shape[0]
    frequency = np.bincount(counts.indices[counts.data > 0], minlength=counts.shape[1]).astype(np.float64)
    inverse = np.log((1 + n_texts) / (1 + frequency)) + 1 if smooth else np.log(n_texts / np.maximum(frequency, 1))
    weights = counts.astype(np.float64).copy()
    weights.data = weights.data * inverse[weights.indices]
    if unit:
        lengths = np.sqrt(np.asarray(weights.power(2).sum(axis=1)).ravel())
        weights.data = weights.data / np.repeat(np.where(lengths > 0, lengths, 1), np.diff(weights.indptr))
    return weights


def read_terms(
    texts: Sequence[Sequence[str]],
    words: Words,
    *,
    weights: Sequence[float] = (1.0,),
    max_words: int = 2,
    min_items: int = 2,
    max_share: float = 1.0,
    min_cohesion: float = 0.3,
) -> Terms:
    """The terms that at least `min_items` texts have, and at most the share `max_share` of them.

    A text may have several parts (title, description); an occurrence in part p counts ``weights[p]``. A phrase of
    several words counts where its words belong together: its cohesion, the normalised pointwise mutual information over
    texts of its last word with what is before, ln(p(ab) / (p(a) p(b))) / −ln p(ab), is at least `min_cohesion` (Bouma,
    "Normalized (pointwise) mutual information in collocation extraction", 2009).
    """
    tables: list[dict[tuple[str, ...], float]] = []
    frequency: Counter[tuple[str, ...]] = Counter()
    for parts in texts:
        table: dict[tuple[str, ...], float] = {}
        for part, weight in zip(parts, weights, strict=False):
            for phrase in words.phrases(part, max_words=max_words):
                table[phrase] = table.get(phrase, 0.0) + weight
        frequency.update(table.keys())
        tables.append(table)
    n = max(len(texts), 1)

    def cohesion(phrase: tuple[str, ...]) -> float:
        if len(phrase) == 1 or frequency[phrase] == n:
            return 1.0
        both, first, last = (frequency[p] / n for p in (phrase, phrase[:-1], phrase[-1:]))
        return float(np.log(both / (first * last)) / -np.log(both))

    most = max(max_share * n, min_items)
    kept = sorted(
        (joined(p), p) for p, df in frequency.items() if min_items <= df <= most and cohesion(p) >= min_cohesion
    )
    place = {phrase: v for v, (_, phrase) in enumerate(kept)}
    rows, columns, values = [], [], []
    for row, table in enumerate(tables):
        for phrase, count in table.items():
            if (column := place.get(phrase)) is not None:
                rows.append(row)
                columns.append(column)
                values.append(count)
    counts = sp.coo_array((np.array(values, dtype=np.float64), (rows, columns)), shape=(len(texts), len(kept))).tocsr()
    counts.sort_indices()
    return Terms(
        names=tuple(name for name, _ in kept),
        words=tuple(phrase for _, phrase in kept),
        cohesion=np.array([cohesion(phrase) for _, phrase in kept], dtype=np.float64),
        counts=counts,
        weights=tf_idf(counts),
    )


def total_weights(terms: Terms) -> DoubleArray:
    """(V,) each term's weight summed over the texts."""
    return np.asarray(terms.weights.sum(axis=0), dtype=np.float64).ravel()

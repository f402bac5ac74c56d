"""Key phrases of titles and descriptions by TF-IDF."""

import numpy as np
from pydantic import Field

from penchant.concepts.proposals import Catalogue, ConceptSource, Proposal, distinct
from penchant.config import Config
from penchant.types import IntArray


class PhrasesConfig(Config):
    """What counts as a key phrase."""

    max_words: int = Field(default=2, ge=1, le=4)
    per_item: int = Field(default=6, ge=1)
    """Key phrases of one item."""
    min_cohesion: float = Field(default=0.3, ge=-1, le=1)
    """How firmly the words of a phrase must belong together, see `penchant.concepts.tf_idf.read_terms`."""
    titles: bool | None = None
    """Whether titles are read; None: where they describe (`Catalogue.titles_describe`) or are all there is."""


class Phrases(ConceptSource):
    """The phrases of each item with the highest TF-IDF × (½ + cohesion), no word twice; of equal ones the longer.

    For a single word the factor is 1: a phrase is better than its words where it is more than half a fixed expression.

    A word of a title counts twice. A phrase is proposed where it is a key phrase of enough items, and then stands for
    every item that has it in its text. Salton and Buckley 1988, see `tf_idf`.
    """

    config: PhrasesConfig

    def propose(self, catalogue: Catalogue) -> list[Proposal]:
        """None for a catalogue without titles and descriptions."""
        terms = catalogue.terms(
            max_words=self.config.max_words, min_cohesion=self.config.min_cohesion, titles=self.config.titles
        )
        weights = terms.weights
        lengths = np.array([len(words) for words in terms.words])
        worth = np.where(lengths > 1, 0.5 + terms.cohesion, 1.0)
        chosen = np.zeros(len(terms.names), dtype=np.int64)
        for row in range(weights.shape[0]):
            span = slice(weights.indptr[row], weights.indptr[row + 1])
            mine, values = weights.indices[span], weights.data[span] * worth[weights.indices[span]]
            order = mine[np.lexsort((mine, -lengths[mine], -np.round(values, 9)))] if len(mine) else mine
            for term in distinct(order.tolist(), terms.words, at_most=self.config.per_item):
                chosen[term] += 1
        by_term = weights.tocsc()
        rows_of: dict[str, IntArray] = {}
        for term in np.flatnonzero(chosen >= catalogue.min_items).tolist():
            rows = by_term.indices[by_term.indptr[term] : by_term.indptr[term + 1]].astype(np.int64)
            name = terms.names[term]  # two ways to cut a Chinese phrase may give one name
            rows_of[name] = np.union1d(rows_of[name], rows) if name in rows_of else rows
        return [
            Proposal(kind="phrase", name=name, rows=rows, weights=np.ones(len(rows), dtype=np.float32), breadth=2)
            for name, rows in rows_of.items()
        ]

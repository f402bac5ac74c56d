"""Key phrases nearest to a text's meaning."""

import numpy as np
from pydantic import Field

from penchant.concepts.proposals import Catalogue, Collected, ConceptSource, Proposal
from penchant.concepts.tf_idf import Terms, total_weights
from penchant.config import Config
from penchant.types import FloatArray, IntArray


class EmbeddingPhrasesConfig(Config):
    """What counts as a key phrase."""

    max_words: int = Field(default=2, ge=1, le=4)
    per_item: int = Field(default=5, ge=1)
    diversity: float = Field(default=0.5, ge=0, le=1)
    """δ: 0 takes the nearest phrases, 1 those most unlike each other."""
    candidates: int = Field(default=4000, ge=1)
    """Phrases that are read at all: those with the highest TF-IDF summed over items."""
    min_cohesion: float = Field(default=0.3, ge=-1, le=1)
    titles: bool | None = None
    """As in `penchant.concepts.sources.phrases`."""


class EmbeddingPhrases(ConceptSource):
    """Of the phrases in a text, those whose vectors p are nearest the text's vector t and unlike each other.

    They are chosen one by one: argmax (1 − δ) cos(t, p) − δ max_{q chosen} cos(p, q), an item being of a phrase by its
    cosine. Bennani-Smires et al., "Simple unsupervised keyphrase extraction using sentence embeddings" (EmbedRank++),
    2018, as KeyBERT does; the choice is maximal marginal relevance (Carbonell and Goldstein 1998). Here all items
    choose from phrases with enough support in the catalogue, so that a phrase is read once, not once for each text.
    """

    config: EmbeddingPhrasesConfig
    needs_encoder = True

    def propose(self, catalogue: Catalogue) -> list[Proposal]:
        """`UnsupportedError` without a language model."""
        encoder, item_vectors = catalogue.read("embedding_phrases")
        terms = catalogue.terms(
            max_words=self.config.max_words, min_cohesion=self.config.min_cohesion, titles=self.config.titles
        )
        kept = np.sort(np.argsort(-total_weights(terms), kind="stable")[: self.config.candidates])
        if not len(kept):
            return []
        vectors = np.zeros((len(terms.names), item_vectors.shape[1]), dtype=np.float32)
        vectors[kept] = encoder.encode([terms.names[v] for v in kept], progress=catalogue.progress)
        names = Collected("phrase")
        for row, text in enumerate(item_vectors):
            for term, nearness in self._nearest(text, _of_row(terms, row, vectors), vectors):
                names.add(row, terms.names[term], nearness)
        return names.proposals(breadth=2, min_items=catalogue.min_items)

    def _nearest(self, text_D: FloatArray, mine: IntArray, vectors_VD: FloatArray) -> list[tuple[int, float]]:
        """The chosen terms of one text with their cosines, those at 0 or below left out."""
        near = vectors_VD[mine] @ text_D
        like_chosen = np.full(len(mine), -np.inf)
        chosen: list[tuple[int, float]] = []
        open_ = near > 0
        while open_.any() and len(chosen) < self.config.per_item:
            alike = like_chosen if chosen else np.zeros(len(mine))
            worth = (1 - self.config.diversity) * near - self.config.diversity * alike
            best = int(np.argmax(np.where(open_, worth, -np.inf)))
            open_[best] = False
            chosen.append((int(mine[best]), float(near[best])))
            like_chosen = np.maximum(like_chosen, vectors_VD[mine] @ vectors_VD[mine[best]])
        return chosen


def _of_row(terms: Terms, row: int, vectors_VD: FloatArray) -> IntArray:
    """The terms of a text that have a vector."""
    mine = terms.weights.indices[terms.weights.indptr[row] : terms.weights.indptr[row + 1]].astype(np.int64)
    return mine[np.any(vectors_VD[mine] != 0, axis=1)]

"""Topics: words that occur together, by non-negative matrix factorisation."""

import warnings
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from penchant.concepts.proposals import Catalogue, ConceptSource, Proposal
from penchant.concepts.tf_idf import Terms, tf_idf, user_means
from penchant.config import Config
from penchant.data.histories import Histories
from penchant.seeding import derive
from penchant.types import DoubleArray


class TopicsConfig(Config):
    """How many topics, and how they are told."""

    topics: int | None = Field(default=None, ge=1)
    """T; None: one for every 100 items, at least 5 and at most 60."""
    words: int = Field(default=8, ge=1)
    """Top words kept for each topic."""
    name_words: int = Field(default=3, ge=1)
    """Top words that make its name."""
    min_share: float = Field(default=0.2, gt=0, le=1)
    """An item is of a topic that has at least this share of its mix."""
    iterations: int = Field(default=200, ge=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicModel:
    """T topics over V terms and I texts."""

    terms: Terms
    word_weights: DoubleArray
    """h, (T, V), each row sums to 1 (a topic without words: 0)."""
    mix: DoubleArray
    """θ, (I, T): each row sums to 1, or is empty for a text without terms."""

    def top_words(self, topic: int, k: int) -> list[str]:
        """The k heaviest words of a topic, heaviest first; a phrase in place of words that it holds."""
        order = np.lexsort((np.arange(len(self.terms.names)), -self.word_weights[topic]))
        told: list[int] = []
        for term in order[: 4 * k]:
            words = set(self.terms.words[term])
            if self.word_weights[topic, term] > 0 and not any(words <= set(self.terms.words[t]) for t in told):
                told = [t for t in told if not set(self.terms.words[t]) <= words] + [int(term)]
        return [self.terms.names[term] for term in told[:k]]

    def user_mix(self, histories: Histories) -> DoubleArray:
        """(B, T): the mean mix of the texts of each user's items; every row sums to 1.

        Who has no item with a text gets the catalogue's mean mix: nothing is known of him.
        """
        mix = np.asarray(user_means(histories, len(self.mix)) @ self.mix)
        unknown = mix.sum(axis=1) <= 0
        if unknown.any():
            mix[unknown] = self.mix.mean(axis=0)
        totals = mix.sum(axis=1, keepdims=True)
        return np.where(totals > 0, mix / np.where(totals > 0, totals, 1), 1 / max(mix.shape[1], 1))


def fit_topics(terms: Terms, topics: int, *, seed: int = 0, iterations: int = 200) -> TopicModel:
    """Minimises ‖X − W H‖²_F over W, H ≥ 0, where X is the smoothed TF-IDF of the texts; θ_i ∝ W_it Σ_v H_tv.

    Lee and Seung, "Learning the parts of objects by non-negative matrix factorization", Nature 401, 1999; solved by
    scikit-learn's coordinate descent from a seeded singular value decomposition. The number of topics is cut to the
    number of terms and of texts.
    """
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    weights = tf_idf(terms.counts, smooth=True)
    topics = min(topics, *weights.shape)
    if topics < 1 or not weights.nnz:
        return TopicModel(
            terms=terms, word_weights=np.zeros((0, weights.shape[1])), mix=np.zeros((weights.shape[0], 0))
        )
    model = NMF(topics, init="nndsvda", max_iter=iterations, random_state=derive(seed, "topics") % 2**32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the count of iterations is a setting
        mix = np.asarray(model.fit_transform(weights), dtype=np.float64)
    words = np.asarray(model.components_, dtype=np.float64)
    sizes = words.sum(axis=1)
    mix = mix * sizes
    totals = mix.sum(axis=1, keepdims=True)
    return TopicModel(
        terms=terms,
        word_weights=words / np.where(sizes > 0, sizes, 1)[:, None],
        mix=mix / np.where(totals > 0, totals, 1),
    )


class Topics(ConceptSource):
    """A concept for each topic, named by its heaviest words; an item is of it by its share of the item's mix."""

    config: TopicsConfig

    def propose(self, catalogue: Catalogue) -> list[Proposal]:
        """None for a catalogue without titles and descriptions. Two topics of one name are told apart by more words."""
        terms = catalogue.terms()
        count = self.config.topics or int(np.clip(len(catalogue.items) // 100, 5, 60))
        model = fit_topics(terms, count, seed=catalogue.seed, iterations=self.config.iterations)
        proposals: dict[str, Proposal] = {}
        for topic in range(model.mix.shape[1]):
            words = model.top_words(topic, max(self.config.words, self.config.name_words))
            rows = np.flatnonzero(model.mix[:, topic] >= self.config.min_share)
            name = ", ".join(words[: self.config.name_words])
            if name in proposals:
                name = ", ".join(words)
            if words and len(rows) and name not in proposals:
                proposals[name] = Proposal(
                    kind="topic",
                    name=name,
                    rows=rows.astype(np.int64),
                    weights=model.mix[rows, topic].astype(np.float32),
                    words=tuple(words[: self.config.words]),
                )
        return list(proposals.values())

"""The dial's look around for all users at a time, by the rules of slates (`penchant.pipeline.exploring`): which
interests are tried, the candidates of them, and what speaks for each beside its draw. `measure.py check` holds it
against `Look`.

What discovery reads of the tracker, the simulated recommender's scores say here; items have no texts, so that meaning
says nothing. Ways between concepts and the weights of the signs are learned as there, from the past alone.
"""

from dataclasses import dataclass

import numpy as np

from penchant.concepts.vocabulary import Concept, Vocabulary
from penchant.data.histories import Histories
from penchant.evaluation.simulation.recommender import SimulatedConfig, SimulatedRecommender
from penchant.evaluation.simulation.world import Catalogue
from penchant.exploration.interest_discovery import InterestDiscovery, Known, fit_reach, fit_weights, worth_trying
from penchant.pipeline.discovery_fitting import counts_of, firsts_of, foreseen_of, narrow_of
from penchant.pipeline.exploring import Exploration, let_go, tried_on
from penchant.types import BoolArray, DoubleArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What may be explored in one round."""

    explorable: BoolArray
    """(U, I)"""
    interests: IntArray
    """(U, I) the interest that each item tries; −1 for none"""
    bonus: DoubleArray
    """(U, I) what speaks for it beside its draw"""


class LookAround:
    """What is known of all users, and what was tried on them."""

    def __init__(self, recommender: SimulatedRecommender, settings: Exploration) -> None:
        self.recommender, self.settings = recommender, settings
        self.vocabulary = vocabulary_of(recommender.catalogue)
        self.discovery = learned(recommender.catalogue, self.vocabulary, recommender.config, settings)
        past = histories_of(recommender.catalogue)
        self.touches = self.vocabulary.touches.toarray() > 0
        self.mainly = self.vocabulary.mainly.toarray()
        self.leading = self.vocabulary.leading.toarray()
        self._items_of = [np.flatnonzero(column) for column in self.leading.T]
        self.main = counts_of(past, self.vocabulary.mainly)
        self.led = counts_of(past, self.vocabulary.leading)
        self.times = np.zeros(self.main.shape, dtype=np.int64)

    def look(self, means: DoubleArray, open_UI: BoolArray, k: int) -> Looked:
        """Explored are candidates that would not be on the slate and are of an interest to try; where a user has none
        such, all that are of no interest that was let go. `means` are the scores, equal ones apart by a hair.
        """
        scores, settings = self.recommender.scores(), self.settings
        barred = let_go(self.led, self.times, settings)
        halfway = tried_on(self.led, self.times, barred, settings)
        known = Known(
            counts=np.where(halfway, 0.0, self.led),
            main=np.where(halfway, 0.0, self.main),
            foreseen=foreseen_of(scores, self.vocabulary.mainly),
        )
        worth = self.discovery.scores(known)
        tried = worth_trying(worth, barred, settings.interests)
        asked, first = self._of_tried(tried, scores, open_UI)
        listed = (asked | _best(means, open_UI, finalists(k))) & open_UI
        greedy = _best(means, open_UI, k)
        there, aside, of_tried = tried >= 0, listed & ~greedy, first < tried.shape[1]
        worth_UT = np.where(there, np.take_along_axis(worth, np.maximum(tried, 0), axis=1), 0.0)
        mean, spread = _moments(worth_UT, there)
        unit = _moments(scores, listed)[1]
        standing = np.append((worth_UT - mean) / np.where(spread > 0, spread, 1.0) * unit, np.zeros_like(unit), axis=1)
        explorable = aside & of_tried
        nothing = ~explorable.any(axis=1)
        explorable[nothing] = aside[nothing] & ((barred[nothing] @ self.touches.T) == 0)
        interests = np.append(tried, np.full((len(tried), 1), -1), axis=1)
        return Looked(
            explorable=explorable,
            interests=np.take_along_axis(interests, first, axis=1),
            bonus=np.where(explorable, np.take_along_axis(standing, first, axis=1), 0.0),
        )

    def show(self, looked: Looked, items_UK: IntArray) -> None:
        """A slate was shown: each interest that an explored item of it tries was tried once more."""
        users = np.arange(len(items_UK))[:, None]
        interests = np.where(looked.explorable[users, items_UK], looked.interests[users, items_UK], -1)
        shown = np.zeros(self.times.shape, dtype=np.bool_)
        rows, places = np.nonzero(interests >= 0)
        shown[rows, interests[rows, places]] = True
        self.times += shown

    def hear(self, users_N: IntArray, items_N: IntArray) -> None:
        """Items were taken."""
        np.add.at(self.main, users_N, self.mainly[items_N])
        np.add.at(self.led, users_N, self.leading[items_N])

    def _of_tried(self, tried: IntArray, scores: DoubleArray, open_UI: BoolArray) -> tuple[BoolArray, IntArray]:
        """(U, I) the best few open items of each interest tried, and at which place of `tried` the first interest is
        that leads each item; T for none.
        """
        asked, first = np.zeros_like(open_UI), np.full(scores.shape, tried.shape[1])
        for concept in np.unique(tried[tried >= 0]).tolist():
            users, places = np.nonzero(tried == concept)
            at = np.ix_(users, self._items_of[concept])
            first[at] = np.minimum(first[at], places[:, None])
            values = np.where(open_UI[at], scores[at], -np.inf)
            best = np.argsort(-values, axis=1, kind="stable")[:, : self.settings.items_each]
            asked[users[:, None], self._items_of[concept][best]] = True
        return asked, first


def finalists(k: int) -> int:
    """Candidates of a slate of K that are there for their score: as many as slates without a reranker have."""
    return max(4 * k, k + 20)


def vocabulary_of(catalogue: Catalogue) -> Vocabulary:
    """The catalogue's concepts, named by number."""
    items = np.diff(catalogue.activations.tocsc().indptr).tolist()
    concepts = tuple(
        Concept(id=f"planted:{c:03d}", name=str(c), kind="planted", parent=None, items=n) for c, n in enumerate(items)
    )
    return Vocabulary(concepts=concepts, activations=catalogue.activations)


def histories_of(catalogue: Catalogue) -> Histories:
    """The past of all users."""
    order = np.argsort(catalogue.history_users, kind="stable")
    items, n = catalogue.history_items[order].astype(np.int32), len(order)
    lengths = np.bincount(catalogue.history_users, minlength=catalogue.n_users)
    return Histories(
        users=np.arange(catalogue.n_users, dtype=np.int32),
        indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        items=items,
        timestamps=np.arange(n),
        types=np.zeros(n, dtype=np.int32),
        values=np.full(n, np.nan),
        keys=np.arange(n),
    )


def learned(
    catalogue: Catalogue, vocabulary: Vocabulary, config: SimulatedConfig, settings: Exploration
) -> InterestDiscovery:
    """As `penchant.pipeline.discovery_fitting.fit_discovery`: weights from the last event of each user's past, which
    the recommender that foresees it was not told, with ways from the events before; then ways from all.
    """
    past, n_concepts, main = histories_of(catalogue), catalogue.n_concepts, vocabulary.mainly
    asked = np.flatnonzero(past.lengths > 1)
    sample = past.take(asked)
    before = sample.without_tail(1)
    told = Catalogue(
        activations=catalogue.activations,
        n_users=len(asked),
        history_users=np.repeat(np.arange(len(asked)), before.lengths),
        history_items=before.items.astype(np.int64),
    )
    found = InterestDiscovery(
        reach=fit_reach(firsts_of(before, main), n_concepts, damping=settings.discovery.damping),
        meanings=np.zeros((n_concepts, 1), dtype=np.float32),
        narrow=narrow_of(vocabulary, settings.discovery),
    )
    known = Known(
        counts=counts_of(before, vocabulary.activations),
        main=counts_of(before, main),
        foreseen=foreseen_of(SimulatedRecommender(told, config, slate=1).scores(), main),
    )
    new = main[sample.tail(1).items].toarray() > 0
    return InterestDiscovery(
        reach=fit_reach(firsts_of(sample, main), n_concepts, damping=settings.discovery.damping),
        meanings=found.meanings,
        narrow=found.narrow,
        weights=fit_weights(found.features(known), found.open(known), new),
    )


def _best(means: DoubleArray, open_UI: BoolArray, n: int) -> BoolArray:
    """(U, I) the n open items of each user of the largest means."""
    values = np.where(open_UI, means, -np.inf)
    last = min(n, values.shape[1])
    return np.asarray(values >= np.partition(values, -last, axis=1)[:, [-last]])


def _moments(values: DoubleArray, which: BoolArray) -> tuple[DoubleArray, DoubleArray]:
    """(U, 1) each: mean and standard deviation over some of each row; 0 where there is none."""
    n = np.maximum(which.sum(axis=1, keepdims=True), 1)
    mean = np.where(which, values, 0.0).sum(axis=1, keepdims=True) / n
    return mean, np.sqrt(np.where(which, (values - mean) ** 2, 0.0).sum(axis=1, keepdims=True) / n)

"""The few questions to ask a user of whom little is known, from a fitted population; answers are edits like any other.

A question asks of a concept. θ_kc, whether one like user k says yes, is how sure it is that user k takes more of the
concept than everyone does (the confidence that profiles show), with doubt. What the new user has said already, and what
his events make sure, is answered: ``more``, ``add`` and ``pin`` say yes, ``less`` and ``mute`` no.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from penchant.data.histories import Histories
from penchant.exploration.questions import MOST_QUESTIONS, doubted, pick, posterior
from penchant.interests.profile import confidence
from penchant.pipeline.live import Live
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, DoubleArray, IntArray

__all__ = ["MOST_QUESTIONS", "Question", "Questioner", "Questions"]

MOST_LIKE = 512
"""Users of the population that a new one may be like, at most; drawn by the seed."""
FEWEST_EVENTS = 5
"""A user with fewer is nobody to be like."""
SURE = 0.9
"""Above this an interest that events show is a yes, and not asked for."""
SHARES = 0.02, 0.98
"""A concept that fewer, or more, of the population would say yes to is not asked for: nearly all answers would be the
same, and a rare word is hard to answer."""
EXAMPLES = 3
YES, NO = frozenset({"more", "add", "pin"}), frozenset({"less", "mute"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A concept to ask for. Answered by an edit: ``more`` for yes, ``less`` for no."""

    concept_id: str
    concept: str
    parent: str | None
    text: str
    """As a person is asked"""
    chance: float
    """Of a yes, by what is known of him"""
    gain: float
    """Nats that its answer tells beyond those of the questions before it"""
    examples: tuple[str, ...] = ()
    """Ids of items that many know and that are of it"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What to ask a user."""

    user_id: str
    questions: tuple[Question, ...]
    answered: int
    """Concepts of which his own word or his events tell already"""
    unknown: float
    """Nats there are to be told: whom of the population he is like"""


class Questioner:
    """Asks of the concepts of a model in use. What the population would say is counted once."""

    def __init__(self, live: Live, *, seed: int) -> None:
        self.live = live
        histories = live.fitted.dataset.histories()
        histories = histories.keep(live.consumption(histories))
        rows = np.flatnonzero(histories.lengths >= FEWEST_EVENTS)
        if len(rows) > MOST_LIKE:
            rows = np.sort(numpy_rng(seed, "questions").choice(rows, MOST_LIKE, replace=False))
        self.chances = doubted(self._liked(histories.take(rows)))
        """(K, C) θ"""
        likely = self.chances.mean(axis=0) if len(rows) else np.zeros(self.chances.shape[1])
        low, high = doubted(np.array(SHARES))
        self.worth = (likely > low) & (likely < high)
        """(C,) concepts that may be asked for"""

    def ask(self, user_id: str, n: int) -> Questions:
        """The n questions that tell most of a user, fewer where there are fewer. `DataError` for too many at once."""
        live, vocabulary = self.live, self.live.fitted.vocabulary
        answered, said, closed = self.known(user_id)
        picked_of = np.full(len(self.chances), 1.0 / max(len(self.chances), 1))
        if len(answered) and len(self.chances):
            picked_of = posterior(picked_of, self.chances, answered, said)
        if not len(self.chances):
            return Questions(user_id=user_id, questions=(), answered=len(answered), unknown=0.0)
        found = pick(picked_of, self.chances, n, open_Q=self.worth & ~closed)
        names = {concept.id: concept.name for concept in vocabulary.concepts}
        questions = tuple(
            Question(
                concept_id=vocabulary.concepts[c].id,
                concept=vocabulary.concepts[c].name,
                parent=names.get(vocabulary.concepts[c].parent or ""),
                text=f"Do you like {vocabulary.concepts[c].name}?",
                chance=float(chance),
                gain=float(gain),
                examples=self._examples(c, live),
            )
            for c, chance, gain in zip(found.questions.tolist(), found.chances, found.gains, strict=True)
        )
        return Questions(user_id=user_id, questions=questions, answered=len(answered), unknown=found.unknown)

    def known(self, user_id: str) -> tuple[IntArray, DoubleArray, BoolArray]:
        """Concepts that are answered, (A,), with 1 for yes and 0 for no, and which are not to be asked, (C,): those,
        and those above and below what his own word was on.
        """
        live, family = self.live, self.live.fitted.vocabulary.family
        answers: dict[int, float] = {}
        closed = np.zeros(len(family), dtype=np.bool_)
        history = live.consumed(live.timeline.history(user_id))
        if len(history.items):
            sure = self._liked(history)[0] >= SURE
            answers = dict.fromkeys(np.flatnonzero(sure & self.worth).tolist(), 1.0)
        for taken in live.edits(user_id).standing:
            if taken.column < 0 or taken.edit.action not in YES | NO:
                continue
            answers[taken.column] = float(taken.edit.action in YES)
            closed[family[taken.column]] = True
        closed[list(answers)] = True
        order = np.array(sorted(answers), dtype=np.int64)
        return order, np.array([answers[c] for c in order.tolist()]), closed

    def _liked(self, histories: Histories) -> DoubleArray:
        """(B, C) how sure it is that each user takes more of each concept than everyone does."""
        fitted = self.live.fitted
        touched = (fitted.vocabulary.activations > 0).astype(np.float64)
        owners = np.repeat(np.arange(len(histories)), histories.lengths)
        ones = np.ones(len(owners))
        took = sp.csr_array((ones, (owners, histories.items)), shape=(len(histories), touched.shape[0]))
        counts = np.asarray((took @ touched).todense())
        prior = self.live.config.profile.prior_events
        rows = [
            confidence(counts[b], int(length), fitted.population, prior)
            for b, length in enumerate(histories.lengths.tolist())
        ]
        return np.array(rows).reshape(len(histories), touched.shape[1])

    def _examples(self, concept: int, live: Live) -> tuple[str, ...]:
        """Items that are of a concept and that many know."""
        of = live.fitted.vocabulary.activations[:, [concept]].toarray()[:, 0]
        weight = of * np.log1p(live.counts)
        order: Sequence[int] = np.lexsort((live.ties, -weight))[:EXAMPLES].tolist()
        return tuple(live.fitted.dataset.items.ids[row] for row in order if weight[row] > 0)

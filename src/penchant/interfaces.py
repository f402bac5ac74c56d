"""What the rooms promise each other: encoders, recommenders, rerankers, policies."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, cast, runtime_checkable

import numpy as np
import scipy.sparse as sp

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Cases, Histories
from penchant.errors import ConfigError, DataError, TrainingError
from penchant.progress import SILENT, Progress
from penchant.seeding import tie_breaks
from penchant.types import BoolArray, DoubleArray, FloatArray, IntArray, RowArray


@runtime_checkable
class Encoder(Protocol):
    """Texts to vectors."""

    @property
    def name(self) -> str:
        """What a person calls the model."""

    @property
    def licence(self) -> str:
        """The licence of the weights, "" where it is not known."""

    @property
    def folder(self) -> Path | None:
        """Where its files lie; None for the embedded model, and for one that was learned from texts and not saved."""

    @property
    def identity(self) -> str:
        """Changes when the model, its pooling or its maximum length does: the cache's key beside the text."""

    @property
    def dim(self) -> int:
        """D"""

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:
        """Unit vectors, (len(texts), D); a text without words gets a zero vector."""


class TunedEncoder(Encoder, Protocol):
    """An encoder that can be read without what fine-tuning on users' events put after its pooling.

    Those steps move items' texts to where their users are, and words that a person types, which are no item's text, to
    nowhere: what compares words with items reads both without them.
    """

    @property
    def plain(self) -> Encoder:
        """The encoder without those steps; itself where there are none."""

    def encode_both(self, texts: Sequence[str], *, progress: Progress = SILENT) -> tuple[FloatArray, FloatArray]:
        """What `encode` gives, and what `plain` would, from one pass."""


def plain(encoder: Encoder) -> Encoder:
    """The encoder by which typed words and names are compared with texts: `TunedEncoder.plain`, or itself."""
    return cast("TunedEncoder", encoder).plain if hasattr(type(encoder), "plain") else encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """What a fit may use besides the dataset."""

    validation: Cases | None = None
    """Held-out cases for early stopping and blend weights. None: the model holds out each user's last event itself."""
    item_vectors: FloatArray | None = None
    """(I, D) text vectors, a zero row for an item without text. None: models that read text say what is missing."""
    user_vectors: FloatArray | None = None
    """(U, D) text vectors of users' own attributes and words, zero rows where there are none."""
    seed: int = 0
    progress: Progress = SILENT
    checkpoints: Path | None = None
    """A folder where every training keeps its state, so that one cut short can go on. None: nothing is kept."""
    resume: bool | None = None
    """What to do with a state found there: go on from it (True), begin again in its place (False), refuse (None)."""
    run_log: Path | None = None
    """A file that gets lines of JSON of each training: its settings, each epoch, and what it cost."""
    run: str = ""
    """What the log calls this fit."""
    trackers: Sequence[Any] = ()
    """Each a `penchant.training.tracker.Tracker` (a layer above this one), told of every training of the fit."""
    device: str = "auto"
    """Where trainings compute: ``cpu``, ``cuda``, ``cuda:1``; ``auto`` is a GPU where there is one."""

    def part(self, name: str) -> "FitOptions":
        """The options of one trained part of a model: a subfolder and a name of its own."""
        return replace(
            self,
            checkpoints=None if self.checkpoints is None else self.checkpoints / name,
            run=f"{self.run}/{name}" if self.run else name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """B ranked lists of item rows; −1 and −inf pad a list that ran out of items."""

    items: RowArray
    """(B, K)"""
    scores: FloatArray
    """(B, K)"""


class Recommender(ABC):
    """Scores every item for a history. A fitted model has no state of its users beyond what it learned: the history to
    answer for is handed in, so a user with new events, or one never seen, is served without refitting.
    """

    folds_in_users: ClassVar[bool] = True
    """Serves a user not in the fitted dataset, from his history alone."""
    folds_in_items: ClassVar[bool] = False
    """Ranks an item without any training event above a random order."""
    reads_text: ClassVar[bool] = True
    """Uses the items' text vectors where they are given; where no model does, texts need not be encoded."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Learn from the dataset's events. Items without events stay in the catalogue."""

    @abstractmethod
    def score(self, histories: Histories) -> FloatArray:
        """Scores of all items, (B, I), finite; higher is better. Changes nothing it is given."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what was learned into an existing folder (safetensors, parquet, json; no pickle)."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; scores are equal bit for bit."""

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        item_ids: Sequence[str],
        exclude_seen: bool = True,
        allow: BoolArray | None = None,
        seed: int = 0,
    ) -> Ranking:
        """The K best items of each history, without those seen (by option) and, where `allow` (I,) is given, only items
        it holds for. Equal scores are ordered by a seeded hash of the item id. A K above the catalogue gives all.

        `ConfigError` for a K that is no whole number from 1, `DataError` for an item row that the catalogue does not
        have and for an `allow` that is not a truth value for each item, `TrainingError` where a score is NaN or +∞.
        """
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise ConfigError(f"k is {k!r}; a list has a whole number of items, at least one.", hint="Ask for k ≥ 1.")
        if allow is not None and (np.shape(allow) != (len(item_ids),) or np.asarray(allow).dtype != np.bool_):
            raise DataError(
                f"allow has the shape {np.shape(allow)} and the type {np.asarray(allow).dtype}.",
                hint=f"Give a truth value for each of the {len(item_ids)} items.",
            )
        histories.check_items(len(item_ids))
        scores = self.score(histories).astype(np.float32, copy=True)
        if not (scores < np.inf).all():  # −inf masks an item; NaN is below nothing
            raise TrainingError(
                f"{type(self).__name__} scored {np.count_nonzero(~(scores < np.inf))} of {scores.size} items with "
                "something that is not a finite number.",
                hint="Its training diverged, or a setting is far out of range: fit it again with milder settings.",
            )
        if allow is not None:
            scores[:, ~np.asarray(allow)] = -np.inf
        if exclude_seen:
            scores[np.repeat(np.arange(len(histories)), histories.lengths), histories.items] = -np.inf
        return top_k(scores, k, ties=tie_breaks(item_ids, seed=seed))


class RatingPredictor(Recommender):
    """A recommender that also predicts ratings, in the dataset's own unit; its scores are predicted ratings.

    `fit` raises `UnsupportedError` for a dataset without ratings.
    """

    @abstractmethod
    def predict(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
        """The rating that the user of history ``cases_P[p]`` would give item ``items_P[p]``, (P,), within the scale."""

    @property
    @abstractmethod
    def n_items(self) -> int:
        """I"""

    def score(self, histories: Histories) -> FloatArray:
        """Predicted ratings of all items, (B, I)."""
        users, items = len(histories), self.n_items
        cases_P, items_P = np.repeat(np.arange(users), items), np.tile(np.arange(items, dtype=np.int32), users)
        return self.predict(histories, cases_P, items_P).reshape(users, items).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """N scored items, of which one user's slate is made."""

    items: RowArray
    """(N,) distinct item rows"""
    scores: DoubleArray
    """(N,) higher is better"""
    ties: RowArray
    """(N,) the order in which equal values are ranked"""
    history: RowArray = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    """(L,) the items the user had, oldest first"""

    def __len__(self) -> int:
        return len(self.items)

    @property
    def span(self) -> float:
        """From the lowest score to the highest, in which rerankers weigh against scores; 1 where all are equal."""
        spread = float(np.ptp(self.scores)) if len(self.scores) else 0.0
        return spread if spread > 0 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFacts:
    """What rerankers may ask about the items of a catalogue."""

    counts: IntArray
    """(I,) how popular each item was in training: the users who touched it, or its events where those are what is
    known, at most `n_users`"""
    n_users: int
    vectors: FloatArray | None = None
    """(I, D) what is compared where items should differ; zero rows for items without."""
    labels: sp.csr_array | None = None
    """(I, C) how much an item is of each concept or category, 0 or above."""


class Preference(ABC):
    """What each candidate is worth at the next place, in the scores' unit; changes with what was chosen before."""

    values: DoubleArray
    """(N,)"""

    @abstractmethod
    def choose(self, n: int) -> None:
        """Candidate n takes the next place: bring `values` up to date."""


class Reranker(ABC):
    """Turns scores into values that take the rest of the list into account. Deterministic, and without state between
    lists.
    """

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def begin(self, candidates: Candidates, facts: ItemFacts) -> Preference:
        """The values for an empty list. `UnsupportedError` where the facts lack what the reranker compares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """N candidates with what is believed of their scores:

        s_n = mean_n + Σ_c loading_nc e_c + f_n,    e_c ~ N(0, concept_variance_c),  f_n ~ N(0, item_variance_n)

    e_c is how wrong the user's interest in concept c may be, shared by all candidates of it; f_n what only candidate n
    may have, which shrinks as more is known of the item.
    """

    items: RowArray
    """(N,) distinct item rows"""
    means: DoubleArray
    """(N,) expected scores"""
    loadings: sp.csr_array
    """(N, C) at least 0"""
    concept_variances: DoubleArray
    """(C,) at least 0"""
    item_variances: DoubleArray
    """(N,) at least 0"""
    ties: RowArray
    """(N,) the order in which equal values are ranked"""

    def __len__(self) -> int:
        return len(self.items)

    def variances(self) -> DoubleArray:
        """Var s_n = Σ_c loading_nc² concept_variance_c + item_variance_n, (N,)."""
        squares = self.loadings.multiply(self.loadings)
        return np.asarray(squares @ self.concept_variances + self.item_variances, dtype=np.float64)

    def draw(self, rng: np.random.Generator) -> DoubleArray:
        """One Thompson draw of all scores, (N,): each e_c once, each f_n once."""
        shared = np.sqrt(self.concept_variances) * rng.standard_normal(len(self.concept_variances))
        own = np.sqrt(self.item_variances) * rng.standard_normal(len(self))
        return np.asarray(self.means + self.loadings @ shared + own, dtype=np.float64)


class Turn(ABC):
    """One decision of a policy, place by place. What it drew at its beginning (see `Policy.begin`) holds to its end, so
    that probabilities are exact, given the draw.
    """

    @abstractmethod
    def probabilities(self, open_N: BoolArray, added_N: DoubleArray) -> DoubleArray:
        """p(n | places before, draw), (N,): 0 where not open, else at least 0, and 1 in all where any is open.

        `added_N` is what reranker and rules add to each score at this place. Changes nothing: asked twice, it answers
        the same.
        """

    @abstractmethod
    def take(self, n: int) -> None:
        """Candidate n takes the place, whether drawn from these probabilities or put there by a rule."""

    def pick(self, open_N: BoolArray, added_N: DoubleArray, rng: np.random.Generator) -> tuple[int, float]:
        """Draw who takes the place: the candidate, and with which probability it was. At least one is open."""
        chances = self.probabilities(open_N, added_N)
        total = np.cumsum(chances)
        n = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
        self.take(n)
        return n, float(chances[n])


class Policy(ABC):
    """Which of the candidates to show: the last step that alters a slate. Without state between decisions."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def begin(self, arms: Arms, k: int, *, rng: np.random.Generator) -> Turn:
        """A decision on K places; whatever is drawn once for the whole slate is drawn here."""


def top_k(scores_BI: FloatArray, k: int, *, ties: RowArray) -> Ranking:
    """The K highest scores of each row, equal scores in the order of `ties` (I,); −inf is never ranked."""
    n_rows, n_items = scores_BI.shape
    k = min(k, n_items)
    items = np.full((n_rows, k), -1, dtype=np.int32)
    kept = np.full((n_rows, k), -np.inf, dtype=np.float32)
    for b, row in enumerate(scores_BI if k else ()):
        floor = np.partition(row, n_items - k)[n_items - k]
        pool = np.flatnonzero((row >= floor) & (row > -np.inf))
        best = pool[np.lexsort((ties[pool], -row[pool]))][:k]
        items[b, : len(best)], kept[b, : len(best)] = best, row[best]
    return Ranking(items=items, scores=kept)

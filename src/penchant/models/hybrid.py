"""The default recommender: what the tracker foresees, plus what the neighbours of the history say."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Cases, Histories
from penchant.interfaces import FitOptions, Recommender
from penchant.metrics.ranking import mask_history, ndcg_at, target_ranks
from penchant.models.holdout import VALIDATION_K, catalogue_ties, check_vectors, held_out, rows_at_once, sampled
from penchant.models.neighborhood import ItemKNN, ItemKNNConfig
from penchant.models.saving import fitted, read_model, write_model
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.types import DoubleArray, FloatArray, RowArray

NAME = "interest"
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
"""Neighbour weights tried on validation."""


class InterestConfig(Config):
    """Settings of `Interest`."""

    tracker: InterestTrackerConfig = InterestTrackerConfig()
    item_knn: ItemKNNConfig = ItemKNNConfig()
    knn_weight: float | None = Field(default=None, ge=0)
    """Score of a history's best neighbour, in standard deviations of the tracker's scores. None: the best of `WEIGHTS`
    on validation."""
    validation_users: int = Field(default=8_000, ge=1)
    """Cases that decide the weight, at most."""


@dataclass(frozen=True, slots=True)
class Gates:
    """How much each source counts for each of B users: ``s_bi = offset_b + tracker_b · (u_b · z_i) + knn_b · knn_bi``.

    They depend on the user and the history, never on the item, so every score is a sum of named parts.
    """

    tracker_B: DoubleArray
    knn_B: DoubleArray
    offset_B: DoubleArray


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a blend is made of, from one pass over B histories."""

    users_BD: FloatArray
    """u_b; for an empty history the tracker's start."""
    neighbours_BI: FloatArray
    """κ_bi"""
    gates: Gates


class Interest(Recommender):
    """Interest tracker and item-kNN, blended by gates of the user.

    ::

        s_bi = offset_b + g_track,b (u_b · z_i) + g_knn,b κ_bi

        μ_b, σ_b   mean and standard deviation of u_b · z_i over the items i
        g_track,b  = 1 / σ_b            offset_b = −μ_b / σ_b
        g_knn,b    = w / max_i κ_bi     (0 for a history without neighbours)

    Unit: standard deviations of the tracker's scores for this user. The one weight w is chosen for NDCG@10 on
    validation, with both parts fitted without it. Linear on purpose: rank fusion or a stacker would rank as well, but
    its scores would not add up to reasons.
    """

    folds_in_items: ClassVar[bool] = True
    config: InterestConfig

    def __init__(self, config: InterestConfig | None = None) -> None:
        super().__init__(config or InterestConfig())
        self.tracker = InterestTracker(self.config.tracker)
        self.knn = ItemKNN(self.config.item_knn)
        self.knn_weight: float | None = self.config.knn_weight
        """w"""
        self.validation: dict[float, float] = {}
        """NDCG@10 on validation of each weight tried; empty where the weight was given."""
        self._mean: DoubleArray | None = None
        self._spread: DoubleArray | None = None

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Fit both parts and choose w. Where the validation cases were the dataset's own last events, the neighbours
        are counted again with them at the end.
        """
        options = options or FitOptions()
        check_vectors(dataset, options)
        training, cases = held_out(dataset, options)
        inner = replace(options, validation=cases)
        self.knn = ItemKNN(self.config.item_knn).fit(training, options=inner)
        self.tracker = InterestTracker(self.config.tracker).fit(training, options=inner.part("tracker"))
        self._measure()
        cases = sampled(cases, self.config.validation_users, options.seed)
        if self.config.knn_weight is None:
            self._choose_weight(cases, catalogue_ties(dataset, options.seed), options)
        if options.validation is None:
            self.refresh_neighbours(dataset, options=options)
        return self

    def refresh_neighbours(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Count the neighbours again on more data, the tracker as it is: cheap, for a model about to serve."""
        self.knn = ItemKNN(self.config.item_knn).fit(dataset, options=options)
        return self

    def gates(self, histories: Histories) -> Gates:
        """How much each source counts for these users."""
        return self.parts(histories).gates

    def parts(self, histories: Histories, *, users_BD: FloatArray | None = None) -> Parts:
        """User vectors, neighbour scores and gates, for a caller that explains or edits the sum.

        `users_BD` are the histories' user vectors where the caller has kept them.
        """
        users = self.tracker.user_vectors(histories) if users_BD is None else users_BD
        neighbours = self.knn.score(histories)
        gates = self._gates(users, neighbours, fitted(self.knn_weight, NAME))
        return Parts(users_BD=users, neighbours_BI=neighbours, gates=gates)

    def score(self, histories: Histories) -> FloatArray:
        """The scores s_bi, (B, I)."""
        parts = self.parts(histories)
        scores = self._foreseen(parts.users_BD, parts.gates)
        scores += parts.neighbours_BI * parts.gates.knn_B[:, None].astype(np.float32)
        return scores

    def save(self, folder: Path) -> None:
        """Write both parts into folders of their own, and the weight."""
        facts = {"knn_weight": fitted(self.knn_weight, NAME)}
        for name, part in (("tracker", self.tracker), ("item_knn", self.knn)):
            (folder / name).mkdir(exist_ok=True)
            part.save(folder / name)
        write_model(folder, NAME, self.config, facts=facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read them."""
        config, facts, _ = read_model(folder, NAME, InterestConfig, needs=("knn_weight",))
        model = cls(config)
        model.tracker, model.knn = InterestTracker.load(folder / "tracker"), ItemKNN.load(folder / "item_knn")
        model.knn_weight = float(facts["knn_weight"])
        model._measure()
        return model

    def _measure(self) -> None:
        """Mean and covariance of the item vectors: a user's μ and σ follow from them without scoring the catalogue."""
        items = self.tracker.item_vectors.astype(np.float64)
        self._mean = items.mean(axis=0)
        centred = items - self._mean
        self._spread = centred.T @ centred / max(len(items), 1)

    def _gates(self, users_BD: FloatArray, neighbours_BI: FloatArray, weight: float) -> Gates:
        mean, spread = fitted(self._mean, NAME), fitted(self._spread, NAME)
        users = users_BD.astype(np.float64)
        deviation = np.sqrt(np.maximum(np.einsum("bd,de,be->b", users, spread, users), 0.0))
        tracker = np.where(deviation > 1e-9, 1.0 / np.maximum(deviation, 1e-9), 0.0)
        highest = neighbours_BI.max(axis=1, initial=0.0).astype(np.float64)
        knn = np.where(highest > 0, weight / np.where(highest > 0, highest, 1.0), 0.0)
        return Gates(tracker_B=tracker, knn_B=knn, offset_B=-(users @ mean) * tracker)

    def _foreseen(self, users_BD: FloatArray, gates: Gates) -> FloatArray:
        """The tracker's part of the scores with the offset, (B, I)."""
        scaled = (users_BD * gates.tracker_B[:, None]).astype(np.float32)
        scores = self.tracker.similarities(scaled)
        scores += gates.offset_B[:, None].astype(np.float32)
        return scores

    def _choose_weight(self, cases: Cases, ties: RowArray, options: FitOptions) -> None:
        """The weight with the best NDCG@10 on validation, the smallest of equals; 1 where there is no case."""
        totals = dict.fromkeys(WEIGHTS, 0.0)
        with options.progress.task("Choosing the blend", total=len(cases)) as advance:
            for place, histories in cases.histories.batches(rows_at_once(len(ties))):
                part = cases.take(place)
                users, neighbours = self.tracker.user_vectors(histories), self.knn.score(histories)
                gates = self._gates(users, neighbours, 1.0)
                neighbours *= gates.knn_B[:, None].astype(np.float32)
                # The history is masked once, below any score, so that each weight costs one sum and one ranking.
                foreseen = np.maximum(mask_history(self._foreseen(users, gates), part), np.float32(-1e30))
                for weight in WEIGHTS:
                    scores = foreseen + np.float32(weight) * neighbours
                    ranks = target_ranks(scores, part, ties=ties, exclude_history=False)
                    totals[weight] += float(ndcg_at(ranks, part.target_indptr, VALIDATION_K).sum())
                advance(len(part))
        self.validation = {weight: total / max(len(cases), 1) for weight, total in totals.items()}
        self.knn_weight = max(WEIGHTS, key=lambda weight: (self.validation[weight], -weight)) if len(cases) else 1.0
        options.progress.note(f"Blend: neighbour weight {self.knn_weight:g}")

"""The simulated recommender: a belief per user and concept, an effect per item and concept, refitted from its own log.

    logit_ui = b + β·a_i + f_i + Σ_c a_ic m_uc          m the belief's correction, b + β·a_i + f_i what was retrained

The beliefs are those of `penchant.interests.belief`, kept for all users and concepts as two arrays: every round they
fade by one step of the clock, and each reaction is one step of the filter. An unclicked place counts as no with the
chance that it was seen, given that it was not clicked: ``θ_k (1 − p) / (1 − θ_k p)``.

It is made from a `Catalogue` and fed `Feedback`: what users truly want is in neither.
"""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from pydantic import Field
from scipy.special import expit, logit

from penchant.config import Config
from penchant.evaluation.simulation.retraining import Fit, ImpressionLog, fit
from penchant.evaluation.simulation.world import Catalogue, Feedback
from penchant.interests.belief_step import BeliefConfig, Fades, observed, prior, summed
from penchant.interests.tracking import Beliefs, Evidence, ItemConcepts, track
from penchant.interfaces import Arms
from penchant.seeding import tie_breaks
from penchant.types import BoolArray, DoubleArray, IntArray


class SimulatedConfig(Config):
    """How the simulated recommender learns. The clock is the round."""

    belief: BeliefConfig = BeliefConfig(scales=(10.0, 200.0), widths=(0.2, 0.5))
    past_weight: float = Field(default=0.5, ge=0)
    """ω of an event of the past, against even odds"""
    rate: float = Field(default=0.05, gt=0, lt=1)
    """Chance of an engagement with what is seen, before the first retraining"""
    examination: float = Field(default=0.5, ge=0)
    """η by which it believes that places are seen, k^−η; a world's own may differ"""
    item_width: float = Field(default=0.3, gt=0)
    """Prior variance of an item's effect"""
    concept_width: float = Field(default=0.3, gt=0)
    """Prior variance of a concept's effect on everyone"""
    retrain_every: int = Field(default=20, ge=0)
    """Rounds between two fits of what everyone shares; 0: never"""


class SimulatedRecommender:
    """Beliefs of all users; `arms` makes what a policy chooses from."""

    def __init__(self, catalogue: Catalogue, config: SimulatedConfig, *, slate: int) -> None:
        self.config, self.catalogue = config, catalogue
        self._items = ItemConcepts.of(catalogue.activations)
        self._seen = np.arange(1.0, slate + 1) ** -config.examination
        self.ties = tie_breaks([str(n) for n in range(catalogue.n_items)])
        self._fade = Fades.of(np.ones(1), config.belief)
        self._means, self._covariances = _from_past(catalogue, self._items, config)
        self._log = ImpressionLog()
        self._shared = Fit.nothing(catalogue, rate_log_odds=float(logit(config.rate)), item_width=config.item_width)
        self._logits: DoubleArray | None = None

    @property
    def corrections(self) -> DoubleArray:
        """m_uc, (U, C)."""
        return np.asarray(self._means.sum(axis=2), dtype=np.float64)

    @property
    def concept_variances(self) -> DoubleArray:
        """1ᵀP1 of each user and concept, (U, C)."""
        return summed(self._covariances)

    @property
    def item_variances(self) -> DoubleArray:
        """Of what is each item's own, (I,)."""
        return self._shared.item_variances

    def scores(self) -> DoubleArray:
        """logit_ui, (U, I), as of now."""
        if self._logits is None:
            self._logits = (self.catalogue.activations @ self.corrections.T).T + self._shared.of_items
        return self._logits

    def arms(self, user: int, open_I: BoolArray) -> Arms:
        """The items that may be shown to a user, with what is believed of them."""
        rows = np.flatnonzero(open_I)
        width = self._items.concepts.shape[1]
        loadings = sp.csr_array(
            (
                self._items.activations[rows].ravel(),
                self._items.concepts[rows].ravel(),
                np.arange(0, len(rows) * width + 1, width),
            ),
            shape=(len(rows), self.catalogue.n_concepts),
        )
        return Arms(
            items=rows.astype(np.int32),
            means=self.scores()[user, rows],
            loadings=loadings,
            concept_variances=summed(self._covariances[user]),
            item_variances=self._shared.item_variances[rows],
            ties=self.ties[rows],
        )

    def pass_round(self) -> None:
        """Time goes on by one round: corrections fade, and what is not looked at becomes less sure."""
        self._means, self._covariances = self._fade.applied(self._means, self._covariances)
        self._logits = None

    def learn(self, told: Sequence[Feedback]) -> None:
        """Update the beliefs with reactions that arrived, in the order in which slates were shown, place by place."""
        for feedback in sorted(told, key=lambda one: one.round):
            for place in range(feedback.items.shape[1]):
                shown = np.flatnonzero(feedback.items[:, place] >= 0)
                self._observe(
                    feedback.users[shown], feedback.items[shown, place], feedback.engaged[shown, place], place
                )

    def _observe(self, users_B: IntArray, items_B: IntArray, engaged_B: BoolArray, place: int) -> None:
        """One place of each user's slate."""
        concepts, activations = self._items.concepts[items_B], self._items.activations[items_B]
        shared, rows = self._shared.of_items[items_B], users_B[:, None]
        means, covariances = self._means[rows, concepts], self._covariances[rows, concepts]
        personal = (activations * means.sum(axis=2)).sum(axis=1)
        weights = np.where(engaged_B, 1.0, _seen_though_skipped(self._seen[place], expit(shared + personal)))
        labels = engaged_B.astype(np.float64)
        self._log.add(items_B, personal, labels, weights)
        after, spread = observed(
            means, covariances, activations, shared, labels, weights, slope_floor=self.config.belief.slope_floor
        )
        # Padding is concept 0 with activation 0, whose step is none: it must not undo the step of a real concept 0.
        real = activations > 0
        at = np.broadcast_to(rows, concepts.shape)[real], concepts[real]
        self._means[at], self._covariances[at] = after[real], spread[real]
        self._logits = None

    def retrain(self) -> None:
        """Fit what everyone shares to the log so far, with each user's correction of the time as given."""
        self._shared = fit(
            self.catalogue,
            self._log,
            start=self._shared,
            item_width=self.config.item_width,
            concept_width=self.config.concept_width,
        )
        self._logits = None


def _seen_though_skipped(seen: float, chance_B: DoubleArray) -> DoubleArray:
    """P(seen | not clicked) = θ (1 − p) / (1 − θ p), (B,)."""
    return seen * (1.0 - chance_B) / np.maximum(1.0 - seen * chance_B, 1e-12)


def _from_past(catalogue: Catalogue, items: ItemConcepts, config: SimulatedConfig) -> tuple[DoubleArray, DoubleArray]:
    """Beliefs from events of the past, one a round before the first: means (U, C, 2), covariances (U, C, 3)."""
    order = np.argsort(catalogue.history_users, kind="stable")
    users, taken = catalogue.history_users[order], catalogue.history_items[order]
    lengths = np.bincount(users, minlength=catalogue.n_users)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    evidence = Evidence(
        indptr=indptr,
        concepts=items.concepts[taken],
        activations=items.activations[taken],
        moments=(np.arange(len(users)) - indptr[1:][users]).astype(np.float64),
        log_odds=np.zeros(len(users)),
        labels=np.ones(len(users)),
        weights=np.full(len(users), config.past_weight),
    )
    return _now(track(evidence, catalogue.n_concepts, config.belief), catalogue, config.belief)


def _now(beliefs: Beliefs, catalogue: Catalogue, config: BeliefConfig) -> tuple[DoubleArray, DoubleArray]:
    """Packed beliefs as full arrays at round 0."""
    shape = catalogue.n_users, catalogue.n_concepts
    means, covariances = np.zeros((*shape, 2)), np.tile(prior(config), (*shape, 1))
    owners = np.repeat(np.arange(catalogue.n_users), np.diff(beliefs.indptr))
    fades = Fades.of(np.maximum(-beliefs.at, 0.0), config)
    at = owners, beliefs.concepts
    means[at], covariances[at] = fades.applied(beliefs.means.astype(np.float64), beliefs.covariances.astype(np.float64))
    return means, covariances

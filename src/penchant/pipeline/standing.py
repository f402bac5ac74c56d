"""Where every item of the catalogue stands for one user: what counterfactuals compare."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from penchant.data.histories import Histories
from penchant.interests.explanation import ScoreParts, split_score
from penchant.models.blend_parts import Parts
from penchant.pipeline.live import Live
from penchant.types import BoolArray, DoubleArray, FloatArray, IntArray, RowArray

CELLS_AT_ONCE = 4_000_000
"""Cells of events by items, or of items by concepts, that are split at once."""
NEAR = 1e-4
"""Scores this close, relative to their size, are compared in full precision."""


@dataclass(frozen=True)
class Catalogue:
    """All items scored for one user as he is, or as he would be with another history.

    `scores` are those of the sum that `recommend` splits, but for single precision in the sources beside the tracker;
    `split` and `rank` are exact.
    """

    live: Live
    user_id: str
    raw: Histories
    """(B = 1) the user's item events"""
    history: Histories
    """(B = 1) those that the models read"""
    edits: DoubleArray
    """(C,) standard deviations, as the profile shows them"""
    vector: FloatArray
    """(1, D)"""
    cold: bool
    """Nothing is known of the user: s_i = log(1 + events of i) + Σ_c a_ic deviation_c edit_c."""

    @classmethod
    def of(cls, live: Live, user_id: str, raw: Histories | None = None) -> "Catalogue":
        """For the user with his own history, or with `raw` in its place."""
        own = raw is None
        events = live.timeline.history(user_id) if raw is None else raw
        history = live.consumed(events)
        if own:
            vector = live.user_vector(user_id, history)
        else:
            asked = None if history.asked_at is None else history.asked_at
            if live.fitted.model.tracker.reads_request_time:
                asked = np.array([live.microseconds()])
            vector = live.fitted.model.tracker.user_vectors(replace(history, asked_at=asked))
        return cls(
            live=live,
            user_id=user_id,
            raw=events,
            history=history,
            edits=live.edited(user_id, events, live.edits(user_id)),
            vector=vector,
            cold=live.is_cold(user_id, history),
        )

    @cached_property
    def parts(self) -> Parts:
        """What the blend is made of."""
        return self.live.fitted.model.parts(self.history, users_BD=self.vector)

    @cached_property
    def correction(self) -> DoubleArray:
        """(C,) standard deviations."""
        return self.live.correction(self.user_id, self.raw)

    @cached_property
    def shift(self) -> DoubleArray:
        """(C,) standard deviations by which the user's own words move the ranking."""
        return self.live.config.editing.weight * self.edits

    @property
    def gate(self) -> float:
        """g_τ: what one unit of the tracker's score counts."""
        return 1.0 if self.cold else float(self.parts.gates.tracker_B[0])

    @cached_property
    def per_strength(self) -> DoubleArray:
        """(C,) g_τ deviation_c: what one standard deviation of strength adds to an item with a_ic = 1."""
        return self.gate * self.live.fitted.population.deviation.astype(np.float64)

    @cached_property
    def concept_weights(self) -> DoubleArray:
        """(C,) w_c with which activations are multiplied in the parts of concepts, `ScoreParts.concept`."""
        if self.cold:
            return np.zeros(len(self.edits))
        fitted = self.live.fitted
        reading = fitted.space.directions.astype(np.float64) @ self.vector[0].astype(np.float64)
        leaning = self.gate * (reading - fitted.population.mean.astype(np.float64))
        return np.asarray(leaning + self.per_strength * self.correction)

    @cached_property
    def edit_weights(self) -> DoubleArray:
        """(C,) the same for the parts of edits."""
        return self.per_strength * self.shift

    @cached_property
    def scores(self) -> DoubleArray:
        """(I,)"""
        fitted = self.live.fitted
        activations = fitted.vocabulary.activations.astype(np.float64)
        if self.cold:
            return np.asarray(np.log1p(self.live.counts.astype(np.float64)) + activations @ self.edit_weights)
        user = self.vector[0].astype(np.float64)
        everyone = self.gate * fitted.population.mean.astype(np.float64)
        named = activations @ (self.concept_weights + self.edit_weights + everyone)
        unnamed = self.gate * (fitted.space.residuals.astype(np.float64) @ user)
        constant = float(self.parts.gates.offset_B[0]) + self.gate * float(fitted.space.mean.astype(np.float64) @ user)
        beside = np.broadcast_to(self.parts.summed_beside()[0], unnamed.shape).astype(np.float64)
        return np.asarray(named + unnamed + constant + beside)

    def split(self, items: RowArray | IntArray) -> ScoreParts:
        """The parts of K items' scores, exactly those of a slate."""
        fitted, rows = self.live.fitted, np.asarray(items, dtype=np.int32)
        if self.cold:
            popular = np.log1p(self.live.counts[rows].astype(np.float64))
            edit = fitted.vocabulary.activations[rows].toarray().astype(np.float64) * self.edit_weights
            nothing = np.zeros(len(rows))
            return ScoreParts(
                items=rows,
                concept=np.zeros_like(edit),
                edit=edit,
                everyone=nothing,
                event=np.zeros((0, len(rows))),
                residual=nothing,
                item={"popularity": popular},
                constant=0.0,
                score=popular + edit.sum(axis=1),
            )
        return split_score(
            rows,
            user_vector_D=self.vector[0].astype(np.float64),
            tracker_gate=self.gate,
            offset=float(self.parts.gates.offset_B[0]),
            event_parts_LK=fitted.model.event_parts(self.history, self.parts, rows),
            item_parts=fitted.model.item_parts(self.parts.gates, rows),
            correction_C=self.correction,
            edits_C=self.shift,
            vocabulary=fitted.vocabulary,
            space=fitted.space,
            population=fitted.population,
        )

    def exact(self, items: IntArray) -> DoubleArray:
        """(K,) the exact scores of K items."""
        width = max(1, len(self.history.items), len(self.edits))
        size = max(1, CELLS_AT_ONCE // width)
        parts = [self.split(items[start : start + size]).score for start in range(0, len(items), size)]
        return np.concatenate([np.zeros(0), *parts])

    def without(self, column: int, weights_C: DoubleArray) -> DoubleArray:
        """(I,) the parts a_ic w_c of one concept, which a counterfactual takes away from all items."""
        activations = self.live.fitted.vocabulary.activations[:, [column]].toarray()[:, 0]
        return np.asarray(activations.astype(np.float64) * weights_C[column])

    def rank(self, item: int, allowed: BoolArray, minus: DoubleArray | None = None) -> tuple[int, float]:
        """The item's rank among the allowed, 1 the best, and its score; `minus` (I,) is taken from all scores.

        Ties go as in a slate. Items that are close to it are scored exactly before they are compared.
        """
        rough = self.scores if minus is None else self.scores - minus
        own = float(self.exact(np.array([item]))[0]) - (0.0 if minus is None else float(minus[item]))
        slack = NEAR * max(1.0, abs(own))
        others = allowed.copy()
        others[item] = False
        near = np.flatnonzero(others & (np.abs(rough - own) <= slack))
        close = self.exact(near) - (0.0 if minus is None else minus[near])
        ties = self.live.ties
        above = (close > own) | ((close == own) & (ties[near] < ties[item]))
        return 1 + int((others & (rough > own + slack)).sum()) + int(above.sum()), own

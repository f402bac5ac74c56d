"""Why an item has its score: named parts that add up to it exactly.

With gates g of the user, z_i = μ + Σ_c a_ic d_c + r_i, and parts q_pji of past events j from each source p,

    s_i = offset + g_τ (u·μ + Σ_c a_ic u·d_c + u·r_i) + g_τ Σ_c a_ic deviation_c (correction_c + edit_c)
          + Σ_j Σ_p g_p q_pji + g_pop pop_i + g_new new_i

A concept's part is told against the population: a_ic g_τ (u·d_c − mean_c + deviation_c correction_c); the means
together are the part ``everyone``. What is not told as a reason is `other`; g_τ u·r_i is `residual`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from penchant.concepts.space import ConceptSpace
from penchant.concepts.vocabulary import Vocabulary
from penchant.data.sparse_rows import dense_rows
from penchant.interests.population import Population
from penchant.records import Reason, Source
from penchant.types import AnyArray, DoubleArray, RowArray

OF_ITEMS: Mapping[Source, str] = {"popularity": "popular with everyone", "newness": "new: nobody has tried it yet"}
"""Parts that are the same for everyone, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreParts:
    """The sums behind the scores of K items for one user, all float64."""

    items: RowArray
    """(K,)"""
    concept: DoubleArray
    """(K, C) parts of concepts, told against the population, corrections included."""
    edit: DoubleArray
    """(K, C) parts of the user's edits."""
    everyone: DoubleArray
    """(K,)"""
    event: DoubleArray
    """(L, K) parts of past events."""
    residual: DoubleArray
    """(K,)"""
    item: Mapping[str, DoubleArray]
    """(K,) for each source that says the same of an item to everyone: popularity, newness."""
    constant: float
    """Equal for all items."""

    score: DoubleArray
    """(K,): the sum of all parts."""

    def take(self, order: AnyArray) -> "ScoreParts":
        """The parts of some of the K items, in the order given."""
        return ScoreParts(
            items=self.items[order],
            concept=self.concept[order],
            edit=self.edit[order],
            everyone=self.everyone[order],
            event=self.event[:, order],
            residual=self.residual[order],
            item={name: part[order] for name, part in self.item.items()},
            constant=self.constant,
            score=self.score[order],
        )


def split_score(
    items_K: RowArray,
    *,
    user_vector_D: DoubleArray,
    tracker_gate: float,
    offset: float,
    event_parts_LK: DoubleArray,
    item_parts: Mapping[str, DoubleArray],
    correction_C: DoubleArray,
    edits_C: DoubleArray,
    vocabulary: Vocabulary,
    space: ConceptSpace,
    population: Population,
) -> ScoreParts:
    """The parts of K items' scores. Those of events and of items, (K,) each, are gated already."""
    activations = dense_rows(vocabulary.activations, items_K).astype(np.float64)
    mean = population.mean.astype(np.float64)
    deviation = population.deviation.astype(np.float64)
    reading = space.directions.astype(np.float64) @ user_vector_D
    gated = tracker_gate * activations
    concept = gated * (reading - mean + deviation * correction_C)
    edit = gated * (deviation * edits_C)
    everyone = gated @ mean
    residual = tracker_gate * (space.residuals[items_K].astype(np.float64) @ user_vector_D)
    constant = offset + tracker_gate * float(space.mean.astype(np.float64) @ user_vector_D)
    return ScoreParts(
        items=items_K,
        concept=concept,
        edit=edit,
        everyone=everyone,
        event=event_parts_LK,
        residual=residual,
        item=item_parts,
        constant=constant,
        score=concept.sum(axis=1)
        + edit.sum(axis=1)
        + everyone
        + event_parts_LK.sum(axis=0)
        + residual
        + sum(item_parts.values())
        + constant,
    )


def reasons_of(
    parts: ScoreParts,
    k: int,
    *,
    concept_reason: Callable[[int, float, Literal["concept", "edit"]], Reason],
    event_reason: Callable[[int, float], Reason],
    most: int = 4,
) -> tuple[tuple[Reason, ...], float, float]:
    """The reasons, `other` and `residual` of the k-th item; together they are its score.

    Told are the `most` largest parts in size among concepts and past events that speak for the item, every edit that
    touches it, and the parts ``everyone``, ``popularity`` and ``newness``.
    """
    concept, event = parts.concept[k], parts.event[:, k]
    sizes = np.concatenate([concept, event])
    speaking = [n for n in np.argsort(-sizes, kind="stable")[:most].tolist() if sizes[n] > 0]
    lowest = int(sizes.argmin()) if len(sizes) else -1
    if lowest >= 0 and sizes[lowest] < 0 and len(speaking) < most:
        speaking.append(lowest)
    reasons = [concept_reason(int(c), float(parts.edit[k, c]), "edit") for c in np.flatnonzero(parts.edit[k])]
    rest = [
        concept_reason(n, float(sizes[n]), "concept")
        if n < len(concept)
        else event_reason(n - len(concept), float(sizes[n]))
        for n in speaking
    ]
    if everyone := float(parts.everyone[k]):
        rest.append(Reason(source="everyone", contribution=everyone, text="what most users like"))
    rest += [
        Reason(source=source, contribution=float(parts.item[source][k]), text=text)
        for source, text in OF_ITEMS.items()
        if source in parts.item and parts.item[source][k]
    ]
    reasons += sorted(rest, key=lambda reason: -reason.contribution)
    residual = float(parts.residual[k])
    other = float(parts.score[k]) - residual - sum(reason.contribution for reason in reasons)
    return tuple(reasons), other, residual

"""Concepts that a refresh of the model took away, and who takes their place.

A concept keeps its identity as long as the catalogue still yields its kind and name. One that is gone is inherited by
the new concepts whose items are most like its own, by the cosine of the two sets among the items that both catalogues
have:

    similarity(c, c') = |A_c ∩ A_c'| / √(|A_c| |A_c'|)

Beliefs are read from events again, so they need no heir; what names a concept does: a user's edits, and profiles that
somebody kept. What shuts items out or puts them first until it is taken back, ``mute`` and ``pin``, is handed on to
near likenesses alone (`ALIKE`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from penchant.concepts.vocabulary import Concept, Vocabulary

LEAST_SIMILARITY = 0.2
"""Below, sets of items have too little in common for one concept to speak for the other."""
ALIKE = 0.5
"""Above, sets of items are so alike that one concept may shut out or put first what the other did. A broader concept
that inherits for want of shared items never is."""
MOST_HEIRS = 3


@dataclass(frozen=True, slots=True)
class Heir:
    """Who takes a concept's place."""

    concept_id: str
    similarity: float
    """In (0, 1]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """What became of the concepts of earlier bundles that are no more."""

    names: Mapping[str, str]
    """Id of each that is gone → what it was called"""
    heirs: Mapping[str, tuple[Heir, ...]]
    """Id of each that is gone → who took its place, the nearest first; nobody where nothing is near"""

    @classmethod
    def none(cls) -> "Succession":
        """Of a first bundle."""
        return cls(names={}, heirs={})

    def of(self, concept_id: str, *, above: float = 0.0) -> str | None:
        """The nearest heir of a concept that is gone; None where it is not known or has none with a similarity `above`
        this.
        """
        found = self.heirs.get(concept_id, ())
        return found[0].concept_id if found and found[0].similarity > above else None


def succession(
    old: Vocabulary, old_items: Sequence[str], new: Vocabulary, new_items: Sequence[str], *, before: Succession
) -> Succession:
    """What became of the concepts of `old`, and of those that were gone before it was made (`before`).

    Items are known by their ids. A broader concept that is still there inherits where no items are in common.
    """
    kept = {concept.id for concept in new.concepts}
    gone = [row for row, concept in enumerate(old.concepts) if concept.id not in kept]
    similarity = _similarities(old, old_items, new, new_items, gone)
    heirs: dict[str, tuple[Heir, ...]] = {}
    names: dict[str, str] = {}
    for place, row in enumerate(gone):
        concept = old.concepts[row]
        names[concept.id] = concept.name
        ranked = np.argsort(-similarity[place], kind="stable")[:MOST_HEIRS].tolist()
        found = [
            Heir(new.concepts[c].id, float(similarity[place, c]))
            for c in ranked
            if similarity[place, c] >= LEAST_SIMILARITY
        ]
        heirs[concept.id] = tuple(found) or _above(concept, old, kept)
    for concept_id, earlier in before.heirs.items():
        if concept_id in kept:
            continue
        names[concept_id] = before.names[concept_id]
        later = [next_ for heir in earlier for next_ in _followed(heir, heirs, kept)]
        best: dict[str, float] = {}
        for heir in later:
            best[heir.concept_id] = max(best.get(heir.concept_id, 0.0), heir.similarity)
        ranked_heirs = sorted((Heir(*pair) for pair in best.items()), key=lambda h: (-h.similarity, h.concept_id))
        heirs[concept_id] = tuple(ranked_heirs[:MOST_HEIRS])
    return Succession(names=names, heirs=heirs)


def _similarities(
    old: Vocabulary, old_items: Sequence[str], new: Vocabulary, new_items: Sequence[str], gone: Sequence[int]
) -> np.ndarray:
    """(gone, C') cosines among the items that both have."""
    rows = {item: row for row, item in enumerate(new_items)}
    shared = [(row, rows[item]) for row, item in enumerate(old_items) if item in rows]
    before = _unit(old.bears[[row for row, _ in shared]][:, list(gone)])
    after = _unit(new.bears[[row for _, row in shared]])
    return np.asarray((before.T @ after).todense()).reshape(len(gone), len(new.concepts))


def _unit(bears: sp.csr_array) -> sp.csr_array:
    """Columns of ones divided by their lengths."""
    ones = (bears > 0).astype(np.float64)
    lengths = np.sqrt(np.asarray(ones.sum(axis=0)).ravel())
    return sp.csr_array(ones @ sp.diags_array(1.0 / np.maximum(lengths, 1.0)))


def _above(concept: Concept, old: Vocabulary, kept: set[str]) -> tuple[Heir, ...]:
    """The nearest broader concept that is still there."""
    parent = concept.parent
    while parent is not None and parent not in kept:
        row = old.row(parent)
        parent = old.concepts[row].parent if row >= 0 else None
    return () if parent is None else (Heir(parent, LEAST_SIMILARITY),)


def _followed(heir: Heir, heirs: Mapping[str, tuple[Heir, ...]], kept: set[str]) -> list[Heir]:
    """An heir that is still there, or those that took its own place."""
    if heir.concept_id in kept:
        return [heir]
    return [Heir(other.concept_id, other.similarity * heir.similarity) for other in heirs.get(heir.concept_id, ())]

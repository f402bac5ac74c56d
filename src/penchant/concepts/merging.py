"""Names that mean one thing become one concept."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.concepts.proposals import Proposal
from penchant.concepts.words import abbreviates, key, negates, spelling
from penchant.config import Config
from penchant.types import AnyArray, FloatArray, IntArray


class MergingConfig(Config):
    """When two names are one."""

    min_similarity: float = Field(default=0.8, gt=0, le=1)
    """Least cosine of two names as the language model reads them."""
    min_overlap: float = Field(default=0.5, gt=0, le=1)
    """Least share of the smaller one's items that the other is on as well."""
    max_ratio: float = Field(default=3.0, ge=1)
    """Most items of the larger for each of the smaller one's: beyond, it is broader and not the same."""
    same_items: float = Field(default=0.9, gt=0, le=1)
    """Least Jaccard overlap at which a name within the other ("argan" of "argan oil") is the same."""


def same_key(proposals: Sequence[Proposal], config: MergingConfig) -> list[Proposal]:
    """Of proposals of one name under several kinds, one: given before found, broader before narrower, then most items.

    The items of the others join it where at least `min_overlap` of the smaller set are in both; else the name means
    something else there (a maker called "Apple"), and the largest alone is kept.
    """
    of_key: dict[str, list[Proposal]] = {}
    for proposal in proposals:
        of_key.setdefault(key(proposal.name), []).append(proposal)
    kept = []
    for group in of_key.values():
        group.sort(key=lambda p: (-p.given, -len(p.rows), p.kind))
        head, rest = group[0], group[1:]
        for other in rest:
            both = len(np.intersect1d(head.rows, other.rows, assume_unique=True))
            if head.given or both >= config.min_overlap * min(len(head.rows), len(other.rows)):
                winner, loser = sorted((head, other), key=lambda p: (-p.given, p.breadth, -len(p.rows), p.kind))
                head = _joined(winner, loser)
        kept.append(head)
    return kept


def merge(proposals: Sequence[Proposal], name_vectors_PD: FloatArray | None, config: MergingConfig) -> list[Proposal]:
    """Join proposals whose names mean one thing, under the name of the broader kind, then the commonest; the others are
    its aliases.

    Two are one where

    - they are spelt alike (`spelling`: "Eye Shadows", "eyeshadow") and are of one kind or overlap; or
    - their names' cosine is at least `min_similarity`, and either the same items have both (`min_overlap` of
      the smaller set, sizes within `max_ratio`) or one abbreviates the other word by word ("sci-fi" of "science
      fiction"); or
    - nearly the same items have both, and one name is among the words of the other.

    Nearness of names alone never joins two: opposites ("men's", "women's") are near in meaning too, and it is the items
    that tell them apart. "X" and "non-X" are never one. Pairs are joined from the nearest on, each against the concept
    that its names have become, so that a chain of near names does not run together.
    """
    order = sorted(
        range(len(proposals)), key=lambda p: (-proposals[p].given, -len(proposals[p].rows), proposals[p].key)
    )
    heads = {p: proposals[p] for p in order}
    member_of = {p: p for p in order}
    on = incidence([proposal.rows for proposal in proposals])
    for a, b in _pairs(proposals, name_vectors_PD, on, config):
        one, other = member_of[a], member_of[b]
        if one == other or not _one(heads[one], heads[other], _cosine(name_vectors_PD, one, other), config):
            continue
        first, second = _in_order(heads[one], heads[other], config)
        winner, loser = (one, other) if first is heads[one] else (other, one)
        heads[winner] = _joined(first, second)
        del heads[loser]
        for p, head in member_of.items():
            if head == loser:
                member_of[p] = winner
    became = {proposals[p].key: heads[head].key for p, head in member_of.items()}
    told = [heads[p] for p in order if p in heads]
    return [
        replace(p, parent=became.get(p.parent, p.parent)) if p.parent and became.get(p.parent) != p.key else p
        for p in told
    ]


def incidence(rows: Sequence[IntArray]) -> sp.csc_array:
    """(I, P) 1 where an item is among the rows of proposal p."""
    columns = np.repeat(np.arange(len(rows)), [len(r) for r in rows])
    places = np.concatenate(rows) if len(rows) else np.zeros(0, dtype=np.int64)
    n_items = int(places.max()) + 1 if len(places) else 0
    return sp.csc_array((np.ones(len(places), dtype=np.int32), (places, columns)), shape=(n_items, len(rows)))


def _in_order(a: Proposal, b: Proposal, config: MergingConfig) -> tuple[Proposal, Proposal]:
    """Who gives the name first; of two phrases on the same items the longer says more."""
    first, second = sorted((a, b), key=lambda p: (not p.given, p.breadth, -len(p.rows), p.key))
    longer = set(key(first.name).split()) < set(key(second.name).split())
    same = len(first.rows) * config.same_items <= len(second.rows)
    return (second, first) if longer and same and not first.given and first.kind == second.kind else (first, second)


def _pairs(
    proposals: Sequence[Proposal], vectors: FloatArray | None, on: sp.csc_array, config: MergingConfig
) -> Iterator[tuple[int, int]]:
    """Pairs worth a look: spelt alike, then near in meaning from the nearest on, then on nearly the same items."""
    spelt: dict[str, list[int]] = {}
    for p, proposal in enumerate(proposals):
        spelt.setdefault(spelling(proposal.name), []).append(p)
    for group in spelt.values():
        yield from ((group[0], other) for other in group[1:])
    if vectors is not None and len(proposals) > 1:
        near: list[AnyArray] = []
        for start in range(0, len(vectors), 1024):
            cosines = np.round(vectors[start : start + 1024] @ vectors.T, 6)
            a, b = np.nonzero(cosines >= config.min_similarity)
            above = a + start < b
            near.append(np.stack([-cosines[a[above], b[above]], a[above] + start, b[above]], axis=1))
        found = np.concatenate(near)
        for _, a_, b_ in found[np.lexsort((found[:, 2], found[:, 1], found[:, 0]))]:
            yield int(a_), int(b_)
    together = sp.coo_array(sp.triu(on.T @ on, k=1))
    sizes = np.array([len(proposal.rows) for proposal in proposals])
    one, other = together.coords
    alike = together.data >= config.same_items * (sizes[one] + sizes[other] - together.data)
    yield from sorted(zip(one[alike].tolist(), other[alike].tolist(), strict=True))


def _cosine(vectors: FloatArray | None, a: int, b: int) -> float:
    return -1.0 if vectors is None else round(float(vectors[a] @ vectors[b]), 6)


def _one(a: Proposal, b: Proposal, cosine: float, config: MergingConfig) -> bool:
    if negates(a.name, b.name) or (a.given and b.given):
        return False
    both = len(np.intersect1d(a.rows, b.rows, assume_unique=True))
    small, large = sorted((len(a.rows), len(b.rows)))
    overlap = both >= config.min_overlap * small
    if spelling(a.name) == spelling(b.name) and (a.kind == b.kind or overlap):
        return True
    if cosine >= config.min_similarity:
        if overlap and large <= config.max_ratio * small:
            return True
        if abbreviates(a.name, b.name) or abbreviates(b.name, a.name):
            return True
    words, others = set(key(a.name).split()), set(key(b.name).split())
    return (words <= others or others <= words) and both >= config.same_items * (small + large - both)


def _joined(head: Proposal, other: Proposal) -> Proposal:
    """Both as one, under the head's kind and name; an item's weight is the larger."""
    both = np.union1d(head.rows, other.rows)
    weights = np.zeros(len(both), dtype=np.float32)
    for proposal in (head, other):
        places = np.searchsorted(both, proposal.rows)
        weights[places] = np.maximum(weights[places], proposal.weights)
    names = dict.fromkeys([*head.aliases, other.name, *other.aliases])
    return replace(
        head,
        rows=both,
        weights=weights,
        aliases=tuple(name for name in names if key(name) != key(head.name)),
        words=head.words or other.words,
        parent=head.parent or (other.parent if other.kind == head.kind and other.parent != head.key else None),
    )

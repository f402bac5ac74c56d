"""Broad concepts and the finer ones below them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.concepts.merging import incidence
from penchant.concepts.proposals import Proposal
from penchant.config import Config
from penchant.types import DoubleArray, IntArray

Key = tuple[str, str]


class HierarchyConfig(Config):
    """What stands above what."""

    levels: int = Field(default=3, ge=1)
    """The most names on a path from the broadest to the finest, such as field > topic > thing; 1: all stand alone."""
    covered: float = Field(default=0.8, gt=0.5, le=1)
    """A broader concept is on this share of the finer one's items, ..."""
    broader: float = Field(default=3.0, gt=1)
    """... and on this many times as many items in all; or"""
    nested: float = Field(default=0.98, gt=0.5, le=1)
    """on this share of them, ..."""
    nested_broader: float = Field(default=1.25, gt=1)
    """... and on this many times as many."""
    groups: bool = True
    """Whether concepts that stand alone are put under a new name, where language-model vectors are there."""
    group_similarity: float = Field(default=0.6, gt=0, le=1)
    """The mean cosine of two members of a group, at least."""
    group_members: int = Field(default=3, ge=2)
    group_from: int = Field(default=60, ge=2)
    """A kind with fewer concepts that stand alone needs no groups: a list of genres can be read as it is."""


def with_parents(proposals: Sequence[Proposal], config: HierarchyConfig) -> list[Proposal]:
    """Each proposal with its parent among the proposals, or None.

    What its source knows (a path, a tree) holds; where that parent is not among the proposals, the nearest above it
    that is there takes its place. Without such knowledge, the parent of c is the smallest p on at least the share
    `covered` of c's items and on `broader` times as many, or nearly nested (`nested`, `nested_broader`), whose breadth
    is not below c's: a word never stands above a category. Parents have more items than children, or come from a tree,
    so nothing is above itself; a ring that two sources close together is cut at its smallest member.
    """
    of_key = {proposal.key: proposal for proposal in proposals}
    covering = _covering(proposals, config)
    parents: dict[Key, Key | None] = {}
    for p, proposal in enumerate(proposals):
        known = proposal.parent
        parents[proposal.key] = known if known in of_key and known != proposal.key else covering[p]
    for proposal in sorted(proposals, key=lambda p: (len(p.rows), p.key)):
        if proposal.key in _above(proposal.key, parents):
            parents[proposal.key] = None
    parents = _cut_to(parents, config.levels)
    return [replace(proposal, parent=parents[proposal.key]) for proposal in proposals]


def known_parents(proposals: Sequence[Proposal], everything: Sequence[Proposal]) -> list[Proposal]:
    """Proposals whose known parent was dropped get the nearest one above it that is there."""
    keys = {proposal.key for proposal in proposals}
    parents = {p.key: p.parent for p in everything} | {p.key: p.parent for p in proposals}
    told = []
    for proposal in proposals:
        parent, seen = proposal.parent, {proposal.key}
        while parent is not None and parent not in keys and parent not in seen:
            seen.add(parent)
            parent = parents.get(parent)
        told.append(replace(proposal, parent=parent))
    return told


def climbed(proposals: Sequence[Proposal], kept: set[Key]) -> list[Proposal]:
    """The proposals whose keys are `kept`; a parent that is not is replaced by the nearest one above that is."""
    parents = {proposal.key: proposal.parent for proposal in proposals}
    return [
        replace(proposal, parent=next((key for key in _above(proposal.key, parents) if key in kept), None))
        for proposal in proposals
        if proposal.key in kept
    ]


def levels(parents: Mapping[Key, Key | None]) -> dict[Key, int]:
    """How many stand above each: 0 for the broadest."""
    return {key: len(_above(key, parents)) for key in parents}


def groups(
    proposals: Sequence[Proposal], vectors_PD: DoubleArray, config: HierarchyConfig, *, most_items: float
) -> list[Proposal]:
    """Proposals of groups of concepts that stand alone (no parent, no child), as broad concepts of the kind ``group``.

    Fields and words are grouped, makers and topics are not. Concepts of one kind are clustered by average linkage on
    the cosine of `vectors_PD` (unit rows: name and items together), cut where the mean cosine of two clusters falls
    below `group_similarity`. A group of `group_members` or more whose items are at most `most_items` gets the names of
    the two members nearest its mean. `with_parents` has to have been called. Sokal and Michener, "A statistical method
    for evaluating systematic relationships", 1958.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    parents = {proposal.parent for proposal in proposals}
    alone: dict[str, list[int]] = {}
    for p, proposal in enumerate(proposals):
        free = proposal.parent is None and proposal.key not in parents and not proposal.given and not proposal.words
        if free and proposal.breadth != 1 and vectors_PD[p].any():
            alone.setdefault(proposal.kind, []).append(p)
    found = []
    for members in alone.values() if config.levels > 1 else ():
        if len(members) < max(config.group_from, config.group_members):
            continue
        tree = linkage(vectors_PD[members], method="average", metric="cosine")
        labels = fcluster(tree, t=1 - config.group_similarity, criterion="distance")
        for label in dict.fromkeys(labels.tolist()):
            group = [members[m] for m in np.flatnonzero(labels == label)]
            rows = np.unique(np.concatenate([proposals[p].rows for p in group]))
            if len(group) >= config.group_members and len(rows) <= most_items:
                found.append(_group(proposals, group, rows, vectors_PD[group]))
    return found


def _group(proposals: Sequence[Proposal], members: list[int], rows: IntArray, vectors: DoubleArray) -> Proposal:
    central = np.argsort(-np.round(vectors @ vectors.sum(axis=0), 9), kind="stable")
    names = [proposals[members[m]].name for m in central]
    return Proposal(
        kind="group",
        name=f"{names[0]} & {names[1]}",
        rows=rows,
        weights=np.ones(len(rows), dtype=np.float32),
        words=tuple(names),
    )


def under_groups(proposals: Sequence[Proposal], found: Sequence[Proposal]) -> list[Proposal]:
    """The proposals with the groups above their members; the groups come last."""
    above = {(kind, name): group.key for group in found for kind, name in _members(group, proposals)}
    return [replace(p, parent=p.parent or above.get(p.key)) for p in proposals] + list(found)


def _members(group: Proposal, proposals: Sequence[Proposal]) -> list[Key]:
    names = set(group.words)
    return [p.key for p in proposals if p.name in names and p.parent is None]


def _covering(proposals: Sequence[Proposal], config: HierarchyConfig) -> list[Key | None]:
    on = incidence([proposal.rows for proposal in proposals])
    together: sp.csr_array = sp.csr_array(on.T @ on)
    sizes = together.diagonal() if len(proposals) else np.zeros(0)
    told: list[Key | None] = []
    for c, proposal in enumerate(proposals):
        span = slice(together.indptr[c], together.indptr[c + 1])
        share, ratio = together.data[span] / sizes[c], sizes[together.indices[span]] / sizes[c]
        above = ((share >= config.covered) & (ratio >= config.broader)) | (
            (share >= config.nested) & (ratio >= config.nested_broader)
        )
        broader = [
            (int(sizes[p]), proposals[p].key)
            for p in together.indices[span][above]
            if p != c and _may_stand_above(proposals[p], proposal)
        ]
        told.append(min(broader)[1] if broader else None)
    return told


def _may_stand_above(broad: Proposal, fine: Proposal) -> bool:
    """Things sorted into fields stand under fields of the same attribute, makers and words under any field."""
    if broad.breadth == fine.breadth == 0 or broad.breadth == fine.breadth == 1:
        return broad.kind == fine.kind
    return broad.breadth <= fine.breadth


def _above(key: Key, parents: Mapping[Key, Key | None]) -> list[Key]:
    """Those above a key, the nearest first; ends where a ring would begin again, with the key itself."""
    path: list[Key] = []
    place = parents.get(key)
    while place is not None and place not in path:
        path.append(place)
        place = parents.get(place)
    return path


def _cut_to(parents: Mapping[Key, Key | None], most: int) -> dict[Key, Key | None]:
    """What stands deeper than `most` levels is put under its ancestor on the last level but one."""
    told: dict[Key, Key | None] = {}
    for key, parent in parents.items():
        above = _above(key, parents)
        told[key] = parent if len(above) < most else above[len(above) - most + 1] if most > 1 else None
    return told

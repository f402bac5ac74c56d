"""From a dictionary back to a vocabulary: the concepts that it placed, its kinds named by what sets them apart."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from penchant.concepts.proposals import Catalogue
from penchant.concepts.vocabulary import Concept, Vocabulary
from penchant.concepts.words import key
from penchant.data.dataset import Table
from penchant.types import AnyArray, BoolArray, DoubleArray, IntArray, RowArray

SURE = 0.5
"""A word on this share of a kind names it alone; below, a second one is put beside it."""
SEPARATOR = " · "
MOST_WORDS = 3
EXAMPLES = 5
OTHERS = "others"
"""What a kind under no name is called where nothing sets its items apart."""


def placed_vocabulary(
    vocabulary: Vocabulary, items: Table, names_C: IntArray, kinds_C: BoolArray, activations_IC: sp.csr_array
) -> Vocabulary:
    """The concepts as the dictionary placed them: the names that it kept, on the items that activate them now, and
    below them their kinds.

    A kind takes as its name the words that set its items apart from the others under the same name, as its examples the
    items that activate it most.
    """
    table, words = words_of(vocabulary, items)
    return name_kinds(vocabulary, names_C, kinds_C, activations_IC, table, words)


def words_of(vocabulary: Vocabulary, items: Table) -> tuple[sp.csr_array, list[str]]:
    """What may be said of items, (I, V) 0 or 1, and the V words: terms of their texts and the names they bear."""
    terms = Catalogue(items=items, min_items=2).terms()
    words = [*terms.names, *(concept.name for concept in vocabulary.concepts)]
    return sp.hstack([terms.counts > 0, vocabulary.bears > 0], format="csr").astype(np.float64), words


def name_kinds(
    vocabulary: Vocabulary,
    names_C: IntArray,
    kinds_C: BoolArray,
    activations_IC: sp.csr_array,
    words_IV: sp.csr_array,
    words: Sequence[str],
) -> Vocabulary:
    """`placed_vocabulary` with the words of each item handed in, (I, V) of 0 and 1.

    ``p_cv = Σ_i a_ic x_iv / Σ_i a_ic`` is how much of kind c has word v, ``q_v`` the same share of all items under its
    name. The words are ranked by ``p (p ln(p/q) + (1 − p) ln((1 − p)/(1 − q)))`` where p > q: what is said of much of
    the kind and not of the others (the bracket: Dunning 1993). Where the first is said of less than half of it, a
    second one is put beside it, ranked the same way by what it says of the rest.
    """
    activations, borne = activations_IC.tocsc(), vocabulary.bears.tocsc()
    kept = {vocabulary.concepts[c].id for c in names_C[~kinds_C].tolist()}
    above = {concept.id: concept.parent for concept in vocabulary.concepts}
    taken: dict[str, set[str]] = {}
    told: list[Concept] = []
    for c, name in enumerate(names_C.tolist()):
        rows, values = _column(activations, c)
        named = None if name < 0 else vocabulary.concepts[name]
        bears = np.arange(len(words_IV.indptr) - 1) if named is None else _column(borne, name)[0]
        best = rows[np.lexsort((rows, -values, ~np.isin(rows, bears)))]
        seen: dict[str, Any] = {"items": len(rows), "examples": tuple(best[:EXAMPLES].tolist())}
        if kinds_C[c]:
            base = np.asarray(words_IV[bears].mean(axis=0)).ravel()
            above_it = OTHERS if named is None else named.name
            mine = words_IV[rows].tocsc()
            called = _name(mine, values.astype(np.float64), base, words, above_it, taken.setdefault(above_it, set()))
            slug = key(called).replace(" ", "-")
            parent = None if named is None else named.id
            told.append(Concept(id=f"{parent or 'kind'}/{slug}", name=called, kind="kind", parent=parent, **seen))
        elif named is not None:
            parent = named.parent
            while parent is not None and parent not in kept:
                parent = above[parent]
            told.append(replace(named, parent=parent, **seen))
    parents = {concept.id: concept.parent for concept in told}
    bears_IC = vocabulary.bears[:, names_C[~kinds_C]] > 0
    return Vocabulary(
        concepts=tuple(replace(concept, level=_depth(concept.id, parents)) for concept in told),
        activations=activations_IC,
        borne=sp.hstack([bears_IC, activations_IC[:, np.flatnonzero(kinds_C)] > 0], format="csr").astype(np.float32),
    )


def _depth(concept: str, parents: Mapping[str, str | None]) -> int:
    parent = parents[concept]
    return 0 if parent is None else 1 + _depth(parent, parents)


def _name(
    words_RV: sp.csc_array, weights_R: DoubleArray, q_V: DoubleArray, words: Sequence[str], parent: str, taken: set[str]
) -> str:
    """Words that set a kind of R items apart, that its name's other kinds are not called yet."""
    chosen: list[str] = []
    said = set(key(parent).split())
    total, left = max(float(weights_R.sum()), 1e-12), weights_R.copy()
    while len(chosen) < MOST_WORDS:
        p_V = np.asarray(left @ words_RV).ravel() / max(float(left.sum()), 1e-12)
        ranked = (v for v in _ranked(p_V, q_V) if said.isdisjoint(key(words[v]).split()))
        best = next(ranked, None)
        if best is None:
            break
        chosen.append(words[best])
        said |= set(key(words[best]).split())
        left[_column(words_RV, best)[0]] = 0.0
        enough = len(chosen) > 1 or 1 - left.sum() / total >= SURE
        if left.sum() <= 0 or (enough and SEPARATOR.join(chosen) not in taken):
            break
    plain = name = SEPARATOR.join(chosen) or parent
    n = 2
    while name in taken or name == parent:
        name, n = f"{plain} ({n})", n + 1
    taken.add(name)
    return name


def _ranked(p_V: DoubleArray, q_V: DoubleArray) -> list[int]:
    """The first words by how much they say of a kind and not of others, those that say anything."""
    p, q = np.clip(p_V, 1e-9, 1 - 1e-9), np.clip(q_V, 1e-9, 1 - 1e-9)
    gain = np.where(p > q, p * (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))), 0.0)
    best = np.argsort(-gain, kind="stable")[:50]
    return [int(v) for v in best if gain[v] > 0]


def _column(matrix: sp.csc_array, c: int) -> tuple[RowArray, AnyArray]:
    """Rows and values of a column."""
    span = slice(matrix.indptr[c], matrix.indptr[c + 1])
    return matrix.indices[span], matrix.data[span]

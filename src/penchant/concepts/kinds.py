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
    catalogue = Catalogue(items=items, min_items=2)
    terms = catalogue.terms()
    words = [*terms.names, *(concept.name for concept in vocabulary.concepts)]
    table = sp.hstack([terms.counts > 0, vocabulary.activations > 0], format="csr").astype(np.float64)
    return name_kinds(vocabulary, names_C, kinds_C, activations_IC, table, words)


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
    name. The words are ranked by ``p ln(p/q) + (1 − p) ln((1 − p)/(1 − q))`` where p > q: what is said of the kind and
    not of the others (Dunning 1993).
    """
    activations, borne = activations_IC.tocsc(), vocabulary.bears.tocsc()
    kept = {vocabulary.concepts[c].id for c in names_C[~kinds_C].tolist()}
    above = {concept.id: concept.parent for concept in vocabulary.concepts}
    mass = (activations_IC.T.tocsr() @ words_IV).tocsr()
    sums = np.maximum(np.asarray(activations_IC.sum(axis=0)).ravel(), 1e-12)
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
            called = _name(mass[[c]].toarray()[0] / sums[c], base, words, above_it, taken.setdefault(above_it, set()))
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


def _name(p_V: DoubleArray, q_V: DoubleArray, words: Sequence[str], parent: str, taken: set[str]) -> str:
    """Words that set a kind apart, that its name's other kinds are not called yet."""
    p, q = np.clip(p_V, 1e-9, 1 - 1e-9), np.clip(q_V, 1e-9, 1 - 1e-9)
    gain = np.where(p > q, p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)), 0.0)
    ranked = [v for v in np.argsort(-gain, kind="stable")[:50].tolist() if gain[v] > 0]
    chosen: list[str] = []
    for v in ranked:
        word = words[v]
        parts = set(key(word).split())
        if parts & {part for other in (parent, *chosen) for part in key(other).split()}:
            continue
        chosen.append(word)
        enough = p_V[v] >= SURE or len(chosen) > 1
        if enough and SEPARATOR.join(chosen) not in taken:
            break
        if len(chosen) == 3:
            break
    plain = name = SEPARATOR.join(chosen) or parent
    n = 2
    while name in taken or name == parent:
        name, n = f"{plain} ({n})", n + 1
    taken.add(name)
    return name


def _column(matrix: sp.csc_array, c: int) -> tuple[RowArray, AnyArray]:
    """Rows and values of a column."""
    span = slice(matrix.indptr[c], matrix.indptr[c + 1])
    return matrix.indices[span], matrix.data[span]

"""Candidates and facts of small catalogues, and what is said of a list."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from hypothesis import strategies as st

from penchant.data.dataset import Table
from penchant.interfaces import Candidates, ItemFacts, Reranker
from penchant.reranking.catalogue import RERANKERS
from penchant.reranking.choosing import Reranked, rerank
from penchant.reranking.rules import Constraints, Rules, constraints
from penchant.reranking.selectors import Selectors
from penchant.types import AnyArray

KINDS = ("a", "b", "c")


def candidates_of(scores: Any, *, history: Any = (), items: Any = None) -> Candidates:
    n = len(scores)
    rows = np.arange(n) if items is None else items
    return Candidates(
        items=np.asarray(rows, dtype=np.int32),
        scores=np.asarray(scores, dtype=np.float64),
        ties=np.arange(n, dtype=np.int32),
        history=np.asarray(history, dtype=np.int32),
    )


def facts_of(*, vectors: Any = None, labels: Any = None, counts: Any = None, n_users: int = 100) -> ItemFacts:
    n = len(next(one for one in (vectors, labels, counts) if one is not None))
    return ItemFacts(
        counts=np.zeros(n, dtype=np.int64) if counts is None else np.asarray(counts, dtype=np.int64),
        n_users=n_users,
        vectors=None if vectors is None else np.asarray(vectors, dtype=np.float32),
        labels=None if labels is None else sp.csr_array(np.asarray(labels, dtype=np.float64)),
    )


def listed(reranker: Reranker | None, candidates: Candidates, facts: ItemFacts, k: int, **rules: Any) -> Reranked:
    """A list under rules on a catalogue of items i0, i1, … of the kinds a, b, c, a, …"""
    n = len(facts.counts)
    selectors = Selectors(catalogue(n))
    made = constraints(Rules.of({"seen": "include", **rules}), selectors, n, k=k, history_L=candidates.history)
    return rerank(candidates, k, made, facts=facts, reranker=reranker)


def catalogue(n: int) -> Table:
    kinds = np.array([KINDS[i % 3] for i in range(n)], dtype=object)
    return Table(tuple(f"i{i}" for i in range(n)), {"kind": kinds})


def free(candidates: Candidates, facts: ItemFacts, name: str, k: int, weight: float) -> Reranked:
    """A list without rules."""
    reranker = RERANKERS.build(name, {"weight": weight})
    return rerank(candidates, k, Constraints.none(len(facts.counts)), facts=facts, reranker=reranker)


def diversity(vectors: AnyArray, rows: Any) -> float:
    """One minus the mean cosine of the list's pairs."""
    units = vectors[rows] / np.linalg.norm(vectors[rows], axis=1, keepdims=True)
    cosines = units @ units.T
    n = len(rows)
    return float(1.0 - (cosines.sum() - n) / max(n * (n - 1), 1))


def volume(vectors: AnyArray, rows: Any) -> float:
    """``log det S`` of the list's items, ``S = (1 + cos) / 2``."""
    units = vectors[rows] / np.linalg.norm(vectors[rows], axis=1, keepdims=True)
    return float(np.linalg.slogdet((1 + units @ units.T) / 2)[1])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Candidates, ItemFacts]:
    """Candidates with scores, equal ones among them, vectors with copies and zeros, labels, counts and a history."""
    n = draw(st.integers(1, 24))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scores = np.round(rng.normal(size=n), draw(st.sampled_from([0, 1, 6])))
    vectors = rng.normal(size=(n, 4)).astype(np.float32)
    vectors[rng.random(n) < 0.2] = vectors[0]
    vectors[rng.random(n) < 0.1] = 0.0
    labels = rng.random((n, 5)) * (rng.random((n, 5)) < 0.4)
    history = rng.integers(n, size=draw(st.integers(0, 6)))
    facts = facts_of(vectors=vectors, labels=labels, counts=rng.integers(0, 100, size=n))
    return candidates_of(scores, history=history), facts

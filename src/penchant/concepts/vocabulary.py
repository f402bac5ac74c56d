"""Concepts from the catalogue's own words: tags, genres, categories, makers, or key phrases where those are missing."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.concepts.phrases import key_phrases
from penchant.config import Config
from penchant.data.dataset import Table
from penchant.types import ObjectArray


class VocabularyConfig(Config):
    """Which words become concepts."""

    columns: tuple[str, ...] | None = None
    """Attribute columns to read; None: every list of texts, and every text column whose values repeat."""
    min_items: int = Field(default=5, ge=2)
    """A concept must be on this many items: none is named after one item."""
    max_share: float = Field(default=0.4, gt=0, le=1)
    """A word on a larger share of the catalogue tells nothing and is dropped."""
    max_per_item: int = Field(default=8, ge=1)
    max_concepts: int = Field(default=2048, ge=1)
    phrase_coverage: float = Field(default=0.7, ge=0, le=1)
    """Key phrases of titles are added where attributes give concepts to a smaller share of items than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """A named direction of interest."""

    id: str
    name: str
    kind: str
    """The column its name comes from (such as ``genres``, ``brand``), or ``phrase``."""
    parent: str | None
    """Id of the broader concept that covers most of its items, or None."""
    items: int
    """How many items activate it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """C concepts and the items that activate them."""

    concepts: tuple[Concept, ...]
    activations: sp.csr_array
    """a, (I, C) float32, non-negative, at most `max_per_item` an item; a row's squares sum to 1 (or it is empty)."""

    def row(self, concept_id: str) -> int:
        """The column of a concept in `activations`, −1 where it is unknown."""
        return next((c for c, concept in enumerate(self.concepts) if concept.id == concept_id), -1)


IGNORED = frozenset(
    {"title", "original_title", "text", "description", "item_type", "url", "image", "asin", "keywords", "language"}
)
PARENT_SHARE = 0.8


def build_vocabulary(items: Table, config: VocabularyConfig | None = None) -> Vocabulary:
    """Read the concepts of a catalogue.

    Each item keeps its `max_per_item` rarest concepts; a_ic = 1/√(concepts kept of i). Values that differ only in case,
    hyphens or spaces are one concept. The parent of c is the smallest concept of the same kind that covers at least
    80 % of c's items and at least three times as many items.
    """
    config = config or VocabularyConfig()
    found: dict[tuple[str, str], list[int]] = {}
    spelling: dict[tuple[str, str], Counter[str]] = {}
    covered = np.zeros(len(items), dtype=bool)

    def add(kind: str, row: int, value: str) -> None:
        key = (kind, _key(value))
        if not key[1]:
            return
        rows = found.setdefault(key, [])
        if not rows or rows[-1] != row:
            rows.append(row)
        spelling.setdefault(key, Counter())[value.strip()] += 1

    for kind in config.columns if config.columns is not None else _telling_columns(items.columns):
        for row, value in enumerate(items.columns[kind]):
            for text in _texts(value):
                add(kind, row, text)
    kept = _supported(found, len(items), config)
    for rows in kept.values():
        covered[rows] = True
    if len(items) and covered.mean() < config.phrase_coverage:
        titles = [str(t or "") for t in items.columns.get("title", np.full(len(items), None, dtype=object))]
        for row, phrases in enumerate(key_phrases(titles, min_items=config.min_items)):
            for phrase in phrases:
                add("phrase", row, phrase)
        kept = _supported(found, len(items), config)
    return _assemble(kept, spelling, len(items), config)


def _telling_columns(columns: Mapping[str, ObjectArray]) -> Iterator[str]:
    """Lists of texts, and text columns where an average value is on more than one item."""
    for name, values in columns.items():
        present = [v for v in values if v is not None]
        if name in IGNORED or not present:
            continue
        if all(isinstance(v, (list, tuple, np.ndarray)) for v in present):
            if any(isinstance(t, str) for v in present[:100] for t in v):
                yield name
        elif all(isinstance(v, str) for v in present) and len(set(present)) <= len(present) / 2:
            yield name


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif value is not None and not isinstance(value, (int, float)):
        yield from (v for v in value if isinstance(v, str))


def _key(value: str) -> str:
    return re.sub(r"[\s_-]+", " ", value).strip().casefold()


def _supported(
    found: Mapping[tuple[str, str], list[int]], n_items: int, config: VocabularyConfig
) -> dict[tuple[str, str], list[int]]:
    """Concepts within the support limits, most items first; of one spelling under several columns the largest."""
    best: dict[str, tuple[str, str]] = {}
    for key, rows in sorted(found.items(), key=lambda entry: (-len(entry[1]), entry[0])):
        if config.min_items <= len(rows) <= max(config.max_share * n_items, config.min_items):
            best.setdefault(key[1], key)
    return {key: found[key] for key in list(best.values())[: config.max_concepts]}


def _assemble(
    kept: Mapping[tuple[str, str], list[int]],
    spelling: Mapping[tuple[str, str], Counter[str]],
    n_items: int,
    config: VocabularyConfig,
) -> Vocabulary:
    keys = list(kept)
    sizes = np.array([len(kept[key]) for key in keys], dtype=np.int64)
    of_item: list[list[int]] = [[] for _ in range(n_items)]
    for c, key in enumerate(keys):
        for row in kept[key]:
            of_item[row].append(c)
    rows, columns, values = [], [], []
    for row, mine in enumerate(of_item):
        chosen = sorted(mine, key=lambda c: (sizes[c], c))[: config.max_per_item]
        rows += [row] * len(chosen)
        columns += chosen
        values += [max(len(chosen), 1) ** -0.5] * len(chosen)
    activations = sp.coo_array(
        (np.array(values, dtype=np.float32), (np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64))),
        shape=(n_items, len(keys)),
    ).tocsr()
    ids = [f"{kind}:{key.replace(' ', '-')}" for kind, key in keys]
    parents = _parents(keys, kept)
    active = np.diff(activations.tocsc().indptr)
    concepts = tuple(
        Concept(
            id=ids[c],
            name=spelling[key].most_common(1)[0][0],
            kind=key[0],
            parent=None if parents[c] < 0 else ids[parents[c]],
            items=int(active[c]),
        )
        for c, key in enumerate(keys)
    )
    return Vocabulary(concepts=concepts, activations=activations)


def _parents(keys: Sequence[tuple[str, str]], kept: Mapping[tuple[str, str], list[int]]) -> list[int]:
    if not keys:
        return []
    n_items = 1 + max(max(rows) for rows in kept.values())
    on = sp.csc_array(
        (
            np.ones(sum(len(r) for r in kept.values()), dtype=np.int32),
            (np.concatenate([kept[k] for k in keys]), np.repeat(np.arange(len(keys)), [len(kept[k]) for k in keys])),
        ),
        shape=(n_items, len(keys)),
    )
    together = (on.T @ on).tocsr()
    sizes = together.diagonal()
    parents = []
    for c, (kind, _) in enumerate(keys):
        span = slice(together.indptr[c], together.indptr[c + 1])
        broader = [
            (sizes[p], p)
            for p, n in zip(together.indices[span], together.data[span], strict=True)
            if p != c and keys[p][0] == kind and n >= PARENT_SHARE * sizes[c] and sizes[p] >= 3 * sizes[c]
        ]
        parents.append(int(min(broader)[1]) if broader else -1)
    return parents

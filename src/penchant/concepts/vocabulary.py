"""The concepts of a catalogue, named in its own words, and the items that activate them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field, model_validator

from penchant.concepts.hierarchy import (
    HierarchyConfig,
    climbed,
    groups,
    known_parents,
    levels,
    under_groups,
    with_parents,
)
from penchant.concepts.leading import leading_of
from penchant.concepts.merging import MergingConfig, merge, same_key
from penchant.concepts.proposals import Catalogue, ConceptSource, Proposal
from penchant.concepts.purity import TextSpace, text_space
from penchant.concepts.selection import select
from penchant.concepts.sources.catalogue import SOURCES
from penchant.config import Config
from penchant.data.dataset import Table
from penchant.errors import DataError
from penchant.interfaces import Encoder
from penchant.progress import SILENT, Progress
from penchant.types import DoubleArray, FloatArray, IntArray

CONSIDERED = 4
"""Names that are compared with each other, the largest first, for each concept there is room for."""
MAIN = 2
"""Concepts that an item is mainly about."""
ENOUGH_PHRASES = 50
"""Phrases of which the median purity means something."""


class VocabularyConfig(Config):
    """Where names come from, and which become concepts."""

    sources: tuple[str, ...] | None = None
    """Concept sources, see `penchant.concepts.sources.catalogue`. None: ``attributes``, and ``phrases`` where those
    fill few places (`phrase_coverage`)."""
    settings: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    """Source → its settings, such as ``{"taxonomy": {"path": "tree.csv"}}``."""
    columns: tuple[str, ...] | None = None
    """Attribute columns to read; None: every list of texts, and every text column whose values repeat."""
    min_items: int | None = Field(default=None, ge=2)
    """A concept must be on this many items: none is named after one. None: 10, and 5 below 1,000 items."""
    max_share: float = Field(default=0.4, gt=0, le=1)
    """A word on a larger share of the catalogue tells nothing and is dropped."""
    max_per_item: int = Field(default=8, ge=1)
    max_concepts: int = Field(default=2048, ge=1)
    items_per_concept: float = Field(default=5.0, ge=1)
    """There are at most items / this many concepts (and at least one)."""
    phrase_coverage: float = Field(default=0.7, ge=0, le=1)
    """Key phrases are added where attributes give a concept to a smaller share of items than this, or fill a smaller
    share of the places (`max_per_item` an item) and texts describe items (`Catalogue.titles_describe`)."""
    min_purity: float = Field(default=0.02, ge=-1, le=1)
    """A phrase whose items are less alike than this (`TextSpace.purity`) is no subject and is dropped; ..."""
    min_relative_purity: float = Field(default=0.25, ge=0, le=1)
    """... and so is one below this share of the median phrase's purity, where there are 50 or more: how alike texts are
    differs by language model and catalogue. Names from attributes and given names always stand."""
    examples: int = Field(default=5, ge=0)
    """Most typical items kept for each concept."""
    merging: MergingConfig = MergingConfig()
    hierarchy: HierarchyConfig = HierarchyConfig()

    @model_validator(mode="after")
    def _known(self) -> Self:
        asked = ("attributes", "phrases") if self.sources is None else self.sources
        if len(set(asked)) < len(asked):
            raise ValueError("a source is named twice")
        if stray := sorted(set(self.settings) - set(asked)):
            raise ValueError(f"settings for {', '.join(stray)}, which sources does not name")
        for name in asked:
            self.build(name)
        return self

    def build(self, source: str) -> ConceptSource:
        """A source with its settings."""
        settings = dict(self.settings.get(source, {}))
        if source == "attributes" and self.columns is not None:
            settings.setdefault("columns", self.columns)
        return SOURCES.build(source, settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """A named direction of interest."""

    id: str
    """Kind and name, such as ``genres:science-fiction``: the same for the same catalogue and settings."""
    name: str
    kind: str
    """The column its name comes from (such as ``genres``, ``brand``), or ``phrase``, ``topic``, ``taxonomy``, ``name``
    (of a given list), or ``group`` (of concepts alike)."""
    parent: str | None
    """Id of the broader concept, or None."""
    items: int
    """How many items activate it."""
    level: int = 0
    """How many concepts are above it."""
    examples: tuple[int, ...] = ()
    """Rows of items that activate it, those most like the others first."""
    purity: float | None = None
    """How alike its items' texts are: 1 the same, 0 no more than items at random (`TextSpace.purity`)."""
    aliases: tuple[str, ...] = ()
    """Other names for it."""
    words: tuple[str, ...] = ()
    """The heaviest words of a topic, the members of a group."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """C concepts and the items that activate them."""

    concepts: tuple[Concept, ...]
    activations: sp.csr_array
    """a, (I, C) float32, non-negative, at most `max_per_item` an item; a row's squares sum to 1 (or it is empty), until
    a dictionary places the concepts by what ranks (`penchant.concepts.kinds`)."""
    borne: sp.csr_array | None = None
    """(I, C) above 0 where an item is of a concept, though that may not move its place; None: where it activates it."""

    @property
    def bears(self) -> sp.csr_array:
        """(I, C) above 0 where an item is of a concept."""
        return self.activations if self.borne is None else self.borne

    @cached_property
    def touches(self) -> sp.csr_array:
        """(I, C) float32, 1 where an item activates a concept."""
        return sp.csr_array((self.activations > 0).astype(np.float32))

    @cached_property
    def mainly(self) -> sp.csr_array:
        """(I, C) float32, 1 for the `MAIN` concepts that an item activates most: what it is mainly about."""
        rows = np.repeat(np.arange(self.activations.shape[0]), np.diff(self.activations.indptr))
        order = np.lexsort((-self.activations.data, rows))
        place = np.arange(len(rows)) - self.activations.indptr[:-1][rows[order]]
        kept = order[(place < MAIN) & (self.activations.data[order] > 0)]
        entries = np.ones(len(kept), dtype=np.float32), (rows[kept], self.activations.indices[kept])
        return sp.csr_array(sp.coo_array(entries, shape=self.activations.shape))

    @cached_property
    def leading(self) -> sp.csr_array:
        """(I, C) float32, 1 for the concepts that lead an item, see `leading_of`."""
        return leading_of(self.activations)

    @cached_property
    def leading_by_concept(self) -> sp.csc_array:
        """The same by columns: the items that a concept leads."""
        return self.leading.tocsc()

    @cached_property
    def family(self) -> tuple[IntArray, ...]:
        """For each concept its column and those of all concepts below it."""
        place = {concept.id: c for c, concept in enumerate(self.concepts)}
        below: list[list[int]] = [[c] for c in range(len(self.concepts))]
        for c, concept in enumerate(self.concepts):
            parent = concept.parent
            while parent is not None and parent in place:
                below[place[parent]].append(c)
                parent = self.concepts[place[parent]].parent
        return tuple(np.array(members, dtype=np.int64) for members in below)

    def row(self, concept_id: str) -> int:
        """The column of a concept in `activations`, −1 where it is unknown."""
        return next((c for c, concept in enumerate(self.concepts) if concept.id == concept_id), -1)


def build_vocabulary(
    items: Table,
    config: VocabularyConfig | None = None,
    *,
    encoder: Encoder | None = None,
    item_vectors: FloatArray | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Vocabulary:
    """Name what the items of a catalogue are about.

    Sources propose names (`sources/`); names that mean one thing become one (`merging`); those on too few or too many
    items, and phrases whose items have nothing in common, are dropped; the largest that fit are kept and arranged
    (`hierarchy`); each item keeps its most telling ones (`selection`). `encoder` reads names in the space of
    `item_vectors` (I, D), the items' texts; without, names are merged by spelling and items alone, and concepts that
    stand alone are not grouped. The same input, settings and seed give the same vocabulary.

    Raises `UnsupportedError` where a source needs the encoder, `MissingExtraError` where texts are in Chinese and jieba
    is not installed, `DataError` where vectors are not one an item, and what the sources raise for files and columns.
    """
    config = config or VocabularyConfig()
    n_items = len(items)
    if item_vectors is not None and len(item_vectors) != n_items:
        raise DataError(f"{len(item_vectors)} item vectors came for {n_items} items.", hint="Give one for each item.")
    min_items = config.min_items or (10 if n_items >= 1000 else 5)
    catalogue = Catalogue(
        items=items,
        min_items=min_items,
        max_share=config.max_share,
        vectors=item_vectors,
        encoder=encoder,
        seed=seed,
        progress=progress,
    )
    most = max(config.max_share * n_items, min_items)

    def supported(proposals: Sequence[Proposal], least: int) -> list[Proposal]:
        return [proposal for proposal in proposals if least <= len(proposal.rows) <= most]

    asked = config.sources if config.sources is not None else ("attributes",)
    proposals = [p for name in asked for p in config.build(name).propose(catalogue)]
    if config.sources is None and _phrases_wanted(supported(proposals, min_items), catalogue, config):
        proposals += config.build("phrases").propose(catalogue)
    everything = [proposal for proposal in proposals if proposal.parent is not None]
    proposals = supported(same_key(supported(proposals, (min_items + 1) // 2), config.merging), 1)
    limit = max(min(config.max_concepts, int(n_items / config.items_per_concept)), 1)
    proposals = sorted(proposals, key=_size_first)[: CONSIDERED * limit]
    names = [proposal.name for proposal in proposals]
    name_vectors = encoder.encode(names, progress=progress) if encoder is not None and names else None
    proposals = supported(merge(proposals, name_vectors, config.merging), min_items)
    space = text_space(catalogue, proposals)
    proposals = _subjects(proposals, space, config)
    proposals = sorted(proposals, key=_size_first)
    proposals = with_parents(known_parents(proposals[:limit], everything), config.hierarchy)
    if config.hierarchy.groups and name_vectors is not None:
        vector_of = dict(zip(names, name_vectors, strict=True))
        proposals = _grouped(proposals, vector_of, space, config, most=most, limit=limit)
    kept, activations = select(proposals, n_items, max_per_item=config.max_per_item, min_items=min_items)
    proposals = climbed(proposals, {p.key for p, keep in zip(proposals, kept, strict=True) if keep})
    return _told(proposals, activations, space, config)


def _size_first(proposal: Proposal) -> tuple[bool, int, tuple[str, str]]:
    """What a person gave comes first, then what is on most items."""
    return not proposal.given, -len(proposal.rows), proposal.key


def _phrases_wanted(proposals: Sequence[Proposal], catalogue: Catalogue, config: VocabularyConfig) -> bool:
    """Whether attributes leave items, or places of items that texts could fill, without a concept."""
    if not len(catalogue.items):
        return False
    once = same_key(proposals, config.merging)
    rows = np.concatenate([np.zeros(0, dtype=np.int64), *(p.rows for p in once)])
    counts = np.bincount(rows, minlength=len(catalogue.items))
    if (counts > 0).mean() < config.phrase_coverage:
        return True
    filled = np.minimum(counts, config.max_per_item).mean() / config.max_per_item
    return bool(filled < config.phrase_coverage) and (catalogue.has_descriptions or catalogue.titles_describe)


def _subjects(proposals: Sequence[Proposal], space: TextSpace, config: VocabularyConfig) -> list[Proposal]:
    """The proposals without phrases whose items have too little in common; without texts, nothing can be said."""
    phrases = [p for p in proposals if p.breadth == 2 and not p.given]
    purity = {p.key: told for p in phrases if (told := space.purity(p.rows, p.name)) is not None}
    least = config.min_purity
    if len(purity) >= ENOUGH_PHRASES:
        least = max(least, config.min_relative_purity * float(np.median(list(purity.values()))))
    return [p for p in proposals if purity.get(p.key, least) >= least]


def _grouped(
    proposals: list[Proposal],
    vector_of: Mapping[str, FloatArray],
    space: TextSpace,
    config: VocabularyConfig,
    *,
    most: float,
    limit: int,
) -> list[Proposal]:
    """The proposals under groups where they stood alone; where there is no room for a group, the smallest make it."""
    if not proposals:
        return proposals
    vectors = _unit(np.stack([vector_of[p.name] + space.centroid(p.rows) for p in proposals]))
    found = groups(proposals, vectors, config.hierarchy, most_items=most)
    while found and len(proposals) + len(found) > limit:
        smallest = min(range(len(proposals)), key=lambda p: (proposals[p].given, len(proposals[p].rows), -p))
        del proposals[smallest]
        vectors = np.delete(vectors, smallest, axis=0)
        if len(proposals) + len(found) <= limit:
            proposals = climbed(proposals, {proposal.key for proposal in proposals})
            found = groups(proposals, vectors, config.hierarchy, most_items=most)
    return under_groups(proposals, found)


def _unit(vectors: DoubleArray) -> DoubleArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def _told(
    proposals: Sequence[Proposal], activations: sp.csr_array, space: TextSpace, config: VocabularyConfig
) -> Vocabulary:
    by_concept = activations.tocsc()
    ids = {proposal.key: proposal.id for proposal in proposals}
    level = levels({proposal.key: proposal.parent for proposal in proposals})
    concepts = []
    for c, proposal in enumerate(proposals):
        span = slice(by_concept.indptr[c], by_concept.indptr[c + 1])
        rows = by_concept.indices[span].astype(np.int64)
        purity = space.purity(rows, proposal.name)
        concepts.append(
            Concept(
                id=proposal.id,
                name=proposal.name,
                kind=proposal.kind,
                parent=None if proposal.parent is None else ids[proposal.parent],
                items=len(rows),
                level=level[proposal.key],
                examples=tuple(space.typical(rows, by_concept.data[span], config.examples).tolist()),
                purity=None if purity is None else round(purity, 4),
                aliases=proposal.aliases,
                words=proposal.words,
            )
        )
    return Vocabulary(concepts=tuple(concepts), activations=activations)

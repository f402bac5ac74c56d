"""Concepts as a person reads them: one by one, as a user's vector with named axes, as lists at each level."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import scipy.sparse as sp

from penchant.concepts.similarity import concept_cosines
from penchant.concepts.vocabulary import Concept
from penchant.data.polarity import consumption
from penchant.errors import ConfigError, NotFoundError
from penchant.pipeline.live import Live
from penchant.pipeline.profiles import read_profile
from penchant.pipeline.standing import Catalogue
from penchant.records import Interest, ItemSummary, RecommendedItem, SimilarItem
from penchant.types import DoubleArray, IntArray

Level = Literal["broad", "fine"]
LEVELS: tuple[Level, ...] = ("broad", "fine")
HOLDS = 0.4
"""Standard deviations above the average user from which somebody who had an item of a concept holds it: what profiles
call "moderate"."""
EVENTS_AT_ONCE = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptName:
    """A concept by id and name."""

    concept_id: str
    concept: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptView:
    """A concept with its place, its items and who holds it."""

    concept_id: str
    concept: str
    kind: str
    """Where its name comes from: a column of the catalogue, or ``phrase``, ``topic``, ``taxonomy``, ``group``."""
    depth: int
    """How many concepts are above it."""
    broad: bool
    """Nothing is above it."""
    fine: bool
    """Nothing is below it; a concept that stands alone is broad and fine."""
    parent: ConceptName | None
    children: tuple[ConceptName, ...]
    examples: tuple[ItemSummary, ...]
    size: int
    """How many items activate it."""
    purity: float | None
    """How alike its items' texts are, 1 the same, 0 no more than at random; None where nothing was measured."""
    users: int
    """How many users of the fitted data hold it: they had an item of it, and lean to it by `HOLDS` or more."""
    aliases: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One named axis of a user's vector."""

    concept_id: str
    concept: str
    value: float
    """Strength in standard deviations over users; for a broad concept that furthest from 0 of all below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptVector:
    """A user's interests as a sparse vector with named axes: 0 on every axis that is not told."""

    user_id: str
    level: Level | None
    concepts: int
    """How many axes there are."""
    sparsity: float
    """The share of axes that are 0."""
    axes: tuple[Axis, ...]
    """Those that are not 0, the largest first: concepts that the user's events touch or that he edited."""
    nearest: tuple[SimilarItem, ...]
    """Items by the cosine of their concepts with the vector, those he knows left out."""
    cold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptList:
    """A list of items for one of a user's interests at a level."""

    concept_id: str
    concept: str
    interests: tuple[Interest, ...]
    """The interests of the profile that it holds: itself, and those below it."""
    items: tuple[RecommendedItem, ...]
    """Its best items for the user by the whole score; `rank` is the place among all items."""


@dataclass(frozen=True)
class Concepts:
    """The vocabulary of a model in use, and what users make of it."""

    live: Live

    def find(self, query: str = "", *, level: str | None = None, limit: int = 50) -> tuple[ConceptView, ...]:
        """Concepts whose name, other names or words hold every word of the query, the exact name first, then names that
        begin with it, then those on most items; all of a level where one is named. `ConfigError` for another level.
        """
        wanted, concepts = query.strip().casefold(), self.live.fitted.vocabulary.concepts
        columns = self._of_level(_level(level))
        found = []
        for c in columns:
            names = [concepts[c].name.casefold(), *(name.casefold() for name in concepts[c].aliases)]
            text = "\n".join([*names, *(word.casefold() for word in concepts[c].words)])
            if all(word in text for word in wanted.split()):
                starts = any(name.startswith(wanted) for name in names)
                found.append((wanted not in names, not starts, -concepts[c].items, names[0], c))
        return tuple(self._view(c) for *_, c in sorted(found)[:limit])

    def one(self, concept_id: str) -> ConceptView:
        """One concept. `NotFoundError`."""
        column = self.live.fitted.vocabulary.row(concept_id)
        if column < 0:
            raise NotFoundError(f"No concept is called {concept_id!r}.", hint="Search the concepts by a word.")
        return self._view(column)

    def vector(self, user_id: str, *, level: str | None = None, nearest: int = 10) -> ConceptVector:
        """A user's interests with named axes; those of one level where it is named. A stranger's has none."""
        chosen, fitted = _level(level), self.live.fitted
        catalogue = Catalogue.of(self.live, user_id)
        strengths = self._strengths(catalogue, user_id)
        cosines = concept_cosines(fitted.vocabulary.activations, strengths)
        columns = self._of_level(chosen)
        if chosen == "broad":
            family = fitted.vocabulary.family
            values = {c: float(max(strengths[family[c]], key=abs)) for c in columns}
        else:
            values = {c: float(strengths[c]) for c in columns}
        told = sorted((c for c in columns if values[c]), key=lambda c: (-values[c], c))
        known = set(catalogue.raw.items.tolist())
        order = np.lexsort((self.live.ties, -cosines))
        near = [int(i) for i in order[: nearest + len(known)] if cosines[i] > 0 and int(i) not in known][:nearest]
        concepts = fitted.vocabulary.concepts
        return ConceptVector(
            user_id=user_id,
            level=chosen,
            concepts=len(columns),
            sparsity=1.0 - len(told) / max(len(columns), 1),
            axes=tuple(Axis(concept_id=concepts[c].id, concept=concepts[c].name, value=values[c]) for c in told),
            nearest=tuple(
                SimilarItem(
                    item_id=fitted.dataset.items.ids[i],
                    title=fitted.dataset.title(i),
                    similarity=float(cosines[i]),
                    shared=tuple(concepts[c].name for c in self._activated(i) if strengths[c] > 0),
                )
                for i in near
            ),
            cold=not told,
        )

    def lists(self, user_id: str, *, level: str = "broad", k: int = 5, limit: int = 6) -> tuple[ConceptList, ...]:
        """A list of items for each of a user's interests at a level, the strongest interest first; an item stands in
        the first list it belongs to. None for a stranger.
        """
        chosen, vocabulary = _level(level), self.live.fitted.vocabulary
        profile = read_profile(self.live, user_id, as_of=None, limit=max(12, 4 * limit))
        heads: dict[int, list[Interest]] = {}
        for interest in profile.interests:
            if interest.strength > 0 and not interest.muted:
                column = vocabulary.row(interest.concept_id)
                head = self._root(column) if chosen == "broad" else column
                if chosen == "broad" or not self._children[column]:
                    heads.setdefault(head, []).append(interest)
        catalogue = Catalogue.of(self.live, user_id)
        left = ~self.live.excluded(catalogue.raw, self.live.edits(user_id))
        left[catalogue.history.items] = False
        order = np.lexsort((self.live.ties, -np.where(left, catalogue.scores, -np.inf)))[: int(left.sum())]
        found = []
        for head, interests in list(heads.items())[:limit]:
            bears = np.asarray(vocabulary.bears[:, vocabulary.family[head]].sum(axis=1)).ravel() > 0
            ranks = np.flatnonzero(bears[order] & left[order])[:k]
            left[order[ranks]] = False
            concept = vocabulary.concepts[head]
            items = self._items(catalogue, order[ranks].astype(np.int64), ranks + 1)
            found.append(
                ConceptList(concept_id=concept.id, concept=concept.name, interests=tuple(interests), items=items)
            )
        return tuple(found)

    def _items(self, catalogue: Catalogue, rows: IntArray, ranks: IntArray) -> tuple[RecommendedItem, ...]:
        dataset = self.live.fitted.dataset
        return tuple(
            RecommendedItem(
                item_id=dataset.items.ids[row], title=dataset.title(row), rank=rank, score=score, other=score
            )
            for row, rank, score in zip(rows.tolist(), ranks.tolist(), catalogue.exact(rows).tolist(), strict=True)
        )

    def _strengths(self, catalogue: Catalogue, user_id: str) -> DoubleArray:
        """(C,) as in the profile, 0 where no event of the user touches the concept and he said nothing of it."""
        fitted = self.live.fitted
        told = np.zeros(len(fitted.vocabulary.concepts), dtype=np.bool_)
        told[sorted(self.live.edits(user_id).columns)] = True
        touched = fitted.vocabulary.activations[catalogue.raw.items] > 0
        told |= np.asarray(touched.sum(axis=0)).ravel() > 0
        read = self.live.strengths(user_id, catalogue.history, as_of=(None,))[0]
        return np.where(told, read + catalogue.correction + catalogue.edits, 0.0)

    def _view(self, c: int) -> ConceptView:
        concepts, dataset = self.live.fitted.vocabulary.concepts, self.live.fitted.dataset
        concept = concepts[c]
        parent = self._place.get(concept.parent) if concept.parent is not None else None
        return ConceptView(
            concept_id=concept.id,
            concept=concept.name,
            kind=concept.kind,
            depth=concept.level,
            broad=concept.parent is None,
            fine=not self._children[c],
            parent=None if parent is None else _named(concepts[parent]),
            children=tuple(_named(concepts[child]) for child in self._children[c]),
            examples=tuple(
                ItemSummary(item_id=dataset.items.ids[row], title=dataset.title(row), events=int(self.live.counts[row]))
                for row in concept.examples
            ),
            size=concept.items,
            purity=concept.purity,
            users=int(self._holders[c]),
            aliases=concept.aliases,
            words=concept.words,
        )

    def _of_level(self, level: Level | None) -> list[int]:
        concepts = self.live.fitted.vocabulary.concepts
        if level == "broad":
            return [c for c, concept in enumerate(concepts) if concept.parent is None]
        if level == "fine":
            return [c for c in range(len(concepts)) if not self._children[c]]
        return list(range(len(concepts)))

    def _root(self, c: int) -> int:
        concepts = self.live.fitted.vocabulary.concepts
        while (parent := concepts[c].parent) is not None and parent in self._place:
            c = self._place[parent]
        return c

    def _activated(self, item: int) -> Sequence[int]:
        activations = self.live.fitted.vocabulary.activations
        columns: list[int] = activations.indices[activations.indptr[item] : activations.indptr[item + 1]].tolist()
        return columns

    @cached_property
    def _place(self) -> dict[str, int]:
        return {concept.id: c for c, concept in enumerate(self.live.fitted.vocabulary.concepts)}

    @cached_property
    def _children(self) -> list[list[int]]:
        concepts = self.live.fitted.vocabulary.concepts
        children: list[list[int]] = [[] for _ in concepts]
        for c, concept in enumerate(concepts):
            if concept.parent is not None and concept.parent in self._place:
                children[self._place[concept.parent]].append(c)
        return [sorted(below, key=lambda c: (-concepts[c].items, c)) for below in children]

    @cached_property
    def _holders(self) -> IntArray:
        """(C,) users of the fitted data who hold each concept."""
        fitted = self.live.fitted
        histories = consumption(fitted.dataset).histories()
        shape = (len(histories), fitted.dataset.n_items)
        had = sp.csr_array((np.ones(len(histories.items), np.float32), histories.items, histories.indptr), shape=shape)
        touched = sp.coo_array(had @ (fitted.vocabulary.activations > 0).astype(np.float32))
        users, columns = touched.coords
        held = np.zeros(len(fitted.vocabulary.concepts), dtype=np.int64)
        for start in range(0, len(users), EVENTS_AT_ONCE):
            u, c = users[start : start + EVENTS_AT_ONCE], columns[start : start + EVENTS_AT_ONCE]
            reading = np.einsum("nd,nd->n", fitted.user_vectors[u], fitted.space.directions[c])
            strength = (reading - fitted.population.mean[c]) / fitted.population.deviation[c]
            np.add.at(held, c[strength >= HOLDS], 1)
        return held


def _named(concept: Concept) -> ConceptName:
    return ConceptName(concept_id=concept.id, concept=concept.name)


def _level(level: str | None) -> Level | None:
    for known in LEVELS:
        if level == known:
            return known
    if level is None:
        return None
    raise ConfigError(f"No level is called {level!r}.", hint=f"There are: {', '.join(LEVELS)}; none for all.")

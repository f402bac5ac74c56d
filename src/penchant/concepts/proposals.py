"""What a source of concepts reads, and what it proposes."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from penchant.concepts.tf_idf import Terms, read_terms
from penchant.concepts.words import Words, is_name, key
from penchant.config import Config
from penchant.data.dataset import Table
from penchant.encoders.item_text import render_items
from penchant.errors import UnsupportedError
from penchant.interfaces import Encoder
from penchant.progress import SILENT, Progress
from penchant.types import FloatArray, IntArray

TITLES = ("title", "name")
DESCRIPTIONS = ("description", "abstract", "summary", "text")
TITLE_WEIGHT = 2.0
"""A word of a title counts as much as two of a description."""
RECURRING = 0.5
"""Titles describe where this share of their words is on other titles too (goods: 0.6 to 0.8; books, films, songs and
headlines, whose titles are names: 0.1 to 0.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A name and the items it may stand for."""

    kind: str
    name: str
    rows: IntArray
    """The items' rows, ascending, each once."""
    weights: FloatArray
    """How much each of them is of it, above 0."""
    breadth: int = 0
    """0: a field that things are sorted into; 1: who made a thing; 2: a word said of it. No concept stands above one of
    lower breadth."""
    parent: tuple[str, str] | None = None
    """Kind and key of the broader proposal that the source itself knows of."""
    aliases: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """The heaviest words of a topic."""
    given: bool = False
    """From a list that a person made: it comes before what was found, however few items it has."""

    @property
    def key(self) -> tuple[str, str]:
        """Kind and name without case and hyphens: no source proposes two with the same."""
        return self.kind, key(self.name)

    @property
    def id(self) -> str:
        """The id of the concept it becomes."""
        return f"{self.kind}:{key(self.name).replace(' ', '-')}"


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What sources may read of I items."""

    items: Table
    min_items: int = 5
    """Below this support no concept is kept, so sources need not propose one."""
    max_share: float = 0.4
    vectors: FloatArray | None = None
    """(I, D) unit text vectors of the items, zero rows for items without text."""
    encoder: Encoder | None = None
    """Reads names in the space of `vectors`."""
    seed: int = 0
    progress: Progress = SILENT
    _read: dict[tuple[int, float, bool], Terms] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def texts(self) -> list[tuple[str, str]]:
        """Title and description of each item, "" where there is none."""
        columns = self.items.columns
        parts = []
        for names in (TITLES, DESCRIPTIONS):
            there = [columns[name] for name in names if name in columns]
            parts.append([" . ".join(t for t in values if isinstance(t, str)) for values in zip(*there, strict=True)])
        titles, descriptions = (part or [""] * len(self.items) for part in parts)
        return list(zip(titles, descriptions, strict=True))

    @cached_property
    def words(self) -> Words:
        """How texts are split; `MissingExtraError` where that takes a Chinese dictionary that is not there."""
        return Words.of([f"{title} {description}" for title, description in self.texts])

    @cached_property
    def has_descriptions(self) -> bool:
        """Whether any item has one."""
        return any(description for _, description in self.texts)

    @cached_property
    def titles_describe(self) -> bool:
        """Whether titles say what items are ("Red nail polish") or only how they are called ("The Magus").

        They describe where at least the share `RECURRING` of their telling words, counted as often as they occur, is on
        at least `min_items` titles and on one title in 500.
        """
        titles = [[word for run in self.words.runs(title) for word in run] for title, _ in self.texts]
        on = Counter(word for title in titles for word in set(title))
        least = max(self.min_items, len(titles) / 500)
        occurrences = [on[word] >= least for title in titles for word in title]
        return bool(occurrences) and sum(occurrences) >= RECURRING * len(occurrences)

    def terms(self, *, max_words: int = 2, min_cohesion: float = 0.3, titles: bool | None = True) -> Terms:
        """The terms of titles and descriptions within the support limits; read once for the same settings.

        `titles`: whether titles are read; None: where they describe, or where there are no descriptions.
        """
        if titles is None:
            titles = self.titles_describe or not self.has_descriptions
        settings = max_words, min_cohesion, titles
        if settings not in self._read:
            self._read[settings] = read_terms(
                [(title if titles else "", description) for title, description in self.texts],
                self.words,
                weights=(TITLE_WEIGHT, 1.0),
                max_words=max_words,
                min_items=self.min_items,
                max_share=self.max_share,
                min_cohesion=min_cohesion,
            )
        return self._read[settings]

    def read(self, source: str) -> tuple[Encoder, FloatArray]:
        """The language model and the items' vectors; `UnsupportedError` that names the source without a model."""
        if self.encoder is None:
            raise UnsupportedError(
                f"The concept source {source!r} reads texts with a language model, and the fit has none.",
                hint="Fit with texts, or leave the source out of [vocabulary] sources.",
            )
        return self.encoder, self.item_vectors

    @cached_property
    def item_vectors(self) -> FloatArray:
        """The vectors handed in, else those of the items' texts as the encoder reads them."""
        if self.vectors is not None:
            return self.vectors
        assert self.encoder is not None  # noqa: S101  # read() has asked
        return self.encoder.encode(render_items(self.items), progress=self.progress)


class ConceptSource(ABC):
    """Proposes concepts for a catalogue; the same catalogue and seed give the same proposals."""

    needs_encoder: ClassVar[bool] = False
    """Whether it reads texts with the language model."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def propose(self, catalogue: Catalogue) -> list[Proposal]:
        """Names and their items. A catalogue without what the source reads gives none."""


@dataclass
class Collected:
    """Names as they turn up on items, one row after the other."""

    kind: str
    _rows: dict[str, list[int]] = field(default_factory=dict)
    _weights: dict[str, list[float]] = field(default_factory=dict)
    _spellings: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, row: int, name: str, weight: float = 1.0) -> None:
        """Note a name on an item; what is no name, and a name noted on the item before, changes nothing."""
        if not is_name(name):
            return
        rows = self._rows.setdefault(key(name), [])
        self._spellings.setdefault(key(name), Counter())[name.strip()] += 1
        if not rows or rows[-1] != row:
            rows.append(row)
            self._weights.setdefault(key(name), []).append(weight)

    def proposals(self, *, breadth: int = 0, min_items: int = 1) -> list[Proposal]:
        """A proposal for each name on at least `min_items` items, under its commonest spelling, in order of keys."""
        return [
            Proposal(
                kind=self.kind,
                name=min(self._spellings[name].items(), key=lambda spelt: (-spelt[1], spelt[0]))[0],
                rows=np.array(rows, dtype=np.int64),
                weights=np.array(self._weights[name], dtype=np.float32),
                breadth=breadth,
            )
            for name, rows in sorted(self._rows.items())
            if len(rows) >= min_items
        ]


def distinct(terms: Sequence[int], words: Sequence[tuple[str, ...]], *, at_most: int) -> Iterable[int]:
    """The first `at_most` of the terms, best first, that share no word with one before."""
    said: set[str] = set()
    chosen = 0
    for term in terms:
        if chosen == at_most:
            return
        if said.isdisjoint(words[term]):
            said.update(words[term])
            chosen += 1
            yield term

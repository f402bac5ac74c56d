"""Names of the catalogue, found in what people write: concepts, makers and titles of items.

A token trie, longest name first, from left to right, without overlap: O(words × longest name). English names match in
any case and number ("thrillers", "Sci-Fi" and "sci fi"); Chinese ones character by character, whatever words a
segmenter would cut. A title of one word is a name only as it is written: "Holes" is not in "it has holes", and "It" is
a book inside a sentence ("I read It twice") or in quotes, but not at its head.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import scipy.sparse as sp

from penchant.concepts.vocabulary import Vocabulary
from penchant.data.dataset import Table
from penchant.errors import DataError
from penchant.interests.text.tokens import HAN, Token, folded, tokens
from penchant.types import DoubleArray, IntArray

EntityKind = Literal["concept", "maker", "item"]
RANK: Mapping[EntityKind, int] = {"concept": 0, "maker": 1, "item": 2}
MAKERS = ("authors", "author", "brand", "brands", "maker", "artist", "artists", "director", "directors", "publisher")
"""Columns whose values are names of who made an item."""
LONGEST = 16
"""Words (or Chinese characters) of a name at most; a longer title is found by its part before a colon, if at all."""
SENTENCE_END = frozenset(".!?。！？…")
OPENING, CLOSING = frozenset("\"“‘«「『《'*"), frozenset("\"”’»」』》'*")
BESIDE = frozenset("-‐–·:&/.'’")
"""Marks inside a name that people leave out."""
_COMMON = """
    a about after again all alone always am an and another any as at away baby back bad be because been before being
    best better between big black blue both boy but by can come day dead death did do down end ever every fear fine
    first for from gift girl go going gold gone good great had hard have he heart help her here him his home house how
    i if in into is it its just last life light like little lost love made man many me men more most mother much must my
    never new nice night no none not now of off old on once one only open or other our out over own power push red
    right room run same saw she small so some soon such than that the their them then there these they this those time
    to too truth two under until up us very wait want war was water we were what when where which while white who whom
    why wild will wish with woman women wonder world would yes yet you young your
    """
AMBIGUOUS = frozenset(_COMMON.split())
"""Words too common to be a title of one word, unless written as a title where no capital is due."""


class Found(NamedTuple):
    """A name in a text."""

    start: int
    end: int
    """Characters of the text that the tokens are of."""
    entity: int
    """Row in `Gazetteer.entities`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A thing with a name, and the concepts that it is made of."""

    kind: EntityKind
    name: str
    rows: tuple[int, ...]
    """Rows of the concepts or items that bear the name."""
    concepts: IntArray
    """(K,) concepts, ascending"""
    activations: DoubleArray
    """(K,) how much it is of each, in (0, 1]"""
    as_written: bool
    """A title of one word: it is matched in its own case only."""
    common: bool
    """A title of one common word: matched only where a capital or quotes show that a name is meant."""


class _Node:
    __slots__ = ("entity", "next")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.entity = -1


class Gazetteer:
    """The names of a catalogue. Immutable once built."""

    def __init__(self, entities: Sequence[Entity], names: Iterable[tuple[str, int]], n_concepts: int) -> None:
        """`names` gives the rows of entities under each of their spellings; of equal spellings the first counts."""
        self.entities = tuple(entities)
        self.n_concepts = n_concepts
        self._root = _Node()
        for name, entity in names:
            for key in _spellings(name):
                self._add(key, entity)

    @classmethod
    def of(
        cls,
        vocabulary: Vocabulary,
        items: Table | None = None,
        *,
        aliases: Mapping[str, Sequence[str]] | None = None,
        makers: Sequence[str] = MAKERS,
    ) -> "Gazetteer":
        """The names of a vocabulary and, where `items` are given, of its makers and titles.

        `aliases`: names of a concept besides those it has, by its id. A title stands for the item's activations; a
        maker that is no concept for the mean of those of his items. `DataError` for an alias of an unknown concept.
        """
        names: list[tuple[str, int]] = []
        entities: list[Entity] = []
        unknown = sorted(set(aliases or {}) - {concept.id for concept in vocabulary.concepts})
        if unknown:
            raise DataError(
                f"Aliases are given for concepts that do not exist: {', '.join(unknown[:5])}.",
                hint="Name concepts by the ids of the vocabulary.",
            )
        for row, concept in enumerate(vocabulary.concepts):
            names += [(name, row) for name in (concept.name, *concept.aliases, *(aliases or {}).get(concept.id, ()))]
            entities.append(
                Entity(
                    kind="concept",
                    name=concept.name,
                    rows=(row,),
                    concepts=np.array([row], dtype=np.int64),
                    activations=np.ones(1),
                    as_written=False,
                    common=False,
                )
            )
        if items is not None:
            _check_rows(vocabulary, items)
            for kind, column in [*(("maker", m) for m in makers), ("item", "title")]:
                if column not in items.columns:
                    continue
                for name, rows in _by_name(items.columns[column], split=kind == "maker").items():
                    names += [(spelling, len(entities)) for spelling in (name, *_short(name, kind))]
                    entities.append(_from_items("maker" if kind == "maker" else "item", name, rows, vocabulary))
        return cls(entities, names, len(vocabulary.concepts))

    @property
    def words(self) -> frozenset[str]:
        """The single words that name concepts: they say what is spoken of, not what is thought of it."""
        named = (entity.name for entity in self.entities if entity.kind == "concept")
        return frozenset(form for name in named for word in name.split() for form in (folded(word), _one(folded(word))))

    def find(self, words: Sequence[Token], *, search: bool = False) -> list[Found]:
        """The names in a text's tokens, from left to right; the longest where several begin at one word.

        A search is typed without capitals: there a title of one uncommon word is found in any case.
        """
        units = _units(words)
        found: list[Found] = []
        at = 0
        while at < len(units):
            node, best, best_end = self._root, -1, at
            for n in range(at, min(at + 4 * LONGEST, len(units))):
                unit = units[n]
                if (after := node.next.get(unit.key)) is None:
                    if n > at and unit.beside:  # a mark that the name has not
                        continue
                    break
                node = after
                if node.entity >= 0 and self._meant(node.entity, words, units, at, n, search=search):
                    best, best_end = node.entity, n
            if best < 0:
                at += 1
            else:
                found.append(Found(units[at].start, units[best_end].end, best))
                at = best_end + 1
        return found

    def _add(self, key: tuple[str, ...], entity: int) -> None:
        if not key or len(key) > LONGEST or (len(key) == 1 and re.fullmatch(f"[{HAN}]", key[0])):
            return  # a single Chinese character is a part of too many words
        node = self._root
        for unit in key:
            node = node.next.setdefault(unit, _Node())
        if node.entity < 0 or RANK[self.entities[entity].kind] < RANK[self.entities[node.entity].kind]:
            node.entity = entity

    def _meant(
        self, entity: int, words: Sequence[Token], units: "list[_Unit]", first: int, last: int, *, search: bool
    ) -> bool:
        """Whether a title of one word is one here."""
        what = self.entities[entity]
        if not what.as_written or last != first or units[first].han:
            return True
        token = words[units[first].token]
        before = words[units[first].token - 1].text if units[first].token else ""
        after = words[units[first].token + 1].text if units[first].token + 1 < len(words) else ""
        quoted = before in OPENING and after in CLOSING
        if search and not what.common:
            return True
        if token.text[:1].islower():
            return quoted and not what.common
        heads = (
            before == "" or before in SENTENCE_END or before in OPENING or words[units[first].token - 1].kind == "lines"
        )
        return quoted or not (what.common and (heads or token.text == "I"))


class _Unit(NamedTuple):
    key: str
    start: int
    end: int
    token: int
    """Row of the token that it is of."""
    han: bool = False
    beside: bool = False


def _units(words: Sequence[Token]) -> "list[_Unit]":
    """What names are compared by: words in their singular, single Chinese characters, marks."""
    units: list[_Unit] = []
    for n, token in enumerate(words):
        if token.kind == "han":
            units += [_Unit(c, token.start + i, token.start + i + 1, n, han=True) for i, c in enumerate(token.text)]
        elif token.kind == "word":
            units.append(_Unit(_one(token.folded), token.start, token.end, n))
        else:
            # A full stop is part of a name after an initial only: "J. R. R. Tolkien", but not "fantasy. Romance".
            initial = n > 0 and len(words[n - 1].text) <= 2 and words[n - 1].kind == "word"
            beside = token.text in BESIDE and (token.text != "." or initial)
            units.append(_Unit(token.text, token.start, token.end, n, beside=beside))
    return units


def name_key(name: str) -> frozenset[str]:
    """The words of a name as names are compared: in their singular, Chinese ones character by character, no marks."""
    return frozenset(unit.key for unit in _units(tokens(name, tuple)) if unit.key[:1].isalnum())


def _spellings(name: str) -> Iterable[tuple[str, ...]]:
    """The keys of a name: with its marks left out, and with its commas where it has any."""
    units = _units(tokens(name, tuple))
    yield tuple(unit.key for unit in units if unit.key[:1].isalnum())
    if any(unit.key == "," for unit in units):
        yield tuple(unit.key for unit in units if unit.key[:1].isalnum() or unit.key == ",")


def _one(word: str) -> str:
    """An English word without possessive and plural; for comparison only ("series" and "serie" are equal)."""
    word = word.removesuffix("'s").removesuffix("'").replace("'", "")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "xes", "sses", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _short(name: str, kind: str) -> Iterable[str]:
    """A title without its bracket ("Dune (Dune, #1)") and, of several words before a colon, those."""
    if kind != "item":
        return
    bare = name.partition("(")[0].strip()
    if bare and bare != name:
        yield bare
    head = bare.partition(":")[0].strip()
    if head != bare and " " in head:
        yield head


def _by_name(values: Iterable[object], *, split: bool) -> dict[str, list[int]]:
    """Rows of items under each name; a text of several makers is taken apart at commas and semicolons."""
    found: dict[str, list[int]] = {}
    for row, value in enumerate(values):
        if isinstance(value, str):
            parts = value.replace(";", ",").split(",") if split else [value]
        else:
            parts = [v for v in value if isinstance(v, str)] if isinstance(value, (list, tuple, np.ndarray)) else []
        for part in parts:
            if name := part.strip():
                found.setdefault(name, []).append(row)
    return found


def _from_items(kind: EntityKind, name: str, rows: Sequence[int], vocabulary: Vocabulary) -> Entity:
    mean = np.asarray(vocabulary.activations[list(rows)].mean(axis=0), dtype=np.float64).ravel()
    concepts = np.flatnonzero(mean > 0).astype(np.int64)
    keys = next(iter(_spellings(name.partition("(")[0] or name)), ())
    single = len(keys) == 1
    return Entity(
        kind=kind,
        name=name,
        rows=tuple(rows),
        concepts=concepts,
        activations=np.minimum(mean[concepts], 1.0),
        as_written=single,
        common=single and (folded(keys[0]) in AMBIGUOUS or len(keys[0]) < 3),
    )


def _check_rows(vocabulary: Vocabulary, items: Table) -> None:
    activations: sp.csr_array = vocabulary.activations
    if activations.shape[0] != len(items):
        raise DataError(
            f"The vocabulary is of {activations.shape[0]} items, the catalogue has {len(items)}.",
            hint="Give the catalogue that the vocabulary was built from.",
        )

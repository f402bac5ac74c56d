"""From typed words to the concepts of a vocabulary that they may mean."""

import difflib
from collections.abc import Callable
from functools import cached_property
from typing import Literal

from penchant.concepts.vocabulary import Vocabulary
from penchant.data.dataset import Table
from penchant.errors import ConfigError, NotFoundError
from penchant.interests.text.gazetteer import Gazetteer, name_key
from penchant.interests.text.meaning import Meaning
from penchant.interests.text.tokens import tokens
from penchant.interfaces import Encoder
from penchant.records import ConceptMatch

MOST_CHARACTERS = 500
"""Words typed for an interest are a name, not an essay."""
LEAST_COSINE = 0.35
"""A name is meant from this cosine on (all-MiniLM-L6-v2); below, the words are taken for something else."""

How = Literal["name", "words", "meaning"]


class ConceptSearch:
    """Finds concepts by what a person types: their names and aliases first, then makers and titles that the words name,
    and words shared with a name; where none of these is the whole of what was typed, by meaning too.

    A match's `similarity` is in (0, 1]: for names and titles the share of the typed words that they cover times how
    much the thing is of the concept, for shared words their share of both (Jaccard), for meaning the cosine.
    """

    def __init__(
        self, vocabulary: Vocabulary, items: Table | None = None, *, encoder: Callable[[], Encoder | None] | None = None
    ) -> None:
        """`encoder` is asked for when it is first needed; None, or an answer of None: by names alone."""
        self._vocabulary = vocabulary
        self._items = items
        self._encoder = encoder

    def nearest(self, text: str, *, limit: int = 5) -> tuple[ConceptMatch, ...]:
        """At most `limit` concepts, the nearest first; of equally near ones that on more items.

        `ConfigError` for empty or endless words, `NotFoundError` where nothing is near; the latter names the concepts
        whose spelling is nearest.
        """
        if not text.strip():
            raise ConfigError("No words came for an interest to add.", hint="Type what it is called, such as 'poetry'.")
        if len(text) > MOST_CHARACTERS:
            raise ConfigError(
                f"{len(text):,} characters came for an interest to add; at most {MOST_CHARACTERS}.",
                hint="Type what it is called, such as 'poetry'.",
            )
        found: dict[int, tuple[float, How]] = {}

        def note(concept: int, similarity: float, how: How) -> None:
            if similarity > (found[concept][0] if concept in found else 0.0):
                found[concept] = min(similarity, 1.0), how

        self._by_name(text, note)
        self._by_words(text, note)
        if max((similarity for similarity, _ in found.values()), default=0.0) < 1.0:
            self._by_meaning(text, note)
        if not found:
            raise NotFoundError(f"Nothing in this catalogue is called {text.strip()!r}.", hint=self._spelt_alike(text))
        concepts = self._vocabulary.concepts
        order = sorted(found, key=lambda c: (-found[c][0], -concepts[c].items, c))
        return tuple(
            ConceptMatch(concept_id=concepts[c].id, concept=concepts[c].name, similarity=found[c][0], how=found[c][1])
            for c in order[:limit]
        )

    def _by_name(self, text: str, note: Callable[[int, float, How], None]) -> None:
        typed = tokens(text, tuple)
        letters = sum(token.end - token.start for token in typed if token.kind in ("word", "han"))
        for start, end, row in self._gazetteer.find(typed, search=True):
            entity = self._gazetteer.entities[row]
            covered = sum(t.end - t.start for t in typed if t.kind in ("word", "han") and start <= t.start < end)
            how: How = "name" if entity.kind == "concept" else "words"
            for concept, activation in zip(entity.concepts.tolist(), entity.activations.tolist(), strict=True):
                note(concept, covered / max(letters, 1) * activation, how)

    def _by_words(self, text: str, note: Callable[[int, float, How], None]) -> None:
        typed = name_key(text)
        for concept, keys in enumerate(self._keys):
            for key in keys:
                shared = len(typed & key)
                if shared == min(len(typed), len(key)) > 0:  # "polish" for "Nail Polish", not "nail file"
                    note(concept, shared / len(typed | key), "name" if typed == key else "words")

    def _by_meaning(self, text: str, note: Callable[[int, float, How], None]) -> None:
        if self._meaning is None:
            return
        for concept, cosine in enumerate(self._meaning.cosines([text])[0].tolist()):
            if cosine >= LEAST_COSINE:
                note(concept, cosine, "meaning")

    def _spelt_alike(self, text: str) -> str:
        names = {concept.name.casefold(): concept.name for concept in self._vocabulary.concepts}
        near = difflib.get_close_matches(text.strip().casefold(), list(names), n=3, cutoff=0.0)
        return f"Nearest in spelling: {', '.join(names[name] for name in near)}." if near else "It has no concepts."

    @cached_property
    def _gazetteer(self) -> Gazetteer:
        return Gazetteer.of(self._vocabulary, self._items)

    @cached_property
    def _keys(self) -> list[list[frozenset[str]]]:
        return [[name_key(name) for name in (c.name, *c.aliases)] for c in self._vocabulary.concepts]

    @cached_property
    def _meaning(self) -> Meaning | None:
        encoder = self._encoder() if self._encoder is not None else None
        if encoder is None or not self._vocabulary.concepts:
            return None
        return Meaning(encoder, [concept.name for concept in self._vocabulary.concepts])

"""From a text to the concepts that it speaks of: how much of each, for or against, and on which words that rests."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.errors import DataError
from penchant.interests.text.clauses import JOINING, Clause, clauses, named, opinions
from penchant.interests.text.cleaning import Cleaned, cleaned
from penchant.interests.text.gazetteer import EntityKind, Found, Gazetteer
from penchant.interests.text.lexicon import SKIPPED, WITHOUT, Lexicon
from penchant.interests.text.meaning import Meaning
from penchant.interests.text.sentiment import LexiconSentiment, Passage, Sentiment
from penchant.interests.text.tokens import Segmenter, Token, longest_match, tokens
from penchant.progress import SILENT, Progress
from penchant.types import BoolArray, DoubleArray, IntArray

FEWEST_WORDS = 2
"""A clause of fewer words is not asked what it means."""


class ReadingConfig(Config):
    """How texts are read."""

    most_characters: int = Field(default=100_000, ge=1)
    """What comes after is not read, and the reading says so."""


class Span(NamedTuple):
    """Characters start ≤ n < end of the text as it came."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A thing that a text names, or a concept that a clause means."""

    kind: EntityKind
    name: str
    rows: tuple[int, ...]
    """Rows of the concepts or items that bear the name."""
    span: Span
    """The name, or the clause where nothing is named."""
    polarity: float
    """That of the clause it stands in; of the next one where that speaks of it: "I bought the novel. It is dull." """
    named: bool
    activation: float = 1.0
    """1 for a name, the cosine for what is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReading:
    """What a text says of K concepts."""

    concepts: IntArray
    """(K,) ascending, each once"""
    activations: DoubleArray
    """(K,) in (0, 1]: 1 where the concept is named, what an item or maker has of it where that is, a cosine where it is
    meant; the largest of several"""
    polarities: DoubleArray
    """(K,) in [−1, 1]: the mean of the mentions that hold an opinion, by activation; 0 where none does"""
    spans: tuple[tuple[Span, ...], ...]
    """(K,) the words that each rests on"""
    mentions: tuple[Mention, ...]
    """What is named and meant, in the order of the text, with items and makers too"""
    polarity: float
    """Of the text as a whole, in [−1, 1]: what it says of the item that it was written about. 0 for a search."""
    search: bool
    cut: bool
    """Whether the text went on beyond what was read."""

    def __len__(self) -> int:
        return len(self.concepts)


@dataclass(slots=True)
class _Parsed:
    """A text on its way."""

    clean: Cleaned
    words: list[Token]
    names: list[bool]
    found: list[Found]
    clauses: list[Clause]
    opinions: list[bool]
    passage: int = -1
    """Row of the whole text among the passages; its clauses follow."""


class TextReader:
    """Reads texts of one catalogue. Immutable; made once, used for many texts."""

    def __init__(
        self,
        gazetteer: Gazetteer,
        *,
        lexicon: Lexicon | None = None,
        sentiment: Sentiment | None = None,
        meaning: Meaning | None = None,
        segment: Segmenter | None = None,
        config: ReadingConfig | None = None,
    ) -> None:
        """`lexicon`: None for the standard one; words that name concepts lose their valence in it. `sentiment`: None
        for the lexicon's. `meaning`: None to read names only. `segment`: None to cut Chinese at longest matches.
        """
        self.gazetteer, self.meaning, self.config = gazetteer, meaning, config or ReadingConfig()
        self.lexicon = (lexicon or Lexicon.standard()).without(gazetteer.words)
        self.sentiment = sentiment or LexiconSentiment(self.lexicon)
        self.segment = segment or longest_match(self.lexicon.chinese)

    def read(
        self, texts: Sequence[Any], *, searches: Sequence[bool] | BoolArray | bool = False, progress: Progress = SILENT
    ) -> list[TextReading]:
        """A reading for each text; None, NaN and texts without words have an empty one.

        `searches`: which texts are searches. What a search names is wanted, unless it is left out ("without romance",
        "-horror", "不要恐怖"). `DataError` for what is no text, and where there are not as many flags as texts.
        """
        if isinstance(searches, bool):
            searches = [searches] * len(texts)
        if len(searches) != len(texts):
            raise DataError(
                f"{len(searches)} flags came for {len(texts)} texts.", hint="Say of each text whether it is a search."
            )
        parsed = [self._parsed(text, bool(search)) for text, search in zip(texts, searches, strict=True)]
        passages: list[Passage] = []
        for one, search in zip(parsed, searches, strict=True):
            if not search:
                one.passage = len(passages)
                passages += _passages(one)
        polarities = self.sentiment.polarities(passages)
        meant = self._meant(parsed, progress)
        return [
            self._reading(one, bool(search), polarities, close)
            for one, search, close in zip(parsed, searches, meant, strict=True)
        ]

    def passages(self, texts: Sequence[Any]) -> list[Passage]:
        """Each text as one passage, for a `Sentiment`."""
        return [_passages(self._parsed(text, search=False))[0] for text in texts]

    def _parsed(self, text: Any, search: bool) -> _Parsed:
        clean = cleaned(text, at_most=self.config.most_characters)
        words = tokens(clean.text, self.segment)
        found = self.gazetteer.find(words, search=search)
        names = named(words, [(one.start, one.end) for one in found])
        return _Parsed(
            clean,
            words,
            names,
            found,
            clauses(words, names, self.lexicon),
            opinions(words, names, self.lexicon),
        )

    def _meant(self, parsed: Sequence[_Parsed], progress: Progress) -> list[list[list[tuple[int, float]]]]:
        """For each text, for each clause, the concepts that it means."""
        if self.meaning is None:
            return [[[] for _ in one.clauses] for one in parsed]
        asked = [
            (n, m, said)
            for n, one in enumerate(parsed)
            for m, clause in enumerate(one.clauses)
            if sum(token.kind in ("word", "han") for token in one.words[clause.first : clause.last]) >= FEWEST_WORDS
            and (said := one.clean.text[one.words[clause.first].start : one.words[clause.last - 1].end])
        ]
        close: list[list[list[tuple[int, float]]]] = [[[] for _ in one.clauses] for one in parsed]
        for (n, m, _), concepts in zip(
            asked, self.meaning.meant([a[2] for a in asked], progress=progress), strict=True
        ):
            close[n][m] = concepts
        return close

    def _reading(
        self, one: _Parsed, search: bool, polarities: DoubleArray, close: Sequence[Sequence[tuple[int, float]]]
    ) -> TextReading:
        felt = [1.0] * len(one.clauses) if search else _felt(one, polarities[one.passage + 1 :])
        mentions: list[Mention] = []
        at = 0
        for clause, polarity, meant in zip(one.clauses, felt, close, strict=True):
            start, end = one.words[clause.first].start, one.words[clause.last - 1].end
            here: set[int] = set()
            while at < len(one.found) and one.found[at][0] < end:
                first, last, row = one.found[at]
                at += 1
                entity = self.gazetteer.entities[row]
                here.update(entity.concepts.tolist())
                mentions.append(
                    Mention(
                        kind=entity.kind,
                        name=entity.name,
                        rows=entity.rows,
                        span=Span(*one.clean.span(first, last)),
                        polarity=-1.0 if search and self._left_out(one, first) else polarity,
                        named=True,
                    )
                )
            for concept, activation in meant:
                if concept not in here:
                    mentions.append(
                        Mention(
                            kind="concept",
                            name=self.gazetteer.entities[concept].name,
                            rows=(concept,),
                            span=Span(*one.clean.span(start, end)),
                            polarity=polarity,
                            named=False,
                            activation=activation,
                        )
                    )
        whole = 0.0 if search or not one.words else float(polarities[one.passage])
        return self._of_mentions(mentions, [found[2] for found in one.found], whole, search, one.clean.cut)

    def _of_mentions(
        self, mentions: Sequence[Mention], entities: Sequence[int], polarity: float, search: bool, cut: bool
    ) -> TextReading:
        """The concepts behind the mentions."""
        heard: dict[int, list[tuple[float, float, Span]]] = {}
        rows = iter(entities)
        for mention in mentions:
            if mention.named:
                entity = self.gazetteer.entities[next(rows)]
                parts = list(zip(entity.concepts.tolist(), entity.activations.tolist(), strict=True))
            else:
                parts = [(mention.rows[0], mention.activation)]
            for concept, activation in parts:
                heard.setdefault(concept, []).append((activation, mention.polarity, mention.span))
        concepts = sorted(heard)
        felt = [[(a, p) for a, p, _ in heard[concept] if p != 0] for concept in concepts]
        return TextReading(
            concepts=np.array(concepts, dtype=np.int64),
            activations=np.array([max(a for a, _, _ in heard[concept]) for concept in concepts], dtype=np.float64),
            polarities=np.array([sum(a * p for a, p in f) / sum(a for a, _ in f) if f else 0.0 for f in felt]),
            spans=tuple(tuple(dict.fromkeys(span for _, _, span in heard[concept])) for concept in concepts),
            mentions=tuple(mentions),
            polarity=polarity,
            search=search,
            cut=cut,
        )

    def _left_out(self, one: _Parsed, start: int) -> bool:
        """Whether a search leaves out the name that begins at a character."""
        first = bisect_right(one.words, start, key=lambda token: token.end)
        joined, between = False, 0
        for n in range(first - 1, max(first - 12, -1), -1):
            token = one.words[n]
            if token.kind == "mark":
                glued = token.end == one.words[n + 1].start
                loose = n == 0 or one.words[n - 1].end < token.start
                if token.text not in "-–" or not glued or (loose and n < first - 1):
                    return False
                if loose:
                    return True
            elif one.names[n]:
                if not joined:
                    return False
            elif token.folded in WITHOUT or self.lexicon.negates(token.folded):
                return True
            elif token.folded in JOINING:
                joined = True
            elif token.folded not in SKIPPED:
                joined, between = False, between + 1
                if between == 2:
                    return False
        return False


def read_texts(
    texts: Sequence[Any],
    gazetteer: Gazetteer,
    *,
    sentiment: Sentiment | None = None,
    meaning: Meaning | None = None,
    searches: Sequence[bool] | BoolArray | bool = False,
    config: ReadingConfig | None = None,
) -> list[TextReading]:
    """What texts say of a catalogue's concepts; see `TextReader`, which to keep where texts come one by one."""
    return TextReader(gazetteer, sentiment=sentiment, meaning=meaning, config=config).read(texts, searches=searches)


def _passages(one: _Parsed) -> list[Passage]:
    """The whole text, then each clause."""
    whole = Passage(one.clean.text, one.words, one.names, one.clauses, 0, len(one.words))
    return [whole, *(replace(whole, clauses=(c,), first=c.first, last=c.last) for c in one.clauses)]


def _felt(one: _Parsed, polarities: DoubleArray) -> list[float]:
    """The polarity of what each clause names: its own; where it says nothing, that of the next clause if that says
    something and names nothing: "I bought the novel. It is dull."
    """
    felt = [float(polarities[n]) for n in range(len(one.clauses))]
    for n, clause in enumerate(one.clauses[:-1]):
        after = one.clauses[n + 1]
        silent = not any(one.opinions[clause.first : clause.last]) and any(one.names[clause.first : clause.last])
        names = any(one.names[after.first : after.last])
        if silent and not names and any(one.opinions[after.first : after.last]):
            felt[n] = float(polarities[n + 1])
    return felt

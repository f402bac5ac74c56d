"""How much for or against a clause speaks, by a lexicon and rules of grammar; and what may replace it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from penchant.interests.text.clauses import Clause
from penchant.interests.text.lexicon import BESIDES, SKIPPED, Lexicon
from penchant.interests.text.tokens import Token
from penchant.types import DoubleArray

DENIED = -0.74
"""What a negation does to a valence: "not good" is less than "bad" (Hutto and Gilbert 2014)."""
REACH = 3
"""Words that a negation or a degree word reaches over, not counting articles, auxiliaries and names."""
FADING = (1.0, 0.95, 0.9)
CAPITALS = 0.733
EXCLAIMED = 0.292
HALFWAY = 15.0
"""α of s / √(s² + α): the sum of valences that is felt as √½ of all there is is √α."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with its tokens and clauses, or a part of one."""

    text: str
    words: Sequence[Token]
    names: Sequence[bool]
    """(tokens,) tokens within a name hold no opinion."""
    clauses: Sequence[Clause]
    first: int
    last: int
    """Tokens of the part: first ≤ t < last."""

    @property
    def said(self) -> str:
        """The words of the part."""
        if self.last <= self.first:
            return ""
        return self.text[self.words[self.first].start : self.words[self.last - 1].end]

    @property
    def unnamed(self) -> str:
        """The words of the part with "it" for every name: what is thought, and not of what."""
        if not any(self.names[self.first : self.last]):
            return self.said
        pieces, at, within = [], self.words[self.first].start, False
        for n in range(self.first, self.last):
            if self.names[n] and not within:
                pieces += [self.text[at : self.words[n].start], "it"]
            within = self.names[n]
            if within:
                at = self.words[n].end
        pieces.append(self.text[at : self.words[self.last - 1].end])
        return "".join(pieces)


class Sentiment(Protocol):
    """Polarity of passages: a lexicon's, or a head's that was trained on rated reviews."""

    def polarities(self, passages: Sequence[Passage]) -> DoubleArray:
        """(len(passages),) in [−1, 1]: against, for; 0 where nothing is thought of anything."""


@dataclass(frozen=True, slots=True)
class LexiconSentiment:
    """Valences, negation, degree and contrast.

    ``s = Σ_clauses weight Σ_opinions v · degree · negation``, with exclamation marks added on the side of the sum, and
    ``polarity = s / √(s² + 15)`` (Hutto and Gilbert, VADER, 2014). What differs from VADER: a negation does not reach
    over a mark and does not count small words, names hold no opinion, and clauses are weighed as `clauses` finds them.
    Caveat: it has no sense of irony, nor of words that are good for one kind of item and bad for another.
    """

    lexicon: Lexicon

    def polarities(self, passages: Sequence[Passage]) -> DoubleArray:
        """See `Sentiment`."""
        return np.array([self._polarity(passage) for passage in passages], dtype=np.float64)

    def _polarity(self, passage: Passage) -> float:
        total = 0.0
        words = passage.words[passage.first : passage.last]
        shouted = all(token.text.isupper() for token in words if token.kind == "word")
        for clause in passage.clauses:
            first, last = max(clause.first, passage.first), min(clause.last, passage.last)
            if first < last:
                whole = first == passage.first and last == passage.last
                total += (1.0 if whole else clause.weight) * self._sum(passage, first, last, shouted=shouted)
        if total == 0:
            return 0.0
        exclaimed = min(sum(token.text in "!！" for token in words if token.kind == "mark"), 4)
        total += math.copysign(EXCLAIMED * exclaimed, total)
        return total / math.sqrt(total * total + HALFWAY)

    def _sum(self, passage: Passage, first: int, last: int, *, shouted: bool) -> float:
        words, total = passage.words, 0.0
        for n in range(first, last):
            if passage.names[n] or (valence := self.lexicon.at(words, n)) == 0:
                continue
            sign = math.copysign(1.0, valence)
            if words[n].text.isupper() and len(words[n].text) > 1 and not shouted:
                valence += sign * CAPITALS
            denied = False
            distance = 0
            for before in range(n - 1, first - 1, -1):
                word = words[before].folded
                if words[before].kind in ("mark", "lines") and word not in "-'’\"“”‘":
                    break
                if passage.names[before] or word in SKIPPED or words[before].kind == "mark":
                    continue
                if distance == REACH:
                    break
                if self.lexicon.negates(word) and not _besides(words, before):
                    denied = not denied
                else:
                    valence += sign * self.lexicon.degree(word) * FADING[distance]
                distance += 1
            total += valence * (DENIED if denied else 1.0)
        return total


def _besides(words: Sequence[Token], n: int) -> bool:
    """Whether "not" stands before "only"."""
    return n + 1 < len(words) and words[n + 1].folded in BESIDES

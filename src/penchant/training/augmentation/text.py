"""Texts changed so that they still say the same: a word for one like it, a word left out.

A text keeps its label, so a change must keep its sense. A replacement comes from the neighbours of a word in an
encoder's vectors, and a changed text is kept only where the encoder still places it near the text it came from. Easy
data augmentation (Wei and Zou 2019), with the sense check of TextFooler (Jin et al. 2020).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.seeding import numpy_rng
from penchant.types import FloatArray

Encode = Callable[[Sequence[str]], FloatArray]
"""Texts to unit vectors (N, D)."""
TextChange = Literal["synonyms", "word_drop"]
WORD = re.compile(r"[^\W\d_]{3,}")
"""What may be replaced: a word of three letters or more."""


class TextAugmentationConfig(Config):
    """What is done to a text."""

    changes: tuple[TextChange, ...] = ("synonyms", "word_drop")
    """Each copy of a text gets one of them, in turn."""
    copies: int = Field(default=1, ge=1)
    """Changed texts of each text, at most."""
    share: float = Field(default=0.15, gt=0, lt=1)
    """Of a text's words, at least one."""
    neighbours: int = Field(default=5, ge=1)
    """How many of the words nearest to a word may stand for it."""
    least_alike: float = Field(default=0.6, ge=-1, le=1)
    """Cosine of two words' vectors from which one may stand for the other."""
    same_sense: float = Field(default=0.85, ge=-1, le=1)
    """Cosine of the changed text's vector and the text's from which it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentedTexts:
    """Texts as they came, then the synthetic ones."""

    texts: tuple[str, ...]
    sources: tuple[int, ...]
    """The row that each was made from; its own for one that came."""
    synthetic: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.texts)


class SynonymSource:
    """Words and those that may stand for them, by an encoder's vectors of the words of some texts.

    Neighbours by cosine: words used or spelled alike, which are mostly but not always synonyms (antonyms are neighbours
    too); hence the sense check on the whole text.
    """

    def __init__(self, synonyms: Mapping[str, tuple[str, ...]]) -> None:
        self.synonyms = dict(synonyms)

    @classmethod
    def fit(
        cls, texts: Iterable[str], encode: Encode, config: TextAugmentationConfig | None = None, *, most: int = 20_000
    ) -> "SynonymSource":
        """Learn from the texts' own words, the `most` frequent of them."""
        config = config or TextAugmentationConfig()
        counts: dict[str, int] = {}
        for text in texts:
            for word in WORD.findall(text):
                counts[word.lower()] = counts.get(word.lower(), 0) + 1
        words = sorted(counts, key=lambda word: (-counts[word], word))[:most]
        if len(words) < 2:
            return cls({})
        vectors, found = np.asarray(encode(words)), {}
        for start in range(0, len(words), 1024):
            alike = vectors[start : start + 1024] @ vectors.T
            rows = np.arange(len(alike))
            alike[rows, start + rows] = -np.inf
            nearest = np.argsort(-alike, axis=1, kind="stable")[:, : config.neighbours]
            for n, places in enumerate(nearest):
                kept = tuple(words[p] for p in places if alike[n, p] >= config.least_alike)
                if kept:
                    found[words[start + n]] = kept
        return cls(found)

    def of(self, word: str) -> tuple[str, ...]:
        """What may stand for a word, the nearest first; in the word's own capitals."""
        like = self.synonyms.get(word.lower(), ())
        return tuple(s.capitalize() for s in like) if word[:1].isupper() else like


def augmented_texts(
    texts: Sequence[str],
    encode: Encode,
    *,
    synonyms: SynonymSource | None = None,
    config: TextAugmentationConfig | None = None,
    seed: int = 0,
) -> AugmentedTexts:
    """The texts and up to `copies` changed ones of each, in the order of their sources.

    A changed text that is the text itself, that was made already, or that `encode` places too far from it is left out.
    Labels are those of `sources`: ``labels[list(augmented.sources)]``. Without `synonyms` they are learned from the
    texts themselves.
    """
    config = config or TextAugmentationConfig()
    if "synonyms" in config.changes and synonyms is None:
        synonyms = SynonymSource.fit(texts, encode, config)
    made: list[tuple[int, str]] = []
    for row, text in enumerate(texts):
        rng = numpy_rng(seed, "text augmentation", str(row))
        seen = {text}
        for copy in range(config.copies):
            change = config.changes[copy % len(config.changes)]
            if change == "word_drop":
                new = _with_words_dropped(text, config.share, rng)
            else:
                new = _with_words_replaced(text, synonyms or SynonymSource({}), config.share, rng)
            if new not in seen:
                seen.add(new)
                made.append((row, new))
    if made:
        before, after = (
            np.asarray(encode([texts[row] for row, _ in made])),
            np.asarray(encode([new for _, new in made])),
        )
        near = (before * after).sum(axis=1) >= config.same_sense
        made = [one for one, kept in zip(made, near, strict=True) if kept]
    return AugmentedTexts(
        texts=(*texts, *(new for _, new in made)),
        sources=(*range(len(texts)), *(row for row, _ in made)),
        synthetic=(*[False] * len(texts), *[True] * len(made)),
    )


def _with_words_dropped(text: str, share: float, rng: np.random.Generator) -> str:
    words = text.split()
    if len(words) < 2:
        return text
    dropped = rng.choice(len(words), size=min(max(round(share * len(words)), 1), len(words) - 1), replace=False)
    return " ".join(word for place, word in enumerate(words) if place not in set(dropped.tolist()))


def _with_words_replaced(text: str, synonyms: SynonymSource, share: float, rng: np.random.Generator) -> str:
    words = list(WORD.finditer(text))
    able = [word for word in words if synonyms.of(word[0])]
    if not able:
        return text
    chosen = rng.choice(len(able), size=min(max(round(share * len(words)), 1), len(able)), replace=False)
    for place in sorted(chosen.tolist(), reverse=True):  # from the end, so that places before stay right
        word = able[place]
        options = synonyms.of(word[0])
        text = text[: word.start()] + options[int(rng.integers(len(options)))] + text[word.end() :]
    return text

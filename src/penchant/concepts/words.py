"""Words and spellings of names and texts, in English and Chinese."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from penchant.encoders.chinese import HAN, jieba_cut
from penchant.encoders.stop_words import CHINESE, ENGLISH, NO_NAMES
from penchant.errors import MissingExtraError

_HAN_RUN = re.compile(f"[{HAN}]+")
_TOKEN = re.compile(
    f"(?P<han>[{HAN}]+)|(?P<word>[^\\W\\d_{HAN}][^\\W_{HAN}]*(?:['’][^\\W_{HAN}]+)*)|(?P<number>\\d[^\\W_{HAN}]*)"
)
_BETWEEN = re.compile(r"[\s\-‐‑]*")
"""What may stand between two words of one phrase."""
_NO_CHINESE_BELOW = 0.01
"""Share of texts in Chinese below which a catalogue is read without a Chinese dictionary."""


class Words:
    """Splits texts into runs of telling words.

    A run ends at punctuation, at a number and at a stop word, so that two neighbours in a run may form a phrase. Words
    of Latin, Cyrillic and similar scripts are told apart by spaces, in lower case, and count from three letters on.
    Chinese is cut by jieba's dictionary (the most probable path, then a hidden Markov model for words it lacks), and
    words count from two characters on. Other scripts without spaces (Japanese kana, Thai) stay whole between spaces.
    """

    def __init__(self, cut: Callable[[str], Iterable[str]] | None = None) -> None:
        self._cut = cut or (lambda run: (run,))

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Words":
        """Words for these texts; jieba is loaded (a second) only where some text has Chinese in it.

        `MissingExtraError` where more than 1 % of the texts have and jieba is not installed.
        """
        chinese = sum(bool(_HAN_RUN.search(text)) for text in texts)
        if not chinese:
            return cls()
        try:
            return cls(jieba_cut())
        except ImportError:
            if chinese <= _NO_CHINESE_BELOW * len(texts):
                return cls()
            raise MissingExtraError(
                f"{chinese} of {len(texts)} texts are in Chinese, and jieba, which finds words, is not installed.",
                hint="pip install 'penchant[zh]'",
            ) from None

    def runs(self, text: str) -> Iterator[list[str]]:
        """The telling words of a text, those that follow each other directly in one list."""
        run: list[str] = []
        end = 0
        for match in _TOKEN.finditer(text):
            if run and (match["number"] or not _BETWEEN.fullmatch(text, end, match.start())):
                yield run
                run = []
            end = match.end()
            for word in () if match["number"] else self._split(match):
                if _telling(word):
                    run.append(word)
                elif run:
                    yield run
                    run = []
        if run:
            yield run

    def phrases(self, text: str, *, max_words: int) -> Iterator[tuple[str, ...]]:
        """Every phrase of one to `max_words` neighbouring telling words."""
        for run in self.runs(text):
            for start in range(len(run)):
                for stop in range(start + 1, min(start + max_words, len(run)) + 1):
                    yield tuple(run[start:stop])

    def all(self, text: str) -> list[str]:
        """Every word and number, stop words too, in order: what a name is looked for in."""
        return [word for match in _TOKEN.finditer(text) for word in self._split(match)]

    def _split(self, match: re.Match[str]) -> Iterable[str]:
        return self._cut(match["han"]) if match["han"] else (match[0].casefold(),)


def _telling(word: str) -> bool:
    if _HAN_RUN.fullmatch(word):
        return len(word) >= 2 and word not in CHINESE
    return len(word) >= 3 and re.split("['’]", word, maxsplit=1)[0] not in ENGLISH


def joined(words: Sequence[str]) -> str:
    """Words as a phrase: a space between them, but none between two Chinese ones."""
    text = ""
    for word in words:
        space = text and not (_HAN_RUN.match(word) and _HAN_RUN.match(text[-1]))
        text += f" {word}" if space else word
    return text


def is_chinese(name: str) -> bool:
    """Whether a name is made of Chinese characters alone."""
    return bool(_HAN_RUN.fullmatch(name))


def is_name(value: Any) -> bool:
    """Whether a value can name a concept: a text with a letter or digit, and not a mark of something missing."""
    if not isinstance(value, str) or value.strip().casefold() in NO_NAMES:
        return False
    return any(character.isalnum() for character in value)


def key(name: str) -> str:
    """A name without case, hyphens and double spaces: names with one key are one concept."""
    return re.sub(r"[\s_‐‑-]+", " ", name).strip().casefold()


def spelling(name: str) -> str:
    """A name's letters and digits, without accents, plurals and spaces: "Eye Shadows" is spelt as "eyeshadow"."""
    plain = unicodedata.normalize("NFKD", key(name).replace("’", "'").replace("'s ", "s "))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return "".join(singular(word) for word in re.findall(r"[^\W_]+", plain))


def singular(word: str) -> str:
    """An English word without its plural ending, by rule; words that only look like plurals keep theirs."""
    if len(word) < 4 or not word.isascii() or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") else word


def abbreviates(short: str, long: str) -> bool:
    """Whether `short` is `long` with each of its (two or more) words cut: "sci-fi" of "science fiction"."""
    cut, whole = key(short).split(), key(long).split()
    return (
        2 <= len(cut) == len(whole)
        and cut != whole
        and all(len(c) >= 2 and w.startswith(c) for c, w in zip(cut, whole, strict=True))
    )


def negates(a: str, b: str) -> bool:
    """Whether one name is the other with a "non", "no", "not", "anti", "un" or "without" before it, or 非/无/不."""
    one, other = sorted((spelling(a), spelling(b)), key=len)
    before = other.removesuffix(one)
    return before != other and before in {"non", "no", "not", "anti", "un", "without", "非", "无", "不", "反"}

"""A text as words, marks and emoji, each with its place: English and Chinese, and both in one sentence."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from typing import Literal, NamedTuple

HAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Characters written without blanks between words."""
TOKEN = re.compile(
    rf"""
      (?P<face>(?<!\w)(?:[:;=]['’]?-?[)(\]\[D/|]|</?3)(?!\w))
    | (?P<han>[{HAN}]+)
    | (?P<word>[^\W_{HAN}]+(?:['’][^\W_{HAN}]+)*)
    | (?P<emoji>[\U0001f300-\U0001faff\u2600-\u27bf\u2b50])
    | (?P<lines>(?:[ \t\r]*\n)+)
    | (?P<mark>[^\w\s])
    """,
    re.VERBOSE,
)
ACCENTS = re.compile("[\u0300-\u036f]")

Segmenter = Callable[[str], Iterable[str]]
"""A run of Chinese characters to its words, which put together are the run."""


class Token(NamedTuple):
    """A word, mark, emoji or line break."""

    text: str
    folded: str
    """In one case and width, without accents, with straight apostrophes."""
    start: int
    end: int
    kind: Literal["word", "han", "mark", "emoji", "lines"]


def folded(word: str) -> str:
    """A word as it is compared: one case, one width, no accents."""
    plain = word.casefold().replace("’", "'")
    if plain.isascii():
        return plain
    # Marks that are no accents of letters (those of Indic and Thai writing) stay: without them a word is another.
    return unicodedata.normalize("NFC", ACCENTS.sub("", unicodedata.normalize("NFKD", plain)))


def longest_match(words: Collection[str]) -> Segmenter:
    """Cuts Chinese at the longest known word from the left; what is not known is one character a word.

    Its faults are those of greedy cutting; `jieba_segmenter` knows more of the language.
    """
    known = frozenset(word for word in words if re.fullmatch(f"[{HAN}]+", word))
    longest = max((len(word) for word in known), default=1)

    def cut(run: str) -> Iterable[str]:
        at = 0
        while at < len(run):
            size = next((n for n in range(min(longest, len(run) - at), 1, -1) if run[at : at + n] in known), 1)
            yield run[at : at + size]
            at += size

    return cut


def tokens(text: str, segment: Segmenter) -> list[Token]:
    """The words and marks of a text, in order; blanks are left out."""
    found: list[Token] = []
    for match in TOKEN.finditer(text):
        start, end, kind, said = match.start(), match.end(), match.lastgroup, match.group()
        if kind == "han":
            for word in segment(said):
                found.append(Token(word, word, start, start + len(word), "han"))
                start += len(word)
        elif kind == "word":
            found.append(Token(said, folded(said), start, end, "word"))
        elif kind in ("face", "emoji"):
            found.append(Token(said, said, start, end, "emoji"))
        else:
            found.append(Token(said, said, start, end, "lines" if kind == "lines" else "mark"))
    return found

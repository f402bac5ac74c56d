"""Finding given names in texts."""

from collections.abc import Iterable, Mapping, Sequence

from penchant.concepts.words import Words, is_chinese, singular


class Finder:
    """Finds which of many names a text has, as whole words in order, without regard to case and plural.

    A name without a letter or digit is never found.
    """

    def __init__(self, names: Mapping[str, Sequence[str]], words: Words) -> None:
        """`names`: id → the names that stand for it."""
        self._words = words
        self._ids: dict[tuple[str, ...], set[str]] = {}
        for id_, spellings in names.items():
            for spelling in spellings:
                if parts := self._parts(spelling):
                    self._ids.setdefault(parts, set()).add(id_)
        self._lengths = sorted({len(parts) for parts in self._ids})
        self._chinese = {"".join(parts): ids for parts, ids in self._ids.items() if is_chinese("".join(parts))}

    def find(self, texts: Iterable[str]) -> set[str]:
        """The ids whose names the texts have. A name in Chinese is found wherever its characters are."""
        found: set[str] = set()
        for text in texts:
            parts = self._parts(text)
            for length in self._lengths:
                for start in range(len(parts) - length + 1):
                    found |= self._ids.get(parts[start : start + length], set())
            if self._chinese and not text.isascii():
                for name, ids in self._chinese.items():
                    if name in text.casefold():
                        found |= ids
        return found

    def _parts(self, text: str) -> tuple[str, ...]:
        return tuple(singular(word) for word in self._words.all(text))

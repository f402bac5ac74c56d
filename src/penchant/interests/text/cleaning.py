"""What people type, made readable: markup, entities and broken characters out, every place still known.

All passes are linear in the length of the text: a megabyte of ``<script`` costs what a megabyte of prose does.
"""

import html
import math
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from penchant.errors import DataError

MARKUP = re.compile(r"<!--|</?[a-zA-Z][^<>]{0,2000}>|&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});?")
UNSAID = re.compile(r"<(script|style)\b", re.IGNORECASE)
BREAKING = re.compile(r"</?(?:p|br|div|li|ul|ol|h[1-6]|tr|td|blockquote|hr)\b", re.IGNORECASE)
BROKEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
MARKER = re.compile(r"[<&]")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text without its markup."""

    text: str
    """Markup is a blank, or a line break where it ends a paragraph; entities are the characters they stand for."""
    cut: bool
    """Whether the text was longer than what is read of it."""
    _clean: list[int] = field(default_factory=list)
    _source: list[int] = field(default_factory=list)

    def place(self, position: int) -> int:
        """Where a character of the clean text stands in the text that came."""
        if not self._clean:
            return position
        n = bisect_right(self._clean, position) - 1
        return self._source[n] + position - self._clean[n]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A span of the clean text in the text that came."""
        return (self.place(start), self.place(end - 1) + 1) if end > start else (self.place(start),) * 2


def cleaned(text: Any, *, at_most: int) -> Cleaned:
    """The readable part of the first `at_most` characters of a text; None and NaN are no text.

    `DataError` for anything else that is not a text.
    """
    if text is None or (isinstance(text, float) and math.isnan(text)):
        return Cleaned("", cut=False)
    if not isinstance(text, str):
        raise DataError(
            f"A text is of type {type(text).__name__}: {str(text)[:40]}.",
            hint="Give texts, or None where there is none.",
        )
    cut = len(text) > at_most
    text = BROKEN.sub("\ufffd", text[:at_most])
    if MARKER.search(text) is None:
        return Cleaned(text, cut)
    return _without_markup(text, cut)


def _without_markup(text: str, cut: bool) -> Cleaned:
    pieces: list[str] = []
    clean: list[int] = []
    source: list[int] = []
    length = position = 0

    def keep(piece: str, at: int) -> None:
        nonlocal length
        if piece:
            clean.append(length)
            source.append(at)
            pieces.append(piece)
            length += len(piece)

    while (found := MARKUP.search(text, position)) is not None:
        keep(text[position : found.start()], position)
        markup, end = found.group(), found.end()
        if markup.startswith("&"):
            # An ampersand that stands for itself (R&B, "&amp" without its semicolon) stays what it is.
            said = html.unescape(markup) if markup.endswith(";") else markup
            keep(BROKEN.sub("\ufffd", said), found.start())
        else:
            end = _end_of_unsaid(text, markup, end)
            keep("\n" if BREAKING.match(markup) else " ", found.start())
        position = end
    keep(text[position:], position)
    return Cleaned("".join(pieces), cut, clean, source)


def _end_of_unsaid(text: str, markup: str, end: int) -> int:
    """Where a comment, script or style that begins here ends; one that never ends hides the rest, as in a browser."""
    if markup == "<!--":
        closing = text.find("-->", end)
        return len(text) if closing < 0 else closing + 3
    if (opened := UNSAID.match(markup)) is None:
        return end
    closing_tag = re.compile(f"</{opened.group(1)}", re.IGNORECASE).search(text, end)
    return len(text) if closing_tag is None else closing_tag.start()

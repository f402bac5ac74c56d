"""A model's answer in words, read back as items of a catalogue, or as a rating."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from penchant.errors import ConfigError, DataError
from penchant.models.language.prompts.template import MASK, PromptTemplate, PromptValues

Complete = Callable[[str], str]
"""A prompt to what a model writes after it: `Writer`, or whatever calls a model elsewhere."""
BULLET = re.compile(r"^\s*(?:[-*•–—]|\(?\d{1,3}[.):])\s+")
QUOTED = re.compile(r"[\"“”«»]([^\"“”«»]{2,})[\"“”«»]")
BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
MOVED = re.compile(r"^(.*), (the|a|an)$")
NUMBER = re.compile(r"(?<![\w.,])(\d+(?:[.,]\d+)?)(?![\w,]|\.\d)(\s*(?:/|out of)\s*\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedItems:
    """What an answer named."""

    items: tuple[int, ...]
    """Rows of the catalogue's titles, in the answer's order, each once"""
    unknown: tuple[str, ...]
    """Entries of the answer that are no title of the catalogue: made up, or not sold here"""


class TitleIndex:
    """Titles by what is left of them without case, accents, punctuation, brackets and what follows a colon.

    An entry of an answer is a title where it is equal to it so, or begins with it and goes on with ``by …``, ``–`` or
    ``:``; else where exactly one title is spelled nearly alike (`near`, the ratio of Ratcliff and Obershelp). A short
    form that two titles share names neither.
    """

    def __init__(self, titles: Sequence[str], *, near: float = 0.9) -> None:
        if not 0 < near <= 1:
            raise ConfigError(
                f"near is {near:g}.", hint="Choose more than 0 and at most 1; 1 takes equal titles alone."
            )
        self.near = near
        self._rows: dict[str, int | None] = {}
        for row, title in enumerate(titles):
            if whole := plain(title):
                self._rows.setdefault(whole, row)
        whole_titles = frozenset(self._rows)
        for row, title in enumerate(titles):
            for short in set(_shorter(title)) - whole_titles:
                self._rows[short] = row if self._rows.get(short, row) == row else None

    def row(self, entry: str) -> int | None:
        """The title that an entry of an answer is; None for none, or for several that it may be."""
        for form in _forms(entry):
            if (key := plain(form)) in self._rows:
                return self._rows[key]
        key = plain(BRACKETS.sub(" ", entry))
        alike = get_close_matches(key, self._rows, n=2, cutoff=self.near) if key and self.near < 1 else []
        rows = {self._rows[one] for one in alike}
        return rows.pop() if len(rows) == 1 else None

    def named(self, answer: str, *, most: int | None = None) -> NamedItems:
        """The items that an answer names, at most so many.

        The entries of an answer are its lines, where it is one line its quoted parts, else what is between semicolons,
        else between commas; numbers and bullets before an entry do not count.

        Worked: titles Dune and Emma, the answer ``1. Emma (1815)``, ``2. "Dune" by Frank Herbert``, ``3. Duune II``:
        rows 1 and 0, and ``Duune II`` is unknown.
        """
        found: dict[int, None] = {}
        unknown: dict[str, None] = {}
        for entry in self._entries(answer):
            row = self.row(entry)
            if row is None:
                unknown[entry] = None
            else:
                found[row] = None
        return NamedItems(items=tuple(found)[:most], unknown=tuple(unknown))

    def _entries(self, answer: str) -> list[str]:
        lines = [one for line in answer.splitlines() if (one := BULLET.sub("", line).strip().rstrip(".;,"))]
        if len(lines) != 1:
            return lines
        quoted = [one.strip().rstrip(".;,") for one in QUOTED.findall(lines[0])]
        if len(quoted) < 2 and self.row(lines[0]) is not None:  # an item by itself, with a comma in its name perhaps
            return lines
        if quoted:
            return quoted
        mark = ";" if ";" in lines[0] else ","
        return [one for part in lines[0].split(mark) if (one := part.strip().rstrip("."))]


def rating_in(answer: str, scale: tuple[float, float]) -> float | None:
    """The first number of an answer that lies in the scale, before others one that is said to be of so many (``4/5``,
    ``4 out of 5``); None where there is none: nothing is guessed.

    Worked, on 1 to 5: ``I would say 4.5 out of 5`` gives 4.5, ``9 of my friends would give it a 3`` 3, ``great!`` None.
    """
    low, high = scale
    matches = sorted(NUMBER.finditer(answer), key=lambda match: match[2] is None)
    values = (float(match[1].replace(",", ".")) for match in matches)
    return next((value for value in values if low <= value <= high), None)


@dataclass(frozen=True, kw_only=True)
class PromptedItems:
    """A user's history put into words by a template, and a model's answer read back as items of the catalogue.

    ::

        items = named( complete( template(history) ) )

    What the answer names that the catalogue has not is told beside them and never recommended. `ConfigError` for a
    template with a gap: that is for `ClozeClassifier`.
    """

    template: PromptTemplate
    complete: Complete
    titles: TitleIndex

    def __post_init__(self) -> None:
        if MASK in self.template.slots:
            raise ConfigError(
                f"The prompt {self.template.text!r} has a gap; here the model writes on after it.",
                hint=f"Leave {{{MASK}}} out.",
            )

    def items(self, values: PromptValues, *, most: int | None = None, without: Iterable[int] = ()) -> NamedItems:
        """The items that the model names, in its order; those `without` are left out, such as the history's own.

        `DataError` where the model's answer is no text.
        """
        answer = self.complete(self.template.fill(values))
        if not isinstance(answer, str):
            raise DataError(
                f"The model answered with {type(answer).__name__}, not with a text.", hint="Give one that returns text."
            )
        found, left_out = self.titles.named(answer), set(without)
        kept = tuple(item for item in found.items if item not in left_out)
        return NamedItems(items=kept[:most], unknown=found.unknown)


def plain(text: str) -> str:
    """Small letters and digits with single spaces, no accents; ``Matrix, The`` is ``the matrix``."""
    folded = "".join(
        c for c in unicodedata.normalize("NFKD", text.casefold().replace("&", " and ")) if not unicodedata.combining(c)
    )
    folded = MOVED.sub(r"\2 \1", folded.strip())
    return " ".join("".join(c if c.isalnum() else " " for c in folded.replace("'", "").replace("’", "")).split())


def _shorter(title: str) -> list[str]:
    """A title without its brackets (a year, a series), and without its subtitle."""
    bare = BRACKETS.sub(" ", title).strip()
    return [short for one in (bare, bare.split(":")[0]) if (short := plain(one))]


def _forms(entry: str) -> list[str]:
    """An entry as it is, without brackets, what it has in quotes, and what is before an author, a dash or a colon."""
    bare = BRACKETS.sub(" ", entry).strip()
    return [
        entry,
        bare,
        *QUOTED.findall(entry),
        *(re.split(mark, bare)[0] for mark in (r"\s+by\s+", r"\s+[-–—]\s+", ":")),
    ]

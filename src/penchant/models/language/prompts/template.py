"""Prompts as configuration: a text with named slots, checked when it is read and filled from items and users."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from string import Formatter
from typing import Any

from pydantic import Field, field_validator

from penchant.config import Config
from penchant.errors import ConfigError, DataError

MASK = "mask"
"""The slot that a masked language model fills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptValues:
    """What a prompt may tell. None: it is not known, and a template that asks for it cannot be filled."""

    item: str | None = None
    """The item's text."""
    text: str | None = None
    """What the user wrote or asked for."""
    history: tuple[str, ...] | None = None
    """Texts of items the user took, the last first."""
    liked: tuple[str, ...] | None = None
    """Those liked, the last first."""
    disliked: tuple[str, ...] | None = None

    @classmethod
    def content_free(cls, word: str) -> "PromptValues":
        """Every slot filled with a word that says nothing, such as ``N/A``."""
        return cls(item=word, text=word, history=(word,), liked=(word,), disliked=(word,))

    @property
    def longest(self) -> int:
        """Items in the longest list."""
        return max((len(value) for _, value in self._lists()), default=0)

    def shortened(self, most: int) -> "PromptValues":
        """Lists cut to their first `most` items."""
        cut: dict[str, Any] = {name: value[:most] for name, value in self._lists()}
        return replace(self, **cut)

    def _lists(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), tuple):
                yield field.name, value


SLOTS = (*(field.name for field in fields(PromptValues)), MASK)
"""The slots that exist."""


class PromptTemplate(Config):
    """A task in words, such as ``A reader liked {liked}. This reader finds {item} {mask}.``"""

    text: str
    """With slots in braces, each one of `SLOTS`, each at most once; a brace of its own is written twice."""
    max_items: int = Field(default=5, ge=1)
    """Items told in each list, at most."""
    max_words: int = Field(default=12, ge=1)
    """Words told of each item."""
    separator: str = "; "
    """Between the items of a list."""
    nothing: str = "nothing yet"
    """What stands for a list without items."""

    @field_validator("text")
    @classmethod
    def _slots_that_exist(cls, text: str) -> str:
        try:
            slots = list(_slots(text))
        except ValueError as error:
            raise ValueError(f"the braces do not match ({error}); a brace of its own is written twice") from None
        if unknown := sorted({f"{{{slot}}}" for slot in slots} - {f"{{{slot}}}" for slot in SLOTS}):
            there = ", ".join(f"{{{slot}}}" for slot in SLOTS)
            raise ValueError(f"no slot is called {', '.join(unknown)}; there are {there}")
        if twice := sorted({slot for slot in slots if slots.count(slot) > 1}):
            raise ValueError(f"{{{twice[0]}}} is there more than once")
        if not text.strip():
            raise ValueError("a prompt has words")
        return text

    @property
    def slots(self) -> tuple[str, ...]:
        """Those of this template, in their order."""
        return tuple(_slots(self.text))

    def need(self, slots: Iterable[str], *, why: str) -> None:
        """`ConfigError` that names the slots which are wanted and missing."""
        if missing := [f"{{{slot}}}" for slot in slots if slot not in self.slots]:
            raise ConfigError(
                f"The prompt {self.text!r} has no {', '.join(missing)}: {why}.",
                hint=f"Put {', '.join(missing)} where it belongs.",
            )

    def fill(self, values: PromptValues) -> str:
        """The prompt in full, nothing in its gap. `DataError` names the slots for which no value came."""
        return "".join(self.around(values))

    def around(self, values: PromptValues) -> tuple[str, ...]:
        """The prompt cut at its ``{mask}``: what is before and after it; one part where it has none. `DataError` as in
        `fill`.
        """
        known = {field.name: getattr(values, field.name) for field in fields(values)} | {MASK: ""}
        if missing := [f"{{{slot}}}" for slot in self.slots if known[slot] is None]:
            raise DataError(
                f"The prompt asks for {', '.join(missing)}, which is not known here.",
                hint="Hand it in, or use a template without it.",
            )
        parts = [""]
        for literal, slot, _, _ in Formatter().parse(self.text):
            parts[-1] += literal
            if slot == MASK:
                parts.append("")
            elif slot is not None:
                parts[-1] += self._said(known[slot])
        return tuple(parts)

    def _said(self, value: str | tuple[str, ...]) -> str:
        if isinstance(value, str):
            return self._short(value)
        told = [short for one in value[: self.max_items] if (short := self._short(one))]
        return self.separator.join(told) or self.nothing

    def _short(self, text: str) -> str:
        return " ".join(text.split()[: self.max_words]).rstrip(".,;:")


def _slots(text: str) -> Iterator[str]:
    for _, slot, form, conversion in Formatter().parse(text):
        if slot is not None:
            yield slot + (f":{form}" if form else "") + (f"!{conversion}" if conversion else "")

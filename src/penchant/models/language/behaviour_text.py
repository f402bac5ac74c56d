"""What a user did, as a text that a language model reads: the newest first."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from penchant.config import Config
from penchant.data.events import IMPRESSION
from penchant.data.polarity import LOW_RATING
from penchant.data.rating_targets import LIKED_SHARE
from penchant.encoders.rendering import check_wordings, words
from penchant.types import AnyArray

NEUTRAL = ("interaction", "rating")
"""Event types whose name says nothing of what was done."""


class BehaviourTemplate(Config):
    """How events are put into words."""

    last_events: int = Field(default=10, ge=1)
    """How many, at most."""
    item_words: int = Field(default=8, ge=1)
    """Words of an item's text that stand for it: its title comes first there."""
    liked: str = "liked {}"
    """An item whose rating is in the highest quarter of the scale."""
    fair: str = "found {} fair"
    """One rated between."""
    disliked: str = "disliked {}"
    """One in the lowest quarter."""
    chosen: str = "chose {}"
    """An item of which it is only known that the user took it. Any other event is told by the name of its type, such as
    ``purchase``."""
    separator: str = "; "

    @field_validator("liked", "fair", "disliked", "chosen")
    @classmethod
    def _one_item(cls, wording: str) -> str:
        check_wordings({"event": wording})
        return wording


class BehaviourWriter:
    """Events to text, for one dataset's items, event types and scale.

    The newest event comes first, so that a text cut at its end loses what is oldest. What was only shown
    (`IMPRESSION`), and events that have neither an item nor words, are not told.
    """

    def __init__(
        self,
        item_texts: Sequence[str],
        *,
        event_types: Sequence[str],
        scale: tuple[float, float] | None,
        template: BehaviourTemplate,
    ) -> None:
        self.template, self._scale, self._event_types = template, scale, tuple(event_types)
        self._names = [" ".join(text.split()[: template.item_words]).rstrip(".,;:") for text in item_texts]
        self._types = [name.replace("_", " ") for name in event_types]
        self._silent = [name == IMPRESSION for name in event_types]
        self._neutral = [name in NEUTRAL for name in event_types]

    def text(
        self,
        items: AnyArray,
        types: AnyArray,
        values: AnyArray,
        *,
        texts: AnyArray | None = None,
        without: int | None = None,
    ) -> tuple[str, set[int]]:
        """The last of one user's events, oldest first as they come, and the items that are told of.

        Events of the item `without` are left out, as if they had not been. An item row of −1 is a search or another
        event without an item, told by its own words in `texts`.
        """
        told: list[str] = []
        seen: set[int] = set()
        for k in range(len(items) - 1, -1, -1):
            item = int(items[k])
            if item == without and item >= 0:
                continue
            phrase = self.phrase(item, int(types[k]), float(values[k]), None if texts is None else texts[k])
            if not phrase:
                continue
            told.append(phrase)
            seen.add(item)
            if len(told) == self.template.last_events:
                break
        return self.template.separator.join(told), seen

    def phrase(self, item: int, kind: int, value: float, text: Any = None) -> str:
        """One event in words, "" where it is not told."""
        if self._silent[kind]:
            return ""
        if item < 0:
            said = " ".join(words(text, at_most=1).split()[: self.template.item_words])
            return f"{self._types[kind]} {said}" if said else ""
        name = self._names[item]
        if not name:
            return ""
        if self._scale is not None and not np.isnan(value):
            low, high = self._scale
            share = (value - low) / ((high - low) or 1.0)
            wording = self.template.fair
            if share >= LIKED_SHARE:
                wording = self.template.liked
            elif share <= LOW_RATING:
                wording = self.template.disliked
            return wording.replace("{}", name)
        if self._neutral[kind]:
            return self.template.chosen.replace("{}", name)
        return f"{self._types[kind]} {name}"

    def as_json(self) -> dict[str, Any]:
        """What cannot be read off the items: event types and scale."""
        return {"types": list(self._event_types), "scale": self._scale}

    @classmethod
    def from_json(
        cls, saved: Mapping[str, Any], item_texts: Sequence[str], *, template: BehaviourTemplate
    ) -> "BehaviourWriter":
        """What `as_json` gave."""
        scale = None if saved["scale"] is None else (float(saved["scale"][0]), float(saved["scale"][1]))
        return cls(item_texts, event_types=saved["types"], scale=scale, template=template)

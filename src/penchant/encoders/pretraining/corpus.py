"""What there is to learn from before any task: texts, and items taken one after the other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np

from penchant.data.dataset import Dataset
from penchant.encoders.item_text import ItemTemplate, render_items
from penchant.encoders.rendering import words
from penchant.errors import DataError
from penchant.seeding import numpy_rng, stable_hash
from penchant.types import AnyArray, BoolArray

PairKind = Literal["sentences", "items", "users"]

_SENTENCE = re.compile(r"(?<=[.!?;。！？；])\s+|(?<=[。！？；])|\n+")
_LETTER = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPairs:
    """N pairs of texts that belong together. Equal keys are equal texts, on either side."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    left_keys: AnyArray
    """(N,) int64"""
    right_keys: AnyArray
    """(N,) int64"""

    def __len__(self) -> int:
        return len(self.left)

    def take(self, places: AnyArray) -> "TextPairs":
        """Those at these places."""
        return TextPairs(
            left=tuple(self.left[n] for n in places),
            right=tuple(self.right[n] for n in places),
            left_keys=self.left_keys[places],
            right_keys=self.right_keys[places],
        )


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Unlabelled texts and the items of users, each with a part that is held out and never learned from.

    A text is held out by a hash of itself and the seed, a user by one of his id: neither moves when others are added.
    """

    texts: tuple[str, ...]
    """Distinct ones, each with a letter or digit"""
    items: tuple[str, ...] = ()
    """The text of each of the I items, "" for one without"""
    sequences: tuple[tuple[int, ...], ...] = ()
    """Each user's items that have a text, oldest first, an item directly after itself once"""
    users: tuple[str, ...] = ()
    """Ids of those users"""
    held_out: float = 0.1
    """The share that is held out"""
    seed: int = 0

    @classmethod
    def of(
        cls, dataset: Dataset, *, template: ItemTemplate | None = None, held_out: float = 0.1, seed: int = 0
    ) -> "Corpus":
        """Items' texts, what users wrote and searched for, and the order in which they took items.

        All events of `dataset` are used: hand in the training part, and leave out the events of items that are to be
        cold. Raises `DataError` where no item and no event has a text.
        """
        items = tuple(text if _LETTER.search(text) else "" for text in render_items(dataset.items, template=template))
        written = () if dataset.events.texts is None else (words(text, at_most=1) for text in dataset.events.texts)
        texts = tuple(dict.fromkeys(text for text in (*items, *written) if _LETTER.search(text)))
        if not texts:
            raise DataError(
                f"{dataset.name!r} has no texts to learn from.",
                hint="Import items with a title or description, or events with a text.",
            )
        histories = dataset.histories()
        bounds = zip(histories.indptr[:-1], histories.indptr[1:], strict=True)
        walks = [_without_repeats([int(i) for i in histories.items[a:b] if items[i]]) for a, b in bounds]
        kept = [n for n, walk in enumerate(walks) if len(walk) > 1]
        return cls(
            texts=texts,
            items=items,
            sequences=tuple(walks[n] for n in kept),
            users=tuple(dataset.users.ids[histories.users[n]] for n in kept),
            held_out=held_out,
            seed=seed,
        )

    @cached_property
    def divided(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The texts to learn from and those held out. `DataError` where there are fewer than two."""
        mask = self._aside(self.texts)
        if len(self.texts) < 2:
            raise DataError(
                f"There is {len(self.texts)} text; to learn and to measure takes two.", hint="Give more texts."
            )
        learned = tuple(text for text, aside in zip(self.texts, mask, strict=True) if not aside)
        return learned, tuple(text for text, aside in zip(self.texts, mask, strict=True) if aside)

    def pairs(self, kind: PairKind, *, at_most: int, window: int = 1, history: int = 5) -> tuple[TextPairs, TextPairs]:
        """Pairs to learn from and pairs held out, at most `at_most` of the first and a tenth of it of the second.

        ``sentences``: one sentence of a text and the next. ``items``: an item and one that the same user took at most
        `window` places later. ``users``: a user's last `history` items, the newest first, and the item he took next.
        Held out are whole texts and whole users. Raises `DataError` where either part has fewer than two pairs.
        """
        if kind == "sentences":
            parts = [[pair for text in texts for pair in pairwise(sentences(text))] for texts in self.divided]
        else:
            mask = self._aside(self.users)
            make = self._item_pairs if kind == "items" else self._user_pairs
            wide = window if kind == "items" else history
            parts = [
                [pair for walk, m in zip(self.sequences, mask, strict=True) if m == aside for pair in make(walk, wide)]
                for aside in (False, True)
            ]
        learned, held = (
            _pairs(_sampled(part, most, seed=self.seed, name=f"{kind} pairs"))
            for part, most in zip(parts, (at_most, max(at_most // 10, 2)), strict=True)
        )
        if len(learned) < 2 or len(held) < 2:
            raise DataError(
                f"There are {len(learned)} pairs of {kind} to learn from and {len(held)} to measure on; "
                "two of each are needed.",
                hint="Texts of several sentences are needed."
                if kind == "sentences"
                else "Users with several items that have texts are needed.",
            )
        return learned, held

    def _item_pairs(self, walk: Sequence[int], window: int) -> list[tuple[str, str]]:
        return [
            (self.items[a], self.items[b])
            for n, a in enumerate(walk)
            for b in walk[n + 1 : n + 1 + window]
            if self.items[a] != self.items[b]
        ]

    def _user_pairs(self, walk: Sequence[int], history: int) -> list[tuple[str, str]]:
        return [
            ("\n".join(self.items[i] for i in reversed(walk[max(n - history, 0) : n])), self.items[walk[n]])
            for n in range(1, len(walk))
        ]

    def _aside(self, names: Sequence[str]) -> BoolArray:
        """(n,) which are held out: about `held_out` of them, at least one and never all of two or more."""
        hashes = np.array([stable_hash(name, seed=self.seed) / 2**64 for name in names])
        mask: BoolArray = hashes < self.held_out
        if len(names) > 1:
            mask[int(hashes.argmin())], mask[int(hashes.argmax())] = True, False
        return mask


def sentences(text: str) -> list[str]:
    """The sentences of a text in order: cut after ends of sentences in English and Chinese, and at new lines."""
    return [part.strip() for part in _SENTENCE.split(text) if _LETTER.search(part)]


def _without_repeats(walk: Sequence[int]) -> tuple[int, ...]:
    return tuple(item for n, item in enumerate(walk) if n == 0 or item != walk[n - 1])


def _sampled(pairs: list[tuple[str, str]], at_most: int, *, seed: int, name: str) -> list[tuple[str, str]]:
    if len(pairs) <= at_most:
        return pairs
    return [pairs[n] for n in np.sort(numpy_rng(seed, name).choice(len(pairs), at_most, replace=False))]


def _pairs(pairs: Sequence[tuple[str, str]]) -> TextPairs:
    keys: dict[str, int] = {}
    numbered = np.array([[keys.setdefault(text, len(keys)) for text in pair] for pair in pairs], dtype=np.int64)
    numbered = numbered.reshape(-1, 2)
    return TextPairs(
        left=tuple(left for left, _ in pairs),
        right=tuple(right for _, right in pairs),
        left_keys=numbered[:, 0],
        right_keys=numbered[:, 1],
    )

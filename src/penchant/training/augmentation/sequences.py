"""Histories changed so that they still show the same interests: cut, masked, reordered, replaced item by item.

The first three are those of contrastive sequential recommendation (Xie et al. 2022, CL4SRec), the last puts items in
the place of ones like them (Liu et al. 2021, CoSeRec).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.errors import ConfigError
from penchant.seeding import numpy_rng
from penchant.types import IntArray, RowArray

SequenceChange = Literal["crop", "mask", "reorder", "substitute"]


class SequenceAugmentationConfig(Config):
    """What is done to a sequence."""

    changes: tuple[SequenceChange, ...] = ("crop", "mask", "reorder")
    """Each copy of a sequence gets one of them, in turn."""
    copies: int = Field(default=1, ge=1)
    """Changed sequences of each."""
    crop: float = Field(default=0.6, gt=0, le=1)
    """The share of a sequence that stays, in one piece."""
    mask: float = Field(default=0.3, ge=0, lt=1)
    """The share of places that lose their item."""
    reorder: float = Field(default=0.6, ge=0, le=1)
    """The share of a sequence, in one piece, that is shuffled."""
    substitute: float = Field(default=0.3, ge=0, le=1)
    """The share of places that get an item like theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentedSequences:
    """Sequences as they came, then the synthetic ones."""

    sequences: tuple[RowArray, ...]
    sources: tuple[int, ...]
    """The row that each was made from: what it is an example of."""
    synthetic: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.sequences)


def crop(items: RowArray, share: float, rng: np.random.Generator) -> RowArray:
    """A piece of ``max(1, round(share · L))`` neighbouring items, in order."""
    kept = max(round(share * len(items)), 1)
    start = int(rng.integers(len(items) - kept + 1))
    return items[start : start + kept]


def mask(items: RowArray, share: float, rng: np.random.Generator, *, token: int = -1) -> RowArray:
    """`round(share · L)` places, at most all but one, hold `token` in place of their item; −1 is no item."""
    changed = items.copy()
    changed[_places(len(items), min(round(share * len(items)), len(items) - 1), rng)] = token
    return changed


def reorder(items: RowArray, share: float, rng: np.random.Generator) -> RowArray:
    """A piece of ``round(share · L)`` neighbouring items shuffled, the others where they were."""
    length = round(share * len(items))
    start = int(rng.integers(len(items) - length + 1))
    changed = items.copy()
    changed[start : start + length] = rng.permutation(items[start : start + length])
    return changed


def substitute(items: RowArray, share: float, rng: np.random.Generator, *, alike: Mapping[int, int]) -> RowArray:
    """``round(share · L)`` places, at most those that can, hold the item that `alike` says is like theirs."""
    able = [place for place, item in enumerate(items.tolist()) if item in alike]
    changed = items.copy()
    for place in _places(len(able), min(round(share * len(items)), len(able)), rng).tolist():
        changed[able[place]] = alike[int(items[able[place]])]
    return changed


def augmented_sequences(
    sequences: Sequence[RowArray],
    *,
    config: SequenceAugmentationConfig | None = None,
    alike: Mapping[int, int] | None = None,
    token: int = -1,
    seed: int = 0,
) -> AugmentedSequences:
    """The sequences and the changed ones of each; labels are those of `sources`.

    A change that leaves a sequence as it was, and a sequence of fewer than two items, give none. `alike` says which
    item is like which, such as each item's nearest neighbour; `ConfigError` where it is needed and not there.
    """
    config = config or SequenceAugmentationConfig()
    if "substitute" in config.changes and alike is None:
        raise ConfigError(
            "Items are to be substituted, and nothing says which are alike.", hint="Give alike, or leave it out."
        )
    change: dict[SequenceChange, Callable[[RowArray, np.random.Generator], RowArray]] = {
        "crop": lambda items, rng: crop(items, config.crop, rng),
        "mask": lambda items, rng: mask(items, config.mask, rng, token=token),
        "reorder": lambda items, rng: reorder(items, config.reorder, rng),
        "substitute": lambda items, rng: substitute(items, config.substitute, rng, alike=alike or {}),
    }
    made: list[tuple[int, RowArray]] = []
    for row, items in enumerate(sequences):
        rng = numpy_rng(seed, "sequence augmentation", str(row))
        for copy in range(config.copies if len(items) > 1 else 0):
            new = change[config.changes[copy % len(config.changes)]](items, rng)
            if not np.array_equal(new, items):
                made.append((row, new))
    return AugmentedSequences(
        sequences=(*sequences, *(new for _, new in made)),
        sources=(*range(len(sequences)), *(row for row, _ in made)),
        synthetic=(*[False] * len(sequences), *[True] * len(made)),
    )


def _places(n: int, count: int, rng: np.random.Generator) -> IntArray:
    return np.asarray(rng.choice(n, size=count, replace=False) if count else [], dtype=np.int64)

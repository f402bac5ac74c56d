"""What a task learns from: texts, or pairs of texts, with a label each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from penchant.data.rating_targets import RatingTargets
from penchant.encoders.pair_input import Texts
from penchant.errors import DataError
from penchant.models.rating.ratings import Scale
from penchant.seeding import numpy_rng
from penchant.types import DoubleArray, IntArray


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What a task's labels mean; saved with the model, so that what it says can be told in the same words."""

    names: tuple[str, str] | None = None
    """What 0 and 1 are called, such as ``not_buy`` and ``buy``: the second is the yes. None: labels are ratings."""
    scale: tuple[float, float] = (0.0, 1.0)
    """The lowest and the highest label."""

    @property
    def codes(self) -> dict[str, int]:
        """Name → label, in ascending order of labels; empty for ratings."""
        return {name: code for code, name in enumerate(self.names or ())}

    def as_json(self) -> dict[str, Any]:
        """For a manifest."""
        return {"names": self.names, "scale": self.scale}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Labels":
        """What `as_json` gave."""
        low, high = saved["scale"]
        names = None if saved["names"] is None else (str(saved["names"][0]), str(saved["names"][1]))
        return cls(names=names, scale=(float(low), float(high)))


@dataclass(frozen=True, kw_only=True)
class Examples:
    """N examples of one task."""

    texts: Sequence[Texts]
    """Text and second text of each, such as an item's and a user's; the second None where there is one text only."""
    values: DoubleArray
    """(N,) 0 or 1, or ratings; (N, k) for ratings of k aspects, NaN where one was not rated."""
    meaning: Labels
    users: IntArray
    """(N,) whose examples they are: those of one user are never divided between training and validation."""

    def __len__(self) -> int:
        return len(self.texts)

    def of(self, rows: IntArray) -> list[Texts]:
        """The texts of some of the examples."""
        return [self.texts[row] for row in rows]

    def take(self, rows: IntArray) -> "Examples":
        """Some of the examples, in the order given."""
        return replace(self, texts=self.of(rows), values=self.values[rows], users=self.users[rows])

    def divided(self, share: float, *, seed: int) -> tuple["Examples", "Examples"]:
        """The examples of most users, and those of about `share` of the users, drawn by the seed."""
        users = numpy_rng(seed, "held-out users").permutation(np.unique(self.users))
        out = np.isin(self.users, users[: round(share * len(users))])
        return self.take(np.flatnonzero(~out)), self.take(np.flatnonzero(out))

    def check(self, task: str) -> None:
        """`DataError` where nothing can be learned from them."""
        said = f"The task {task!r}"
        if not len(self.texts):
            raise DataError(f"{said} has no examples.", hint="Give it some, or leave the task out.")
        if len(self.values) != len(self.texts) or len(self.users) != len(self.texts):
            raise DataError(
                f"{said} has {len(self.texts)} texts, {len(self.values)} labels and {len(self.users)} users.",
                hint="Give one of each for every example.",
            )
        if self.meaning.names is not None and self.values.ndim != 1:
            raise DataError(
                f"The labels of the task {task!r} have the shape {self.values.shape}.",
                hint="A yes/no task has one label for each example.",
            )
        missing = np.isnan(self.values)
        lost = missing.reshape(len(missing), -1).all(axis=1) if self.meaning.names is None else missing
        if lost.any():
            raise DataError(
                f"{int(lost.sum())} of {len(self)} labels of the task {task!r} are missing.",
                hint="Leave out examples without a label.",
            )
        low, high = self.meaning.scale
        outside = ~missing & ~((self.values >= low) & (self.values <= high))
        if self.meaning.names is not None:
            outside = ~np.isin(self.values, (0.0, 1.0))
        if outside.any():
            raise DataError(
                f"{said} has the label {self.values[outside][0]:g}.",
                hint=f"Labels are 0 for {self.meaning.names[0]} and 1 for {self.meaning.names[1]}."
                if self.meaning.names
                else f"Ratings are from {low:g} to {high:g}.",
            )

    def check_learnable(self, task: str) -> None:
        """`DataError` where there is nothing to learn from: one label for all, or not a word in any text."""
        found = np.unique(self.values[~np.isnan(self.values)])
        if len(found) < 2:
            label = f"{found[0]:g}" if self.meaning.names is None else self.meaning.names[int(found[0])]
            raise DataError(
                f"All {len(self)} training labels of the task {task!r} are {label}: there is nothing to tell apart.",
                hint="Give examples of both." if self.meaning.names else "Give examples of several ratings.",
            )
        if not any(first.strip() or (second or "").strip() for first, second in self.texts):
            raise DataError(f"The texts of the task {task!r} are empty.", hint="Give texts with words.")

    def spread(self) -> Scale:
        """The labels' range, mean and deviation."""
        known = self.values[~np.isnan(self.values)]
        low, high = self.meaning.scale
        return Scale(low=low, high=high, mean=float(known.mean()), spread=float(known.std()) or 1.0)

    def levels(self) -> RatingTargets:
        """The distinct labels in ascending order."""
        known = np.unique(self.values[~np.isnan(self.values)])
        low, high = self.meaning.scale
        return RatingTargets(low=low, high=high, levels=tuple(float(level) for level in known))

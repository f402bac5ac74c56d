"""Labels and class ids, both ways; and the targets and the loss that belong together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from penchant.errors import DataError
from penchant.training.rating_heads import rating_class_loss

Label = str | int | float
TargetForm = Literal["class", "one_hot", "real"]


@dataclass(frozen=True, slots=True)
class LabelMap:
    """The C distinct labels in ascending order: the place of a label is its class id. Saved with what was trained."""

    labels: tuple[Label, ...]

    @classmethod
    def fit(cls, labels: Sequence[Label]) -> "LabelMap":
        """Learn from training labels. `DataError` where there are none, or texts among numbers."""
        found = set(labels)
        if not found:
            raise DataError("There are no labels.", hint="Give the training examples a label each.")
        if any(label is None or label != label for label in found):  # noqa: PLR0124 - NaN of any number type
            raise DataError("A label is missing.", hint="Leave out examples without a label.")
        if len({isinstance(label, str) for label in found}) > 1:
            raise DataError("Some labels are texts and some are numbers.", hint="Make them all the one or the other.")
        return cls(tuple(sorted(found)))

    @property
    def label2id(self) -> dict[Label, int]:
        """Label → class id, as Transformers' models keep it."""
        return {label: place for place, label in enumerate(self.labels)}

    @property
    def id2label(self) -> dict[int, Label]:
        """Class id → label."""
        return dict(enumerate(self.labels))

    def ids(self, labels: Sequence[Label]) -> list[int]:
        """Class ids. `DataError` for a label that was not learned."""
        places = self.label2id
        if unknown := [label for label in labels if label not in places]:
            raise DataError(
                f"The label {unknown[0]!r} is none of the classes.",
                hint=f"Classes: {', '.join(map(str, self.labels))}.",
            )
        return [places[label] for label in labels]

    def decoded(self, ids: Sequence[int]) -> list[Label]:
        """Labels of class ids. `DataError` for an id that no class has."""
        if wrong := [i for i in ids if not 0 <= i < len(self.labels)]:
            raise DataError(f"There is no class {wrong[0]}.", hint=f"Class ids are 0 to {len(self.labels) - 1}.")
        return [self.labels[i] for i in ids]

    def targets(self, labels: Sequence[Label], form: TargetForm) -> Tensor:
        """``class``: (N,) int64 ids; ``one_hot``: (N, C) floats; ``real``: (N,) the labels themselves as numbers."""
        if form == "real":
            self.ids(labels)
            if any(isinstance(label, str) for label in labels):
                raise DataError("Labels that are texts have no numbers.", hint="Choose the form 'class'.")
            return torch.tensor([float(label) for label in labels])
        ids = torch.tensor(self.ids(labels), dtype=torch.int64)
        return ids if form == "class" else functional.one_hot(ids, len(self.labels)).float()

    def width(self, form: TargetForm) -> int:
        """Outputs that a model of these targets has: one for a number, else one for each class."""
        return 1 if form == "real" else len(self.labels)

    def as_json(self) -> dict[str, Any]:
        """For a manifest."""
        return {"labels": list(self.labels)}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "LabelMap":
        """What `as_json` gave."""
        return cls(tuple(saved["labels"]))


def loss_of(form: TargetForm, weights_C: Tensor | None = None) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss that fits a form of targets: from outputs (N, C), or (N, 1) for ``real``, and targets to a mean.

    ``class`` and ``one_hot``: cross-entropy in nats, the second with any shares that add up to 1, ``−(1/N) Σ_n Σ_c y_nc
    log softmax(s_n)_c``; ``real``: the mean squared error. Class weights are for ``class``.
    """
    if form == "class":
        return lambda outputs, targets: rating_class_loss(outputs, targets, weights_C)
    if form == "one_hot":
        return functional.cross_entropy
    return lambda outputs, targets: functional.mse_loss(outputs[:, 0], targets)

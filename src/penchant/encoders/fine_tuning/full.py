"""Full fine-tuning: every weight is trained."""

from collections.abc import Iterable
from typing import Any, Literal

from torch import nn

from penchant.encoders.fine_tuning.method import FineTuningMethod, MethodConfig

UNUSED = ("pooler",)
"""Parts of a model that its last hidden states do not pass through."""


class FullConfig(MethodConfig):
    """Settings of `Full`."""

    name: Literal["full"] = "full"


class Full(FineTuningMethod):
    """All of θ is trained, as in Devlin et al. (2019): the way that every other method is measured against.

    Trained: all weights but a pooler, which the token states do not pass through. AdamW keeps two more numbers for
    each. A little data and a large rate let such a model forget what it was pre-trained for.
    """

    config: FullConfig

    def attach(self, model: Any) -> Iterable[tuple[str, nn.Parameter]]:
        """Every weight in use."""
        return [
            (name, weight)
            for name, weight in model.named_parameters()
            if not any(part in name.split(".") for part in UNUSED)
        ]

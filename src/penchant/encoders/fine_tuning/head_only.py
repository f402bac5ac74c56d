"""No fine-tuning: the model stays as it came, and only what reads its vectors is trained."""

from collections.abc import Iterable
from typing import Any, Literal

from torch import nn

from penchant.encoders.fine_tuning.method import FineTuningMethod, MethodConfig


class HeadOnlyConfig(MethodConfig):
    """Settings of `HeadOnly`."""

    name: Literal["head_only"] = "head_only"


class HeadOnly(FineTuningMethod):
    """θ is frozen: the baseline that fine-tuning has to beat. Trained: 0 weights of the model."""

    config: HeadOnlyConfig

    def attach(self, model: Any) -> Iterable[tuple[str, nn.Parameter]]:  # noqa: ARG002
        """Nothing."""
        return ()

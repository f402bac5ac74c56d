"""Prompt tuning: learned vectors before the words."""

from collections.abc import Iterable
from typing import Any, Literal

from torch import Tensor, nn

from penchant.encoders.fine_tuning.virtual_tokens import PromptMethod, VirtualTokensConfig


class PromptTuningConfig(VirtualTokensConfig):
    """Settings of `PromptTuning`."""

    name: Literal["prompt_tuning"] = "prompt_tuning"


class PromptTuning(PromptMethod):
    """P vectors before the words are all that is trained; they begin as words drawn from the vocabulary.

    Lester et al. (2021), "The power of scale for parameter-efficient prompt tuning": as good as full fine-tuning for
    very large models, behind it for small ones. Trained: P D. By peft.
    """

    config: PromptTuningConfig

    def attach(self, model: Any) -> Iterable[tuple[str, nn.Parameter]]:
        """The vectors."""
        import peft

        settings = peft.PromptTuningConfig(**self._peft_settings(model), prompt_tuning_init="SAMPLE_VOCAB")
        words = model.get_input_embeddings()
        self.embedding = peft.PromptEmbedding(settings, words)  # type: ignore[no-untyped-call]
        return ()

    def prompt(self) -> Tensor:
        """(P, W)"""
        vectors_PW: Tensor = self.embedding(self.places())
        return vectors_PW

"""P-tuning: learned vectors before the words, made by a small network."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field
from torch import Tensor, nn

from penchant.encoders.fine_tuning.virtual_tokens import PromptMethod, VirtualTokensConfig


class PTuningConfig(VirtualTokensConfig):
    """Settings of `PTuning`."""

    name: Literal["p_tuning"] = "p_tuning"
    network: Literal["mlp", "lstm"] = "mlp"
    """What makes the vectors: three linear layers, or a two-sided LSTM with two."""
    hidden: int = Field(default=128, ge=1)
    """H, its width."""


class PTuning(PromptMethod):
    """``p = f(e)`` before the words, e (P, W) and the network f trained: vectors that learn from one another.

    Liu et al. (2021), "GPT understands, too". Trained with ``mlp``: P W + W H + H + H² + H + H W + W. By peft.
    """

    config: PTuningConfig

    def attach(self, model: Any) -> Iterable[tuple[str, nn.Parameter]]:
        """The vectors and their network."""
        import peft

        settings = peft.PromptEncoderConfig(
            **self._peft_settings(model),
            encoder_reparameterization_type=self.config.network.upper(),
            encoder_hidden_size=self.config.hidden,
            encoder_dropout=0.0,
            encoder_num_layers=2,
        )
        self.network = peft.PromptEncoder(settings)  # type: ignore[no-untyped-call]
        return ()

    def prompt(self) -> Tensor:
        """(P, W)"""
        # In a batch of one: the LSTM reads the places as a sequence.
        vectors_PW: Tensor = self.network(self.places()[None])[0]
        return vectors_PW

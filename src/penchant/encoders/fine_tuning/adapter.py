"""Bottleneck adapters: a small network after each sub-layer."""

from collections.abc import Iterable
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from penchant.encoders.fine_tuning.architecture import Role, sizes_of, with_role
from penchant.encoders.fine_tuning.method import FineTuningMethod, MethodConfig

Activation = Literal["gelu", "relu", "silu", "tanh"]
_ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}
_PLACES: dict[str, tuple[Role, ...]] = {"both": ("attention_output", "down"), "feed_forward": ("down",)}


class AdapterConfig(MethodConfig):
    """Settings of `Adapter`."""

    name: Literal["adapter"] = "adapter"
    width: int = Field(default=32, ge=1)
    """m, of the bottleneck."""
    places: Literal["both", "feed_forward"] = "both"
    """After attention and feed-forward (Houlsby et al. 2019), or the feed-forward alone (Pfeiffer et al. 2021)."""
    activation: Activation = "gelu"
    """f"""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Of the bottleneck, in training."""


class Bottleneck(nn.Module):
    """``h + W₂ f(W₁ h + b₁) + b₂`` with W₁ (m, D) and W₂ (D, m); W₂ and b₂ begin at zero, so it begins as h."""

    def __init__(self, size: int, config: AdapterConfig) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(size, config.width), nn.Linear(config.width, size)
        self.activation, self.dropout = _ACTIVATIONS[config.activation](), nn.Dropout(config.dropout)
        nn.init.normal_(self.down.weight, std=0.02)
        for begun_at_zero in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(begun_at_zero)

    def forward(self, states: Tensor) -> Tensor:
        """The same shape."""
        added: Tensor = self.up(self.dropout(self.activation(self.down(states))))
        return states + added


class Adapter(FineTuningMethod):
    """A bottleneck of m units after the last linear layer of each sub-layer, before its residual sum.

    Houlsby et al. (2019), "Parameter-efficient transfer learning for NLP". The model begins as it came. Trained:
    2 D m + m + D for each place. It does not merge, so that a saved encoder runs through transformers, slower than a
    plain one. `ConfigError` where a model's sub-layers cannot be told apart.
    """

    merges = False
    config: AdapterConfig

    def attach(self, model: Any) -> Iterable[tuple[str, nn.Parameter]]:
        """One bottleneck for each place, in the model's order."""
        layers = with_role(model, *_PLACES[self.config.places])
        self.bottlenecks = nn.ModuleList(Bottleneck(sizes_of(layer)[1], self.config) for layer in layers.values())
        for layer, bottleneck in zip(layers.values(), self.bottlenecks, strict=True):
            layer.register_forward_hook(_after(bottleneck))
        return ()


def _after(bottleneck: nn.Module) -> Any:
    def hook(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: Tensor) -> Any:  # noqa: ARG001
        return bottleneck(output)

    return hook

"""The last layers are trained, those below stay."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field
from torch import nn

from penchant.encoders.fine_tuning.architecture import layers_of
from penchant.encoders.fine_tuning.method import FineTuningMethod, MethodConfig
from penchant.errors import ConfigError


class TopLayersConfig(MethodConfig):
    """Settings of `TopLayers`."""

    name: Literal["top_layers"] = "top_layers"
    layers: int = Field(default=1, ge=1)
    """How many."""


class TopLayers(FineTuningMethod):
    """The last n of the transformer's layers are trained (Howard and Ruder 2018 unfreeze from the top likewise).

    Those below run without gradients, so that nothing of them is kept for the backward pass: the fastest method beside
    training no layer. Trained: n times the weights of a layer. `ConfigError` where the model has fewer layers, or none
    that can be told apart.
    """

    config: TopLayersConfig

    def attach(self, model: Any) -> Iterable[tuple[str, nn.Parameter]]:
        """The weights of the last layers."""
        layers, n = layers_of(model), self.config.layers
        if n > len(layers):
            raise ConfigError(
                f"top_layers has layers = {n}, and the model has {len(layers)}.", hint=f"Choose 1 to {len(layers)}."
            )
        return [
            (f"{place}.{name}", weight) for place, layer in layers[-n:] for name, weight in layer.named_parameters()
        ]

"""What peft puts beside the matrices of a model: attached, and folded into copies of their weights."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from penchant.encoders.fine_tuning.architecture import targets_of
from penchant.encoders.fine_tuning.method import FineTuningMethod

ADAPTER = "default"
"""peft's name for the one set of weights that is attached."""


class InjectedMethod(FineTuningMethod):
    """A method of peft's that replaces linear layers by itself and a base layer, and that merges."""

    def attach(self, model: Any) -> Iterable[tuple[str, nn.Parameter]]:
        """Peft's own weights in the layers that are meant."""
        targets = self.targets(model)
        self._tuner: tuple[Any, ...] = (self.tuner(model, targets),)
        return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]

    def targets(self, model: Any) -> Mapping[str, nn.Module]:
        """The linear layers that it is put beside, by full name."""
        return targets_of(model, getattr(self.config, "targets", "all"))

    @abstractmethod
    def tuner(self, model: Any, targets: Mapping[str, nn.Module]) -> Any:
        """Peft's model around ours, which it changes."""

    def layers(self) -> list[tuple[str, Any]]:
        """Name and module of each of peft's layers in the model."""
        from peft.tuners.tuners_utils import BaseTunerLayer

        return [(name, part) for name, part in self.model.named_modules() if isinstance(part, BaseTunerLayer)]

    def merged_weights(self) -> dict[str, Tensor]:
        """The base's weights with what was learned added."""
        with torch.no_grad(), self._merged():
            own = {f"{name}.{inner}" for name, layer in self.layers() for inner in _own(layer)}
            return {
                name.replace(".base_layer.", "."): weight.clone()
                for name, weight in self.model.state_dict().items()
                if name not in own
            }

    @contextmanager
    def _merged(self) -> Iterator[None]:
        """Merged for a moment: subtracting again would leave rounding behind, so the weights are put back."""
        layers = [layer for _, layer in self.layers()]
        kept = [{name: w.clone() for name, w in layer.get_base_layer().state_dict().items()} for layer in layers]
        try:
            for layer in layers:
                layer.merge()
            yield
        finally:
            for layer, weights in zip(layers, kept, strict=True):
                layer.get_base_layer().load_state_dict(weights)
                layer.merged_adapters.clear()


def fan_in_fan_out(targets: Mapping[str, nn.Module]) -> bool:
    """Whether the layers hold Wᵀ, as GPT-2's do; peft wants to be told."""
    return not any(isinstance(layer, nn.Linear) for layer in targets.values())


def _own(layer: Any) -> list[str]:
    return [name for name in layer.state_dict() if not name.startswith("base_layer.")]

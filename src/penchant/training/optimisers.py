"""Optimisers by name, and which rate and which decay each parameter gets."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from penchant.errors import ConfigError

OptimiserName = Literal["adamw", "adam", "sgd", "adafactor"]

DEFAULT_RATES: dict[OptimiserName, float] = {"adamw": 3e-3, "adam": 3e-3, "sgd": 1e-2, "adafactor": 1e-2}
"""Peak rates where none is set. Adafactor's is relative to the size of a weight; SGD's is to the gradient."""
BETAS = (0.9, 0.98)
"""Of Adam and AdamW: how much of the two running means stays in a step."""
LAYER = re.compile(r"(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\.")
EMBEDDING = re.compile(r"(?:^|\.)(?:\w*embeddings?|wte|wpe|embed_tokens)\.")


class DecoupledSGD(torch.optim.SGD):
    """Stochastic gradient descent whose decay is no part of the gradient: ``θ ← θ − η g − η λ θ``.

    With momentum (``v ← m v + g``, ``θ ← θ − η v − η λ θ``) the decay does not enter the mean v (Loshchilov and Hutter
    2019, algorithm 1).

    Worked: θ = 2, g = 1, η = 0.1, λ = 0.5: 2 − 0.1 − 0.1 · 0.5 · 2 = 1.8.
    """

    def __init__(self, params: Iterable[Any], *, lr: float, momentum: float) -> None:
        groups = [{**group, "weight_decay": 0.0, "decay": group.get("weight_decay", 0.0)} for group in params]
        super().__init__(groups, lr=lr, momentum=momentum)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update; weights without a gradient stay."""
        for group in self.param_groups:
            for parameter in group["params"] if group["decay"] else ():
                if parameter.grad is not None:
                    parameter.mul_(1.0 - group["lr"] * group["decay"])
        return super().step(closure)  # type: ignore[no-any-return]


def build_optimiser(
    module: nn.Module,
    name: OptimiserName,
    *,
    rate: float,
    decay: float = 0.0,
    momentum: float = 0.0,
    layer_decay: float = 1.0,
) -> torch.optim.Optimizer:
    """The optimiser of a module's parameters.

    ========= ====================================================================================================
    adamw     Adam with decoupled decay (Loshchilov and Hutter 2019)
    adam      Adam (Kingma and Ba 2015); the decay is added to the gradient and so divided by its size
    sgd       see `DecoupledSGD`
    adafactor moments by row and column, steps relative to a weight's size (Shazeer and Stern 2018); without momentum
    ========= ====================================================================================================

    Biases and scales (one dimension or none) are not decayed. With ``layer_decay`` d < 1 a parameter of layer l of L
    learns at ``η d^(L − l)``: embeddings are layer 0, what stands above the numbered layers is layer L, so that what
    was learned first changes least (Howard and Ruder 2018). `ConfigError` where the module has no numbered layers.
    """
    groups = _by_layer(module, rate, decay, layer_decay) if layer_decay < 1 else _groups(module.parameters(), decay)
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=BETAS)
    if name == "adam":
        return torch.optim.Adam(groups, lr=rate, betas=BETAS)
    if name == "sgd":
        return DecoupledSGD(groups, lr=rate, momentum=momentum)
    return torch.optim.Adafactor(groups, lr=rate)


def _groups(parameters: Iterable[Tensor], decay: float) -> list[dict[str, Any]]:
    every = list(parameters)
    return [
        {"params": [p for p in every if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in every if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _by_layer(module: nn.Module, rate: float, decay: float, layer_decay: float) -> list[dict[str, Any]]:
    named = list(module.named_parameters())
    layers = {name: int(found[1]) + 1 for name, _ in named if (found := LAYER.search(name))}
    if not layers:
        raise ConfigError(
            f"layer_decay is {layer_decay:g}, and a {type(module).__name__} has no numbered layers.",
            hint="Set layer_decay to 1.",
        )
    top = max(layers.values()) + 1
    depths = {name: layers.get(name, 0 if EMBEDDING.search(name) else top) for name, _ in named}
    groups = []
    for depth in sorted(set(depths.values())):
        parts = _groups((p for name, p in named if depths[name] == depth), decay)
        groups += [{**part, "lr": rate * layer_decay ** (top - depth)} for part in parts]
    return groups

"""From the states of a text's tokens to the text's vector."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import orjson
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import embedding_bag, linear, normalize

from penchant.encoders.checkpoint import Checkpoint, Pooling
from penchant.errors import ConfigError

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"Tanh": torch.tanh, "Identity": lambda x: x}


def pool(states_BLD: Tensor, pooling: Pooling) -> Tensor:
    """One vector a text, (B, D), from the states of its L tokens; there are no pads among them."""
    if pooling == "first":
        return states_BLD[:, 0]
    if pooling == "last":
        return states_BLD[:, -1]
    if pooling == "max":
        return states_BLD.amax(1)
    if pooling == "weighted_mean":  # weight of token l is l: Muennighoff, "SGPT" (2022)
        weights_L1 = _places(states_BLD)
        return (states_BLD * weights_L1).sum(1) / weights_L1.sum()
    return states_BLD.mean(1)


def pool_padded(states_BLD: Tensor, mask_BL: Tensor, pooling: Pooling) -> Tensor:
    """The same, (B, D), of texts of several lengths in one batch: `mask_BL` is 1 at tokens and 0 at the pads behind.

    Equal to `pool` of each text by itself.
    """
    if pooling == "first":
        return states_BLD[:, 0]
    if pooling == "last":
        return states_BLD[torch.arange(len(states_BLD)), mask_BL.sum(1) - 1]
    mask_BL1 = mask_BL[:, :, None].to(states_BLD.dtype)
    if pooling == "max":
        return states_BLD.masked_fill(mask_BL1 == 0, float("-inf")).amax(1)
    if pooling == "weighted_mean":
        mask_BL1 = mask_BL1 * _places(states_BLD)
    return (states_BLD * mask_BL1).sum(1) / mask_BL1.sum(1)


def _places(states_BLD: Tensor) -> Tensor:
    """1 to L, (L, 1), where the states are."""
    return torch.arange(1, states_BLD.shape[1] + 1, dtype=states_BLD.dtype, device=states_BLD.device)[:, None]


def mean_embedding(table_VW: Tensor, ids_BL: Tensor) -> Tensor:
    """``1/L Σ_l E[id_l]``, (B, W), of texts of L tokens each: which words, whatever the model makes of them."""
    return embedding_bag(ids_BL, table_VW, mode="mean")


def after_pooling(pooled_BD: Tensor, steps: Sequence["AfterStep"], *, words_BW: Callable[[], Tensor]) -> Tensor:
    """A pooled vector put through the steps after it; `words_BW` is asked for where the words are put beside it."""
    for step in steps:
        if step == "Words":
            pooled_BD = torch.cat([pooled_BD, words_BW()], dim=1)
        elif step == "Normalize":
            pooled_BD = normalize(pooled_BD, dim=1)
        else:
            pooled_BD = step(pooled_BD)
    return pooled_BD


class Dense:
    """A linear layer with an activation, as some sentence encoders have after the pooling."""

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: Callable[[Tensor], Tensor]) -> None:
        self.weight, self.bias, self.activation = weight, bias, activation

    def to(self, device: torch.device) -> "Dense":
        """The same layer, there."""
        return Dense(self.weight.to(device), None if self.bias is None else self.bias.to(device), self.activation)

    def __call__(self, x_BD: Tensor) -> Tensor:
        """activation(x Wᵀ + b)"""
        return self.activation(linear(x_BD, self.weight, self.bias))


AfterStep = Dense | Literal["Normalize", "Words"]


def load_after(checkpoint: Checkpoint) -> list[AfterStep]:
    """The checkpoint's steps after the pooling, mostly none; `ConfigError` where a layer is damaged or not known."""
    return [_load_dense(place) if kind == "Dense" else kind for kind, place in checkpoint.after]


def _load_dense(place: Path) -> Dense:
    try:
        settings = orjson.loads((place / "config.json").read_bytes())
        weights = {name: weight.float() for name, weight in load_file(place / "model.safetensors").items()}
        weight = weights["linear.weight"]
    except (OSError, orjson.JSONDecodeError, SafetensorError, KeyError):
        raise ConfigError(f"{place} is no dense layer in safetensors.", hint="Save the model again.") from None
    name = str(settings.get("activation_function", "Tanh")).rsplit(".", 1)[-1]
    if name not in _ACTIVATIONS:
        raise ConfigError(f"{place} has the activation {name}.", hint=f"Known: {', '.join(_ACTIVATIONS)}.")
    return Dense(weight, weights.get("linear.bias"), _ACTIVATIONS[name])

"""Where the layers of a transformer lie, and what each of their linear layers is for, whatever its maker called it."""

from collections.abc import Sequence
from typing import Any, Literal, cast

from torch import nn

from penchant.errors import ConfigError

Role = Literal["query", "key", "value", "query_key_value", "attention_output", "up", "down"]
Part = Literal["query_value", "attention", "feed_forward", "all"]

# Ends of names within a layer; of two that fit, the first that is listed counts.
_NAMES: dict[Role, tuple[str, ...]] = {
    "query": ("query", "q_proj", "q_lin", "SelfAttention.q", "attn.q"),
    "key": ("key", "k_proj", "k_lin", "SelfAttention.k", "attn.k"),
    "value": ("value", "v_proj", "v_lin", "SelfAttention.v", "attn.v"),
    "query_key_value": ("c_attn", "query_key_value", "qkv_proj", "Wqkv"),
    "attention_output": (
        "attention.output.dense",
        "out_lin",
        "o_proj",
        "attn.c_proj",
        "SelfAttention.o",
        "attn.o",
        "attention.dense",
        "out_proj",
        "attn.Wo",
    ),
    "up": (
        "intermediate.dense",
        "lin1",
        "c_fc",
        "up_proj",
        "gate_proj",
        "gate_up_proj",
        "wi",
        "wi_0",
        "wi_1",
        "fc1",
        "dense_h_to_4h",
        "mlp.Wi",
    ),
    "down": ("output.dense", "lin2", "mlp.c_proj", "down_proj", "wo", "fc2", "dense_4h_to_h", "mlp.Wo"),
}
_PARTS: dict[Part, tuple[Role, ...]] = {
    "query_value": ("query", "value", "query_key_value"),
    "attention": ("query", "key", "value", "query_key_value", "attention_output"),
    "feed_forward": ("up", "down"),
}


def layers_of(model: Any) -> list[tuple[str, nn.Module]]:
    """Name and module of the transformer's layers, the first one first.

    `ConfigError` where they cannot be told apart, as in a model that is no transformer.
    """
    depth = int(getattr(model.config, "num_hidden_layers", 0))
    for name, part in model.named_modules():
        if depth and isinstance(part, nn.ModuleList) and len(part) == depth:
            return [(f"{name}.{k}" if name else str(k), layer) for k, layer in enumerate(part)]
    raise ConfigError(
        f"The layers of a {type(model).__name__} cannot be told apart.", hint="Choose the method full or head_only."
    )


def linear_layers(model: Any) -> dict[str, nn.Module]:
    """Full name → each linear layer within the transformer's layers; GPT-2's are of a class of their own."""
    from transformers.pytorch_utils import Conv1D

    return {
        f"{layer}.{name}": part
        for layer, module in layers_of(model)
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear | Conv1D)
    }


def role_of(name: str) -> Role | None:
    """What a linear layer is for, by its name; None where the name does not tell."""
    for role, ends in _NAMES.items():
        if any(_ends(name, end) for end in ends):
            return role
    return None


def with_role(model: Any, *roles: Role) -> dict[str, nn.Module]:
    """The linear layers that have one of the roles, by full name. `ConfigError` where there is none."""
    found = {name: layer for name, layer in linear_layers(model).items() if role_of(name) in roles}
    if not found:
        raise _none(model, f"It cannot be told which linear layers of a {type(model).__name__} are {', '.join(roles)}")
    return found


def targets_of(model: Any, targets: Part | Sequence[str]) -> dict[str, nn.Module]:
    """The linear layers meant by a part's name, or by ends of their own names such as ``q_proj``, by full name.

    `ConfigError` for an end that no linear layer has, with those that there are.
    """
    if targets == "all":
        return linear_layers(model)
    every = linear_layers(model)
    if isinstance(targets, str):
        return with_role(model, *_PARTS[cast(Part, targets)])
    for target in targets:
        if not any(_ends(name, target) for name in every):
            raise _none(model, f"No linear layer of a {type(model).__name__} is called {target!r}")
    return {name: layer for name, layer in every.items() if any(_ends(name, target) for target in targets)}


def sizes_of(layer: Any) -> tuple[int, int]:
    """Numbers that a linear layer takes and gives."""
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    taken, given = layer.weight.shape  # a Conv1D of GPT-2 is x W, not x Wᵀ
    return int(taken), int(given)


def _ends(name: str, end: str) -> bool:
    return name == end or name.endswith(f".{end}")


def _none(model: Any, said: str) -> ConfigError:
    first = layers_of(model)[0][0]
    names = [name.removeprefix(f"{first}.") for name in linear_layers(model) if name.startswith(f"{first}.")]
    return ConfigError(f"{said}.", hint=f"Its layers have: {', '.join(names)}; or set targets to 'all'.")

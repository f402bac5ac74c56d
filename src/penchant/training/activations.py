"""Layers that are worked out a second time for the gradients, where a transformer can do that."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from penchant.errors import ConfigError

NAMES = ("activation_checkpointing", "gradient_checkpointing")


@contextmanager
def recomputed(module: nn.Module, *, wanted: bool) -> Iterator[None]:
    """Within the block the module's transformers keep the inputs of their layers only (Chen et al. 2016).

    A module takes part by having the methods ``activation_checkpointing_enable`` and ``…_disable``, as every
    Transformers model does (``gradient_checkpointing_…`` before Transformers 5). `ConfigError` where no part of the
    module has them.
    """
    if not wanted:
        yield
        return
    parts: list[tuple[Any, str]] = [
        (part, name)
        for part in module.modules()
        if (name := next((name for name in NAMES if hasattr(part, f"{name}_enable")), None))
    ]
    if not parts:
        raise ConfigError(
            f"gradient_checkpointing is set, and a {type(module).__name__} holds no transformer that can.",
            hint="Leave the setting out, or use smaller batches with accumulation.",
        )
    for part, name in parts:
        getattr(part, f"{name}_enable")()
    try:
        yield
    finally:
        for part, name in parts:
            getattr(part, f"{name}_disable")()

"""Layers that are worked out a second time for the gradients, where a transformer can do that."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from penchant.errors import ConfigError


@contextmanager
def recomputed(module: nn.Module, *, wanted: bool) -> Iterator[None]:
    """Within the block the module's transformers keep the inputs of their layers only (Chen et al. 2016).

    A module takes part by having the methods ``gradient_checkpointing_enable`` and ``gradient_checkpointing_disable``,
    as every Transformers model does. `ConfigError` where no part of the module has them.
    """
    if not wanted:
        yield
        return
    parts: list[Any] = [part for part in module.modules() if hasattr(part, "gradient_checkpointing_enable")]
    if not parts:
        raise ConfigError(
            f"gradient_checkpointing is set, and a {type(module).__name__} holds no transformer that can.",
            hint="Leave the setting out, or use smaller batches with accumulation.",
        )
    for part in parts:
        part.gradient_checkpointing_enable()
    try:
        yield
    finally:
        for part in parts:
            part.gradient_checkpointing_disable()

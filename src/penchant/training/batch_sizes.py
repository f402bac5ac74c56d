"""How many examples a batch holds, and moving what it holds to a device."""

from collections.abc import Mapping, Sized
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor


def examples_in(batch: Any) -> int:
    """The examples of a batch, at least 1: the rows of a tensor, array or matrix, the length of a list of texts; of a
    tuple, a mapping or a dataclass that of the first of its parts which has one. What has none counts as one.

    Worked: a (6, 4) tensor: 6; ``{"input_ids": (8, 128), "labels": (8,)}``: 8.
    """
    if (shape := getattr(batch, "shape", None)) is not None:
        return max(int(shape[0]), 1) if len(shape) else 1
    if isinstance(batch, Sized) and not isinstance(batch, str | bytes | tuple | Mapping):
        return max(len(batch), 1)
    sized = (part for part in _parts(batch) if isinstance(part, Sized) or hasattr(part, "shape"))
    sizes = (examples_in(part) for part in sized if not isinstance(part, str | bytes))
    return next(sizes, 1)


def on_device(batch: Any, device: torch.device) -> Any:
    """The batch with every tensor in it on the device: tensors, what has a method ``to``, and tuples, lists, mappings
    and dataclasses of such; anything else is handed through.
    """
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {key: on_device(part, device) for key, part in batch.items()}
    if isinstance(batch, tuple) and not hasattr(batch, "_fields"):
        return tuple(on_device(part, device) for part in batch)
    if isinstance(batch, list):
        return [on_device(part, device) for part in batch]
    if callable(move := getattr(batch, "to", None)):
        return move(device)
    if is_dataclass(batch) and not isinstance(batch, type):
        return replace(batch, **{f.name: on_device(getattr(batch, f.name), device) for f in fields(batch) if f.init})
    return batch


def _parts(batch: Any) -> list[Any]:
    if isinstance(batch, Mapping):
        return list(batch.values())
    if isinstance(batch, tuple):
        return list(batch)
    return [getattr(batch, f.name) for f in fields(batch)] if is_dataclass(batch) else []

"""A device that this machine need not have: every tensor is computed on the processor, and carries the name of the
device it would be on.

What a GPU refuses is refused here too: an operation on tensors of two devices (a single number of the processor's may
be mixed in, and may be an index), a generator of the processor's, and reading a tensor into numpy before it is brought
back. What a GPU's own kernels do is not seen.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, resolve_name

CPU, PRETEND = torch.device("cpu"), torch.device("xpu", 0)
HELD = "_pretend_device"
ANYWHERE = {"copy_", "backward", "_has_compatible_shallow_copy_type", "__deepcopy__"}
INDEXED = {"__getitem__", "__setitem__"}


def where(tensor: Tensor) -> torch.device:
    """The device that a tensor pretends to be on."""
    found: torch.device = getattr(tensor, HELD, CPU)
    return found


class PretendDevice(TorchFunctionMode):
    """While it is active, tensors can be put on `PRETEND`."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0
        """Made there."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        owner = getattr(getattr(func, "__self__", None), "__name__", "")
        if name == "__get__" and owner == "device":
            return where(args[0])
        if name == "__get__" and owner == "grad":
            return put(func(*args), where(args[0]))
        if name == "__set__":
            func(*args)
            if owner == "data":
                put(args[0], where(args[1]))
            return None
        if name in {"numpy", "__array__"} and where(args[0]) != CPU:
            raise TypeError(f"can't convert {where(args[0])} tensor to numpy: bring it to the CPU first")
        asked, args, kwargs = device_asked(name, args, kwargs)
        mixed = name in {"to", "cpu", *ANYWHERE}
        there = self._together(func, name, args, kwargs, mixed=mixed)
        if (generator := kwargs.get("generator")) is not None and (asked or there) != generator.device:
            raise RuntimeError(f"Expected a '{asked or there}' generator, and found '{generator.device}'")
        found = func(*args, **kwargs)
        if name in {"to", "cpu"} and found is args[0] and where(found) != (asked or there):
            found = found.clone()  # what is moved is another tensor
        if name in ANYWHERE and isinstance(found, Tensor):
            return put(found, where(args[0]))
        return spread(found, asked or there)

    def _together(self, func: Any, name: str, args: Any, kwargs: Any, *, mixed: bool) -> torch.device:
        tensors = list(tensors_in((args, kwargs)))
        if mixed or name in INDEXED:
            place = where(args[0]) if isinstance(args[0], Tensor) else CPU
            others = [] if mixed else [one for one in tensors[1:] if one.dim() or where(one) != CPU]
            # On a GPU rows may be told by an index of the processor's; what is written there may not be elsewhere.
            index = list(tensors_in(args[1])) if name in INDEXED else []
            wrong = {where(one) for one in others if not any(one is i for i in index)} - {place}
            wrong |= {where(one) for one in index} - {place, CPU}
        else:
            places = {where(one) for one in tensors}
            place = next((one for one in places if one != CPU), CPU)
            wrong = {where(one) for one in tensors if one.dim() or where(one) != CPU} - {place}
        if wrong:
            raise RuntimeError(f"{resolve_name(func) or name}: tensors on two devices, {place} and {wrong}")
        self.operations += place != CPU
        return place


def device_asked(name: str, args: Any, kwargs: Any) -> tuple[torch.device | None, Any, Any]:
    """The device that a call names, and the call with the processor in its place."""
    asked: torch.device | None = None
    if name == "cpu":
        return CPU, args, kwargs
    if kwargs.get("device") is not None:
        asked = torch.device(kwargs["device"])
        kwargs["device"] = CPU
    if name == "to" and len(args) > 1:
        if isinstance(args[1], torch.device | str):
            asked, args = torch.device(args[1]), (args[0], CPU, *args[2:])
        elif isinstance(args[1], Tensor):
            asked = where(args[1])
    return asked, args, kwargs


def tensors_in(value: Any) -> Iterator[Tensor]:
    """All tensors in arguments."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from tensors_in(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from tensors_in(one)


def put(value: Any, device: torch.device) -> Any:
    """The tensor, said to be on the device."""
    if isinstance(value, Tensor) and where(value) != device:
        setattr(value, HELD, device)
    return value


def spread(value: Any, device: torch.device) -> Any:
    """The same for all tensors in a result."""
    for one in tensors_in(value):
        put(one, device)
    return value


@contextmanager
def pretending(monkeypatch: pytest.MonkeyPatch, *modules: Any) -> Iterator[PretendDevice]:
    """The device ``pretend`` is there for the block, for code of these modules that asks `chosen_device` for it."""
    for module in modules:
        chosen = module.chosen_device
        monkeypatch.setattr(
            module, "chosen_device", lambda name, chosen=chosen: PRETEND if name == "pretend" else chosen(name)
        )
    with PretendDevice() as mode:
        yield mode

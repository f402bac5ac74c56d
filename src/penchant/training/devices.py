"""Where a training computes: a device's name made a device, in one place for all that train."""

import torch
from torch import nn

from penchant.errors import ConfigError


def chosen_device(name: str, *, place: int | None = None) -> torch.device:
    """The device to train on; ``auto``: a GPU where there is one, else the processor.

    `place` says which GPU where several processes share a machine. A GPU is given with its number, so that two names of
    one device are one. `ConfigError` for a device that is not there.
    """
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if there > (place or 0) else "cpu"
    device: torch.device | None
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or str(device) != name:  # a number of more than 7 bits is another device, without a word
        raise ConfigError(f"There is no device {name!r}.", hint="Choose auto, cpu, cuda or cuda:N.")
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type != "cuda":
        raise ConfigError(f"The device is {name}.", hint="Choose auto, cpu, cuda or cuda:N.")
    if device.index is None:
        device = torch.device("cuda", place or 0)
    if (device.index or 0) >= there:
        raise ConfigError(f"The device is {name}, and this machine has {there} GPUs.", hint="Choose cpu, or auto.")
    return device


def device_of(module: nn.Module) -> torch.device:
    """Where a module's first parameter is; the processor where it has none."""
    first = next(module.parameters(), None)
    return torch.device("cpu") if first is None else first.device

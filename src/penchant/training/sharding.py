"""Modules larger than one device: weights spread over processes, or layers put one after the other on several.

Spread (fully sharded data parallel, Zhao et al. 2023): every process holds a part of each weight, of its gradient and
of the optimiser's moments; a layer's weights are put together when it is its turn and let go after. Of p numbers in n
processes each holds about p / n, and the largest layer for the moment.

In stages (model parallel): each device holds some of the layers whole, and what one computes goes on to the next. One
device works while the others wait, so it saves memory and no time (Huang et al. 2019 fill the wait).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import ConfigError
from penchant.training.processes import Processes, is_sharded


def spread_over(module: nn.Module, processes: Processes) -> nn.Module:
    """Spread a module's weights over the processes, layer by layer where it has a list of layers; changes it in place.

    To be called in every process with the same weights, before the optimiser is made. What it computes is what it
    computed before, to rounding; `train` with the same `processes` trains it, but keeps no state on disk. All processes
    must call the module alike, to evaluate too. Alone it is left as it is.
    """
    if processes.alone:
        return module
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(processes.device.type, (processes.count,))
    layers = [layer for part in module.modules() if isinstance(part, nn.ModuleList) for layer in part]
    for part in [*layers, module]:
        # After a forward pass too, so that an optimiser made then gets the spread weights and not passing copies.
        sharded = fully_shard(part, mesh=mesh, reshard_after_forward=True)
        sharded.set_gradient_divide_factor(1.0)  # gradients are added up: each is weighted by its examples before
        sharded.set_force_sum_reduction_for_comms(enable=True)  # the one way that gloo can, too
    return module


def whole_weights(module: nn.Module) -> dict[str, Tensor]:
    """A module's weights put together again, to save: to be called in every process where they are spread."""
    found: dict[str, Tensor] = {}
    for name, tensor in module.state_dict().items():
        part: Any = tensor
        found[name] = part.full_tensor() if is_sharded(tensor) else tensor.detach().clone()
    return found


class Stages(nn.Module):
    """Parts of a model one after the other, each on a device of its own: ``y = f_n(… f_2(f_1(x)))``.

    What the whole would give on one device, to rounding. Gradients go back the way the values came, so any optimiser
    and `train` work with it.
    """

    def __init__(self, parts: Sequence[nn.Module], devices: Sequence[torch.device]) -> None:
        """`ConfigError` where there is not a device for each part."""
        super().__init__()
        if len(parts) != len(devices) or not parts:
            raise ConfigError(
                f"{len(parts)} parts came for {len(devices)} devices.", hint="Give one device for each part."
            )
        self.parts = nn.ModuleList(part.to(device) for part, device in zip(parts, devices, strict=True))
        self.devices = tuple(devices)

    @classmethod
    def cut(cls, layers: Sequence[nn.Module], devices: Sequence[torch.device]) -> "Stages":
        """The layers in order, cut into parts of about equally many numbers, one for each device."""
        sizes = [sum(p.numel() for p in layer.parameters()) for layer in layers]
        total, so_far = max(sum(sizes), 1), 0
        parts: list[list[nn.Module]] = [[] for _ in devices]
        for layer, size in zip(layers, sizes, strict=True):
            middle = (so_far + size / 2) / total  # a layer goes where its middle falls
            parts[min(int(middle * len(devices)), len(devices) - 1)].append(layer)
            so_far += size
        return cls([nn.Sequential(*part) for part in parts], devices)

    def forward(self, x: Tensor) -> Tensor:
        """On the last device."""
        for part, device in zip(self.parts, self.devices, strict=True):
            x = part(x.to(device))
        return x

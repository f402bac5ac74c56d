"""What a training costs: time, memory, parameters and an estimate of energy."""

import torch
from torch import nn

from penchant.training.devices import device_of
from penchant.training.records import Costs

WATTS_PER_CORE = 10.0
"""Assumed of a busy core with its share of the memory and the board: servers' processors are made for about 5 to 12 W a
core. It is no measurement."""


def begin_counting(module: nn.Module) -> None:
    """From here on the memory of the module's GPU is watched; elsewhere there is nothing to do."""
    if (device := device_of(module)).type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def costs_of(module: nn.Module, *, seconds: float, busy_seconds: float, processes: int = 1) -> Costs:
    """The costs of a training that has ended.

    ``energy = busy core seconds · WATTS_PER_CORE / 3600``, in watt hours, and on a GPU in addition the power that it
    draws at this moment times the training's seconds. Cooling and power supply are not counted, nor are other processes
    of the same training.

    Worked: 720 busy core seconds: 2 Wh.
    """
    device = device_of(module)
    watt_hours: float | None = busy_seconds * WATTS_PER_CORE / 3600
    if device.type == "cuda":
        drawn = _watts(device)
        watt_hours = None if drawn is None else (watt_hours or 0.0) + drawn * seconds / 3600
    parameters = {id(p): p for p in module.parameters()}.values()
    # A part that hides what it does not train says itself how large it is in all.
    hidden = sum(
        total - sum(p.numel() for p in part.parameters())
        for part in module.modules()
        if isinstance(total := getattr(part, "total_count", None), int)
    )
    return Costs(
        seconds=seconds,
        busy_seconds=busy_seconds,
        peak_memory=_peak_memory(device),
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        parameters=sum(p.numel() for p in parameters) + hidden,
        device=str(device),
        processes=processes,
        watt_hours=watt_hours,
    )


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
        import sys
    except ImportError:  # not on this system
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _watts(device: torch.device) -> float | None:
    """What a GPU draws now; None where nothing here can ask it."""
    try:
        return float(torch.cuda.power_draw(device)) / 1000
    except (ImportError, RuntimeError, AttributeError):
        return None

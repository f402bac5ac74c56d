"""Several processes that train one module together: who does what, and how they agree.

Every process holds the whole module and draws the same batches; of the batches of a step each works out its own, and
the gradients are added up. A step over k batches is thus the same step in one process, in two or in k, up to the order
in which numbers are added.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from penchant.errors import ConfigError
from penchant.training.devices import chosen_device

T = TypeVar("T")
CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """This process among those that train together; they talk through ``torch.distributed``."""

    rank: int = 0
    count: int = 1
    device: torch.device = CPU
    """Where this process trains, and where what it says to the others is put."""

    @property
    def alone(self) -> bool:
        """Whether there is no other."""
        return self.count == 1

    @property
    def leads(self) -> bool:
        """Whether this is the one that keeps states and logs."""
        return self.rank == 0

    def own(self, batches: Sequence[T]) -> Sequence[T]:
        """Those of a step's batches that are this process's: every `count`-th."""
        return batches[self.rank :: self.count]

    def total(self, value: float) -> float:
        """The sum over all processes, the same in each."""
        if self.alone:
            return value
        summed = torch.tensor(value, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(summed)
        return float(summed)

    def of_first(self, value: T) -> T:
        """What the first process says, in each: so that no two of them decide otherwise."""
        if self.alone:
            return value
        said = [value]
        torch.distributed.broadcast_object_list(said, src=0, device=self.device)
        return said[0]

    def add_gradients(self, module: nn.Module) -> None:
        """Add the gradients of all processes; a weight that has none anywhere keeps none."""
        if self.alone:
            return
        # Those that are spread over the processes are added up where they are worked out.
        parameters = [p for p in module.parameters() if p.requires_grad and not is_sharded(p)]
        if not parameters:
            return
        there = torch.tensor([p.grad is not None for p in parameters], dtype=torch.int32, device=self.device)
        torch.distributed.all_reduce(there)
        kept = [p for p, n in zip(parameters, there.tolist(), strict=True) if n]
        for dtype in {p.dtype for p in kept}:
            alike = [p for p in kept if p.dtype == dtype]
            flat = torch.cat([torch.zeros_like(p).view(-1) if p.grad is None else p.grad.reshape(-1) for p in alike])
            torch.distributed.all_reduce(flat)
            for p, part in zip(alike, torch.split(flat, [p.numel() for p in alike]), strict=True):
                p.grad = part.view_as(p)

    def sharded(self, module: nn.Module) -> bool:
        """Whether some of the module's weights are spread over the processes."""
        return not self.alone and any(is_sharded(p) for p in module.parameters())

    def held(self, tensor: Any) -> Tensor:
        """The part of a tensor that this process holds: all of it, where it is not spread."""
        held: Tensor = tensor.to_local() if not self.alone and is_sharded(tensor) else tensor
        return held

    def whole(self, number: Any) -> float:
        """A number that may be spread over the processes, put together."""
        return float(number.full_tensor() if not self.alone and is_sharded(number) else number)

    def check(self, batches_a_step: int) -> None:
        """`ConfigError` where a step has fewer batches than there are processes."""
        if batches_a_step < self.count:
            raise ConfigError(
                f"{self.count} processes train, and a step has {batches_a_step} batch{'es' * (batches_a_step > 1)}.",
                hint=f"Set accumulation to {self.count} or a multiple of it, and the batch smaller in proportion.",
            )


ALONE = Processes()


def is_sharded(tensor: Tensor) -> bool:
    """Whether a tensor is spread over processes, as `penchant.training.sharding` leaves weights."""
    if not torch.distributed.is_available():
        return False
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)


@contextmanager
def joined_processes(*, device: str = "auto", timeout: timedelta = timedelta(minutes=10)) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started, for the block; alone where it started none.

    GPUs talk through NCCL, processors through gloo. `ConfigError` for a device that is not there. A process that dies
    makes the others fail within `timeout`.
    """
    count, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    place = chosen_device(device, place=int(os.environ.get("LOCAL_RANK", "0")) if count > 1 else None)
    if count == 1:
        yield Processes(device=place)
        return
    torch.distributed.init_process_group("nccl" if place.type == "cuda" else "gloo", timeout=timeout)
    try:
        yield Processes(rank=rank, count=count, device=place)
    finally:
        torch.distributed.destroy_process_group()

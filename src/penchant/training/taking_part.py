"""Parts of a module that have a say in its training, such as a method that shares a budget out between its matrices."""

from typing import Protocol, runtime_checkable

from torch import Tensor, nn


@runtime_checkable
class TakesPart(Protocol):
    """A part that adds to the loss and is told of every step. The training loop looks for such parts by itself."""

    def penalty(self) -> Tensor | None:
        """What is added to a step's loss, once for each step, a scalar; None for nothing."""

    def after_step(self, *, step: int, total: int) -> None:
        """Called after the optimiser's step, with the gradients that it used still there; `step` counts from 1.

        What is remembered between calls lies in buffers, so that a training that is stopped goes on with it.
        """


def parts_of(module: nn.Module) -> list[TakesPart]:
    """The parts of a module that take part, itself included."""
    return [part for part in module.modules() if isinstance(part, TakesPart)]


def with_penalties(loss: Tensor, parts: list[TakesPart]) -> Tensor:
    """The loss and what the parts add to it."""
    for part in parts:
        penalty = part.penalty()
        if penalty is not None:
            loss = loss + penalty
    return loss

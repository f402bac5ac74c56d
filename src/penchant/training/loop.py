"""The one training loop: steps, validation, early stopping, the best weights put back, a NaN caught."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from penchant.config import Config
from penchant.errors import TrainingError
from penchant.progress import SILENT, Progress
from penchant.training.checkpoints import BestWeights
from penchant.training.schedules import Schedule, rate

Batch = TypeVar("Batch")
Stop = Literal["epochs", "patience", "minutes", "diverged"]


class TrainingConfig(Config):
    """Settings of `train`."""

    learning_rate: float = Field(default=3e-3, ge=0)
    """Peak rate of AdamW (Loshchilov and Hutter 2019)."""
    weight_decay: float = Field(default=0.0, ge=0)
    warmup_steps: int = Field(default=100, ge=0)
    schedule: Schedule = "linear"
    max_epochs: int = Field(default=24, ge=1)
    evaluate_every: int = Field(default=2, ge=1)
    """Epochs between validations."""
    patience: int = Field(default=4, ge=1)
    """Validations without a better value before the training stops."""
    clip_norm: float = Field(default=5.0, gt=0)
    """Gradients are scaled down to at most this norm."""
    max_minutes: float | None = Field(default=None, gt=0)
    """Stop after the epoch in which this time is over. Where it decides, two runs may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One epoch as it went."""

    epoch: int
    loss: float
    """Mean over the epoch's steps, in the loss's unit."""
    gradient_norm: float
    """Mean over the steps, before clipping."""
    validation: float | None
    """The validation value after the epoch; None where it was not evaluated."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """What a training did: the epochs, which was the best, and why it ended."""

    epochs: tuple[EpochRecord, ...]
    best_epoch: int
    best_value: float
    stopped: Stop
    seconds: float


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step: the loss before it and the gradient's norm before clipping."""

    loss: float
    gradient_norm: float


@dataclass(slots=True)
class Trainer(Generic[Batch]):
    """A module, its loss and its optimiser."""

    module: nn.Module
    loss: Callable[[Batch], Tensor]
    """The batch's mean loss, a scalar."""
    config: TrainingConfig
    total_steps: int
    optimiser: torch.optim.Optimizer = field(init=False)
    steps: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        decayed = [p for p in self.module.parameters() if p.ndim > 1]
        plain = [p for p in self.module.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": self.config.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=self.config.learning_rate,
            betas=(0.9, 0.98),
        )

    def step(self, batch: Batch) -> Step:
        """Gradients from this batch alone, one update. `TrainingError` where loss or gradient is not finite; the
        weights are then as before the step.
        """
        share = rate(self.steps, total=self.total_steps, warmup=self.config.warmup_steps, schedule=self.config.schedule)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * share
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.loss(batch)
        value, norm = float(loss.detach()), math.nan
        if math.isfinite(value):
            loss.backward()  # type: ignore[no-untyped-call]
            norm = float(nn.utils.clip_grad_norm_(self.module.parameters(), self.config.clip_norm))
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise TrainingError(
                f"The training diverged at step {self.steps + 1}: its loss is {value}.",
                hint="Lower the learning rate, and look for NaN in the vectors handed in.",
            )
        self.optimiser.step()
        self.steps += 1
        return Step(value, norm)


def train(
    module: nn.Module,
    *,
    batches: Callable[[int], Sequence[Batch]],
    loss: Callable[[Batch], Tensor],
    evaluate: Callable[[], float] | None,
    config: TrainingConfig,
    progress: Progress = SILENT,
    name: str = "Training",
) -> TrainingRecord:
    """Train until patience, epochs or minutes run out; `module` ends in eval mode with its best weights.

    `batches(epoch)` gives an epoch's batches, the epoch counted from 1. `evaluate()` gives the validation value of the
    weights as they are, higher is better, called in eval mode without gradients; with None the last weights stay.
    Randomness is the caller's: seed torch, and let `batches` use a generator of its own.

    A loss or gradient that is not finite stops the training with the best weights so far; before the first validation
    there are none, and `TrainingError` is raised.
    """
    start = time.perf_counter()
    best, epochs, bad = BestWeights(), list[EpochRecord](), 0
    stopped: Stop = "epochs"
    trainer: Trainer[Batch] | None = None
    first = batches(1)
    with progress.task(name, total=config.max_epochs * len(first)) as advance:
        for epoch in range(1, config.max_epochs + 1):
            began = time.perf_counter()
            drawn = first if epoch == 1 else batches(epoch)
            trainer = trainer or Trainer(module, loss, config, total_steps=config.max_epochs * len(drawn))
            module.train()
            try:
                steps = _run(trainer, drawn, advance)
            except TrainingError as error:
                if not best.found:
                    module.eval()
                    raise
                progress.note(f"{error.message} The weights of epoch {best.epoch} were kept.")
                stopped = "diverged"
                break
            value = None
            if evaluate and (epoch % config.evaluate_every == 0 or epoch == config.max_epochs):
                value = _evaluate(module, evaluate)
                bad = 0 if best.offer(module, value=value, epoch=epoch) else bad + 1
            record = EpochRecord(
                epoch=epoch,
                loss=_mean(step.loss for step in steps),
                gradient_norm=_mean(step.gradient_norm for step in steps),
                validation=value,
                seconds=time.perf_counter() - began,
            )
            epochs.append(record)
            shown = "" if value is None else f", validation {value:.4f}"
            progress.note(f"{name}: epoch {epoch}, loss {record.loss:.4f}{shown}, {record.seconds:.1f} s")
            if bad >= config.patience:
                stopped = "patience"
                break
            if config.max_minutes is not None and time.perf_counter() - start > 60 * config.max_minutes:
                stopped = "minutes"
                break
    if not best.found:  # no validation, or the minutes ran out before the first
        value = _evaluate(module, evaluate) if evaluate else 0.0
        best.offer(module, value=value, epoch=len(epochs))
    best.restore(module)
    module.eval()
    return TrainingRecord(
        epochs=tuple(epochs),
        best_epoch=best.epoch,
        best_value=best.value,
        stopped=stopped,
        seconds=time.perf_counter() - start,
    )


def _run(trainer: Trainer[Batch], drawn: Sequence[Batch], advance: Callable[..., None]) -> list[Step]:
    steps = []
    for batch in drawn:
        steps.append(trainer.step(batch))
        advance(1, f"loss {steps[-1].loss:.3f}")
    return steps


def _evaluate(module: nn.Module, evaluate: Callable[[], float]) -> float:
    module.eval()
    with torch.inference_mode():
        return evaluate()


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / max(len(numbers), 1)

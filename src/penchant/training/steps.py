"""One optimiser step at a time: settings, and the module with its loss and its optimiser."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from penchant.config import Config
from penchant.errors import TrainingError
from penchant.training.schedules import Schedule, rate
from penchant.training.taking_part import TakesPart, parts_of, penalties

Batch = TypeVar("Batch")

ADVICE = "Lower the learning rate, and look for NaN in the vectors handed in."


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
    parts: list[TakesPart] = field(init=False)
    """Parts of the module that add to the loss and are told of every step."""

    def __post_init__(self) -> None:
        self.parts = parts_of(self.module)
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
        if (penalty := penalties(self.parts)) is not None:
            loss = loss + penalty
        value, norm = float(loss.detach()), math.nan
        if math.isfinite(value):
            loss.backward()  # type: ignore[no-untyped-call]
            norm = float(nn.utils.clip_grad_norm_(self.module.parameters(), self.config.clip_norm))
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise TrainingError(
                f"The training diverged at step {self.steps + 1}: its loss is {value}.",
                hint=ADVICE,
            )
        self.optimiser.step()
        self.steps += 1
        for part in self.parts:
            part.after_step(step=self.steps, total=self.total_steps)
        return Step(value, norm)

    def check_weights(self) -> None:
        """`TrainingError` where a weight is not finite: a step as large as the numbers allow makes no NaN by itself."""
        if not all(bool(torch.isfinite(p).all()) for p in self.module.parameters()):
            raise TrainingError(f"The training diverged at step {self.steps}: a weight is not finite.", hint=ADVICE)

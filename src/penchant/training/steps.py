"""One optimiser step at a time: settings, and the module with its loss and its optimiser."""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from penchant.config import Config
from penchant.errors import TrainingError
from penchant.training.batch_sizes import examples_in
from penchant.training.costs import costs_of
from penchant.training.devices import device_of
from penchant.training.optimisers import DEFAULT_RATES, OptimiserName, build_optimiser
from penchant.training.precision import TrainedIn, training_precision
from penchant.training.processes import ALONE, Processes
from penchant.training.records import Fact
from penchant.training.schedules import Schedule, rate
from penchant.training.taking_part import TakesPart, parts_of, with_penalties

Batch = TypeVar("Batch")

ADVICE = "Lower the learning rate, and look for NaN in the vectors handed in."
LEAST_SCALE = 1.0
"""A loss that float16 cannot hold even when it is not scaled up has diverged."""


class TrainingConfig(Config):
    """Settings of `train`."""

    optimiser: OptimiserName = "adamw"
    """See `penchant.training.optimisers.build_optimiser`."""
    learning_rate: float = Field(default=3e-3, ge=0)
    """Peak rate. Where it is not set, SGD's and Adafactor's are their own: 0.01."""
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    """Of SGD; the others have means of their own."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """Each layer of a transformer learns at this share of the rate of the one above it; 1: all alike."""
    warmup_steps: int = Field(default=100, ge=0)
    schedule: Schedule = "linear"
    max_epochs: int = Field(default=24, ge=1)
    evaluate_every: int = Field(default=2, ge=1)
    """Epochs between validations."""
    evaluate_start: bool = False
    """Validate before the first step too, to tell whether training did any good."""
    keep_start: bool = False
    """With `evaluate_start`: what the training began with stays where no epoch is better; it is epoch 0 then."""
    patience: int = Field(default=4, ge=1)
    """Validations without a better value before the training stops."""
    clip_norm: float = Field(default=5.0, gt=0)
    """Gradients are scaled down to at most this norm."""
    accumulation: int = Field(default=1, ge=1)
    """Batches whose gradients make one step, for steps larger than the memory; several processes share them."""
    precision: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    """Of matrix products in training; weights, their updates and validation stay in float32. ``auto``: what is faster
    on the device."""
    gradient_checkpointing: bool = False
    """Work out a transformer's layers a second time for the gradients instead of remembering them: less memory, about a
    third more time, the same numbers."""
    max_minutes: float | None = Field(default=None, gt=0)
    """Stop after the epoch in which this time is over. Where it decides, two runs may differ."""

    @model_validator(mode="before")
    @classmethod
    def _own_rate(cls, settings: Any) -> Any:
        if isinstance(settings, dict) and "learning_rate" not in settings:
            name = settings.get("optimiser", "adamw")
            own = DEFAULT_RATES.get(cast("OptimiserName", name)) if isinstance(name, str) else None
            return settings if own is None else {**settings, "learning_rate": own}
        return settings

    def changed(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Another optimiser whose rates are measured otherwise comes with its own, unless one is set with it."""
        found, name = super().changed(settings), settings.get("optimiser")
        own = DEFAULT_RATES.get(cast("OptimiserName", name)) if isinstance(name, str) else None
        if "learning_rate" not in settings and own is not None and own != DEFAULT_RATES[self.optimiser]:
            found["learning_rate"] = own
        return found


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step: the loss before it and the gradient's norm before clipping."""

    loss: float
    gradient_norm: float
    examples: int = 1
    learning_rate: float = 0.0
    """The highest of any parameter."""


@dataclass(slots=True)
class Trainer(Generic[Batch]):
    """A module, its loss and its optimiser."""

    module: nn.Module
    loss: Callable[[Batch], Tensor]
    """The batch's mean loss, a scalar."""
    config: TrainingConfig
    total_steps: int
    make_optimiser: Callable[[], torch.optim.Optimizer | None] | None = None
    """In place of the optimiser that the settings name; the schedule multiplies the rates it comes with."""
    processes: Processes = ALONE
    optimiser: torch.optim.Optimizer = field(init=False)
    steps: int = field(default=0, init=False)
    precision: TrainedIn = field(init=False)
    scaler: torch.amp.GradScaler = field(init=False)
    """Multiplies the loss in float16, whose small gradients would be zero otherwise (Micikevicius et al. 2018)."""
    _peaks: list[float] = field(init=False)
    """Peak rate of each group of parameters."""
    _parts: list[TakesPart] = field(init=False)
    """Parts of the module that add to the loss and are told of every step."""

    def __post_init__(self) -> None:
        self._parts = parts_of(self.module)
        own = self.make_optimiser() if self.make_optimiser else None
        self.optimiser = own or self._named_optimiser()
        self._peaks = [float(group["lr"]) for group in self.optimiser.param_groups]
        device = device_of(self.module)
        self.precision = training_precision(self.config.precision, device)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == "float16")

    def step(self, *batches: Batch) -> Step:
        """Gradients from these batches alone, weighted by their examples; one update.

        ``g = Σ_b n_b ∇ℓ_b / Σ_b n_b``: k small batches are one large one. `TrainingError` where loss or gradient is not
        finite; the weights are then as before the step. In float16 a gradient too large for the format leaves the
        weights alone and halves the scale.
        """
        share = rate(self.steps, total=self.total_steps, warmup=self.config.warmup_steps, schedule=self.config.schedule)
        for group, peak in zip(self.optimiser.param_groups, self._peaks, strict=True):
            group["lr"] = peak * share
        self.optimiser.zero_grad(set_to_none=True)
        sizes = [examples_in(batch) for batch in batches]
        examples = max(sum(sizes), 1)
        value, norm = self._add_up(batches, [size / examples for size in sizes]), math.nan
        if math.isfinite(value):
            self.processes.add_gradients(self.module)
            self.scaler.unscale_(self.optimiser)
            norm = self.processes.whole(nn.utils.clip_grad_norm_(self.module.parameters(), self.config.clip_norm))
        overflown = self.scaler.is_enabled() and self.scaler.get_scale() > LEAST_SCALE
        if not (math.isfinite(value) and (math.isfinite(norm) or overflown)):
            raise TrainingError(
                f"The training diverged at step {self.steps + 1}: its loss is {value}.",
                hint=ADVICE,
            )
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.steps += 1
        if math.isfinite(norm):
            for part in self._parts:
                part.after_step(step=self.steps, total=self.total_steps)
        return Step(value, norm, examples, max(self._peaks) * share)

    def check_weights(self) -> None:
        """`TrainingError` where a weight is not finite: a step as large as the numbers allow makes no NaN by itself."""
        bad = sum(not bool(torch.isfinite(self.processes.held(p)).all()) for p in self.module.parameters())
        if self.processes.total(bad):
            raise TrainingError(f"The training diverged at step {self.steps}: a weight is not finite.", hint=ADVICE)

    def _named_optimiser(self) -> torch.optim.Optimizer:
        config = self.config
        return build_optimiser(
            self.module,
            config.optimiser,
            rate=config.learning_rate,
            decay=config.weight_decay,
            momentum=config.momentum,
            layer_decay=config.layer_decay,
        )

    def _add_up(self, batches: tuple[Batch, ...], weights: list[float]) -> float:
        """Add the gradients of this process's batches; the mean loss over the batches of all processes."""
        value, spread = 0.0, self.processes.sharded(self.module)
        own = list(self.processes.own(list(zip(batches, weights, strict=True))))
        if spread:  # all must make as many passes: weights are put together in each, forward and backward
            own += [(batches[0], 0.0)] * (-(-len(batches) // self.processes.count) - len(own))
        for batch, weight in own:
            with self._cast():
                loss = self.loss(batch)
            loss = with_penalties(loss, self._parts)  # the batches' weights add up to 1, and so does what is added
            value += weight * float(loss.detach())
            if math.isfinite(self.processes.total(value) if spread else value):
                self.scaler.scale(loss if weight == 1.0 else weight * loss).backward()  # type: ignore[no-untyped-call]
        return self.processes.total(value)

    def _cast(self) -> AbstractContextManager[object]:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(device_of(self.module).type, dtype=getattr(torch, self.precision))


def facts_of(trainer: Trainer[Batch]) -> dict[str, Fact]:
    """What is told of a training when it begins: its settings, its sizes and where it runs."""
    settings = trainer.config.model_dump(mode="json") | {"precision": trainer.precision}
    costs = costs_of(trainer.module, seconds=0.0, busy_seconds=0.0)
    return {
        **{f"training.{name}": value for name, value in settings.items()},
        "device": costs.device,
        "processes": trainer.processes.count,
        "trainable": costs.trainable,
        "parameters": costs.parameters,
        "torch": torch.__version__,
    }

"""What a training did, epoch by epoch, and what it cost."""

from dataclasses import dataclass, field
from typing import Literal

Fact = str | int | float | bool | None
"""What is told about a run: a setting, a size, a name."""
Stop = Literal["epochs", "patience", "minutes", "diverged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One epoch as it went."""

    epoch: int
    loss: float
    """Mean over the epoch's examples, each as it was before the step it led to, in the loss's unit."""
    gradient_norm: float
    """Mean over the steps but those left out, before clipping."""
    validation: float | None
    """The validation value after the epoch; None where it was not evaluated."""
    seconds: float
    training: float | None = None
    """The same value on a fixed sample of what was trained on; None where it was not evaluated."""
    learning_rate: float | None = None
    """The highest rate of any parameter at the epoch's last step; None of a training whose state does not say."""
    left_out: int = 0
    """Steps whose gradient float16 could not hold: they changed no weight, only its scale."""

    @property
    def gap(self) -> float | None:
        """``training − validation``: how much better the module does on what it has seen; wide where it over-fits."""
        return None if self.training is None or self.validation is None else self.training - self.validation

    def describe(self) -> str:
        """The epoch in one line, such as ``epoch 4, loss 6.1240, validation 0.0531, training 0.0820 (gap +0.0289)``."""
        parts = [f"epoch {self.epoch}, loss {self.loss:.4f}"]
        if self.validation is not None:
            parts.append(f"validation {self.validation:.4f}")
        if self.training is not None:
            parts.append(f"training {self.training:.4f}" + ("" if self.gap is None else f" (gap {self.gap:+.4f})"))
        if self.left_out:
            parts.append(f"{self.left_out} step{'s' * (self.left_out > 1)} left out by float16")
        return ", ".join([*parts, f"{self.seconds:.1f} s"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What a training took."""

    seconds: float
    """By the clock, validations included; of a training that was cut short and went on, all its parts."""
    busy_seconds: float
    """Processor time of this process over all its threads, of all parts likewise."""
    peak_memory: int
    """Bytes: on a GPU the most that was allocated there in the training; on a processor the most that the process held
    at any time since it began."""
    trainable: int
    """Numbers that were trained."""
    parameters: int
    """Numbers in the module, frozen ones included."""
    device: str
    """Such as ``cpu`` or ``cuda:0``."""
    processes: int = 1
    watt_hours: float | None = None
    """Energy, estimated; see `penchant.training.costs`. None where nothing is known of the device's power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """What a training did: the epochs, which was the best, and why it ended."""

    epochs: tuple[EpochRecord, ...]
    best_epoch: int
    best_value: float
    stopped: Stop
    seconds: float
    """In all; of a training that was cut short and went on, the time up to the states it went on from is counted."""
    start_value: float | None = None
    """The validation value before the first step; None where it was not asked for (`TrainingConfig.evaluate_start`)."""
    test_value: float | None = None
    """The value on the test part, of the weights that stayed; None where there is no test part."""
    costs: Costs | None = field(default=None, compare=False)

    @property
    def degraded(self) -> bool:
        """Whether the best weights are worse than those it started from, as after too large a learning rate."""
        return self.start_value is not None and self.best_value < self.start_value

    @property
    def summary(self) -> dict[str, Fact]:
        """In short, for a report: epochs, which was best (0: none), why it ended, seconds, and where it ran."""
        return {
            "epochs": len(self.epochs),
            "best_epoch": self.best_epoch,
            "stopped": self.stopped,
            "seconds": self.seconds,
            "device": None if self.costs is None else self.costs.device,
        }

    @property
    def gap(self) -> float | None:
        """Training minus validation value after the best epoch; None where one of them is not known."""
        return next((record.gap for record in self.epochs if record.epoch == self.best_epoch), None)

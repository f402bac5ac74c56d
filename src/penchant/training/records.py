"""What a training did, epoch by epoch."""

from dataclasses import dataclass
from typing import Literal

Stop = Literal["epochs", "patience", "minutes", "diverged"]


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
    training: float | None = None
    """The same value on a fixed sample of what was trained on; None where it was not evaluated."""

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
        return ", ".join([*parts, f"{self.seconds:.1f} s"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """What a training did: the epochs, which was the best, and why it ended."""

    epochs: tuple[EpochRecord, ...]
    best_epoch: int
    best_value: float
    stopped: Stop
    seconds: float
    """In all; of a training that was cut short and went on, the time up to the states it went on from is counted."""

    @property
    def gap(self) -> float | None:
        """Training minus validation value after the best epoch; None where one of them is not known."""
        return next((record.gap for record in self.epochs if record.epoch == self.best_epoch), None)

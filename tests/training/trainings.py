"""A small training whose result depends on every kind of state there is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from penchant.progress import SILENT, Progress
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from penchant.training.runs import TrainingRun

SETTINGS: dict[str, Any] = {
    "learning_rate": 0.05,
    "warmup_steps": 3,
    "max_epochs": 6,
    "evaluate_every": 2,
    "patience": 2,
    "weight_decay": 0.01,
}
STEPS = 5
"""Of an epoch."""


def run_in(folder: Path | None, *, resume: bool | None = None, log: Path | None = None, **identity: Any) -> TrainingRun:
    return TrainingRun(
        name="toy",
        identity={"settings.width": 4, "events": "e0", **identity},
        folder=folder,
        resume=resume,
        log=log,
    )


class Net(nn.Module):
    """Every kind of state a module may have."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1))
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, batch: Tensor) -> Tensor:
        guess: Tensor = self.layers(batch) * self.scale
        return guess


@dataclass
class Toy:
    """Batches from a numpy generator that goes on from epoch to epoch, noise in the loss from a torch generator,
    dropout from torch's own, a buffer with a running mean, and a scalar weight.
    """

    calls: int = 0
    before_step: Callable[[int], object] = lambda _: None
    """Called with the number of the step, from 1, before its loss is worked out."""
    numpy: np.random.Generator = field(default_factory=lambda: np.random.default_rng(3))
    noise: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(4))

    def __post_init__(self) -> None:
        torch.manual_seed(7)
        self.module = Net()

    def batches(self, _: int) -> list[Tensor]:
        return [torch.from_numpy(self.numpy.normal(size=(6, 4)).astype(np.float32)) for _ in range(STEPS)]

    def loss(self, batch: Tensor) -> Tensor:
        self.calls += 1
        self.before_step(self.calls)
        wanted = batch.sum(dim=1, keepdim=True) + torch.randn(len(batch), 1, generator=self.noise)
        error: Tensor = self.module(batch) - wanted
        return error.square().mean()

    def evaluate(self) -> float:
        batch = torch.linspace(-1, 1, 40).view(10, 4)
        return -float((self.module(batch) - batch.sum(dim=1, keepdim=True)).square().mean())

    def train(self, run: TrainingRun | None, *, progress: Progress = SILENT, **settings: Any) -> TrainingRecord:
        return train(
            self.module,
            batches=self.batches,
            loss=self.loss,
            evaluate=self.evaluate,
            evaluate_training=lambda: self.evaluate() + 0.25,
            config=TrainingConfig(**{**SETTINGS, **settings}),
            progress=progress,
            run=run,
            generators={"batches": self.numpy, "noise": self.noise},
        )

    @property
    def weights(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.module.state_dict().items()}


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    """Bit for bit."""
    return left.keys() == right.keys() and all(
        a.dtype == b.dtype and a.shape == b.shape and a.numpy().tobytes() == b.numpy().tobytes()
        for a, b in ((left[name], right[name]) for name in left)
    )

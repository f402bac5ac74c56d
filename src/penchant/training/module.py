"""A model and its data in one class, in the shape that users of Lightning know, on the one training loop."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import DataError
from penchant.progress import SILENT, Progress
from penchant.seeding import derive
from penchant.training.batch_sizes import on_device
from penchant.training.devices import chosen_device, device_of
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from penchant.training.processes import ALONE, Processes
from penchant.training.runs import TrainingRun
from penchant.training.steps import Batch, Trainer


class TrainingModule(nn.Module, ABC):
    """What `fit_module` asks of a model. A loader is anything with a length that gives batches, such as a `DataLoader`.

    ::

        class Likes(TrainingModule):
            def training_step(self, batch):      return like_loss(self(batch), batch["labels"])
            def validation_step(self, batch):    return self(batch).sigmoid(), batch["labels"]
            def score(self, predicted, wanted):  return roc_auc(predicted, wanted)
            def train_dataloader(self):          return text_loader(self.data, size=16, shuffle=True)
            def val_dataloader(self):            return text_loader(self.held_out, size=64, shuffle=False)
    """

    @abstractmethod
    def training_step(self, batch: Any) -> Tensor:
        """The batch's mean loss, a scalar with gradients."""

    @abstractmethod
    def validation_step(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Predictions and labels of a batch, each with a row for every example."""

    @abstractmethod
    def score(self, predicted: Tensor, labels: Tensor) -> float:
        """One number for predictions and labels of a whole part of the data, higher is better."""

    @abstractmethod
    def train_dataloader(self) -> Collection[Any]:
        """The batches to learn from, drawn anew at each pass."""

    def val_dataloader(self) -> Collection[Any] | None:
        """The batches that say which epoch was best; None: all epochs are trained and the last weights stay."""
        return None

    def test_dataloader(self) -> Collection[Any] | None:
        """The batches that the weights that stayed are tested on, once; they choose nothing."""
        return None

    def configure_optimizers(self) -> torch.optim.Optimizer | None:
        """An optimiser of your own; None: the one that the settings name."""
        return None


def fit_module(
    module: TrainingModule,
    config: TrainingConfig | None = None,
    *,
    seed: int = 0,
    device: str = "auto",
    run: TrainingRun | None = None,
    processes: Processes = ALONE,
    progress: Progress = SILENT,
    name: str = "Training",
) -> TrainingRecord:
    """Train, stop early where validation stalls, put the best weights back, test once; see `train`.

    `device` is ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:1``; the module stays there.
    """
    loader, validation, test = module.train_dataloader(), module.val_dataloader(), module.test_dataloader()
    if not len(loader):
        raise DataError("There is nothing to train on: the loader has no batches.", hint="Give it some examples.")

    def batches(epoch: int) -> Collection[Any]:
        begin = getattr(getattr(loader, "batch_sampler", None), "begin", None)
        if begin is not None:
            begin(epoch)
        return loader

    with torch.random.fork_rng():
        torch.manual_seed(derive(seed, "training"))
        return train(
            module,
            batches=batches,
            loss=module.training_step,
            evaluate=None if validation is None else lambda: evaluate(module, validation),
            test=None if test is None else lambda: evaluate(module, test),
            config=config or TrainingConfig(),
            make_optimiser=module.configure_optimizers,
            device=chosen_device(device) if processes.alone else processes.device,
            processes=processes,
            run=run,
            progress=progress,
            name=name,
        )


def train_epoch(trainer: Trainer[Batch], batches: Iterable[Batch]) -> float:
    """A step for each batch; the mean loss over the examples, each as it was before its step.

    `TrainingError` where a loss, gradient or weight is not finite.
    """
    trainer.module.train()
    steps = [trainer.step(batch) for batch in batches]
    trainer.check_weights()
    return sum(step.loss * step.examples for step in steps) / max(sum(step.examples for step in steps), 1)


def evaluate(module: TrainingModule, batches: Iterable[Any]) -> float:
    """The score over all batches at once, so that it does not depend on how they were cut; no weight changes.

    Without dropout and gradients; the module is left in the mode it was in. `DataError` where there are no batches.
    """
    learning, device = module.training, device_of(module)
    module.eval()
    try:
        with torch.inference_mode():
            found = [module.validation_step(on_device(batch, device)) for batch in batches]
    finally:
        module.train(learning)
    if not found:
        raise DataError("There is nothing to evaluate on.", hint="Give some examples.")
    return float(module.score(*(torch.cat(parts) for parts in zip(*found, strict=True))))

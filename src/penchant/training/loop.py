"""The one training loop: steps, validation, early stopping, the best weights put back, a NaN caught, a state kept."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Generic

import torch
from torch import Tensor, nn

from penchant.errors import TrainingError, UnsupportedError
from penchant.progress import SILENT, Advance, Progress
from penchant.training.activations import recomputed
from penchant.training.batch_sizes import on_device
from penchant.training.checkpoints import TrainingState
from penchant.training.costs import begin_counting, costs_of
from penchant.training.course import Course, capture, course_of, put_back
from penchant.training.draws import Draws
from penchant.training.keeping import Keeper
from penchant.training.processes import ALONE, Processes
from penchant.training.randomness import Generator
from penchant.training.records import EpochRecord, Fact, TrainingRecord
from penchant.training.runs import TrainingRun
from penchant.training.steps import Batch, Step, Trainer, TrainingConfig, facts_of

__all__ = ["EpochRecord", "Step", "Trainer", "TrainingConfig", "TrainingRecord", "train"]


def train(
    module: nn.Module,
    *,
    batches: Callable[[int], Collection[Batch]],
    loss: Callable[[Batch], Tensor],
    evaluate: Callable[[], float] | None,
    config: TrainingConfig,
    progress: Progress = SILENT,
    name: str = "Training",
    evaluate_training: Callable[[], float] | None = None,
    run: TrainingRun | None = None,
    generators: Mapping[str, Generator] | None = None,
    test: Callable[[], float] | None = None,
    make_optimiser: Callable[[], torch.optim.Optimizer | None] | None = None,
    device: torch.device | None = None,
    processes: Processes = ALONE,
) -> TrainingRecord:
    """Train until patience, epochs or minutes run out; `module` ends in eval mode with its best weights.

    `batches(epoch)` gives an epoch's batches, the epoch counted from 1. `evaluate()` gives the validation value of the
    weights as they are, higher is better, called in eval mode without gradients; with None the last weights stay.
    `evaluate_training()` gives the same value on a fixed sample of what is trained on: how far apart the two are tells
    over-fitting. `test()` is asked once, of the weights that stay. Randomness is the caller's: seed torch, and let
    `batches` use a generator of its own.

    A step takes `config.accumulation` batches, weighted by their examples (`batch_sizes.examples_in`); `loss` is a
    batch's mean. The module and its batches are moved to `device`, where one is given. With several `processes` each
    works out its own of a step's batches; all end with the same weights. `make_optimiser` builds one in place of that
    which the settings name, unless it gives None.

    A loss, gradient or weight that is not finite stops the training with the best weights so far; before the first
    validation there are none, and `TrainingError` is raised.

    With a `run` that has a folder (see `training_run`) the state is kept there, and a training cut short by Ctrl-C, by
    SIGTERM or by the power goes on from it and ends with the same weights, bit for bit. For that, `batches(epoch)` may
    depend on the epoch, on torch's own generator and on the generators named in `generators`, and the loss on the
    batch, the module and those; nothing else may be remembered between steps. `CheckpointError` where there is a state
    that cannot be gone on from. Of several processes the first keeps the state; between two epochs it is theirs bit for
    bit, within one as far as each draws the same numbers.
    """
    processes.check(config.accumulation)
    if run is not None and run.folder is not None and processes.sharded(module):
        raise UnsupportedError(
            "A training whose weights are spread over processes keeps no state.",
            hint="Leave out the folder for states, or train on one process.",
        )
    if device is not None:
        module.to(device)
    kept, told = (run, progress) if processes.leads else (None, SILENT)
    with Keeper(kept, told) as keeper, recomputed(module, wanted=config.gradient_checkpointing):
        training = _Training(
            module=module,
            batches=batches,
            loss=loss,
            evaluate=evaluate,
            evaluate_training=evaluate_training,
            test=test,
            config=config,
            progress=told,
            name=name,
            keeper=keeper,
            generators=generators or {},
            make_optimiser=make_optimiser,
            device=device,
            processes=processes,
            facts={} if run is None else run.facts,
        )
        return training.record()


@dataclass(slots=True, kw_only=True)
class _Training(Generic[Batch]):
    """One training on its way."""

    module: nn.Module
    batches: Callable[[int], Collection[Batch]]
    loss: Callable[[Batch], Tensor]
    evaluate: Callable[[], float] | None
    evaluate_training: Callable[[], float] | None
    test: Callable[[], float] | None
    config: TrainingConfig
    progress: Progress
    name: str
    keeper: Keeper
    generators: Mapping[str, Generator]
    make_optimiser: Callable[[], torch.optim.Optimizer | None] | None
    device: torch.device | None
    processes: Processes
    facts: Mapping[str, Fact]
    course: Course = field(init=False)
    trainer: Trainer[Batch] = field(init=False)
    state: TrainingState | None = field(init=False)
    """What is gone on from."""
    draws: Draws[Batch] = field(init=False)

    def __post_init__(self) -> None:
        begin_counting(self.module)
        self.state = self.processes.of_first(self.keeper.read())
        self.course = Course() if self.state is None else course_of(self.state)
        self.draws = Draws(
            batches=self.batches,
            module=self.module,
            generators=self.generators,
            processes=self.processes,
            course=self.course,
            state=self.state,
            noted=self.keeper.keeps,
        )
        if self.state is not None:
            total = int(self.state.facts["total_steps"])
        else:
            total = self.config.max_epochs * -(-self.draws.count() // self.config.accumulation)
        self.trainer = Trainer(
            self.module,
            self._loss,
            self.config,
            total_steps=total,
            make_optimiser=self.make_optimiser,
            processes=self.processes,
        )

    def record(self) -> TrainingRecord:
        """Train to the end; a training that had ended gives what it gave."""
        course, ended = self.course, self.course.stopped is not None
        if self.state is not None and not ended:
            put_back(self.state, self.trainer)
        if self.state is None and self.config.evaluate_start and self.evaluate:
            course.start_value = self._value(self.evaluate)
            self.progress.note(f"{self.name}: before the first step, validation {course.start_value:.4f}")
            if self.config.keep_start:
                course.best.offer(self.module, value=course.start_value, epoch=0)
        rising, total = self.config.warmup_steps, self.trainer.total_steps
        if rising > total and self.state is None:
            self.progress.note(
                f"{self.name}: its {total} steps end before the learning rate has risen, at {total / rising:.0%}. "
                f"Lower warmup_steps ({rising}), or raise max_epochs."
            )
        facts = {**self.facts, **facts_of(self.trainer)}
        self.keeper.begin(self._capture if self.state is None else None, facts, course.epochs)
        if ended:
            self.progress.note(f"{self.name} had ended: its weights are those of epoch {course.best.epoch}.")
        if not ended:
            with self.progress.task(self.name, total=self.trainer.total_steps) as advance:
                if self.trainer.steps:
                    self.progress.note(f"{self.name} goes on. {self.keeper.kept}")
                    advance(self.trainer.steps)
                while course.stopped is None:
                    self._epoch(advance)
        if not course.best.found:  # no validation, or the minutes ran out before the first
            value = self._value(self.evaluate) if self.evaluate else 0.0
            if math.isnan(value):
                self.progress.note(
                    f"{self.name}: validation is not a number, and tells no epoch apart. The last stays."
                )
            course.best.take(self.module, value=value, epoch=len(course.epochs))
        course.best.restore(self.module)
        self.module.eval()
        record = TrainingRecord(
            epochs=tuple(course.epochs),
            best_epoch=course.best.epoch,
            best_value=course.best.value,
            stopped=course.stopped or "epochs",
            seconds=course.seconds,
            start_value=course.start_value,
            test_value=self._value(self.test) if self.test else None,
        )
        if record.degraded:
            self.progress.note(
                f"{self.name}: validation fell below the start, from {record.start_value:.4f} to "
                f"{record.best_value:.4f}. Lower the learning rate."
            )
        costs = costs_of(
            self.module, seconds=course.seconds, busy_seconds=course.busy_seconds, processes=self.processes.count
        )
        self.keeper.end(None if ended else self._capture, record, costs)
        return replace(record, costs=costs)

    def _epoch(self, advance: Advance) -> None:
        """Make the steps of an epoch that are left, validate, decide whether it was the last."""
        course, config = self.course, self.config
        drawn = self.draws.left(a_step=config.accumulation)
        self.module.train()
        try:
            while together := tuple(islice(drawn, config.accumulation)):
                step = self.trainer.step(*together)
                course.count(step)
                advance(1, f"loss {step.loss:.3f}")
                self.keeper.after_step(self._capture)
            self.trainer.check_weights()
        except TrainingError as error:
            self._diverged(error)
            return
        validation = training = None
        if self.evaluate and (course.epoch % config.evaluate_every == 0 or course.epoch == config.max_epochs):
            validation = self._value(self.evaluate)
            training = self._value(self.evaluate_training) if self.evaluate_training else None
            better = course.best.offer(self.module, value=validation, epoch=course.epoch)
            course.bad = 0 if better else course.bad + 1
        record = course.end_epoch(validation=validation, training=training)
        self.progress.note(f"{self.name}: {record.describe()}")
        if course.bad >= config.patience:
            course.stopped = "patience"
        elif config.max_minutes is not None and self.processes.of_first(course.seconds) > 60 * config.max_minutes:
            course.stopped = "minutes"
        elif course.epoch > config.max_epochs:
            course.stopped = "epochs"
        self.keeper.after_epoch(record, None if course.stopped else self._capture)

    def _loss(self, batch: Batch) -> Tensor:
        return self.loss(batch if self.device is None else on_device(batch, self.device))

    def _diverged(self, error: TrainingError) -> None:
        """End with the best weights; `TrainingError` where there are none."""
        if not self.course.best.found:
            self.module.eval()
            raise TrainingError(f"{error.message} {self.keeper.kept}".rstrip(), hint=error.hint) from None
        self.progress.note(f"{error.message} The weights of epoch {self.course.best.epoch} were kept.")
        self.course.stopped = "diverged"

    def _value(self, evaluate: Callable[[], float]) -> float:
        """What the first process finds, so that all decide alike."""
        self.module.eval()
        with torch.inference_mode():
            return self.processes.of_first(evaluate())

    def _capture(self) -> TrainingState:
        return capture(self.course, self.trainer, self.generators)

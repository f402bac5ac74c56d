"""How far a training has come, written down so that it goes on as if it had never stopped."""

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from penchant.errors import CheckpointError
from penchant.training.checkpoints import ONLY_AGAIN, BestWeights, TrainingState
from penchant.training.randomness import Generator, random_states, set_random_states
from penchant.training.records import EpochRecord, Stop
from penchant.training.steps import Batch, Step, Trainer

COUNTED = (
    "epoch",
    "done",
    "examples",
    "loss",
    "gradient_norm",
    "left_out",
    "learning_rate",
    "start_value",
    "bad",
    "stopped",
    "epoch_seconds",
    "seconds",
    "busy_seconds",
)


@dataclass(slots=True)
class Course:
    """How far a training has come; the module and the optimiser are its `Trainer`'s."""

    epoch: int = 1
    """The epoch under way, counted from 1."""
    done: int = 0
    """Its steps that are made."""
    examples: int = 0
    """What those steps saw."""
    loss: float = 0.0
    """Sum over those examples."""
    gradient_norm: float = 0.0
    """Sum over those steps but the ones left out."""
    left_out: int = 0
    """Those of the steps whose gradient float16 could not hold."""
    learning_rate: float = 0.0
    """Of the last step."""
    start_value: float | None = None
    """The validation value before the first step."""
    epochs: list[EpochRecord] = field(default_factory=list)
    best: BestWeights = field(default_factory=BestWeights)
    bad: int = 0
    """Validations in a row that were no better."""
    stopped: Stop | None = None
    epoch_seconds: float = 0.0
    """Spent on the epoch under way before `since`."""
    seconds: float = 0.0
    """Spent on the whole training before `since`."""
    busy_seconds: float = 0.0
    """Processor time, likewise."""
    since: float = field(default_factory=time.perf_counter)
    busy_since: float = field(default_factory=time.process_time)
    random_before: dict[str, Tensor] = field(default_factory=dict)
    """Where all randomness stood before the batches of the epoch under way were drawn; empty before they are."""

    def count(self, step: Step) -> None:
        """A step is made."""
        self.done += 1
        self.examples += step.examples
        self.loss += step.loss * step.examples
        if math.isfinite(step.gradient_norm):
            self.gradient_norm += step.gradient_norm
        else:
            self.left_out += 1
        self.learning_rate = step.learning_rate

    def spend(self) -> None:
        """Count the time up to now."""
        now, busy = time.perf_counter(), time.process_time()
        self.epoch_seconds += now - self.since
        self.seconds += now - self.since
        self.busy_seconds += busy - self.busy_since
        self.since, self.busy_since = now, busy

    def end_epoch(self, *, validation: float | None, training: float | None) -> EpochRecord:
        """The record of the epoch under way; the next one begins."""
        self.spend()
        record = EpochRecord(
            epoch=self.epoch,
            loss=self.loss / max(self.examples, 1),
            gradient_norm=self.gradient_norm / max(self.done - self.left_out, 1),
            validation=validation,
            seconds=self.epoch_seconds,
            training=training,
            learning_rate=self.learning_rate,
            left_out=self.left_out,
        )
        self.epochs.append(record)
        self.epoch += 1
        self.done, self.examples, self.left_out = 0, 0, 0
        self.loss, self.gradient_norm, self.epoch_seconds = 0.0, 0.0, 0.0
        self.random_before = {}
        return record


def capture(course: Course, trainer: Trainer[Batch], generators: Mapping[str, Generator]) -> TrainingState:
    """All that decides how a training goes on; of one that has ended, what came of it."""
    course.spend()
    best = course.best
    facts = {name: getattr(course, name) for name in COUNTED}
    facts |= {"steps": trainer.steps, "total_steps": trainer.total_steps}
    facts["epochs"] = [asdict(record) for record in course.epochs]
    facts["scaler"] = trainer.scaler.state_dict()
    facts["best"] = {"epoch": best.epoch, "value": best.value} if best.found else None
    tensors = _named("best", best.weights)
    if course.stopped is None:
        now = random_states(trainer.module, generators)
        tensors |= _named("module", trainer.module.state_dict())
        tensors |= _named("random", now) | _named("random_before", course.random_before)
        for index, values in trainer.optimiser.state_dict()["state"].items():
            held = {name: torch.as_tensor(value) for name, value in values.items() if value is not None}
            tensors |= _named(f"optimiser.{index}", held)
    return TrainingState(facts=facts, tensors=tensors)


def course_of(state: TrainingState) -> Course:
    """How far the training of a state has come. `CheckpointError` where the state lacks something."""
    try:
        facts = state.facts
        course = Course(**{name: facts[name] for name in COUNTED})
        course.epochs = [EpochRecord(**record) for record in facts["epochs"]]
        if facts["best"]:
            value = facts["best"]["value"]
            course.best.epoch, course.best.value = int(facts["best"]["epoch"]), math.nan if value is None else value
            course.best.weights = _under(state, "best")
        course.random_before = _under(state, "random_before")
    except (KeyError, TypeError, ValueError):
        raise _lacking() from None
    return course


def put_back(state: TrainingState, trainer: Trainer[Batch]) -> None:
    """Weights and optimiser as they were. `CheckpointError` where they are not of this module."""
    optimiser: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _under(state, "optimiser").items():
        index, _, key = name.partition(".")
        optimiser.setdefault(int(index), {})[key] = tensor.clone()
    groups = trainer.optimiser.state_dict()["param_groups"]
    try:
        trainer.module.load_state_dict(_under(state, "module"))
        trainer.optimiser.load_state_dict({"state": optimiser, "param_groups": groups})
        trainer.scaler.load_state_dict(state.facts["scaler"])
        trainer.steps = int(state.facts["steps"])
    except (KeyError, RuntimeError, ValueError):
        raise _lacking() from None


def rewind(state: TrainingState, generators: Mapping[str, Generator], *, before_epoch: bool) -> None:
    """All randomness where it stood when the state was taken, or before the batches of its epoch were drawn."""
    try:
        set_random_states(_under(state, "random_before" if before_epoch else "random"), generators)
    except (KeyError, RuntimeError, ValueError):
        raise _lacking() from None


def _named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _under(state: TrainingState, prefix: str) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in state.tensors.items() if name.startswith(start)}


def _lacking() -> CheckpointError:
    return CheckpointError("The training's state is not this model's: something in it is missing.", hint=ONLY_AGAIN)

"""A shared encoder with one head for each task, and how they are trained together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from penchant.encoders.fine_tuning import FineTunedEncoder, FineTunedEncoderConfig
from penchant.encoders.pair_input import Texts
from penchant.errors import BundleError
from penchant.models.language.task_weights import TaskWeights, Weighting, with_own_rate
from penchant.progress import SILENT, Progress
from penchant.seeding import numpy_rng
from penchant.training.devices import chosen_device
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from penchant.training.optimisers import build_optimiser
from penchant.training.rating_heads import RatingHead
from penchant.training.runs import TrainingRun
from penchant.types import FloatArray, IntArray

AT_ONCE = 64
"""Texts in a forward pass when nothing is learned."""
TOKENIZED_AT_ONCE = 4096


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """N examples of a task as the network reads them; texts are made when their turn comes."""

    head: RatingHead
    size: int
    """N"""
    texts: Callable[[IntArray], Sequence[Texts]]
    """The texts of some of the examples."""
    targets: Tensor
    """(N, …) of the head"""
    numbers: FloatArray | None = None
    """(N, F) what the task's last layer reads beside the text."""


@dataclass(frozen=True, slots=True)
class TaskBatch:
    """Some examples of one task."""

    task: str
    rows: IntArray


class TaskNetwork(nn.Module):
    """``o_t = W_t [ h(text) ; x ] + b_t``, one encoder h and for each task t a last layer and its head.

    Sharing the layers below the heads is the multi-task learning of Caruana (1997); on a language model, Liu et al.
    (2019), "Multi-task deep neural networks for natural language understanding". `numbers` says how many numbers x a
    task reads beside the text, `seed` draws what the encoder's fine-tuning method begins with. With the `weighting`
    ``uncertainty`` the tasks' losses are weighed as `TaskWeights` says, those of validation are not.
    """

    def __init__(
        self,
        config: FineTunedEncoderConfig,
        heads: Mapping[str, RatingHead],
        *,
        numbers: Mapping[str, int] | None = None,
        seed: int = 0,
        weighting: Weighting = "equal",
    ) -> None:
        super().__init__()
        self.encoder = FineTunedEncoder(config, seed=seed)
        self.weights = TaskWeights(list(heads)) if weighting == "uncertainty" else None
        self.heads = dict(heads)
        inputs = {name: self.encoder.dim + (numbers or {}).get(name, 0) for name in self.heads}
        self.layers = nn.ModuleList(nn.Linear(inputs[name], head.width) for name, head in self.heads.items())
        self._places = {name: place for place, name in enumerate(self.heads)}

    def forward(self, task: str, texts: Sequence[Texts], numbers: FloatArray | None = None) -> Tensor:
        """What the task's last layer says of each text, (N, width)."""
        return self._read(task, self.encoder(texts), numbers)

    def outputs(self, task: str, texts: Sequence[Texts], numbers: FloatArray | None = None) -> Tensor:
        """The same without learning, of any number of texts, on the CPU: those of like length share a pass."""
        found = torch.empty(len(texts), self.heads[task].width)
        with torch.inference_mode():
            for begin in range(0, len(texts), TOKENIZED_AT_ONCE):
                tokens = self.encoder.tokenize(texts[begin : begin + TOKENIZED_AT_ONCE])
                order = np.argsort([len(one.ids) for one in tokens], kind="stable")
                for start in range(0, len(order), AT_ONCE):
                    part = order[start : start + AT_ONCE]
                    vectors, rows = self.encoder.encode([tokens[k] for k in part]), begin + part
                    beside = None if numbers is None else numbers[rows]
                    found[torch.from_numpy(rows)] = self._read(task, vectors, beside).cpu()
        return found

    def last_layer(self, task: str) -> nn.Linear:
        """The layer that only this task has."""
        return cast(nn.Linear, self.layers[self._places[task]])

    def loss(self, task: str, data: TaskData, rows: IntArray) -> Tensor:
        """The task's mean loss on some of its examples, weighed, a scalar."""
        numbers = None if data.numbers is None else data.numbers[rows]
        outputs = self(task, data.texts(rows), numbers)
        loss = data.head.loss(outputs, data.targets[torch.from_numpy(rows)].to(outputs.device))
        return loss if self.weights is None else self.weights(task, loss)

    def validation_loss(self, tasks: Mapping[str, TaskData]) -> float:
        """The mean over tasks of the mean loss over all their examples."""
        losses = []
        for name, data in tasks.items():
            outputs = self.outputs(name, data.texts(np.arange(data.size)), data.numbers)
            losses.append(float(data.head.loss(outputs, data.targets)))
        return float(np.mean(losses))

    def begin_as(self, other: "TaskNetwork") -> tuple[str, ...]:
        """Take over another's trained layers, and the last layer of each task that both have and that is as wide; which
        tasks those are.

        `BundleError` where the other is of another language model, or was trained by another method.
        """
        self.encoder.check(other.encoder.fingerprint)
        try:
            self.encoder.load_state_dict(other.encoder.state_dict())
        except RuntimeError:
            raise BundleError(
                "The model to begin from was trained by another method, or by other settings of it.",
                hint="Give both the same language_model.method.",
            ) from None
        known = [
            name
            for name in self.heads
            if name in other.heads and self.last_layer(name).weight.shape == other.last_layer(name).weight.shape
        ]
        for name in known:
            self.last_layer(name).load_state_dict(other.last_layer(name).state_dict())
        return tuple(known)

    def take(self, weights: Mapping[str, Tensor], *, what: str) -> None:
        """Take back saved weights, to serve with. `BundleError` where they are not all there."""
        try:
            self.load_state_dict(weights)
        except RuntimeError:
            raise BundleError(
                f"{what} does not hold the weights that its settings ask for.",
                hint="Copy the folder again whole, or fit the model again.",
            ) from None
        self.eval()

    def _read(self, task: str, vectors_ND: Tensor, numbers: FloatArray | None) -> Tensor:
        if numbers is not None:
            vectors_ND = torch.cat([vectors_ND, torch.from_numpy(numbers).to(vectors_ND.device)], dim=1)
        outputs: Tensor = self.last_layer(task)(vectors_ND)
        return outputs


def train_tasks(
    network: TaskNetwork,
    tasks: Mapping[str, TaskData],
    *,
    evaluate: Callable[[], float] | None,
    batch: int,
    most: int | None,
    config: TrainingConfig,
    seed: int,
    name: str,
    progress: Progress = SILENT,
    run: TrainingRun | None = None,
    weighting_rate: float = 0.02,
    device: str = "auto",
) -> TrainingRecord:
    """Train on all tasks at once, `batch` examples of one task a step; the network is on the CPU afterwards.

    An epoch has every example of every task once, or `most` of each task, drawn anew; tasks take turns, spread evenly
    over the epoch where one has more batches than another. torch's own generator is the caller's to seed. The network's
    `TaskWeights`, where it has them, learn by `weighting_rate`.
    """
    order = numpy_rng(seed, name, "batches")
    weights = network.weights

    def optimiser() -> torch.optim.Optimizer:
        built = build_optimiser(
            network,
            config.optimiser,
            rate=config.learning_rate,
            decay=config.weight_decay,
            momentum=config.momentum,
            layer_decay=config.layer_decay,
        )
        return built if weights is None else with_own_rate(built, weights, rate=weighting_rate)

    def batches(epoch: int) -> Sequence[TaskBatch]:  # noqa: ARG001
        turns = []
        for task, data in tasks.items():
            drawn = order.permutation(data.size)[:most]
            parts = [drawn[start : start + batch] for start in range(0, len(drawn), batch)]
            turns += [((k + 0.5) / len(parts), TaskBatch(task, part)) for k, part in enumerate(parts)]
        return [turn for _, turn in sorted(turns, key=lambda turn: turn[0])]

    record = train(
        network,
        batches=batches,
        loss=lambda turn: network.loss(turn.task, tasks[turn.task], turn.rows),
        evaluate=evaluate,
        config=config,
        progress=progress,
        name=f"Training {name}",
        run=run,
        generators={"batches": order},
        make_optimiser=None if weights is None else optimiser,
        device=chosen_device(device),
    )
    network.cpu()
    return record

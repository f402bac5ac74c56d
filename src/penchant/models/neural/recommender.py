"""What all recommenders that are a torch module share: how they are fitted, asked, saved and read."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Cases, Histories
from penchant.errors import BundleError
from penchant.interfaces import FitOptions, Recommender
from penchant.models.holdout import (
    catalogue_ties,
    check_vectors,
    held_out,
    rows_at_once,
    sampled,
    training_cases,
    validation_ndcg,
)
from penchant.models.saving import fitted, read_model, write_model
from penchant.seeding import derive
from penchant.training.devices import chosen_device
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from penchant.training.runs import training_run
from penchant.types import AnyArray, BoolArray, FloatArray

M = TypeVar("M", bound=nn.Module)
Batch = TypeVar("Batch")
TRAINING_CASES = 500
"""Cases of the training part that are asked beside the validation ones, to see how far apart the two are."""
READ_AT_ONCE = 1024
"""Histories read at once, at most."""


class NeuralConfig(Config):
    """Settings that every neural recommender has."""

    dim: int = Field(default=64, ge=2)
    """D"""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of the inputs that a training step leaves out; none when serving."""
    validation_users: int = Field(default=8_000, ge=1)
    """Cases that decide when to stop, at most."""
    training: TrainingConfig = TrainingConfig()


class NeuralRecommender(Recommender, Generic[M, Batch]):
    """A torch module that scores all items for a history. A subclass says what the module is, what it is trained on and
    how it is asked; fitting, early stopping on validation NDCG@10, saving and reading are here.

    All that is learned is in the module's state, so a model is read back bit for bit. An item without training events
    shares the lowest score of each user, unless the model can place new items (`folds_in_items`).

    `fit` raises `DataError` without item events or for vectors that do not fit the dataset, and `TrainingError` where
    the loss is not finite from the beginning.
    """

    reads_text: ClassVar[bool] = False
    name: ClassVar[str]
    """As registered."""
    config_class: ClassVar[type[NeuralConfig]]
    config: NeuralConfig

    def __init__(self, config: NeuralConfig | None = None) -> None:
        super().__init__(config or self.config_class())
        self._module: M | None = None
        self._shape: dict[str, Any] = {}
        self._warm: BoolArray = np.zeros(0, dtype=np.bool_)
        self.record: TrainingRecord | None = None
        """How the training went; None for a loaded model."""

    @property
    def module(self) -> M:
        """The fitted module, in eval mode on the CPU."""
        return fitted(self._module, self.name)

    def shape(self, dataset: Dataset, options: FitOptions) -> dict[str, Any]:  # noqa: ARG002
        """What `build` needs to know of the data, as JSON."""
        return {"n_items": dataset.n_items}

    @abstractmethod
    def build(self, shape: Mapping[str, Any]) -> M:
        """The module with fresh weights."""

    def prepare(self, module: M, dataset: Dataset, options: FitOptions) -> None:
        """Fill what is known before training, such as buffers of features."""

    @abstractmethod
    def batches(self, dataset: Dataset, *, seed: int) -> Callable[[int], Sequence[Batch]]:
        """From an epoch, counted from 1, to its batches."""

    @abstractmethod
    def loss(self, module: M, batch: Batch) -> Tensor:
        """The batch's mean loss, a scalar."""

    @abstractmethod
    def scores(self, module: M, histories: Histories) -> Tensor:
        """Scores of all items, (B, I), for a few histories."""

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Train until the validation value no longer rises; the best weights stay."""
        options = options or FitOptions()
        check_vectors(dataset, options)
        training, cases = held_out(dataset, options)
        cases = sampled(cases, self.config.validation_users, options.seed)
        ties = catalogue_ties(dataset, options.seed)
        seen = training_cases(training, TRAINING_CASES, options.seed)
        warm = training.item_counts() > 0
        with torch.random.fork_rng():
            torch.manual_seed(derive(options.seed, self.name))
            shape = self.shape(training, options)
            module = self.build(shape)
            self.prepare(module, training, options)
            module.to(chosen_device(options.device))

            def ndcg(asked: Cases) -> float:
                return validation_ndcg(lambda histories: self._ask(module, histories, warm), asked, ties=ties)

            record = train(
                module,
                batches=self.batches(training, seed=options.seed),
                loss=lambda batch: self.loss(module, batch),
                evaluate=(lambda: ndcg(cases)) if len(cases) else None,
                evaluate_training=(lambda: ndcg(seen)) if len(seen) else None,
                config=self.config.training,
                progress=options.progress,
                name=f"Training {self.name}",
                run=training_run(options, dataset=dataset, config=self.config, name=self.name),
            )
        self._module, self._shape, self._warm, self.record = module.cpu().eval(), shape, warm, record
        return self

    def score(self, histories: Histories) -> FloatArray:
        """Scores of all items, (B, I)."""
        return self._ask(self.module, histories, self._warm)

    def save(self, folder: Path) -> None:
        """Write the module's state."""
        arrays: dict[str, AnyArray] = {f"module.{k}": v.numpy() for k, v in self.module.state_dict().items()}
        facts: dict[str, Any] = {"shape": self._shape}
        if self.record is not None:
            facts["training"] = asdict(self.record)
        write_model(folder, self.name, self.config, arrays={**arrays, "warm": self._warm.astype(np.uint8)}, facts=facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it."""
        config, facts, arrays = read_model(folder, cls.name, cls.config_class, needs=("shape", "warm"))
        model = cls(config)
        model._shape, model._warm = facts["shape"], arrays.pop("warm").astype(np.bool_)
        with torch.random.fork_rng():
            module = model.build(model._shape)
        try:
            module.load_state_dict({k.removeprefix("module."): torch.from_numpy(v) for k, v in arrays.items()})
        except RuntimeError:
            raise BundleError(
                f"{folder}: the saved {cls.name} does not hold the weights that its settings ask for.",
                hint="Copy the folder again whole, or fit the model again.",
            ) from None
        model._module = module.eval()
        return model

    def _ask(self, module: M, histories: Histories, warm: BoolArray) -> FloatArray:
        scores = np.zeros((len(histories), len(warm)), dtype=np.float32)
        order = np.argsort(histories.lengths, kind="stable")  # like lengths together: little padding
        size = min(rows_at_once(len(warm)), READ_AT_ONCE)
        with torch.inference_mode():
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                scores[rows] = self.scores(module, histories.take(rows)).cpu().numpy()
        if not self.folds_in_items and warm.any():
            scores[:, ~warm] = scores[:, warm].min(axis=1, keepdims=True)
        return scores

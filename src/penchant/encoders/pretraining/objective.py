"""The shape that every objective of pre-training has."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from torch import Tensor, nn

from penchant.config import Config
from penchant.encoders.pretraining.corpus import Corpus
from penchant.encoders.pretraining.language_model import LanguageModel
from penchant.seeding import numpy_rng
from penchant.types import IntArray

CHUNK = 50
"""Batches within which texts are sorted by length, so that little is padded and the order stays random."""


class ObjectiveConfig(Config):
    """What all objectives can be told."""

    batch: int = Field(default=32, ge=2)
    """Examples of a step"""
    max_examples: int = Field(default=20_000, ge=2)
    """Examples of an epoch, at most; a tenth as many are measured on"""


class Objective(ABC):
    """A loss on unlabelled texts, and how well it goes on texts held out.

    Built from its settings; `prepare` hands it the model and the corpus. A batch depends on the seed, the epoch and its
    place alone, so that a training that was cut short goes on with the same ones.
    """

    name: ClassVar[str]

    def __init__(self, config: ObjectiveConfig) -> None:
        self.config = config
        self.head: nn.Module = nn.Identity()
        """What is trained beside the model, and thrown away after."""

    @abstractmethod
    def prepare(self, model: LanguageModel, corpus: Corpus, *, seed: int) -> None:
        """Read the corpus. `DataError` where there is too little to learn from or to measure on, `ConfigError` where
        the model is of another kind.
        """

    @abstractmethod
    def batches(self, epoch: int) -> Sequence[Any]:
        """The batches of an epoch, counted from 1, each made when it is asked for."""

    @abstractmethod
    def loss(self, batch: Any) -> Tensor:
        """The batch's mean loss, a scalar in nats."""

    @abstractmethod
    def held_out(self) -> Mapping[str, float]:
        """What the model does on what is held out, its ``loss`` among it; the same examples at every call.

        Called in evaluation mode without gradients.
        """


def order_of(lengths: IntArray, *, size: int, at_most: int, rng: np.random.Generator) -> IntArray:
    """Places of at most `at_most` examples in a random order in which each batch of `size` has like lengths.

    A lone example at the end is left out: it would be a batch with nothing to be told from.
    """
    order = rng.permutation(len(lengths))[:at_most].astype(np.int64)
    if len(order) > size and len(order) % size == 1:
        order = order[:-1]
    chunks = [order[start : start + CHUNK * size] for start in range(0, len(order), CHUNK * size)]
    ordered = [chunk[np.argsort(lengths[chunk], kind="stable")] for chunk in chunks]
    parts = [chunk[start : start + size] for chunk in ordered for start in range(0, len(chunk), size)]
    full = len(order) // size  # a batch that is not full stays last, where it shifts no other
    return np.concatenate([parts[n] for n in (*rng.permutation(full), *range(full, len(parts)))])


def batch_rng(seed: int, name: str, epoch: int, places: IntArray) -> np.random.Generator:
    """The generator of one batch."""
    return numpy_rng(seed, name, str(epoch), str(int(places[0])), str(len(places)))


def mean_over(figures: Iterable[tuple[int, Mapping[str, float]]]) -> dict[str, float]:
    """The means of batches' figures, each weighted by how many examples it is of."""
    total: dict[str, float] = {}
    count = 0
    for n, one in figures:
        count += n
        for key, value in one.items():
            total[key] = total.get(key, 0.0) + value * n
    return {key: value / count for key, value in total.items()}

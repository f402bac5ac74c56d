"""What all generators of rows share, and what the two that are trained against a discriminator share beside it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from penchant.config import Config
from penchant.data.dataset import Dataset, Table
from penchant.errors import BundleError, DataError
from penchant.models.adversarial.collapse import collapse
from penchant.models.adversarial.rows import AttributeCoding, Repeats, Rows, repeats_of, windows
from penchant.models.saving import fitted, read_model, write_model
from penchant.progress import SILENT, Progress
from penchant.seeding import derive, numpy_rng
from penchant.training.adversarial import AdversarialConfig, AdversarialEpoch, Game, train_adversarially
from penchant.types import BoolArray, FloatArray, IntArray

WATCHED = 256
"""Rows that are generated after each epoch to look for a collapse, at most."""
MADE_AT_ONCE = 256


class GeneratorConfig(Config):
    """Settings that every generator has."""

    most_items: int = Field(default=20, ge=2, le=200)
    """L: rows are at most so many consecutive items."""
    most_given: int = Field(default=5, ge=0)
    """In training the first 0 to so many items of a row are its condition."""


class RowGenerator(ABC):
    """Makes rows of items that go on from a condition: a row's first items, and its user's attributes."""

    name: ClassVar[str]
    config: GeneratorConfig
    epochs: tuple[AdversarialEpoch, ...] = ()
    """How the training went, where there was one."""

    @abstractmethod
    def fit(
        self, dataset: Dataset, *, users: IntArray | None = None, seed: int = 0, progress: Progress = SILENT
    ) -> Self:
        """Learn from the histories of these user rows (everybody where None).

        `DataError` for a catalogue of one item, and where none of the users has two item events.
        """

    @abstractmethod
    def generate(self, conditions: Rows, *, seed: int) -> Rows:
        """The rows filled up to their lengths, (B, L). A row that runs out of items ends sooner."""

    @abstractmethod
    def attributes(self, users: Table, rows: IntArray) -> FloatArray:
        """(B, F) users' attributes as this generator reads them."""


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Rows as tensors."""

    items_BL: Tensor
    """−1 behind the last"""
    given_B: Tensor
    lengths_B: Tensor
    attributes_BF: Tensor

    @classmethod
    def of(cls, rows: Rows) -> "RowBatch":
        """The same rows."""
        return cls(*map(torch.from_numpy, (rows.items, rows.given, rows.lengths, rows.attributes)))

    @property
    def made_places(self) -> Tensor:
        """Places of the items behind the condition."""
        places = torch.arange(self.items_BL.shape[1])[None, :]
        return (places >= self.given_B[:, None]) & (places < self.lengths_B[:, None])

    @property
    def given_places(self) -> Tensor:
        """Places of the condition."""
        return torch.arange(self.items_BL.shape[1])[None, :] < self.given_B[:, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What a generator must know of the data, to be built and to make valid rows."""

    n_items: int
    warm: BoolArray
    """(I,) items with an event in what it learned from: only these are made"""
    repeats: Repeats
    coding: AttributeCoding

    @property
    def width(self) -> int:
        """F"""
        return self.coding.width


class AdversarialGeneratorConfig(GeneratorConfig):
    """Settings of generators with a discriminator."""

    hidden: int = Field(default=128, ge=2)
    noise: int = Field(default=8, ge=1)
    """Z: numbers of noise a row is made from."""
    batch_rows: int = Field(default=32, ge=2)
    likelihood: float = Field(default=0.2, ge=0)
    """Weight of the observed rows' likelihood in the contest; 0: the discriminator's word alone."""
    contest: AdversarialConfig = AdversarialConfig()


G = TypeVar("G", bound=nn.Module)
D = TypeVar("D", bound=nn.Module)


class AdversarialGenerator(RowGenerator, Generic[G, D]):
    """A generator and its discriminator: a subclass says what they are and how each is asked."""

    config_class: ClassVar[type[AdversarialGeneratorConfig]]
    config: AdversarialGeneratorConfig

    def __init__(self, config: AdversarialGeneratorConfig | None = None) -> None:
        self.config = config or self.config_class()
        self._learned: tuple[Catalogue, G, D] | None = None

    @property
    def learned(self) -> tuple[Catalogue, G, D]:
        """The catalogue, the generator and the discriminator, in eval mode."""
        return fitted(self._learned, self.name)

    @abstractmethod
    def build(self, catalogue: Catalogue) -> tuple[G, D]:
        """Both networks with fresh weights."""

    @abstractmethod
    def judge(self, networks: tuple[Catalogue, G, D], batch: RowBatch) -> tuple[Tensor, Tensor]:
        """As `Game.judge`."""

    @abstractmethod
    def persuade(self, networks: tuple[Catalogue, G, D], batch: RowBatch) -> tuple[Tensor, Tensor]:
        """As `Game.persuade`, without the likelihood."""

    @abstractmethod
    def likelihood_loss(self, networks: tuple[Catalogue, G, D], batch: RowBatch) -> Tensor:
        """Negative log likelihood of an item behind the conditions, a mean in nats."""

    @abstractmethod
    def fill(self, networks: tuple[Catalogue, G, D], batch: RowBatch) -> Tensor:
        """The rows' items, those behind the condition freshly made, (B, L)."""

    def fit(
        self, dataset: Dataset, *, users: IntArray | None = None, seed: int = 0, progress: Progress = SILENT
    ) -> Self:
        """Train both networks."""
        users = np.arange(dataset.n_users) if users is None else np.asarray(users, dtype=np.int64)
        histories = dataset.histories(users.astype(np.int32))
        if dataset.n_items < 2 or not len(users) or histories.lengths.max() < 2:
            raise DataError(
                f"Nothing to learn rows from in {dataset.name!r}: {dataset.n_items} items, and "
                f"{int((histories.lengths >= 2).sum())} of {len(users)} users with two item events.",
                hint="Import a catalogue of at least two items and users with at least two events.",
            )
        coding = AttributeCoding.fit(dataset.users)
        warm = np.bincount(histories.items, minlength=dataset.n_items) > 0
        catalogue = Catalogue(n_items=dataset.n_items, warm=warm, repeats=repeats_of(dataset), coding=coding)
        attributes = coding.matrix(dataset.users, users)
        with torch.random.fork_rng():
            torch.manual_seed(derive(seed, self.name))
            networks = (catalogue, *self.build(catalogue))

            def rows(epoch: int) -> Rows:
                rng = numpy_rng(seed, self.name, "rows", str(epoch))
                cut = self.config.most_items, self.config.most_given
                made = windows(histories, attributes, most=cut[0], most_given=cut[1], rng=rng)
                return made.take(rng.permutation(len(made)))

            watched = rows(0).take(slice(0, WATCHED))

            def watch() -> Mapping[str, float]:
                with torch.random.fork_rng():  # looking changes nothing
                    made = self.fill(networks, RowBatch.of(watched)).numpy()
                return collapse(made, watched, n_items=int(warm.sum()))

            def persuade(batch: RowBatch) -> tuple[Tensor, Tensor]:
                logits, loss = self.persuade(networks, batch)
                if self.config.likelihood:
                    loss = loss + self.config.likelihood * self.likelihood_loss(networks, batch)
                return logits, loss

            game = Game(
                generator=networks[1],
                discriminator=networks[2],
                batches=lambda epoch: [RowBatch.of(part) for part in rows(epoch).batches(self.config.batch_rows)],
                judge=lambda batch: self.judge(networks, batch),
                persuade=persuade,
                likelihood=lambda batch: self.likelihood_loss(networks, batch),
                watch=watch,
            )
            self.epochs = train_adversarially(game, self.config.contest, progress=progress, name=self.name)
        self._learned = networks
        return self

    def generate(self, conditions: Rows, *, seed: int) -> Rows:
        """Fill rows, some at a time."""
        if conditions.items.size and conditions.items.max() >= self.learned[0].n_items:
            raise DataError(
                f"A condition has the item row {conditions.items.max()}; there are {self.learned[0].n_items}.",
                hint="Generate from histories of the dataset that was learned.",
            )
        parts = []
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(derive(seed, self.name, "generate"))
            for part in conditions.batches(MADE_AT_ONCE):
                parts.append(self.fill(self.learned, RowBatch.of(part)).numpy())
        items = np.concatenate([conditions.items[:0], *parts])
        return Rows(
            items=items,
            given=conditions.given,
            lengths=(items >= 0).sum(axis=1).astype(np.int64),
            attributes=conditions.attributes,
        )

    def attributes(self, users: Table, rows: IntArray) -> FloatArray:
        """(B, F)"""
        return self.learned[0].coding.matrix(users, rows)

    def save(self, folder: Path) -> None:
        """Write both networks into an existing folder (safetensors, json)."""
        catalogue, *networks = self.learned
        arrays = {
            f"{side}.{name}": tensor.numpy()
            for side, network in zip(("generator", "discriminator"), networks, strict=True)
            for name, tensor in network.state_dict().items()
        }
        facts: dict[str, Any] = {
            "n_items": catalogue.n_items,
            "repeats": catalogue.repeats,
            "attributes": {name: list(values) for name, values in catalogue.coding.values.items()},
            "epochs": [asdict(epoch) for epoch in self.epochs],
        }
        write_model(
            folder, self.name, self.config, arrays={**arrays, "warm": catalogue.warm.astype(np.uint8)}, facts=facts
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; `BundleError` where it does not hold what its settings ask for."""
        needs = ("n_items", "repeats", "attributes", "epochs", "warm")
        config, facts, arrays = read_model(folder, cls.name, cls.config_class, needs=needs)
        generator = cls(config)
        catalogue = Catalogue(
            n_items=int(facts["n_items"]),
            warm=arrays.pop("warm").astype(np.bool_),
            repeats=facts["repeats"],
            coding=AttributeCoding(facts["attributes"]),
        )
        with torch.random.fork_rng():
            networks = generator.build(catalogue)
        try:
            for side, network in zip(("generator.", "discriminator."), networks, strict=True):
                own = {name.removeprefix(side): array for name, array in arrays.items() if name.startswith(side)}
                network.load_state_dict({name: torch.from_numpy(array) for name, array in own.items()})
                network.eval()
        except RuntimeError:
            raise BundleError(
                f"{folder}: the saved {cls.name} does not hold the weights that its settings ask for.",
                hint="Copy the folder again whole, or train the generator again.",
            ) from None
        generator._learned = (catalogue, *networks)
        generator.epochs = tuple(AdversarialEpoch(**epoch) for epoch in facts["epochs"])
        return generator

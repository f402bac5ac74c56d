"""Twins of sparse users, made by a generator that is checked for what it may give away before its rows are used."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.generated import Twins, is_generated, with_generated
from penchant.errors import ConfigError, DataError
from penchant.models.adversarial.behaviour_gan import BehaviourGAN, BehaviourGANConfig
from penchant.models.adversarial.collapse import collapse
from penchant.models.adversarial.generator import GeneratorConfig, RowGenerator
from penchant.models.adversarial.leaks import LeakReport, leak_report
from penchant.models.adversarial.realism import RealismReport, realism_report
from penchant.models.adversarial.resampling import Resampling
from penchant.models.adversarial.rows import Rows, first_rows, windows
from penchant.models.adversarial.sequence_gan import SequenceGAN, SequenceGANConfig
from penchant.progress import SILENT, Progress
from penchant.seeding import derive, numpy_rng
from penchant.types import IntArray

Method = Literal["gan", "sequence_gan", "resample"]
METHODS: tuple[Method, ...] = get_args(Method)


class AugmentConfig(Config):
    """Settings of `augment`."""

    method: Method = "sequence_gan"
    share: float = Field(default=0.2, gt=0, le=2)
    """Generated rows over observed item events, what a twin repeats included."""
    sparse: int = Field(default=5, ge=0)
    """A user with at most so many item events is sparse."""
    held_out: float = Field(default=0.15, gt=0, lt=1)
    """Share of the users that the generator never sees, against whom it is checked."""
    checked: int = Field(default=500, ge=10)
    """Rows on each side of the checks, at most."""
    gan: BehaviourGANConfig = BehaviourGANConfig()
    sequence_gan: SequenceGANConfig = SequenceGANConfig()
    resample: GeneratorConfig = GeneratorConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """A dataset with twins, and what was seen on the way."""

    dataset: Dataset
    generator: RowGenerator
    method: Method
    twins: int
    rows: int
    """Generated rows, those that repeat a source's included"""
    repeated_rows: int
    share: float
    """`rows` over the observed item events"""
    sources: int
    """Sparse users that have a twin"""
    collapse: Mapping[str, float]
    leaks: LeakReport
    realism: RealismReport

    def facts(self) -> dict[str, Any]:
        """All of it but the data and the networks, as JSON."""
        kept = ("method", "twins", "rows", "repeated_rows", "share", "sources")
        return {
            **{name: getattr(self, name) for name in kept},
            "collapse": dict(self.collapse),
            "leaks": {**asdict(self.leaks), "leaks": self.leaks.leaks},
            "realism": asdict(self.realism),
            "epochs": [asdict(epoch) for epoch in self.generator.epochs],
        }


def augment(
    dataset: Dataset, config: AugmentConfig | None = None, *, seed: int = 0, progress: Progress = SILENT
) -> Augmentation:
    """Add twins of sparse users until generated rows are the share asked for.

    A twin begins with up to `most_given` of the first events of his source, a sparse user, and is as long as the
    history, cut to `most_items`, of a user drawn from those who are not sparse. Sources come in a seeded order, again
    and again with fresh noise where there are fewer than it takes.

    Hand in what a model may learn from and no more: a generator that has seen a test set carries it into its rows.

    Raises `ConfigError` where no user is sparse, or where a share of the rows is less than one; `DataError` for a
    dataset that is augmented already, without users to learn from, or with one item.
    """
    config = config or AugmentConfig()
    budget, sources = _check(dataset, config)
    generator = _generator(config)
    histories = dataset.histories()
    learnable = np.flatnonzero(histories.lengths >= 2)
    if len(learnable) < 20:
        raise DataError(
            f"{dataset.name!r} has {len(learnable)} users with two item events; 20 are the least to learn rows from "
            "and to check them against.",
            hint="Import more users.",
        )
    shuffled = numpy_rng(seed, "augment", "held out").permutation(learnable)
    apart = min(max(5, round(config.held_out * len(learnable))), len(learnable) // 3)  # some members stay unasked
    held_out, members = np.sort(shuffled[:apart]), np.sort(shuffled[apart:])
    generator.fit(dataset, users=members, seed=seed, progress=progress)
    checks = _checks(dataset, generator, members, held_out, config, seed=seed)
    twins = _twins(dataset, generator, sources, members, config, budget=budget, seed=seed)
    made = with_generated(dataset, twins, seed=derive(seed, "augment"))
    return Augmentation(
        dataset=made,
        generator=generator,
        method=config.method,
        twins=len(twins),
        rows=twins.rows,
        repeated_rows=int(twins.given.sum()),
        share=twins.rows / len(histories.items),
        sources=len(np.unique(twins.sources)),
        collapse=checks[0],
        leaks=checks[1],
        realism=checks[2],
    )


def _check(dataset: Dataset, config: AugmentConfig) -> tuple[int, IntArray]:
    """How many rows to make, and of whom."""
    if is_generated(dataset).any():
        raise DataError(
            f"{dataset.name!r} has generated rows already: what is made from made rows drifts away from the observed.",
            hint="Augment the dataset that it was made from.",
        )
    lengths = dataset.histories().lengths
    if not lengths.sum():
        raise DataError(f"{dataset.name!r} has no item events to learn from.", hint="Import some interactions first.")
    if dataset.n_items < 2:
        raise DataError(
            f"{dataset.name!r} has one item: there is nothing to choose.", hint="Import a catalogue of two or more."
        )
    sources = np.flatnonzero(lengths <= config.sparse)
    if not len(sources):
        raise ConfigError(
            f"Nobody in {dataset.name!r} has at most {config.sparse} item events; the sparsest has {lengths.min()}.",
            hint=f"Raise --sparse to {lengths.min()} or more.",
        )
    budget = round(config.share * int(lengths.sum()))
    if budget < 1:
        raise ConfigError(
            f"A share of {config.share} of {lengths.sum()} events is less than one row.", hint="Raise --share."
        )
    return budget, sources


def _generator(config: AugmentConfig) -> RowGenerator:
    if config.method == "gan":
        return BehaviourGAN(config.gan)
    return SequenceGAN(config.sequence_gan) if config.method == "sequence_gan" else Resampling(config.resample)


def _twins(
    dataset: Dataset,
    generator: RowGenerator,
    sources: IntArray,
    members: IntArray,
    config: AugmentConfig,
    *,
    budget: int,
    seed: int,
) -> Twins:
    rng, histories = numpy_rng(seed, "augment", "twins"), dataset.histories()
    most, most_given = generator.config.most_items, generator.config.most_given
    full = histories.lengths[members]
    full = np.minimum(full[full > config.sparse] if (full > config.sparse).any() else full, most)
    chosen: list[int] = []
    lengths: list[int] = []
    while (left := budget - sum(lengths)) > 0:
        if not (place := len(chosen) % len(sources)):
            order = rng.permutation(sources)
        source = int(order[place])
        # The last twin ends where the budget does; one item behind its condition is the least.
        begun = min(int(histories.lengths[source]), most_given, left - 1, most - 1)
        lengths.append(max(min(int(rng.choice(full)), left), begun + 1))
        chosen.append(source)
    of, until = np.array(chosen, dtype=np.int64), np.array(lengths, dtype=np.int64)
    given = np.minimum(np.minimum(histories.lengths[of], most_given), until - 1)
    conditions = first_rows(
        histories.take(of), generator.attributes(dataset.users, of), given=given, lengths=until, width=most
    )
    made = generator.generate(conditions, seed=derive(seed, "augment", "rows"))
    items = [made.made(b) for b in range(len(made))]
    return Twins(
        sources=of.astype(np.int32),
        given=conditions.given,
        indptr=np.concatenate([[0], np.cumsum([len(row) for row in items])]).astype(np.int64),
        items=np.concatenate(items).astype(np.int32),
    )


def _checks(
    dataset: Dataset,
    generator: RowGenerator,
    members: IntArray,
    held_out: IntArray,
    config: AugmentConfig,
    *,
    seed: int,
) -> tuple[dict[str, float], LeakReport, RealismReport]:
    """Rows made for the conditions of members and of held-out users, as many of each."""
    rng = numpy_rng(seed, "augment", "checks")
    size = min(len(members), len(held_out), config.checked)

    def cut(users: IntArray) -> Rows:
        most, given = generator.config.most_items, generator.config.most_given
        attributes = generator.attributes(dataset.users, users)
        return windows(dataset.histories(users.astype(np.int32)), attributes, most=most, most_given=given, rng=rng)

    def whole(users: IntArray) -> Rows:
        histories = dataset.histories(users.astype(np.int32))
        nothing = generator.attributes(dataset.users, users)
        return first_rows(histories, nothing, given=histories.lengths, lengths=histories.lengths)

    asked = rng.choice(members, size, replace=False), rng.choice(held_out, size, replace=False)
    rest = np.setdiff1d(members, asked[0])
    sides = [cut(users) for users in asked]
    both = _joined(*sides)
    made = generator.generate(both, seed=derive(seed, "augment", "checks"))
    fresh = made.take(slice(size, 2 * size))
    return (
        collapse(made.items, both, n_items=int((dataset.item_counts() > 0).sum())),
        leak_report(made, *(whole(users) for users in asked), n_items=dataset.n_items),
        realism_report(fresh, sides[1], sides[0], basis=cut(rest), n_items=dataset.n_items, seed=seed),
    )


def _joined(one: Rows, other: Rows) -> Rows:
    return Rows(
        items=np.concatenate([one.items, other.items]),
        given=np.concatenate([one.given, other.given]),
        lengths=np.concatenate([one.lengths, other.lengths]),
        attributes=np.concatenate([one.attributes, other.attributes]),
    )

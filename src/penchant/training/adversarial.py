"""Two networks that train against each other: one makes rows, the other tells them from observed ones.

::

    min_G max_D V(G, D),    V = E_x [ log D(x) ] + E_z [ log(1 − D(G(z))) ]          (Goodfellow et al. 2014)

With D = σ(logit). Where D can do no better than chance, D = ½ everywhere and V = −ln 4 = −1.38629.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from penchant.config import Config
from penchant.progress import SILENT, Progress
from penchant.training.loop import TrainingConfig
from penchant.training.steps import Batch, Trainer

GeneratorObjective = Literal["non-saturating", "minimax"]
CHANCE = -math.log(4.0)
"""V where the discriminator knows nothing."""


def discriminator_loss(real: Tensor, generated: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """What the discriminator minimises, from its logits on observed and on generated rows, a scalar in nats.

    ``ℓ_D = mean[ −(1 − ε) log σ(r) − ε log(1 − σ(r)) ] + mean[ −log(1 − σ(g)) ]``

    With ε = 0 it is −V. ε smooths the label of the observed rows only (Salimans et al. 2016), against a discriminator
    that is sure too soon.

    Worked: r = ln 3 and g = 0: ``ln(4/3) + ln 2 = 0.98083``; with ε = 0.1 ``0.9 ln(4/3) + 0.1 ln 4 + ln 2 = 1.09069``.
    """
    observed = (1.0 - smoothing) * functional.softplus(-real) + smoothing * functional.softplus(real)
    return observed.mean() + functional.softplus(generated).mean()


def generator_loss(generated: Tensor, *, objective: GeneratorObjective = "non-saturating") -> Tensor:
    """What the generator minimises, from the discriminator's logits on its rows, a scalar in nats.

    ``minimax``: ``mean[ log(1 − σ(g)) ]``, the generator's part of V; ``non-saturating``: ``mean[ −log σ(g) ]``, which
    has the same fixed point and a gradient where the discriminator is sure (Goodfellow et al. 2014, section 3).

    Worked: g = −ln 3: minimax ``ln(3/4) = −0.28768``, non-saturating ``ln 4 = 1.38629``.
    """
    return -functional.softplus(generated).mean() if objective == "minimax" else functional.softplus(-generated).mean()


class AdversarialConfig(Config):
    """Settings of `train_adversarially`. Each side has its own rate: two time scales (Heusel et al. 2017)."""

    epochs: int = Field(default=6, ge=1)
    """Epochs in which both learn."""
    first_epochs: int = Field(default=2, ge=0)
    """Epochs before these in which the discriminator alone learns, from a generator that knows nothing."""
    pretraining_epochs: int = Field(default=8, ge=0)
    """Epochs in which the generator alone learns by likelihood, between those and the contest."""
    discriminator_steps: int = Field(default=1, ge=1)
    """Steps of the discriminator for each of the generator."""
    discriminator_rate: float = Field(default=3e-3, gt=0)
    generator_rate: float = Field(default=1e-3, gt=0)
    pretraining_rate: float = Field(default=1e-2, gt=0)
    smoothing: float = Field(default=0.1, ge=0, lt=0.5)
    """What is taken from the label of the observed rows."""
    objective: GeneratorObjective = "non-saturating"
    clip_norm: float = Field(default=5.0, gt=0)

    def steps(self, rate: float) -> TrainingConfig:
        """Settings of one side's steps."""
        return TrainingConfig(learning_rate=rate, warmup_steps=0, schedule="constant", clip_norm=self.clip_norm)


Phase = Literal["first", "pretraining", "contest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdversarialEpoch:
    """One epoch as it went: means over its steps, each before the step that it led to; None where nobody judged."""

    phase: Phase
    epoch: int
    """Counted from 1 through all phases."""
    discriminator_loss: float | None
    generator_loss: float | None
    """By the objective that was set; in pretraining None."""
    likelihood_loss: float | None
    """Of observed rows under the generator, in nats a row or an item; None where it was not asked."""
    value: float | None
    """V, in nats; −1.38629 where the discriminator knows nothing."""
    accuracy: float | None
    """Mean of the two shares below; ½ is chance."""
    accuracy_real: float | None
    """Share of observed rows (or places in them) that the discriminator takes for observed."""
    accuracy_generated: float | None
    """Share of generated ones that it takes for generated."""
    checks: Mapping[str, float] = field(default_factory=dict)
    """What was watched after the epoch, such as how many generated rows are distinct."""

    def describe(self) -> str:
        """The epoch in one line."""
        figures = {
            "D": self.discriminator_loss,
            "G": self.generator_loss,
            "likelihood": self.likelihood_loss,
            "V": self.value,
            "accuracy": self.accuracy,
            **self.checks,
        }
        told = ", ".join(f"{name} {value:.3f}" for name, value in figures.items() if value is not None)
        return f"{self.phase}, epoch {self.epoch}: {told}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Game(Generic[Batch]):
    """Two networks and what they are asked. Torch's own generator is the only randomness: seed it."""

    generator: nn.Module
    discriminator: nn.Module
    batches: Callable[[int], Sequence[Batch]]
    """From an epoch, counted from 1, to its batches of observed rows."""
    judge: Callable[[Batch], tuple[Tensor, Tensor]]
    """The discriminator's logits on the batch's observed rows and on freshly generated ones; what is generated carries
    no gradient to the generator."""
    persuade: Callable[[Batch], tuple[Tensor, Tensor]]
    """Fresh rows' logits, and what the generator minimises to raise them (its other terms included); the second with
    gradients that reach the generator."""
    likelihood: Callable[[Batch], Tensor]
    """Negative log likelihood of the batch's observed rows under the generator."""
    watch: Callable[[], Mapping[str, float]]
    """Checks on a sample of generated rows, asked in eval mode without gradients."""


def train_adversarially(
    game: Game[Batch], config: AdversarialConfig, *, progress: Progress = SILENT, name: str = "Contest"
) -> tuple[AdversarialEpoch, ...]:
    """Train both networks, which end in eval mode, and tell every epoch (each also noted to `progress`).

    First the discriminator alone learns to know an untrained generator's rows: its accuracy then says whether it can
    see at all. Then the generator learns by likelihood, then both contest, the discriminator's steps first.

    `TrainingError` where a loss, gradient or weight is not finite.
    """
    contest = _Contest(game, config)
    counts: dict[Phase, int] = {
        "first": config.first_epochs,
        "pretraining": config.pretraining_epochs,
        "contest": config.epochs,
    }
    phases = [phase for phase, count in counts.items() for _ in range(count)]
    epochs = []
    with progress.task(name, total=len(phases)) as advance:
        for number, phase in enumerate(phases, start=1):
            epochs.append(contest.epoch(phase, number))
            progress.note(f"{name}: {epochs[-1].describe()}")
            advance(1)
    for network in (game.generator, game.discriminator):
        network.eval()
        network.zero_grad(set_to_none=True)
    return tuple(epochs)


class _Contest(Generic[Batch]):
    """Both sides' optimisers, and what an epoch adds up to."""

    def __init__(self, game: Game[Batch], config: AdversarialConfig) -> None:
        self.game, self.config = game, config
        self.sums: dict[str, list[float]] = {}

        def trainer(module: nn.Module, loss: Callable[[Batch], Tensor], rate: float) -> Trainer[Batch]:
            return Trainer(module, loss, config.steps(rate), total_steps=1)  # constant rates: no total is needed

        self.discriminating = trainer(game.discriminator, self._discriminator_loss, config.discriminator_rate)
        self.generating = trainer(game.generator, self._generator_loss, config.generator_rate)
        self.learning = trainer(game.generator, self._likelihood_loss, config.pretraining_rate)

    def epoch(self, phase: Phase, number: int) -> AdversarialEpoch:
        """Make an epoch's steps; weights are checked at its end."""
        self.sums = {}
        self.game.generator.train(phase != "first")
        self.game.discriminator.train(phase != "pretraining")
        for batch in self.game.batches(number):
            if phase == "pretraining":
                self.learning.step(batch)
                continue
            for _ in range(self.config.discriminator_steps):
                self.discriminating.step(batch)
            if phase == "contest":
                self.generating.step(batch)
        for trainer in (self.discriminating, self.generating):
            trainer.check_weights()
        self.game.generator.eval()
        with torch.no_grad():
            checks = dict(self.game.watch())
        real, generated = self._mean("real"), self._mean("generated")
        return AdversarialEpoch(
            phase=phase,
            epoch=number,
            discriminator_loss=self._mean("discriminator"),
            generator_loss=self._mean("generator"),
            likelihood_loss=self._mean("likelihood"),
            value=self._mean("value"),
            accuracy=None if real is None or generated is None else (real + generated) / 2,
            accuracy_real=real,
            accuracy_generated=generated,
            checks=checks,
        )

    def _discriminator_loss(self, batch: Batch) -> Tensor:
        real, generated = self.game.judge(batch)
        loss = discriminator_loss(real, generated, smoothing=self.config.smoothing)
        with torch.no_grad():
            self._add("discriminator", loss)
            self._add("value", -discriminator_loss(real, generated))
            self._add("real", (real > 0).float().mean() + (real == 0).float().mean() / 2)
            self._add("generated", (generated < 0).float().mean() + (generated == 0).float().mean() / 2)
        return loss

    def _generator_loss(self, batch: Batch) -> Tensor:
        logits, loss = self.game.persuade(batch)
        with torch.no_grad():
            self._add("generator", generator_loss(logits, objective=self.config.objective))
        return loss

    def _likelihood_loss(self, batch: Batch) -> Tensor:
        loss = self.game.likelihood(batch)
        self._add("likelihood", loss.detach())
        return loss

    def _add(self, name: str, value: Tensor) -> None:
        self.sums.setdefault(name, []).append(float(value))

    def _mean(self, name: str) -> float | None:
        values = self.sums.get(name)
        return sum(values) / len(values) if values else None

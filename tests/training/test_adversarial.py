"""Two networks against each other: losses by hand, both sides trained, observed rows really seen."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from penchant.errors import TrainingError
from penchant.training.adversarial import (
    CHANCE,
    AdversarialConfig,
    Game,
    discriminator_loss,
    generator_loss,
    train_adversarially,
)

LN3 = math.log(3.0)


def logit(value: float) -> Tensor:
    return torch.tensor([value])


def test_losses_are_those_of_their_docstrings():
    assert discriminator_loss(logit(LN3), logit(0.0)).item() == pytest.approx(0.98083, abs=1e-5)
    assert discriminator_loss(logit(LN3), logit(0.0), smoothing=0.1).item() == pytest.approx(1.09069, abs=1e-5)
    assert generator_loss(logit(-LN3)).item() == pytest.approx(1.38629, abs=1e-5)
    assert generator_loss(logit(-LN3), objective="minimax").item() == pytest.approx(-0.28768, abs=1e-5)
    assert -discriminator_loss(logit(0.0), logit(0.0)).item() == pytest.approx(CHANCE)


def test_what_one_side_gains_the_other_loses():
    """minimax: the generator's gradient is that of V, the discriminator's of −V."""
    generated = torch.tensor([0.7, -0.2], requires_grad=True)
    (down,) = torch.autograd.grad(generator_loss(generated, objective="minimax"), generated)
    (up,) = torch.autograd.grad(discriminator_loss(torch.zeros(2), generated), generated)
    assert torch.allclose(down, -up)


class Numbers(nn.Module):
    """A generator of numbers: mean + deviation · noise."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(1))

    def forward(self, n: int) -> Tensor:
        return self.mean + 0.5 * torch.randn(n, 1)


def game(*, real_mean: float = 3.0, seen: list[Tensor] | None = None, blind: bool = False) -> Game[Tensor]:
    """Real numbers around 3, made ones around 0 at first. `blind`: the discriminator is handed made rows twice."""
    torch.manual_seed(0)
    generator = Numbers()
    discriminator = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))

    def judge(batch: Tensor) -> tuple[Tensor, Tensor]:
        if seen is not None:
            seen.append(batch)
        made = generator(len(batch)).detach()
        real = generator(len(batch)).detach() if blind else batch
        return discriminator(real), discriminator(made)

    def persuade(batch: Tensor) -> tuple[Tensor, Tensor]:
        logits = discriminator(generator(len(batch)))
        return logits, generator_loss(logits)

    return Game(
        generator=generator,
        discriminator=discriminator,
        batches=lambda epoch: list(
            (real_mean + 0.5 * torch.randn(512, 1, generator=torch.Generator().manual_seed(epoch))).split(64)
        ),
        judge=judge,
        persuade=persuade,
        likelihood=lambda batch: (batch.mean() - generator.mean).square().sum(),
        watch=lambda: {"mean": generator.mean.item()},
    )


CONFIG = AdversarialConfig(
    epochs=60, first_epochs=3, pretraining_epochs=0, discriminator_rate=1e-2, generator_rate=2e-2
)


def test_the_generator_ends_at_the_data_and_the_discriminator_at_chance():
    """Without any likelihood: only what the discriminator saw of the real numbers can lead it there."""
    told: list[Tensor] = []
    epochs = train_adversarially(game(seen=told), CONFIG)
    assert epochs[2].phase == "first"
    assert epochs[2].accuracy is not None
    assert epochs[2].accuracy > 0.95
    last = [epoch.accuracy for epoch in epochs[-10:] if epoch.accuracy is not None]
    assert abs(sum(last) / len(last) - 0.5) < 0.15
    assert abs(epochs[-1].checks["mean"] - 3.0) < 0.6
    assert len(told) == 8 * 63


def test_without_the_real_rows_nothing_leads_to_them():
    """The test above would fail for a discriminator that never gets real data."""
    epochs = train_adversarially(game(blind=True), CONFIG)
    assert abs(epochs[-1].checks["mean"] - 3.0) > 1.5


def test_each_epoch_logs_both_losses_and_the_value():
    epochs = train_adversarially(game(), replace_epochs(first=1, pretraining=1, contest=2))
    assert [epoch.phase for epoch in epochs] == ["first", "pretraining", "contest", "contest"]
    for epoch in epochs[2:]:
        assert epoch.discriminator_loss is not None
        assert epoch.generator_loss is not None
        assert epoch.value is not None
        assert "D " in epoch.describe()
        assert "G " in epoch.describe()
    assert epochs[1].likelihood_loss is not None
    assert epochs[1].accuracy is None


def replace_epochs(*, first: int, pretraining: int, contest: int) -> AdversarialConfig:
    return CONFIG.model_copy(update={"first_epochs": first, "pretraining_epochs": pretraining, "epochs": contest})


def test_gradients_reach_both_sides_and_only_their_own_step_moves_them():
    one = game()
    before = [p.detach().clone() for p in (*one.generator.parameters(), *one.discriminator.parameters())]
    train_adversarially(one, replace_epochs(first=1, pretraining=0, contest=1))
    after = [*one.generator.parameters(), *one.discriminator.parameters()]
    assert all(not torch.equal(x, y) for x, y in zip(before, after, strict=True))
    alone = game()
    (mean,) = alone.generator.parameters()
    few = replace_epochs(first=1, pretraining=0, contest=1)
    train_adversarially(replace(alone, persuade=lambda _: (torch.zeros(1), mean.sum() * 0)), few)
    assert mean.item() == 0.0


def test_a_loss_that_is_no_number_stops_it():
    one = game(real_mean=math.nan)
    with pytest.raises(TrainingError, match="diverged"):
        train_adversarially(one, CONFIG)

"""What holds over-fitting back, and how it is told."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from penchant.interfaces import FitOptions
from penchant.models.holdout import TRAINING_CASES, held_out, training_cases
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.progress import Progress
from penchant.training.dropout import Dropout
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from tests.training.trainings import Toy
from tests.worlds import genre_world


def memorised(weight_decay: float) -> float:
    """The weights' norm after a small network learned 8 random labels by heart."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
    inputs, wanted = torch.randn(8, 6), torch.randn(8, 1)
    train(
        module,
        batches=lambda _: [inputs] * 20,
        loss=lambda batch: (module(batch) - wanted).square().mean(),
        evaluate=None,
        config=TrainingConfig(learning_rate=0.01, weight_decay=weight_decay, max_epochs=5, warmup_steps=0),
    )
    return float(torch.cat([p.detach().flatten() for p in module.parameters() if p.ndim > 1]).norm())


def test_the_weights_norm_falls_with_the_coefficient():
    norms = [memorised(decay) for decay in (0.0, 0.1, 1.0, 10.0)]
    assert norms == sorted(norms, reverse=True)
    assert norms[-1] < 0.5 * norms[0]


def test_weight_decay_is_decoupled_from_the_gradient():
    """With a zero gradient a step multiplies each weight by 1 − rate × decay (Loshchilov and Hutter 2019)."""
    module = nn.Linear(2, 2)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    train(
        module,
        batches=lambda _: [torch.zeros(1, 2)],
        loss=lambda batch: (0.0 * module(batch)).sum(),
        evaluate=None,
        config=TrainingConfig(learning_rate=0.1, weight_decay=0.5, max_epochs=1, warmup_steps=0, schedule="constant"),
    )
    torch.testing.assert_close(module.weight.detach(), before["weight"] * (1 - 0.1 * 0.5))
    torch.testing.assert_close(module.bias.detach(), before["bias"])  # biases and scales are not decayed


def test_dropout_is_at_work_in_steps_and_never_in_validation():
    modes: dict[str, list[bool]] = {"step": [], "validation": []}
    toy = Toy(before_step=lambda _: modes["step"].append(toy.module.layers.training))
    evaluate = toy.evaluate

    def watched() -> float:
        modes["validation"].append(toy.module.layers.training)
        assert evaluate() == evaluate()
        return evaluate()

    toy.evaluate = watched  # type: ignore[method-assign]
    toy.train(None)
    assert set(modes["step"]) == {True}
    assert set(modes["validation"]) == {False}
    assert not toy.module.training


def test_the_trackers_dropout_is_the_settings():
    config = InterestTrackerConfig.of(
        {"dim": 8, "dropout": 0.3, "attention_dropout": 0.2, "training": {"max_epochs": 1}}
    )
    encoder = InterestTracker(config).fit(genre_world(users=8))._encoder
    assert encoder is not None
    rates = {name: part.p for name, part in encoder.named_modules() if isinstance(part, Dropout)}
    assert set(rates.values()) == {0.3, 0.2}
    assert all(rate == (0.2 if "attention" in name else 0.3) for name, rate in rates.items())
    assert not any(part.training for part in encoder.modules())


def test_training_cases_are_what_was_trained_on():
    world = genre_world(users=40)
    training, validation = held_out(world, FitOptions())
    cases = training_cases(training, 15, seed=2)
    assert len(cases) == 15
    whole = training.histories()
    for b, user in enumerate(cases.histories.users.tolist()):
        trained = whole.items[whole.of(user)]
        np.testing.assert_array_equal(
            np.append(cases.histories.items[cases.histories.of(b)], cases.targets(b)), trained
        )
    assert not np.array_equal(cases.target_items, validation.target_items[:15])
    again = training_cases(training, 15, seed=2)
    np.testing.assert_array_equal(again.histories.users, cases.histories.users)
    assert len(training_cases(training, TRAINING_CASES, seed=2)) == 40


def overfitted(*, dropout: float = 0.0, rate: float = 0.01, **settings: Any) -> TrainingRecord:
    """A network far larger than what 40 noisy examples of a straight line can teach it."""
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(dropout), nn.Linear(64, 1))
    inputs, fresh = torch.randn(40, 20), torch.randn(500, 20)
    wanted, fresh_wanted = (x[:, :1] + torch.randn(len(x), 1) for x in (inputs, fresh))

    def value(x: Tensor, y: Tensor) -> float:
        return -float((module(x) - y).square().mean())

    return train(
        module,
        batches=lambda _: [inputs],
        loss=lambda batch: (module(batch) - wanted).square().mean(),
        evaluate=lambda: value(fresh, fresh_wanted),
        evaluate_training=lambda: value(inputs, wanted),
        config=TrainingConfig(
            learning_rate=rate,
            warmup_steps=0,
            schedule="constant",
            max_epochs=60,
            evaluate_every=1,
            **{"patience": 99, **settings},
        ),
    )


@pytest.fixture(scope="module")
def free() -> TrainingRecord:
    return overfitted()


@pytest.mark.parametrize("remedy", [{"dropout": 0.8}, {"weight_decay": 10.0}, {"rate": 0.002}, {"patience": 3}])
def test_every_remedy_shrinks_the_gap_between_training_and_validation(free, remedy):
    widest, held = free.epochs[-1].gap, overfitted(**remedy).epochs[-1].gap
    assert widest > 2.0
    assert held is not None
    assert held < 0.95 * widest


def test_the_weights_that_come_back_have_a_smaller_gap_than_the_last(free):
    assert free.best_epoch < 30
    assert free.gap < 0.7 * free.epochs[-1].gap


def test_the_tracker_tells_the_gap():
    notes: list[str] = []

    class Notes(Progress):
        def note(self, text: str) -> None:
            notes.append(text)

    config = InterestTrackerConfig.of({"dim": 8, "training": {"max_epochs": 2, "evaluate_every": 2}})
    tracker = InterestTracker(config).fit(genre_world(users=24), options=FitOptions(progress=Notes()))
    assert tracker.record is not None
    first, last = tracker.record.epochs
    assert (first.training, first.gap) == (None, None)
    assert last.training is not None
    assert tracker.record.gap == last.training - (last.validation or 0.0)
    assert any(f"training {last.training:.4f} (gap {last.gap:+.4f})" in note for note in notes)

import math
from typing import Any

import pytest
import torch
from torch import nn

from penchant.errors import ConfigError, TrainingError
from penchant.progress import Progress
from penchant.training.checkpoints import BestWeights
from penchant.training.loop import Trainer, TrainingConfig, train
from tests.training.trainings import Toy, run_in

PLAIN: dict[str, Any] = {"learning_rate": 0.1, "warmup_steps": 0, "schedule": "constant", "evaluate_every": 1}


def line(start: float = 0.0) -> nn.Linear:
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, start)
    return module


def fit(module: nn.Linear, *, values=None, losses=None, **settings):
    """Pull the weight to 1; `values` are the validations in order, `losses` replace the loss's factor step by step."""
    config = TrainingConfig(**{**PLAIN, **settings})
    factors, validations = iter(losses or ()), iter(values or ())

    def loss(batch):
        return next(factors, 1.0) * (module(batch) - 1.0).square().mean()

    return train(
        module,
        batches=lambda _: [torch.ones(2, 1)] * 2,
        loss=loss,
        evaluate=None if values is None else lambda: next(validations),
        config=config,
    )


def test_two_steps_at_zero_learning_rate_have_the_same_gradient_norm():
    module = line()
    trainer: Trainer[torch.Tensor] = Trainer(
        module, lambda x: (module(x) - 1.0).square().mean(), TrainingConfig(learning_rate=0.0), total_steps=2
    )
    first, second = trainer.step(torch.ones(1, 1)), trainer.step(torch.ones(1, 1))
    assert first == second
    assert first.gradient_norm == pytest.approx(2.0)


def test_the_best_weights_come_back_and_patience_ends_the_training():
    module, seen = line(), []
    config = TrainingConfig(**PLAIN, max_epochs=50, patience=3)
    values = iter([0.1, 0.5, 0.4, 0.3, 0.2, 0.9])

    def evaluate():
        assert not module.training
        seen.append(module.weight.item())
        return next(values)

    record = train(
        module,
        batches=lambda _: [torch.ones(1, 1)],
        loss=lambda x: (module(x) - 1.0).square().mean(),
        evaluate=evaluate,
        config=config,
    )
    assert record.stopped == "patience"
    assert (record.best_epoch, record.best_value, len(record.epochs)) == (2, 0.5, 5)
    assert module.weight.item() == seen[1] != seen[-1]
    assert [e.validation for e in record.epochs] == [0.1, 0.5, 0.4, 0.3, 0.2]


def test_every_setting_reaches_the_training():
    record = fit(line(), values=iter([0.1] * 9), max_epochs=4, evaluate_every=3)
    assert [e.validation is None for e in record.epochs] == [True, True, False, False]  # the last is always evaluated
    assert record.stopped == "epochs"
    assert fit(line(), values=iter([0.1] * 9), max_epochs=9, max_minutes=1e-9).stopped == "minutes"
    assert fit(line(), max_epochs=1, learning_rate=0.0).epochs[0].loss == pytest.approx(1.0)
    still, moved = line(), line()
    fit(still, max_epochs=1, clip_norm=1e-12)
    fit(moved, max_epochs=1)
    assert abs(still.weight.item()) < abs(moved.weight.item())
    shrunk = line(1.0)
    fit(shrunk, max_epochs=1, weight_decay=0.5)
    assert shrunk.weight.item() < 1.0
    falling = line()
    fit(falling, max_epochs=1, schedule="linear")
    assert falling.weight.item() < moved.weight.item()


def test_warmup_starts_below_the_peak():
    module = line()
    loss = lambda x: (module(x) - 1.0).square().mean()  # noqa: E731
    trainer = Trainer(module, loss, TrainingConfig(learning_rate=0.1, warmup_steps=4), total_steps=9)
    trainer.step(torch.ones(1, 1))
    assert trainer.optimiser.param_groups[0]["lr"] == pytest.approx(0.025)


@pytest.mark.parametrize(("steps", "told"), [(4, False), (5, True)])
def test_a_warm_up_that_outlasts_the_training_is_told(steps: int, told: bool):
    notes: list[str] = []

    class Notes(Progress):
        def note(self, text: str) -> None:
            notes.append(text)

    settings = {**PLAIN, "warmup_steps": steps, "max_epochs": 2}
    module = line()
    train(
        module,
        batches=lambda _: [torch.ones(1, 1)] * 2,
        loss=lambda x: (module(x) - 1.0).square().mean(),
        evaluate=None,
        config=TrainingConfig(**settings),
        progress=Notes(),
    )
    assert any("its 4 steps end before the learning rate has risen, at 80%" in note for note in notes) is told


def test_without_validation_the_last_weights_stay():
    module = line()
    record = fit(module, max_epochs=20)
    assert record.stopped == "epochs"
    assert module.weight.item() == pytest.approx(1.0, abs=0.3)


def test_a_nan_stops_with_the_last_good_weights():
    notes = []

    class Notes(Progress):
        def note(self, text):
            notes.append(text)

    module = line()
    factors = iter([1.0, 1.0, 1.0, math.nan])
    kept = []

    def evaluate():
        kept.append(module.weight.item())
        return 1.0

    record = train(
        module,
        batches=lambda _: [torch.ones(1, 1)] * 2,
        loss=lambda x: next(factors) * (module(x) - 1.0).square().mean(),
        evaluate=evaluate,
        config=TrainingConfig(**PLAIN),
        progress=Notes(),
    )
    assert record.stopped == "diverged"
    assert record.best_epoch == 1
    assert module.weight.item() == kept[0]
    assert "diverged" in notes[-1]
    assert not module.training


def test_a_validation_that_is_no_number_leaves_the_last_weights_and_says_so(tmp_path):
    notes: list[str] = []

    class Notes(Progress):
        def note(self, text: str) -> None:
            notes.append(text)

    run = run_in(tmp_path)
    toy = Toy()
    toy.evaluate = lambda: math.nan  # type: ignore[method-assign]
    for resumed in (run, run_in(tmp_path, resume=True)):
        record = toy.train(resumed, progress=Notes(), max_epochs=3, evaluate_every=1, patience=9)
        assert (len(record.epochs), record.best_epoch) == (3, 3)
        assert math.isnan(record.best_value)
    assert any("validation is not a number" in note for note in notes)


def test_a_nan_before_any_validation_is_an_error_and_leaves_the_weights():
    module = line(0.25)
    with pytest.raises(TrainingError, match="diverged at step 1") as caught:
        fit(module, values=[1.0], losses=[math.nan])
    assert "learning rate" in caught.value.hint
    assert module.weight.item() == 0.25


def test_progress_is_told_every_step():
    class Counter(Progress):
        steps = 0

        def task(self, name, total=None):
            self.total = total
            return super().task(name, total)

    counter = Counter()
    module = line()
    train(
        module,
        batches=lambda _: [torch.ones(1, 1)] * 3,
        loss=lambda x: (module(x) - 1.0).square().mean(),
        evaluate=None,
        config=TrainingConfig(max_epochs=2),
        progress=counter,
    )
    assert counter.total == 6


def test_best_weights_ignore_a_nan_and_an_equal_value():
    best, module = BestWeights(), line(1.0)
    assert not best.offer(module, value=math.nan, epoch=1)
    assert not best.found
    assert best.offer(module, value=0.5, epoch=2)
    assert not best.offer(line(9.0), value=0.5, epoch=3)
    other = line(7.0)
    best.restore(other)
    assert other.weight.item() == 1.0


def test_a_wrong_setting_is_named():
    with pytest.raises(ConfigError, match="learning_rat"):
        TrainingConfig.of({"learning_rat": 1.0})

"""One step: what each optimiser does to a weight, what small batches add up to, which number format it is done in."""

import copy
import math
import signal
from typing import Any

import orjson
import pytest
import torch
from torch import Tensor, nn

from penchant.errors import ConfigError, TrainingError
from penchant.progress import Progress
from penchant.training.batch_sizes import examples_in, on_device
from penchant.training.loop import Trainer, TrainingConfig, train
from penchant.training.optimisers import OptimiserName
from penchant.training.pairs import PairBatch
from tests.training.trainings import STEPS, Toy, run_in, same

STILL: dict[str, Any] = {"warmup_steps": 0, "schedule": "constant", "clip_norm": 1e9}


def stepped(
    optimiser: OptimiserName, *, decay: float, steps: int = 1, **settings: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """The weight before, its gradient, and the weight after the steps, all on one batch."""
    torch.manual_seed(0)
    module, inputs = nn.Linear(3, 2, bias=False).double(), torch.randn(5, 3, dtype=torch.float64)
    config = TrainingConfig(optimiser=optimiser, learning_rate=0.1, weight_decay=decay, **{**STILL, **settings})
    trainer: Trainer[Tensor] = Trainer(module, lambda batch: module(batch).square().mean(), config, total_steps=steps)
    before = module.weight.detach().clone()
    gradient = torch.autograd.grad(module(inputs).square().mean(), module.weight)[0]
    for _ in range(steps):
        trainer.step(inputs)
    return before, gradient, module.weight.detach()


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_a_step_of_sgd_is_the_formula(decay):
    """θ − η g − η λ θ"""
    before, gradient, after = stepped("sgd", decay=decay)
    torch.testing.assert_close(after, before - 0.1 * gradient - 0.1 * decay * before, rtol=1e-12, atol=1e-14)


def test_momentum_carries_gradients_on_and_not_the_decay():
    """With a constant gradient g, v₁ = g and v₂ = (1 + m) g, and the weights shrink by 1 − η λ twice."""
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, 2.0)
    config = TrainingConfig(optimiser="sgd", learning_rate=0.1, momentum=0.5, weight_decay=0.5, **STILL)
    trainer: Trainer[Tensor] = Trainer(module, lambda batch: module(batch).sum(), config, total_steps=2)
    expected = 2.0
    for velocity in (1.0, 1.5):
        trainer.step(torch.ones(1, 1))
        expected = expected * (1 - 0.1 * 0.5) - 0.1 * velocity
        assert module.weight.item() == pytest.approx(expected)


def test_the_first_step_of_adam_and_adamw_by_hand():
    """Both move each weight by η against the gradient's sign; Adam's decay is in the gradient, AdamW's beside it."""
    before, gradient, plain = stepped("adam", decay=0.0)
    torch.testing.assert_close(plain, before - 0.1 * gradient.sign(), rtol=0, atol=1e-6)
    torch.testing.assert_close(stepped("adamw", decay=0.0)[2], plain)
    torch.testing.assert_close(stepped("adamw", decay=0.3)[2], plain - 0.1 * 0.3 * before)
    coupled = before - 0.1 * (gradient + 0.3 * before).sign()
    torch.testing.assert_close(stepped("adam", decay=0.3)[2], coupled, rtol=0, atol=1e-6)


def test_adafactor_moves_by_a_share_of_the_weights_size_whatever_the_gradients():
    small, large = (stepped("adafactor", decay=0.0)[2] for _ in range(2))
    assert torch.equal(small, large)
    before, _, after = stepped("adafactor", decay=0.0)
    root = before.square().mean().sqrt()
    assert float((after - before).square().mean().sqrt() / root) == pytest.approx(0.1, rel=0.05)


def test_adafactor_and_sgd_have_rates_of_their_own_where_none_is_set():
    assert TrainingConfig(optimiser="adafactor").learning_rate == 0.01
    assert TrainingConfig(optimiser="adafactor", learning_rate=0.5).learning_rate == 0.5
    assert TrainingConfig().learning_rate == TrainingConfig(optimiser="adam").learning_rate == 3e-3
    with pytest.raises(ConfigError, match="adagrad"):
        TrainingConfig.of({"optimiser": "adagrad"})
    with pytest.raises(ConfigError, match="optimiser"):
        TrainingConfig.of({"optimiser": ["sgd"]})


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw", "adafactor"])
def test_every_optimiser_learns_and_goes_on_after_a_stop_bit_for_bit(tmp_path, optimiser):
    settings: dict[str, Any] = {"optimiser": optimiser, "momentum": 0.9 if optimiser == "sgd" else 0.0, "max_epochs": 3}
    whole = Toy()
    record = whole.train(None, **settings)
    assert record.epochs[-1].loss < record.epochs[0].loss

    def crash(step: int) -> None:
        if step == 2 * STEPS + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Toy(before_step=crash).train(run_in(tmp_path), **settings)
    again = Toy()
    again.train(run_in(tmp_path, resume=True), **settings)
    assert again.calls == STEPS
    assert same(again.weights, whole.weights)


class Tower(nn.Module):
    """Named as transformers are."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(4, 3)
        self.layer = nn.ModuleList(nn.Linear(3, 3) for _ in range(2))
        self.head = nn.Linear(3, 1)


def test_lower_layers_learn_at_lower_rates():
    tower = Tower()
    config = TrainingConfig(learning_rate=1.0, layer_decay=0.5, weight_decay=0.1, **STILL)
    trainer: Trainer[Tensor] = Trainer(tower, lambda _: torch.tensor(0.0), config, total_steps=1)
    rates = {id(p): group["lr"] for group in trainer.optimiser.param_groups for p in group["params"]}
    decays = {id(p): group["weight_decay"] for group in trainer.optimiser.param_groups for p in group["params"]}
    found = {name: rates[id(p)] for name, p in tower.named_parameters()}
    assert found == {
        "embeddings.weight": 0.125, "layer.0.weight": 0.25, "layer.0.bias": 0.25, "layer.1.weight": 0.5,
        "layer.1.bias": 0.5, "head.weight": 1.0, "head.bias": 1.0,
    }  # fmt: skip
    assert {decays[id(p)] for name, p in tower.named_parameters() if name.endswith("bias")} == {0.0}
    with pytest.raises(ConfigError, match="no numbered layers"):
        Trainer(nn.Linear(1, 1), lambda _: torch.tensor(0.0), config, total_steps=1)


@pytest.mark.parametrize("cuts", [(4, 4, 4), (5, 5, 2), (11, 1)])
def test_small_batches_add_up_to_one_large_one(cuts):
    torch.manual_seed(1)
    module, inputs = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1)).double(), torch.randn(12, 6).double()
    twin = copy.deepcopy(module)
    config = TrainingConfig(learning_rate=0.05, warmup_steps=0, clip_norm=0.1)

    def trainer_of(one: nn.Module) -> Trainer[Tensor]:
        return Trainer(one, lambda batch: (one(batch) - batch.sum(dim=1, keepdim=True)).square().mean(), config, 9)

    whole, parts = trainer_of(module), trainer_of(twin)
    for _ in range(3):
        large, small = whole.step(inputs), parts.step(*inputs.split(cuts))
        assert (small.loss, small.gradient_norm) == pytest.approx((large.loss, large.gradient_norm), rel=1e-9)
        assert small.examples == 12
    for one, other in zip(module.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-10)


def rows_of(n: int) -> Tensor:
    return torch.arange(float(n)).view(n, 1)


def test_an_epochs_loss_is_the_mean_over_examples_though_the_last_batch_is_short():
    """Rows 0 … 4 in batches of 4 and 1, never learned from: squares 0, 1, 4, 9 and 16 have the mean 6; the mean of the
    batches' means would be 9.75.
    """
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, 1.0)
    record = train(
        module,
        batches=lambda _: rows_of(5).split(4),
        loss=lambda batch: module(batch).square().mean(),
        evaluate=None,
        config=TrainingConfig(learning_rate=0.0, max_epochs=1),
    )
    assert record.epochs[0].loss == pytest.approx(6.0)


def test_accumulated_batches_make_a_step_and_the_last_step_takes_what_is_left(tmp_path):
    """5 batches, 2 a step: 3 steps an epoch; stopped within an epoch it goes on to the same weights."""
    settings: dict[str, Any] = {"accumulation": 2, "max_epochs": 3}
    whole = Toy()
    notes = []
    record = whole.train(None, **settings)
    assert whole.calls == 3 * STEPS

    def crash(call: int) -> None:
        if call == STEPS + 3:
            notes.append(call)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Toy(before_step=crash).train(run_in(tmp_path), **settings)
    again = Toy()
    assert again.train(run_in(tmp_path, resume=True), **settings).epochs[-1].loss == record.epochs[-1].loss
    assert same(again.weights, whole.weights)


def test_batches_say_how_many_examples_they_hold():
    pairs = PairBatch(users_N=torch.zeros(7), wanted_N=torch.zeros(7), unwanted_NS=torch.zeros(7, 3))
    assert [examples_in(b) for b in (torch.zeros(6, 4), torch.tensor(1.0), ["a", "b"], "text", pairs, object())] == [
        6, 1, 2, 1, 7, 1,
    ]  # fmt: skip
    assert examples_in({"task": "likes", "input_ids": torch.zeros(8, 16)}) == 8
    assert examples_in(("likes", torch.zeros(3), torch.zeros(9))) == 3


def test_a_batch_is_moved_whole():
    meta = torch.device("meta")
    pairs = PairBatch(users_N=torch.zeros(7), wanted_N=torch.zeros(7), unwanted_NS=torch.zeros(7, 3))
    moved = on_device({"a": torch.zeros(2), "b": [torch.zeros(1), "text"], "c": (pairs, 3)}, meta)
    assert moved["a"].device == moved["b"][0].device == moved["c"][0].unwanted_NS.device == meta
    assert (moved["b"][1], moved["c"][1]) == ("text", 3)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_learns_with_weights_in_float32(tmp_path, precision):
    settings: dict[str, Any] = {"precision": precision, "max_epochs": 4, "learning_rate": 0.02}
    exact, mixed = Toy(), Toy()
    seen: set[torch.dtype] = set()
    mixed.module.layers[0].register_forward_hook(lambda _, __, output: seen.add(output.dtype))
    losses = [toy.train(run_in(None, log=tmp_path / "log"), **used).epochs[-1].loss
              for toy, used in ((exact, settings | {"precision": "float32"}), (mixed, settings))]  # fmt: skip
    assert seen == {getattr(torch, precision), torch.float32}  # in steps, and in validation
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[1] == pytest.approx(losses[0], rel=0.2)  # float16 leaves out steps until its scale fits
    assert {p.dtype for p in mixed.module.parameters()} == {torch.float32}
    assert f'"training.precision":"{precision}"' in (tmp_path / "log").read_text()


def test_float16_goes_on_bit_for_bit_with_its_scale(tmp_path):
    settings: dict[str, Any] = {"precision": "float16", "max_epochs": 2}
    whole = Toy()
    whole.train(None, **settings)

    def crash(step: int) -> None:
        if step == STEPS + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Toy(before_step=crash).train(run_in(tmp_path), **settings)
    again = Toy()
    again.train(run_in(tmp_path, resume=True), **settings)
    assert same(again.weights, whole.weights)


class Loud(Toy):
    """One whose first gradients float16 cannot hold at its first scale."""

    def loss(self, batch: Tensor) -> Tensor:
        return 8 * super().loss(batch)


def test_steps_that_float16_leaves_out_are_counted_and_spoil_no_number(tmp_path):
    settings: dict[str, Any] = {"precision": "float16", "max_epochs": 2}
    log = tmp_path / "log"

    def stop(step: int) -> None:
        if step == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        Loud(before_step=stop).train(run_in(tmp_path, log=log), **settings)
    facts = orjson.loads((tmp_path / "state.json").read_bytes())["facts"]
    assert facts["done"] == 2
    assert facts["gradient_norm"] is not None  # JSON has no infinity, and the training goes on from here
    record = Loud().train(run_in(tmp_path, resume=True, log=log), **settings)
    left_out = record.epochs[0].left_out
    assert left_out > 0
    assert f"{left_out} step" in record.epochs[0].describe()
    assert all(math.isfinite(epoch.gradient_norm) for epoch in record.epochs)
    lines = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    assert [line.get("left_out", 0) for line in lines if line["part"] == "train"] == [
        epoch.left_out for epoch in record.epochs
    ]


def half(module: nn.Module, factor: float) -> Trainer[Tensor]:
    config = TrainingConfig(learning_rate=0.1, precision="float16", **STILL)
    return Trainer(module, lambda batch: factor * module(batch).float().mean(), config, total_steps=99)


def test_a_gradient_too_large_for_float16_halves_the_scale_and_leaves_the_weights():
    module = nn.Linear(1, 1, bias=False)
    trainer, before = half(module, 1e3), module.weight.item()
    scale = trainer.scaler.get_scale()
    trainer.step(torch.ones(1, 1))
    assert module.weight.item() == before
    assert trainer.scaler.get_scale() == scale / 2
    while module.weight.item() == before:
        trainer.step(torch.ones(1, 1))
    assert module.weight.item() == pytest.approx(before - 0.1, rel=1e-3)


def test_a_loss_that_float16_cannot_hold_at_any_scale_has_diverged():
    trainer = half(nn.Linear(1, 1, bias=False), 1e6)
    while trainer.scaler.get_scale() > 1.0:
        trainer.step(torch.ones(1, 1))
    with pytest.raises(TrainingError, match="diverged"):
        trainer.step(torch.ones(1, 1))


def test_every_trained_weight_gets_a_finite_gradient_and_no_frozen_one():
    toy = Toy()
    toy.module.layers[0].requires_grad_(requires_grad=False)
    frozen = {name: tensor.clone() for name, tensor in toy.module.layers[0].state_dict().items()}
    trainer = Trainer(toy.module, toy.loss, TrainingConfig(weight_decay=0.5, warmup_steps=0), total_steps=9)
    for batch in toy.batches(1):
        trainer.step(batch)
        for parameter in toy.module.parameters():
            if parameter.requires_grad:
                assert parameter.grad is not None
                assert bool(torch.isfinite(parameter.grad).all())
            else:
                assert parameter.grad is None
    assert same(frozen, dict(toy.module.layers[0].state_dict()))


def test_the_logged_rate_rises_over_the_warm_up_and_follows_the_schedule():
    toy = Toy()
    rates = [
        [e.learning_rate or 0.0 for e in toy.train(None, warmup_steps=2 * STEPS, schedule=s, max_epochs=6).epochs]
        for s in ("constant", "linear", "cosine")
    ]
    assert all(curve[:2] == pytest.approx([0.025, 0.05]) for curve in rates)
    assert rates[0][2:] == pytest.approx([0.05] * 4)
    for falling in rates[1:]:
        assert falling[1:] == sorted(falling[1:], reverse=True)
        assert falling[-1] < 0.2 * falling[1]


@pytest.mark.parametrize(("rate", "degraded"), [(1e-5, False), (30.0, True)])
def test_a_rate_too_large_for_what_was_learned_before_is_told(rate, degraded):
    """A line that already fits: a small rate leaves it, a large one throws it far off and validation says so."""
    notes: list[str] = []

    class Notes(Progress):
        def note(self, text: str) -> None:
            notes.append(text)

    toy = Toy()
    before = toy.train(None, max_epochs=20).best_value
    settings: dict[str, Any] = {
        "learning_rate": rate,
        "evaluate_start": True,
        "warmup_steps": 0,
        "max_epochs": 2,
        "evaluate_every": 1,
    }
    record = toy.train(None, progress=Notes(), **settings)
    assert record.start_value == pytest.approx(before)
    assert record.degraded is degraded
    assert any("validation fell below the start" in note for note in notes) is degraded


@pytest.mark.parametrize(("rate", "best"), [(1e-2, 3), (30.0, 0)])
def test_what_a_training_began_with_stays_where_no_epoch_is_better(rate, best):
    toy = Toy()
    first = {name: value.clone() for name, value in toy.module.state_dict().items()}
    settings: dict[str, Any] = {"evaluate_start": True, "keep_start": True, "warmup_steps": 0, "evaluate_every": 1}
    record = toy.train(None, learning_rate=rate, max_epochs=3, **settings)
    assert record.best_epoch == best
    assert not record.degraded
    same = all(torch.equal(value, first[name]) for name, value in toy.module.state_dict().items())
    assert same is (best == 0)


def test_gradient_checkpointing_is_for_transformers():
    with pytest.raises(ConfigError, match="gradient_checkpointing"):
        Toy().train(None, gradient_checkpointing=True)

"""Weights of tasks that are learned with them, and a model that begins where another ended."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from penchant.encoders.fine_tuning import FineTunedEncoderConfig
from penchant.errors import BundleError, ConfigError
from penchant.models.language.multi_task import MultiTask, MultiTaskConfig
from penchant.models.language.task import Task
from penchant.models.language.task_network import TaskData, TaskNetwork
from penchant.models.language.task_weights import TaskWeights, Weighting, with_own_rate
from penchant.models.rating.head_choice import HeadConfig
from penchant.training.optimisers import OptimiserName, build_optimiser
from tests.models.language.test_multi_task import SMALL, settings, yes_no
from tests.models.language.tiny import save_words
from tests.models.language.worlds import VOCABULARY


def network_of(path, *names: str, weighting: Weighting = "uncertainty", **language_model: Any) -> TaskNetwork:
    heads = {name: Task.of(SMALL[name], HeadConfig()).head() for name in names}
    config = FineTunedEncoderConfig.of({"path": str(path), "max_length": 24, **language_model})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TaskNetwork(config, heads, weighting=weighting)


def data_of(network: TaskNetwork, name: str) -> TaskData:
    examples, head = SMALL[name], network.heads[name]
    return TaskData(head=head, size=len(examples), texts=examples.of, targets=head.targets(examples.values))


def test_the_worked_example():
    weights = TaskWeights(["a"])
    loss = torch.tensor(2.0, requires_grad=True)
    weighted = weights("a", loss)
    weighted.backward()
    assert weighted.item() == 2.0
    assert [p.grad.item() for p in weights.parameters() if p.grad is not None] == [-1.0]
    assert loss.grad is not None
    assert loss.grad.item() == 1.0


def test_weights_end_at_one_over_the_loss():
    weights, losses = TaskWeights(["large", "small"]), {"large": torch.tensor(4.0), "small": torch.tensor(0.25)}
    optimiser = torch.optim.SGD(weights.parameters(), lr=0.1)
    for _ in range(600):
        optimiser.zero_grad()
        torch.stack([weights(name, loss) for name, loss in losses.items()]).sum().backward()
        optimiser.step()
    assert weights.weights() == pytest.approx({"large": 0.25, "small": 4.0}, rel=1e-4)


def test_the_unit_of_a_task_does_not_matter_where_its_weight_has_settled():
    """The gradient is that of ln L: a thousand times the loss has the same."""
    found = []
    for unit in (1.0, 1000.0):
        x = torch.tensor(1.5, requires_grad=True)
        loss = unit * x**2
        weights = TaskWeights(["a"])
        with torch.no_grad():
            weights.log_noise[0].fill_(float(np.log(loss.item())))
        weights("a", loss).backward()
        assert x.grad is not None
        found.append(x.grad.item())
        assert weights.log_noise[0].grad is not None
        assert weights.log_noise[0].grad.item() == pytest.approx(0.0, abs=1e-5)
    assert found == pytest.approx([2 / 1.5, 2 / 1.5], rel=1e-5)


@pytest.mark.parametrize("task", ["buy", "like"])
def test_every_tasks_gradient_reaches_the_encoder_times_its_weight(bert, task):
    equal, weighed = (network_of(bert, "buy", "like", weighting=how) for how in ("equal", "uncertainty"))
    assert weighed.weights is not None
    with torch.no_grad():
        weighed.weights.log_noise[["buy", "like"].index(task)].fill_(float(np.log(4.0)))
    for network in (equal, weighed):
        network.loss(task, data_of(network, task), np.arange(len(SMALL[task]))).backward()
    reached = 0
    for plain, quarter in zip(equal.encoder.parameters(), weighed.encoder.parameters(), strict=True):
        assert plain.grad is not None
        assert quarter.grad is not None
        torch.testing.assert_close(quarter.grad, plain.grad / 4, rtol=1e-4, atol=1e-8)
        reached += int(plain.grad.abs().sum() > 0)
    assert reached > 10
    grads = [p.grad is not None for p in weighed.weights.parameters()]
    assert grads == [task == "buy", task == "like"]  # a step of one task says nothing of the other's noise


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "adafactor"])
def test_the_weights_have_a_rate_of_their_own_and_no_decay(bert, name: OptimiserName):
    network = network_of(bert, "buy", "like")
    assert network.weights is not None
    built = build_optimiser(network, name, rate=1e-4, decay=0.1)
    before = [p for group in built.param_groups for p in group["params"]]
    optimiser = with_own_rate(built, network.weights, rate=0.5)
    after = [p for group in optimiser.param_groups for p in group["params"]]
    assert {id(p) for p in after} == {id(p) for p in before}
    assert len(after) == len(before) == len(list(network.parameters()))
    own = [group for group in optimiser.param_groups if group["lr"] == 0.5]
    assert [id(p) for group in own for p in group["params"]] == [id(p) for p in network.weights.parameters()]
    assert all(group["weight_decay"] == 0 and group.get("decay", 0) == 0 for group in own)
    assert {group["lr"] for group in optimiser.param_groups if group not in own} == {1e-4}
    network.loss("buy", data_of(network, "buy"), np.arange(3)).backward()
    optimiser.step()
    moved = [float(p.detach()) != 0.0 for p in network.weights.parameters()]
    assert moved == [True, False]


def test_what_cannot_be_learned_counts_less(bert, tmp_path):
    rng = np.random.default_rng(0)
    words = rng.choice(["red", "blue"], size=96)
    plain = yes_no(*((f"view {word}", float(word == "red")) for word in words))
    tasks = {"plain": plain, "random": replace(plain, values=rng.integers(0, 2, size=96).astype(float))}
    model = MultiTask(settings(bert, weighting="uncertainty", weighting_rate=0.1)).fit(tasks, validation={}, seed=0)
    weights = model.weights()
    assert weights["plain"] > 2 * weights["random"]
    model.save(tmp_path)
    loaded = MultiTask.load(tmp_path)
    assert loaded.weights() == weights
    texts = plain.texts[:8]
    np.testing.assert_array_equal(loaded.probabilities("plain", texts), model.probabilities("plain", texts))
    equal = MultiTask(settings(bert, training={"max_epochs": 1})).fit(tasks, validation={})
    assert equal.weights() == {"plain": 1.0, "random": 1.0}


def test_a_model_begins_where_another_ended(bert):
    first, second = (
        network_of(bert, *names, method={"name": "lora", "rank": 2}) for names in (("buy",), ("buy", "like"))
    )
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    texts = SMALL["buy"].texts
    assert not torch.equal(first.eval().outputs("buy", texts), second.eval().outputs("buy", texts))
    assert second.begin_as(first) == ("buy",)
    assert torch.equal(first.outputs("buy", texts), second.outputs("buy", texts))


def test_a_start_is_heard(bert):
    """A rate of almost nothing: what was begun with is what there is in the end."""
    many = yes_no(*[("view red", 1.0), ("view blue", 0.0)] * 32)
    still = settings(bert, calibrate=False, training={"learning_rate": 1e-9, "max_epochs": 1, "warmup_steps": 0})
    learned = MultiTask(settings(bert, calibrate=False)).fit({"x": many}, validation={}, seed=3)
    went_on = MultiTask(still).fit({"x": many}, validation={}, start=learned, seed=4)
    without = MultiTask(still).fit({"x": many}, validation={}, seed=4)
    asked = many.texts[:2]
    np.testing.assert_allclose(went_on.probabilities("x", asked), learned.probabilities("x", asked), atol=1e-4)
    assert learned.probabilities("x", asked) == pytest.approx([1.0, 0.0], abs=0.2)
    assert np.abs(without.probabilities("x", asked) - learned.probabilities("x", asked)).max() > 0.2


def test_a_start_of_another_kind_is_refused(bert, tmp_path):
    quick = settings(bert, training={"max_epochs": 1})
    both = {"x": yes_no(("red", 1.0), ("blue", 0.0))}
    first = MultiTask(quick).fit(both, validation={})
    lora = settings(bert, language_model={"path": str(bert), "max_length": 24, "method": "lora"})
    with pytest.raises(BundleError, match="trained by another method") as caught:
        MultiTask(lora).fit(both, validation={}, start=first)
    assert "language_model.method" in caught.value.hint
    other = save_words(tmp_path / "words", VOCABULARY, layers=1, seed=1)
    with pytest.raises(BundleError, match="belong to the language model"):
        MultiTask(settings(other, training={"max_epochs": 1})).fit(both, validation={}, start=first)


def test_an_unknown_weighting_is_refused():
    with pytest.raises(ConfigError, match="equal"):
        MultiTaskConfig.of({"weighting": "loud"})

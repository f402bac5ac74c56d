"""Tasks that share one language model: what each changes, what both learn, and how good the probabilities are."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from penchant.encoders.fine_tuning import FineTunedEncoderConfig
from penchant.errors import BundleError, ConfigError, DataError, NotFoundError, UnsupportedError
from penchant.metrics.probabilities import expected_calibration_error
from penchant.models.language.behaviour_text import BehaviourTemplate
from penchant.models.language.examples import Examples, Labels
from penchant.models.language.multi_task import MultiTask, MultiTaskConfig
from penchant.models.language.task import Task
from penchant.models.language.task_data import TextRendering, likes, purchase_intent, ratings
from penchant.models.language.task_network import TaskData, TaskNetwork, train_tasks
from penchant.models.rating.head_choice import HeadConfig
from penchant.training.loop import TrainingConfig
from tests.models.language.tiny import save_words
from tests.models.language.worlds import ONE_WORD, VOCABULARY, colour_world, shop_world

COLOURS = TextRendering(behaviour=BehaviourTemplate(**ONE_WORD))
LAST_TWO = TextRendering(behaviour=BehaviourTemplate(last_events=2, item_words=1))


def settings(path, **further: Any) -> MultiTaskConfig:
    return MultiTaskConfig.of(
        {
            "language_model": {"path": str(path), "max_length": 24},
            "batch": 32,
            "training": {"learning_rate": 1e-2, "max_epochs": 8, "warmup_steps": 10, "evaluate_every": 1},
            **further,
        }
    )


def yes_no(*pairs: tuple[str, float], names: tuple[str, str] = ("no", "yes")) -> Examples:
    return Examples(
        texts=[(text, None) for text, _ in pairs],
        values=np.array([label for _, label in pairs]),
        meaning=Labels(names=names),
        users=np.arange(len(pairs)),
    )


def network_of(path, **tasks: Examples) -> tuple[TaskNetwork, dict[str, TaskData]]:
    heads = {name: Task.of(examples, HeadConfig()).head() for name, examples in tasks.items()}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = TaskNetwork(FineTunedEncoderConfig(path=str(path), max_length=24), heads)
    data = {
        name: TaskData(
            head=heads[name],
            size=len(examples),
            texts=examples.of,
            targets=heads[name].targets(examples.values),
        )
        for name, examples in tasks.items()
    }
    return network, data


SMALL = {
    "buy": yes_no(("cart red", 1.0), ("view blue", 0.0), ("cart blue", 1.0)),
    "like": yes_no(("red", 0.0), ("blue", 1.0)),
}


@pytest.mark.parametrize("task", ["buy", "like"])
def test_a_task_teaches_the_shared_layers_and_its_own_head_alone(bert, task):
    network, data = network_of(bert, **SMALL)
    network.loss(task, data[task], np.arange(data[task].size)).backward()
    for name, parameter in network.encoder.named_parameters():
        assert parameter.grad is not None, name
    grads = [float(p.grad.abs().sum()) for p in network.encoder.parameters() if p.grad is not None]
    assert np.mean(np.array(grads) > 0) > 0.9  # a key's bias changes no attention: its gradient is 0
    other = "like" if task == "buy" else "buy"
    own = network.last_layer(task).weight.grad
    assert own is not None
    assert float(own.abs().sum()) > 0
    assert network.last_layer(other).weight.grad is None
    whole = network.encoder.method.model
    assert all(p.grad is None for name, p in whole.named_parameters() if not name.startswith("encoder.layer."))


def test_the_loss_of_a_batch_is_the_heads_by_hand(bert):
    network, data = network_of(bert, **SMALL)
    network.eval()
    logits = network.outputs("buy", SMALL["buy"].texts)[:, 0].double().numpy()
    labels = SMALL["buy"].values
    expected = np.mean(np.log1p(np.exp(logits)) - labels * logits)
    buy, like = (network.loss(name, data[name], np.arange(data[name].size)).item() for name in ("buy", "like"))
    assert buy == pytest.approx(expected, abs=1e-5)
    both = (expected + like) / 2
    assert network.validation_loss(data) == pytest.approx(both, abs=1e-5)


def test_tasks_take_turns_evenly_and_no_more_than_so_many(bert):
    network, data = network_of(bert, **SMALL)
    turns: list[tuple[str, list[int]]] = []
    with pytest.MonkeyPatch.context() as patch:
        loss = TaskNetwork.loss

        def count(self, task, found, rows):
            turns.append((task, rows.tolist()))
            return loss(self, task, found, rows)

        patch.setattr(TaskNetwork, "loss", count)
        train_tasks(
            network,
            {name: replace(found, size=size) for (name, found), size in zip(data.items(), (3, 2), strict=True)},
            evaluate=None,
            batch=1,
            most=2,
            config=TrainingConfig(max_epochs=3, warmup_steps=0),
            seed=0,
            name="test",
        )
    assert [task for task, _ in turns] == ["buy", "like"] * 6
    assert {tuple(sorted({rows[0] for task, rows in turns[k : k + 4] if task == "like"})) for k in (0, 4, 8)} == {
        (0, 1)
    }


@pytest.fixture(scope="module")
def tasks():
    """Purchases and likes of different users; one answer in six, or twelve, is the other way round."""
    shop, colours = (shop_world(users=u, noise=1 / 12, seed=s) for u, s in ((60, 0), (30, 1))), (
        colour_world(users=u, told=3, noise=1 / 6, seed=s)[0] for u, s in ((200, 2), (200, 3))
    )  # fmt: skip
    buys = [purchase_intent(data, within=1, rendering=LAST_TWO) for data in shop]
    liked = [likes(data, rendering=COLOURS) for data in colours]
    return {"buy": buys[0], "like": liked[0]}, {"buy": buys[1], "like": liked[1]}


@pytest.fixture(scope="module")
def model(bert, tasks):
    return MultiTask(settings(bert, validation_share=0.2)).fit(tasks[0], seed=1)


def test_both_tasks_are_learned_by_one_encoder(model, tasks):
    """The best there is: 11/12 and 5/6 right, Brier scores of 11/144 and 5/36."""
    buy, like = (model.report(name, tasks[1][name]) for name in ("buy", "like"))
    assert buy.precision > 0.75
    assert buy.recall > 0.75
    assert buy.brier < 0.6 * buy.base_rate_brier
    assert like.accuracy > 0.75
    assert like.brier < 0.8 * like.base_rate_brier
    for name, report in (("buy", buy), ("like", like)):
        chances = model.probabilities(name, tasks[1][name].texts)
        assert chances.min() >= 0.0
        assert chances.max() <= 1.0
        assert sum(row.n for row in report.reliability) == len(tasks[1][name])
        assert expected_calibration_error(chances, tasks[1][name].values, bins=4) < 0.1


def test_who_put_something_into_the_cart_buys(model):
    texts = [("cart red; view blue", None), ("view red; view red", None)]
    assert model.decide("buy", texts) == ["buy", "not_buy"]
    np.testing.assert_array_equal(model.ratings("buy", texts), model.probabilities("buy", texts))


def test_saved_and_read_back_bit_for_bit_with_its_labels(model, tasks, tmp_path):
    model.save(tmp_path)
    loaded = MultiTask.load(tmp_path)
    assert loaded.tasks == ("buy", "like")
    assert loaded.labels("buy").codes == {"not_buy": 0, "buy": 1}
    for name in loaded.tasks:
        texts = tasks[1][name].texts
        np.testing.assert_array_equal(loaded.probabilities(name, texts), model.probabilities(name, texts))
        assert loaded.scaling(name) == model.scaling(name)
        assert loaded.labels(name) == model.labels(name)
    assert not [file for file in tmp_path.iterdir() if file.suffix not in {".json", ".safetensors"}]


def test_the_same_seed_gives_the_same_model(bert, tasks):
    few = {name: task.take(np.arange(60)) for name, task in tasks[0].items()}
    quick = settings(bert, training={"max_epochs": 1, "warmup_steps": 0})
    first, second, other = (MultiTask(quick).fit(few, seed=seed) for seed in (0, 0, 1))
    texts = few["buy"].texts[:5]
    np.testing.assert_array_equal(first.probabilities("buy", texts), second.probabilities("buy", texts))
    assert (first.probabilities("buy", texts) != other.probabilities("buy", texts)).any()


def test_ratings_of_one_and_of_three_aspects_are_tasks_too(bert):
    data = colour_world(users=30)[0]
    stars = ratings(data, rendering=COLOURS)
    three = replace(stars, values=np.stack([stars.values, 6 - stars.values, np.full(len(stars), np.nan)], axis=1))
    three.values[::2, 2] = 2.0  # an aspect that is rated now and then
    quick = settings(bert, heads={"levels": {"head": "class"}}, training={"max_epochs": 1})
    model = MultiTask(quick).fit({"levels": stars, "stars": stars, "three": three})
    assert model.ratings("stars", stars.texts).shape == (60,)
    assert model.ratings("levels", stars.texts).shape == (60,)
    found = model.ratings("three", stars.texts)
    assert found.shape == (60, 3)
    assert found.min() >= 1.0
    assert found.max() <= 5.0
    with pytest.raises(UnsupportedError, match="labels of the task 'stars' are ratings"):
        model.probabilities("stars", stars.texts)


def test_validation_decides_and_calibrates(bert, tasks):
    quick = settings(bert, training={"learning_rate": 0.02, "max_epochs": 3, "warmup_steps": 0, "evaluate_every": 1})
    few = {"buy": tasks[0]["buy"].take(np.arange(120))}
    model = MultiTask(quick).fit(few, validation={"buy": tasks[1]["buy"]})
    assert model.record is not None
    assert model.record.best_value == max(epoch.validation or -np.inf for epoch in model.record.epochs)
    without = MultiTask(quick.model_copy(update={"calibrate": False})).fit(few, validation={"buy": tasks[1]["buy"]})
    assert without.scaling("buy") is None


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (yes_no(), "The task 'x' has no examples"),
        (yes_no(("red", 1.0), ("blue", float("nan"))), "1 of 2 labels of the task 'x' are missing"),
        (yes_no(("red", 1.0), ("blue", 1.0)), "All 2 training labels of the task 'x' are yes"),
        (yes_no(("red", 1.0), ("blue", 2.0)), "The task 'x' has the label 2"),
        (replace(yes_no(("red", 1.0), ("blue", 0.0)), users=np.arange(3)), "2 texts, 2 labels and 3 users"),
        (replace(yes_no(("red", 6.0)), meaning=Labels(scale=(1.0, 5.0))), "The task 'x' has the label 6"),
        (
            replace(yes_no(("red", 3.0), ("blue", 3.0)), meaning=Labels(scale=(1.0, 5.0))),
            "All 2 training labels of the task 'x' are 3",
        ),
        (yes_no(("", 1.0), (" ", 0.0)), "The texts of the task 'x' are empty"),
        (replace(yes_no(("red", 1.0)), values=np.ones((1, 2))), "labels of the task 'x' have the shape"),
    ],
)
def test_examples_that_teach_nothing_are_refused(bert, examples, message):
    with pytest.raises(DataError, match=message):
        MultiTask(settings(bert)).fit({"x": examples}, validation={})


def test_what_is_asked_wrongly_is_told(bert, model, tmp_path):
    good = yes_no(("red", 1.0), ("blue", 0.0))
    with pytest.raises(ConfigError, match="No task came"):
        MultiTask(settings(bert)).fit({})
    with pytest.raises(ConfigError, match="validation examples for y, which is no task"):
        MultiTask(settings(bert)).fit({"x": good}, validation={"y": good})
    with pytest.raises(ConfigError, match="a head for z, which is no task"):
        MultiTask(settings(bert, heads={"z": {}})).fit({"x": good})
    with pytest.raises(ConfigError, match="'x' is answered by yes or no"):
        MultiTask(settings(bert, heads={"x": {}})).fit({"x": good})
    with pytest.raises(ConfigError, match="mean something else"):
        MultiTask(settings(bert)).fit({"x": good}, validation={"x": replace(good, meaning=Labels(names=("a", "b")))})
    with pytest.raises(NotFoundError, match="No task is called 'sell'") as caught:
        model.probabilities("sell", [("red", None)])
    assert "buy, like" in caught.value.hint
    with pytest.raises(UnsupportedError, match="not fitted"):
        MultiTask().probabilities("buy", [("red", None)])
    with pytest.raises(UnsupportedError, match="not fitted"):
        MultiTask().save(tmp_path)
    with pytest.raises(BundleError, match="missing"):
        MultiTask.load(tmp_path)


def test_another_checkpoint_in_its_place_is_refused(tmp_path):
    place = save_words(tmp_path / "words", VOCABULARY, layers=1)
    (tmp_path / "model").mkdir()
    quick = settings(place, training={"max_epochs": 1})
    MultiTask(quick).fit({"x": yes_no(("red", 1.0), ("blue", 0.0))}, validation={}).save(tmp_path / "model")
    save_words(place, VOCABULARY, layers=1, seed=1)
    with pytest.raises(BundleError, match="belong to the language model"):
        MultiTask.load(tmp_path / "model")

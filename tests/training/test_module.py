"""A module with its loaders on the one loop, and the dataset of texts that it reads."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from penchant.errors import ConfigError, DataError
from penchant.metrics.probabilities import yes_no_report
from penchant.training.labels import LabelMap, loss_of
from penchant.training.loop import Trainer, TrainingConfig, TrainingRecord
from penchant.training.module import TrainingModule, evaluate, fit_module, train_epoch
from penchant.training.text_dataset import TextDataset, text_loader
from tests.encoders.tiny_models import save_tiny
from tests.training.trainings import run_in, same

WORDS = [
    "red nail polish",
    "the dragons of the north",
    "what the cook reads",
    "both of them dry fast",
    "an epic fantasy",
]
SETTINGS = TrainingConfig(learning_rate=5e-3, warmup_steps=0, max_epochs=6, evaluate_every=1, patience=2)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny("bert", tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def tokenizer(tiny: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny)


def texts(n: int, seed: int) -> tuple[list[str], Tensor]:
    """Texts of two or three phrases; yes where dragons are among them."""
    rng = np.random.default_rng(seed)
    made = [" and ".join(WORDS[k] for k in rng.integers(len(WORDS), size=rng.integers(2, 4))) for _ in range(n)]
    return made, torch.tensor([float("dragons" in text) for text in made])


class Likes(TrainingModule):
    """A tiny transformer under a linear layer."""

    def __init__(self, tiny: Path, tokenizer: Any, *, dropout: float = 0.1, padding: str = "fixed") -> None:
        super().__init__()
        from transformers import AutoModel

        torch.manual_seed(5)
        self.reader: Any = AutoModel.from_pretrained(tiny)
        self.dropout, self.last = nn.Dropout(dropout), nn.Linear(self.reader.config.hidden_size, 1)
        self.data, self.held_out, self.tested = (
            TextDataset(*texts(n, seed), tokenizer=tokenizer, max_length=24, padding=padding)  # type: ignore[arg-type]
            for n, seed in ((42, 1), (30, 2), (30, 3))
        )
        self.asked: list[str] = []
        self.optimiser: torch.optim.Optimizer | None = None

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        read = {name: values for name, values in batch.items() if name != "labels"}
        states = self.reader(**read).last_hidden_state
        mask = batch["attention_mask"][:, :, None]
        pooled = (states * mask).sum(dim=1) / mask.sum(dim=1)
        logits: Tensor = self.last(self.dropout(pooled))
        return logits[:, 0]

    def training_step(self, batch: Any) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(self(batch), batch["labels"])

    def validation_step(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self(batch).sigmoid(), batch["labels"]

    def score(self, predicted: Tensor, labels: Tensor) -> float:
        return -yes_no_report(predicted.double().numpy(), labels.double().numpy()).log_loss

    def configure_optimizers(self) -> torch.optim.Optimizer | None:
        return self.optimiser

    def train_dataloader(self) -> Any:
        return text_loader(self.data, size=8, shuffle=True)

    def val_dataloader(self) -> Any:
        self.asked.append("validation")
        return text_loader(self.held_out, size=16, shuffle=False)

    def test_dataloader(self) -> Any:
        self.asked.append("test")
        return text_loader(self.tested, size=16, shuffle=False)


@pytest.fixture(scope="module")
def trained(tiny: Path, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Likes, TrainingRecord, Path]:
    module, log = Likes(tiny, tokenizer), tmp_path_factory.mktemp("log") / "log.jsonl"
    return module, fit_module(module, SETTINGS, seed=1, device="cpu", run=run_in(None, log=log)), log


def test_a_module_learns_and_is_tested_once_at_the_end(trained):
    module, record, log = trained
    assert record.epochs[-1].loss < 0.8 * record.epochs[0].loss
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    parts = [row["part"] for row in rows]
    assert parts == ["begin", *["train", "validation"] * len(record.epochs), "test", "end"]
    assert rows[-2]["value"] == record.test_value
    assert rows[-2]["epoch"] == record.best_epoch == rows[-1]["best_epoch"]
    assert evaluate(module, module.test_dataloader()) == pytest.approx(record.test_value)
    assert evaluate(module, module.val_dataloader()) == pytest.approx(record.best_value)


def test_it_goes_on_after_a_stop_to_the_same_weights(tiny, tokenizer, tmp_path, trained):
    stopped, steps = Likes(tiny, tokenizer), []
    loss = stopped.training_step

    def crash(batch):
        steps.append(1)
        if len(steps) == 15:
            raise KeyboardInterrupt
        return loss(batch)

    stopped.training_step = crash  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        fit_module(stopped, SETTINGS, seed=1, device="cpu", run=run_in(tmp_path))
    again = Likes(tiny, tokenizer)
    torch.manual_seed(99)
    fit_module(again, SETTINGS, seed=1, device="cpu", run=run_in(tmp_path, resume=True))
    assert same(dict(again.state_dict()), dict(trained[0].state_dict()))


def test_it_stops_early_where_validation_stalls(tiny, tokenizer):
    module = Likes(tiny, tokenizer)
    still = SETTINGS.model_copy(update={"learning_rate": 0.0, "max_epochs": 9})
    record = fit_module(module, still, device="cpu")
    assert (record.stopped, record.best_epoch, len(record.epochs)) == ("patience", 1, 3)


def test_an_optimiser_of_its_own_is_used_and_scheduled(tiny, tokenizer):
    module = Likes(tiny, tokenizer)
    module.optimiser = torch.optim.RMSprop(module.last.parameters(), lr=0.01)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    once = TrainingConfig(max_epochs=1, warmup_steps=3, schedule="constant")
    record = fit_module(module, once, device="cpu")
    changed = {name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"last.weight", "last.bias"}
    assert record.epochs[0].learning_rate == 0.01


def test_evaluation_changes_nothing_and_does_not_depend_on_the_batches(tiny, tokenizer):
    module = Likes(tiny, tokenizer, dropout=0.5)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    module.train()
    found = [evaluate(module, text_loader(module.held_out, size=size, shuffle=False)) for size in (1, 7, 30)]
    assert found == pytest.approx([found[0]] * 3, abs=1e-6)
    assert module.training
    assert same(dict(module.state_dict()), before)
    with pytest.raises(DataError, match="nothing to evaluate"):
        evaluate(module, [])


def test_an_epochs_mean_loss_falls(tiny, tokenizer):
    torch.manual_seed(0)
    module = Likes(tiny, tokenizer, dropout=0.0)
    trainer = Trainer(module, module.training_step, SETTINGS, total_steps=60)
    losses = [train_epoch(trainer, module.train_dataloader()) for _ in range(8)]
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.8 * losses[0]


def test_gradient_checkpointing_works_layers_out_twice_to_the_same_weights(tiny, tokenizer):
    def after(**settings: Any) -> tuple[dict[str, Tensor], int]:
        module, calls = Likes(tiny, tokenizer, dropout=0.0), []
        module.reader.encoder.layer[0].attention.register_forward_hook(lambda *_: calls.append(1))
        module.val_dataloader = module.test_dataloader = lambda: None  # type: ignore[method-assign]
        once = TrainingConfig(max_epochs=1, warmup_steps=0, learning_rate=1e-3, **settings)
        fit_module(module, once, device="cpu")
        return dict(module.state_dict()), len(calls)

    (plain, calls), (recomputed, more) = after(), after(gradient_checkpointing=True)
    assert (calls, more) == (6, 12)
    for name, tensor in plain.items():
        torch.testing.assert_close(recomputed[name], tensor, rtol=1e-5, atol=1e-6)


def test_rows_are_one_dimensional_and_of_one_length(tokenizer):
    data = TextDataset(["red", "the dragons of the north and the cook"], torch.tensor([0, 1]), tokenizer=tokenizer)
    row = data[0]
    assert len(data) == 2
    assert row["input_ids"].shape == row["attention_mask"].shape == (128,)
    assert row["labels"].item() == 0
    assert row["attention_mask"].sum() == data.lengths[0] < data.lengths[1]
    assert bool((row["input_ids"][data.lengths[0] :] == tokenizer.pad_token_id).all())
    batch = next(iter(torch.utils.data.DataLoader(data, batch_size=2)))  # torch's own stacking
    assert batch["input_ids"].shape == (2, 128)
    cut = TextDataset(["the dragons of the north " * 9], None, tokenizer=tokenizer, max_length=12)
    assert (cut.lengths[0], int(cut[0]["attention_mask"].sum()), "labels" in cut[0]) == (12, 12, False)


def test_padding_to_the_longest_of_a_batch_and_on_the_left(tokenizer):
    data = TextDataset(["red", "the dragons"], None, tokenizer=tokenizer, padding="batch")
    assert [len(data[n]["input_ids"]) for n in range(2)] == data.lengths.tolist()
    batch = data.collate([data[0], data[1]])
    assert batch["input_ids"].shape == (2, max(data.lengths))
    assert batch["attention_mask"].sum(dim=1).tolist() == data.lengths.tolist()
    side = tokenizer.padding_side
    tokenizer.padding_side = "left"
    try:
        left = TextDataset(["red", "the dragons"], None, tokenizer=tokenizer)[0]
    finally:
        tokenizer.padding_side = side
    assert left["attention_mask"].tolist() == [0] * (128 - data.lengths[0]) + [1] * data.lengths[0]


def test_pairs_are_read_together(tokenizer):
    pair = TextDataset([("red", "the dragons")], None, tokenizer=tokenizer)
    alone = TextDataset(["red"], None, tokenizer=tokenizer)
    assert pair.lengths[0] > alone.lengths[0]


def test_every_row_comes_once_in_order_to_evaluate_and_shuffled_to_learn(tokenizer):
    data = TextDataset(texts(23, 0)[0], torch.arange(23), tokenizer=tokenizer, padding="batch")

    def order(**settings: Any) -> list[int]:
        return [int(label) for batch in text_loader(data, size=4, **settings) for label in batch["labels"]]

    assert order(shuffle=False) == list(range(23))
    torch.manual_seed(0)
    first, second = order(shuffle=True), order(shuffle=True)
    assert sorted(first) == sorted(second) == list(range(23))
    assert first != second
    loader = text_loader(data, size=4, shuffle=True, by_length=True, seed=3)
    passes = [[batch["labels"].tolist() for batch in loader] for _ in range(2)]
    assert [sorted(row for batch in one for row in batch) for one in passes] == [list(range(23))] * 2
    assert passes[0] != passes[1]
    assert len(loader) == 6
    grouped = sum(int((batch["attention_mask"] == 0).sum()) for batch in loader)
    plain = sum(int((batch["attention_mask"] == 0).sum()) for batch in text_loader(data, size=4, shuffle=False))
    assert grouped < 0.5 * plain
    loader.batch_sampler.begin(1)  # type: ignore[union-attr]
    assert [batch["labels"].tolist() for batch in loader] == passes[0]


def test_labels_go_both_ways_and_are_saved_sorted():
    for given, expected in ((["shop", "book", "shop"], ("book", "shop")), ([4.0, 1.0, 5.0], (1.0, 4.0, 5.0))):
        labels = LabelMap.fit(given)
        assert labels.labels == expected
        assert labels.decoded(labels.ids(given)) == given
        assert LabelMap.from_json(json.loads(json.dumps(labels.as_json()))) == labels
        assert [labels.label2id[labels.id2label[k]] for k in range(len(expected))] == list(range(len(expected)))


def test_every_form_of_targets_has_the_loss_that_fits():
    labels = LabelMap.fit([1, 3, 5])
    classes, shares, numbers = (labels.targets([5, 1], form) for form in ("class", "one_hot", "real"))
    assert classes.tolist() == [2, 0]
    assert shares.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert numbers.tolist() == [5.0, 1.0]
    outputs = torch.randn(2, 3)
    assert loss_of("class")(outputs, classes).item() == pytest.approx(loss_of("one_hot")(outputs, shares).item())
    assert loss_of("real")(torch.tensor([[4.0], [1.0]]), numbers).item() == 0.5
    assert [labels.width(form) for form in ("class", "one_hot", "real")] == [3, 3, 1]


def test_what_cannot_be_learned_from_is_refused(tokenizer):
    wrong: list[tuple[list[Any], str]] = [
        ([], "no labels"),
        (["a", 1], "some are numbers"),
        ([1.0, float("nan")], "missing"),
        ([1.0, np.float32("nan")], "missing"),
        ([1.0, None], "missing"),
        (["a", None], "missing"),
    ]
    for labels, match in wrong:
        with pytest.raises(DataError, match=match):
            LabelMap.fit(labels)
    known = LabelMap.fit(["a", "b"])
    with pytest.raises(DataError, match="'c' is none of the classes"):
        known.ids(["c"])
    with pytest.raises(DataError, match="no class 2"):
        known.decoded([2])
    with pytest.raises(DataError, match="have no numbers"):
        known.targets(["a"], "real")
    with pytest.raises(DataError, match="2 texts and 1 labels"):
        TextDataset(["a", "b"], torch.zeros(1), tokenizer=tokenizer)
    with pytest.raises(ConfigError, match="max_length"):
        TextDataset(["a"], None, tokenizer=tokenizer, max_length=0)


def test_a_device_that_is_not_there_is_refused(tiny, tokenizer):
    for device in ("abacus", "cuda:97", "meta"):
        with pytest.raises(ConfigError, match="device"):
            fit_module(Likes(tiny, tokenizer), SETTINGS, device=device)

"""Sequence recommenders in a world whose order is known, and how their batches are read."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from penchant.errors import ConfigError
from penchant.interfaces import FitOptions
from penchant.models.holdout import held_out
from penchant.models.popularity import Popularity
from penchant.models.sequential.bert4rec import BERT4Rec, BERT4RecConfig, ClozeModule, whole_windows
from penchant.models.sequential.caser import Caser
from penchant.models.sequential.gru4rec import GRU4Rec
from penchant.models.sequential.next_item import ForwardModule, ForwardNetwork, NextItemRecommender
from penchant.models.sequential.sasrec import SASRec, SASRecConfig
from penchant.models.sequential.windows import NO_TARGET, WindowBatch
from tests.models.measures import ndcg
from tests.models.toys import strangers
from tests.worlds import genre_world

WORLD = genre_world()
TRAINING, CASES = held_out(WORLD, FitOptions())
QUICK: dict[str, Any] = {
    "dim": 16,
    "dropout": 0.1,
    "batch_tokens": 256,
    "training": {"learning_rate": 0.01, "warmup_steps": 5, "max_epochs": 6, "evaluate_every": 3, "schedule": "linear"},
}
SETTINGS: dict[type[NextItemRecommender], dict[str, Any]] = {
    BERT4Rec: {
        **QUICK,
        "dim": 32,
        "dropout": 0.0,
        "hidden_share": 0.4,
        "training": {"learning_rate": 0.008, "warmup_steps": 20, "max_epochs": 14, "evaluate_every": 7},
    },
    Caser: QUICK,
    GRU4Rec: QUICK,
    SASRec: QUICK,
}


def fitted(cls: type[NextItemRecommender], **settings: Any) -> NextItemRecommender:
    config = cls.config_class.of({**SETTINGS[cls], **settings})
    return cls(config).fit(TRAINING, options=FitOptions(validation=CASES))


@pytest.fixture(scope="module", params=SETTINGS, ids=lambda cls: cls.name)
def model(request):
    return fitted(request.param)


def test_it_foresees_the_next_item_far_better_than_popularity(model):
    assert ndcg(model, CASES, WORLD) > 0.45 > 3 * ndcg(Popularity().fit(TRAINING), CASES, WORLD)


def test_shuffling_the_history_lowers_the_metric(model):
    rng = np.random.default_rng(0)
    histories = CASES.histories
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    shuffled = replace(histories, items=histories.items[np.lexsort((rng.random(len(owners)), owners))])
    assert ndcg(model, replace(CASES, histories=shuffled), WORLD) < 0.7 * ndcg(model, CASES, WORLD)


def test_padding_does_not_change_a_user(model):
    alone = model.score(strangers([4, 5], n_items=60))
    beside = model.score(strangers([4, 5], list(range(40)), [], n_items=60))
    np.testing.assert_allclose(alone[0], beside[0], atol=1e-4)


@pytest.mark.parametrize("cls", SETTINGS, ids=lambda cls: cls.name)
def test_only_the_last_events_count(cls):
    short = fitted(cls, max_length=3, training={**QUICK["training"], "max_epochs": 1})
    long, recent = short.score(strangers([9, 8, 7, 1, 2, 3], [1, 2, 3], n_items=60))
    np.testing.assert_allclose(long, recent, atol=1e-5)


@pytest.mark.parametrize("settings", [{"full_softmax_items": 0, "negatives": 32}, {"loss": "binary", "unseen": 4}])
def test_the_other_losses_learn_too(settings):
    assert ndcg(fitted(GRU4Rec, **settings), CASES, WORLD) > 0.4


class Echo(ForwardNetwork):
    """States that are the events themselves."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.width = dim

    def forward(self, events_BLD: torch.Tensor, lengths_B: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        return events_BLD


BATCH = WindowBatch(  # a whole history 1 2 3; a window 5 6 7 cut out of a longer one; a single event
    torch.tensor([[1, 2], [5, 6], [0, 0]]),
    torch.tensor([[1, 2, 3], [NO_TARGET, 6, 7], [9, NO_TARGET, NO_TARGET]]),
    torch.tensor([0, 1, 2]),
)


def test_each_state_foresees_what_follows_it_and_no_more():
    module = ForwardModule(10, 10, Echo(10))
    with torch.no_grad():
        module.items.weight.copy_(torch.eye(10))
        module.start.fill_(-1.0)
    states, targets, rows = module.examples(BATCH)
    seen = [-1 if state.max() < 0 else int(state.argmax()) for state in states]
    found = sorted(zip(seen, targets.tolist(), rows.tolist(), strict=True))
    assert found == [(-1, 1, 0), (-1, 9, 2), (1, 2, 0), (2, 3, 0), (5, 6, 1), (6, 7, 1)]


def test_looking_further_ahead_adds_the_events_after_the_next():
    module = ForwardModule(10, 10, Echo(10), ahead=3)
    with torch.no_grad():
        module.items.weight.copy_(torch.eye(10))
        module.start.fill_(-1.0)
    states, targets, _ = module.examples(BATCH)
    seen = [-1 if state.max() < 0 else int(state.argmax()) for state in states]
    found = sorted(zip(seen, targets.tolist(), strict=True))
    assert found == [(-1, 1), (-1, 2), (-1, 3), (-1, 9), (1, 2), (1, 3), (2, 3), (5, 6), (5, 7), (6, 7)]


def test_a_bias_is_one_more_coordinate():
    module = ForwardModule(10, 4, Echo(4), biased=True)
    with torch.no_grad():
        assert module.bias is not None
        module.bias.copy_(torch.arange(10.0))
    items, lengths = torch.tensor([[1, 2]]), torch.tensor([2])
    scores = module.read(items, lengths) @ module.vectors().T
    expected = module.items.weight[2] @ module.items.weight.T + torch.arange(10.0)
    torch.testing.assert_close(scores[0], expected)


def test_whole_windows_put_inputs_and_last_target_together():
    sequences, lengths = whole_windows(BATCH)
    assert lengths.tolist() == [3, 3, 1]
    assert [row[:n] for row, n in zip(sequences.tolist(), lengths.tolist(), strict=True)] == [[1, 2, 3], [5, 6, 7], [9]]


def cloze(**settings: Any) -> ClozeModule:
    torch.manual_seed(0)
    return ClozeModule(10, BERT4RecConfig(dim=8, **settings)).eval()


def test_a_hidden_event_cannot_be_seen_and_both_sides_of_it_can():
    module = cloze()
    hidden = torch.tensor([[False, False, True, False, False]])
    length = torch.tensor([5])

    def state(sequence: list[int]) -> torch.Tensor:
        return module.states(torch.tensor([sequence]), hidden, length)[0, 2]

    plain = state([1, 2, 3, 4, 5])
    torch.testing.assert_close(state([1, 2, 9, 4, 5]), plain)
    assert not torch.allclose(state([1, 9, 3, 4, 5]), plain)
    assert not torch.allclose(state([1, 2, 3, 9, 5]), plain)


def test_every_sequence_has_something_hidden_and_the_share_is_kept():
    module = cloze(hidden_share=0.3, last_share=0.0)
    sequences = torch.arange(10).repeat(200, 2)[:, :12]
    batch = WindowBatch(sequences[:, :-1], sequences, torch.arange(200))
    torch.manual_seed(1)
    _, targets, rows = module.examples(batch)
    assert set(rows.tolist()) == set(range(200))
    assert len(targets) / sequences.numel() == pytest.approx(0.3, abs=0.03)
    _, targets, rows = cloze(last_share=1.0).examples(batch)
    assert targets.tolist() == sequences[:, -1].tolist()


def test_unwanted_items_are_none_of_the_window():
    model = SASRec(SASRecConfig(unseen=50))
    module = ForwardModule(10, 10, Echo(10))
    module.counts.fill_(1)
    with torch.no_grad():
        module.items.weight.zero_()
        module.items.weight[1:4] = 10.0  # a window's own item would cost 100 or more if it were drawn
        module.start.fill_(1.0)
    own = WindowBatch(BATCH.items_BL[:1], BATCH.targets_BS[:1], BATCH.users_B[:1])
    torch.manual_seed(2)
    loss = model.loss(module, own).item()
    assert 10 * np.log(2) < loss <= 50 * np.log(2)  # an unseen item scores 0 and costs log 2


@pytest.mark.parametrize("cls", [SASRec, BERT4Rec])
def test_heads_must_divide_the_dimension(cls):
    with pytest.raises(ConfigError, match="multiple"):
        cls.config_class.of({"dim": 10, "heads": 3})


@pytest.mark.parametrize(
    ("cls", "settings"),
    [
        (GRU4Rec, {"layers": 2}),
        (SASRec, {"layers": 1}),
        (SASRec, {"heads": 2}),
        (SASRec, {"unseen": 3}),
        (BERT4Rec, {"hidden_share": 0.9}),
        (BERT4Rec, {"last_share": 1.0}),
        (Caser, {"window": 2}),
        (Caser, {"ahead": 1}),
        (Caser, {"horizontal": 3}),
        (Caser, {"vertical": 1}),
        (GRU4Rec, {"batch_tokens": 100}),
        (GRU4Rec, {"full_softmax_items": 0}),
        (GRU4Rec, {"validation_users": 3}),
    ],
)
def test_every_setting_reaches_the_model(cls, settings):
    def short(**more: Any) -> NextItemRecommender:
        quick = {"dim": 8, "training": {"max_epochs": 1, "warmup_steps": 1}}
        few = TRAINING.select(TRAINING.events.users < 30)
        model: NextItemRecommender = cls(cls.config_class.of({**quick, **more}))
        return model.fit(few, options=FitOptions(validation=CASES))

    plain, changed = short(), short(**settings)
    if "validation_users" in settings:
        assert plain.record is not None
        assert changed.record is not None
        assert plain.record.best_value != changed.record.best_value
    else:
        assert not np.array_equal(plain.score(CASES.histories), changed.score(CASES.histories))

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from penchant.data.protocols import leave_one_out
from penchant.errors import DataError
from penchant.interfaces import FitOptions
from penchant.models.matrix_factorization.bpr import BPR, BPRConfig
from penchant.models.popularity import Popularity
from penchant.progress import Advance, Progress
from tests.models.measures import ndcg
from tests.models.toys import dataset_of, strangers
from tests.worlds import genre_world

WORLD = genre_world(users=80)
SPLIT = leave_one_out(WORLD)
QUICK: dict[str, Any] = {"max_epochs": 10, "learning_rate": 0.02, "warmup_steps": 0}


def bpr(**settings: Any) -> BPR:
    return BPR(BPRConfig.of({"dim": 8, "training": QUICK, "smallest_batch": 256, **settings}))


@pytest.fixture(scope="module")
def model() -> BPR:
    return bpr().fit(SPLIT.train, options=FitOptions(validation=SPLIT.validation))


def test_the_loss_falls(model):
    losses = [epoch.loss for epoch in model.record.epochs]
    assert losses[-1] < 0.8 * losses[0]
    assert losses[0] < np.log(2) + 0.05  # what no knowledge costs


def test_a_folded_in_user_ranks_about_as_well_as_a_trained_one(model):
    """On the validation cases, whose histories are what was trained on, by NDCG@10: within a fifth of the figure that
    decided the training, which is that of trained vectors."""
    plain = BPR(model.config.model_copy(update={"decay": 1.0}))
    plain.__dict__.update({k: v for k, v in model.__dict__.items() if k != "config"})
    assert ndcg(plain, SPLIT.validation, WORLD) > 0.8 * model.record.best_value
    assert ndcg(model, SPLIT.validation, WORLD) > 2 * ndcg(Popularity().fit(SPLIT.train), SPLIT.validation, WORLD)


@pytest.mark.parametrize("unknown", [False, True])
def test_validation_users_without_training_events_are_asked_for_as_when_serving(unknown):
    """As under folds of users: the value that decides is what the saved model reaches on them, not that of vectors
    which no step ever moved; nor does it matter whether the dataset has a row for them."""
    cases = SPLIT.validation.take(np.flatnonzero(SPLIT.validation.histories.users >= 50))
    rest = SPLIT.train.select(SPLIT.train.events.users < 50)
    if unknown:
        cases = replace(cases, histories=replace(cases.histories, users=np.full(len(cases), -1, dtype=np.int32)))
    model = bpr().fit(rest, options=FitOptions(validation=cases))
    assert model.record is not None
    assert model.record.best_value == pytest.approx(ndcg(model, cases, WORLD), abs=1e-6)
    assert model.record.best_value > 1.5 * ndcg(Popularity().fit(rest), cases, WORLD)


def test_every_validation_also_measures_training(model):
    assert all(epoch.training is not None for epoch in model.record.epochs if epoch.validation is not None)
    assert any(epoch.training is not None for epoch in model.record.epochs)


def test_recent_events_count_more():
    settings = {"decay": 0.3}
    model = bpr(**settings).fit(SPLIT.train, options=FitOptions(validation=SPLIT.validation))
    last_chess, last_opera = model.score(strangers([2, 3, 46, 47], [46, 47, 2, 3], n_items=60))
    assert last_chess[45:].mean() > last_opera[45:].mean()
    assert last_chess[:15].mean() < last_opera[:15].mean()


def test_an_empty_history_is_answered_by_the_biases(model):
    np.testing.assert_array_equal(model.score(strangers([], n_items=60))[0], model.item_biases)


def test_items_without_events_share_the_lowest_score():
    data = WORLD.select((WORLD.events.items != 7) & (WORLD.events.items != 33))
    model = bpr(training={**QUICK, "max_epochs": 4}).fit(data)
    scores = model.score(data.histories())
    np.testing.assert_array_equal(scores[:, [7, 33]], np.tile(scores.min(axis=1)[:, None], 2))
    assert set(np.argsort(model.item_biases)[:2]) == {7, 33}  # never wanted, sometimes unwanted


class Totals(Progress):
    """Remembers how many steps were announced."""

    def __init__(self) -> None:
        self.totals: list[int | None] = []

    @contextmanager
    def task(self, name: str, total: int | None = None) -> Iterator[Advance]:
        self.totals.append(total)
        with super().task(name, total) as advance:
            yield advance


@pytest.mark.parametrize(("settings", "steps"), [({"steps": 20, "smallest_batch": 1}, 20), ({"steps": 20}, 4)])
def test_an_epochs_steps_do_not_grow_with_the_data(settings, steps):
    """About 900 touches: 20 steps of 45, or, by at least 256 at a time, 4."""
    progress = Totals()
    model = bpr(training={**QUICK, "max_epochs": 1}, **settings)
    model.fit(SPLIT.train, options=FitOptions(validation=SPLIT.validation, progress=progress))
    assert progress.totals == [steps]


def test_randomness_outside_is_left_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    bpr(training={**QUICK, "max_epochs": 1}).fit(SPLIT.train)
    torch.testing.assert_close(torch.rand(2), expected)


def test_no_events_are_refused():
    data = dataset_of([[0]], 2)
    with pytest.raises(DataError, match="no item events"):
        bpr().fit(data.select(np.zeros(1, dtype=np.bool_)))

"""What all neural recommenders share, asked of each of them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from penchant.data.dataset import Dataset
from penchant.errors import BundleError, DataError, TrainingError
from penchant.interfaces import FitOptions
from penchant.models.holdout import held_out
from penchant.models.neural.attentive_cf import AttentiveCF
from penchant.models.neural.autoencoder import Autoencoder
from penchant.models.neural.neumf import NeuMF
from penchant.models.neural.recommender import NeuralRecommender
from penchant.models.neural.two_tower import TwoTower
from penchant.models.sequential.bert4rec import BERT4Rec
from penchant.models.sequential.caser import Caser
from penchant.models.sequential.gru4rec import GRU4Rec
from penchant.models.sequential.sasrec import SASRec
from tests.models.toys import dataset_of, strangers
from tests.worlds import genre_world

MODELS: tuple[type[NeuralRecommender[Any, Any]], ...] = (
    AttentiveCF,
    Autoencoder,
    BERT4Rec,
    Caser,
    GRU4Rec,
    NeuMF,
    SASRec,
    TwoTower,
)
COLD = 59
WORLD = genre_world(users=40)
DATA = WORLD.select(WORLD.events.items != COLD)
TRAINING, CASES = held_out(DATA, FitOptions())


def fitted(
    cls: type[NeuralRecommender[Any, Any]], data: Dataset = DATA, **settings: Any
) -> NeuralRecommender[Any, Any]:
    training = {"max_epochs": 2, "learning_rate": 0.01, "warmup_steps": 2, **settings.pop("training", {})}
    return cls(cls.config_class.of({"dim": 8, **settings, "training": training})).fit(data)


@pytest.fixture(scope="module", params=MODELS, ids=lambda cls: cls.name)
def cls(request):
    return request.param


@pytest.fixture(scope="module")
def model(cls):
    return fitted(cls)


def weight_norm(model: NeuralRecommender[Any, Any]) -> float:
    return sum(float(p.detach().square().sum()) for p in model.module.parameters() if p.ndim > 1)


def test_weights_shrink_as_the_decay_grows(cls):
    norms = [
        weight_norm(fitted(cls, training={"weight_decay": decay, "learning_rate": 0.02})) for decay in (0.0, 1.0, 5.0)
    ]
    assert norms[0] > norms[1] > norms[2]


def test_dropout_is_active_in_training_only(model):
    histories = CASES.histories.take(slice(0, 6))

    def twice() -> bool:
        first, second = (model.scores(model.module, histories).detach().numpy() for _ in range(2))
        return np.array_equal(first, second)

    assert twice()
    model.module.train()
    assert not twice()
    model.module.eval()
    assert twice()


def test_no_dropout_leaves_training_mode_without_noise(cls):
    settings: dict[str, Any] = {"variational": False} if cls is Autoencoder else {}
    model = fitted(cls, dropout=0.0, training={"max_epochs": 1}, **settings)
    histories = CASES.histories.take(slice(0, 6))
    calm = model.scores(model.module, histories).detach().numpy()
    model.module.train()
    np.testing.assert_allclose(model.scores(model.module, histories).detach().numpy(), calm, atol=1e-5)


def test_an_item_without_events_shares_the_lowest_score(model):
    scores = model.score(CASES.histories)
    if model.folds_in_items:
        assert (scores[:, COLD] > scores.min(axis=1)).any()
    else:
        np.testing.assert_array_equal(scores[:, COLD], scores.min(axis=1))


def test_the_best_epoch_and_the_gap_to_the_training_part_are_recorded(model):
    record = model.record
    assert record is not None
    assert record.best_value == max(epoch.validation for epoch in record.epochs if epoch.validation is not None)
    assert record.gap is not None


def test_weights_that_do_not_fit_the_settings_are_refused(cls, model, tmp_path):
    model.save(tmp_path)
    settings = tmp_path / "model.json"
    settings.write_text(settings.read_text().replace('"dim":8', '"dim":16').replace('"dim": 8', '"dim": 16'))
    with pytest.raises(BundleError, match="weights"):
        cls.load(tmp_path)


def test_fitting_and_loading_leave_the_global_generator_alone(tmp_path):
    state = torch.random.get_rng_state()
    fitted(GRU4Rec, training={"max_epochs": 1}).save(tmp_path)
    GRU4Rec.load(tmp_path)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_training_that_diverges_says_so():
    with pytest.raises(TrainingError, match="diverged"):
        fitted(Caser, training={"learning_rate": 1e30, "warmup_steps": 0})


def test_a_dataset_without_events_is_refused(cls):
    with pytest.raises(DataError, match="no item events"):
        cls().fit(dataset_of([[]], 3))


def test_single_events_train_without_validation(cls):
    model = fitted(cls, dataset_of([[0], [1], [1], [2]], 4))
    assert np.isfinite(model.score(strangers([1], [], n_items=4))).all()


def test_events_of_an_unknown_user_are_enough(model):
    histories = CASES.histories.take(slice(0, 4))
    stranger = replace(histories, users=np.full(4, -1, dtype=np.int32))
    np.testing.assert_allclose(model.score(stranger), model.score(histories), atol=1e-5)

from typing import Any

import numpy as np
import pytest

from penchant.errors import ConfigError
from penchant.interfaces import FitOptions
from penchant.models.holdout import held_out
from penchant.models.hybrid import WEIGHTS, Interest, InterestConfig
from tests.models.measures import ndcg
from tests.models.toys import dataset_of, genre_texts, strangers
from tests.worlds import genre_world

WORLD = genre_world()
TRAINING, CASES = held_out(WORLD, FitOptions())
QUICK: dict[str, Any] = {
    "tracker": {
        "dim": 16,
        "dropout": 0.1,
        "batch_tokens": 256,
        "training": {"learning_rate": 0.01, "warmup_steps": 5, "max_epochs": 8},
    }
}


@pytest.fixture(scope="module")
def interest() -> Interest:
    options = FitOptions(validation=CASES, item_vectors=genre_texts(WORLD))
    return Interest(InterestConfig.of(QUICK)).fit(TRAINING, options=options)


def test_scores_are_the_gated_sum_of_the_two_parts(interest):
    histories = CASES.histories.take(slice(0, 20))
    gates = interest.gates(histories)
    similarity = (interest.tracker.user_vectors(histories) @ interest.tracker.item_vectors.T).astype(np.float64)
    neighbours = interest.knn.score(histories).astype(np.float64)
    expected = gates.offset_B[:, None] + gates.tracker_B[:, None] * similarity + gates.knn_B[:, None] * neighbours
    np.testing.assert_allclose(interest.score(histories), expected, atol=2e-5)


def test_each_user_s_tracker_scores_are_standardised_and_his_best_neighbour_weighs_w(interest):
    histories = CASES.histories.take(slice(0, 20))
    gates = interest.gates(histories)
    part = gates.tracker_B[:, None] * interest.tracker.score(histories) + gates.offset_B[:, None]
    np.testing.assert_allclose(part.mean(axis=1), 0.0, atol=1e-4)
    np.testing.assert_allclose(part.std(axis=1), 1.0, atol=1e-4)
    best = (gates.knn_B[:, None] * interest.knn.score(histories)).max(axis=1)
    np.testing.assert_allclose(best, interest.knn_weight, rtol=1e-6)


def test_the_weight_is_the_best_on_validation_and_the_blend_no_worse_than_its_parts(interest):
    assert tuple(interest.validation) == WEIGHTS
    assert interest.validation[interest.knn_weight] == max(interest.validation.values())
    assert ndcg(interest, CASES, WORLD) == pytest.approx(interest.validation[interest.knn_weight], abs=1e-6)
    assert interest.validation[0.0] == pytest.approx(ndcg(interest.tracker, CASES, WORLD), abs=1e-3)
    assert ndcg(interest, CASES, WORLD) >= max(interest.validation[0.0], ndcg(interest.knn, CASES, WORLD) - 1e-9)


def test_a_history_without_neighbours_rests_on_the_tracker(interest):
    gates = interest.gates(strangers([], n_items=60))
    assert gates.knn_B[0] == 0.0
    assert gates.tracker_B[0] > 0.0
    assert np.isfinite(interest.score(strangers([], n_items=60))).all()


def test_a_given_weight_is_used_and_none_is_tried():
    config = InterestConfig.of({**QUICK, "knn_weight": 2.5, "item_knn": {"window": 3}, "validation_users": 7})
    short = config.model_copy(update={"tracker": config.tracker.model_copy(update={"max_length": 4})})
    model = Interest(short)
    assert (model.knn_weight, model.knn.config.window, model.tracker.config.max_length) == (2.5, 3, 4)
    model.fit(dataset_of([[0, 1, 2], [1, 2, 0]], 3))
    assert model.knn_weight == 2.5
    assert model.validation == {}


def test_its_own_hold_out_goes_back_into_the_neighbours():
    data = dataset_of([[0, 1], [0, 1], [0, 1]], 3)
    config = InterestConfig.of({"tracker": {"training": {"max_epochs": 1}}})
    model = Interest(config).fit(data)
    assert model.knn.neighbours[0, 1] > 0  # the pair's second event was held out
    given = held_out(data, FitOptions())
    assert Interest(config).fit(given[0], options=FitOptions(validation=given[1])).knn.neighbours.nnz == 0


def test_refreshing_neighbours_leaves_the_tracker(interest):
    histories = CASES.histories.take(slice(0, 5))
    other = Interest(interest.config)
    other.tracker, other.knn, other.knn_weight = interest.tracker, interest.knn, interest.knn_weight
    other._measure()
    before = other.tracker.score(histories)
    other.refresh_neighbours(WORLD)
    assert not np.array_equal(other.knn.score(histories), interest.knn.score(histories))
    np.testing.assert_array_equal(before, other.tracker.score(histories))


def test_a_wrong_inner_setting_is_named():
    with pytest.raises(ConfigError, match=r"tracker\.dimm"):
        InterestConfig.of({"tracker": {"dimm": 3}})

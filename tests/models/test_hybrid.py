from typing import Any

import numpy as np
import pytest

from penchant.errors import ConfigError
from penchant.interfaces import FitOptions
from penchant.models.blend import Blend
from penchant.models.holdout import held_out
from penchant.models.hybrid import Interest
from penchant.models.hybrid_config import InterestConfig
from penchant.models.neighborhood import ItemKNN
from tests.models.measures import ndcg
from tests.models.test_neighborhood import taste_world
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


def test_scores_are_the_gated_sum_of_the_parts(interest):
    histories = CASES.histories.take(slice(0, 20))
    parts = interest.parts(histories)
    gates = parts.gates
    similarity = (interest.tracker.user_vectors(histories) @ interest.tracker.item_vectors.T).astype(np.float64)
    expected = gates.offset_B[:, None] + gates.tracker_B[:, None] * similarity
    assert set(parts.beside) == set(interest.blend.weights)
    for name, scores in parts.beside.items():
        expected = expected + gates.beside[name][:, None] * scores
    np.testing.assert_allclose(interest.score(histories), expected, atol=2e-5)


@pytest.mark.parametrize(
    "weights", [{"knn": 2.0, "graph": 0.8, "content": 1.5, "popularity": 0.7, "newness": 0.4}, {"knn": 1.0}, {}]
)
def test_every_source_is_a_sum_over_events_or_popularity(weights):
    config = InterestConfig.of({**QUICK, "weights": weights})
    model = Interest(config).fit(TRAINING, options=FitOptions(validation=CASES, item_vectors=genre_texts(WORLD)))
    assert set(model.beside) == set(weights) - {"popularity", "newness"}
    histories, items = CASES.histories.take([4]), np.array([3, 17, 40], dtype=np.int32)
    parts = model.parts(histories)
    told = model.event_parts(histories, parts, items).sum(axis=0) + sum(model.item_parts(parts.gates, items).values())
    beside = np.broadcast_to(parts.summed_beside(), (1, WORLD.n_items))
    np.testing.assert_allclose(told, beside[0, items], atol=1e-5)


def test_each_user_s_tracker_scores_are_standardised_and_his_best_neighbour_weighs_w(interest):
    histories = CASES.histories.take(slice(0, 20))
    parts = interest.parts(histories)
    gates = parts.gates
    part = gates.tracker_B[:, None] * interest.tracker.score(histories) + gates.offset_B[:, None]
    np.testing.assert_allclose(part.mean(axis=1), 0.0, atol=1e-4)
    np.testing.assert_allclose(part.std(axis=1), 1.0, atol=1e-4)
    best = (gates.beside["knn"][:, None] * parts.beside["knn"]).max(axis=1)
    np.testing.assert_allclose(best, interest.blend.weight("knn", histories.lengths), rtol=1e-6)


def test_the_blend_is_as_good_on_validation_as_it_says_and_no_worse_than_the_tracker(interest):
    said = interest.blend.validation
    assert ndcg(interest, CASES, WORLD) == pytest.approx(said["blend"], abs=1e-6)
    assert said["lead"] == pytest.approx(ndcg(interest.tracker, CASES, WORLD), abs=1e-3)
    assert said["blend"] >= said["lead"]


def test_a_history_without_neighbours_rests_on_the_tracker(interest):
    gates = interest.gates(strangers([], n_items=60))
    assert gates.beside["knn"][0] == 0.0
    assert gates.tracker_B[0] > 0.0
    assert np.isfinite(interest.score(strangers([], n_items=60))).all()


def test_given_weights_are_used_and_none_is_tried():
    config = InterestConfig.of({**QUICK, "weights": {"knn": 2.5}, "item_knn": {"window": 3}, "validation_users": 7})
    short = config.model_copy(update={"tracker": config.tracker.model_copy(update={"max_length": 4})})
    model = Interest(short).fit(dataset_of([[0, 1, 2], [1, 2, 0]], 3))
    assert (model.config.item_knn.window, model.tracker.config.max_length) == (3, 4)
    assert model.blend is not None
    assert model.blend.weights == {"knn": (2.5,)}
    assert model.blend.validation == {}


def test_a_source_that_is_switched_off_is_not_there():
    config = InterestConfig.of({**QUICK, "sources": ["content"]})
    model = Interest(config).fit(TRAINING, options=FitOptions(validation=CASES, item_vectors=genre_texts(WORLD)))
    assert model.blend is not None
    assert set(model.blend.weights) <= {"content"}
    assert "knn" not in model.beside


@pytest.mark.parametrize("sources", [[], ["content"]])
def test_with_nothing_beside_it_the_tracker_stands_alone(sources):
    """The world without texts has no content to compare, so that source has nothing to say either."""
    model = Interest(InterestConfig.of({**QUICK, "sources": sources})).fit(
        TRAINING, options=FitOptions(validation=CASES)
    )
    histories = CASES.histories.take(slice(0, 5))
    assert model.parts(histories).beside == {}
    alone = model.tracker.score(histories)
    assert np.argsort(-model.score(histories), axis=1)[:, :5].tolist() == np.argsort(-alone, axis=1)[:, :5].tolist()


def test_its_own_hold_out_goes_back_into_the_neighbours():
    data = dataset_of([[0, 1], [0, 1], [0, 1]], 3)
    config = InterestConfig.of({"tracker": {"training": {"max_epochs": 1}}, "weights": {"knn": 1.0}})

    def neighbours(model: Interest) -> ItemKNN:
        [knn] = model.beside.values()
        assert isinstance(knn, ItemKNN)
        return knn

    assert neighbours(Interest(config).fit(data)).neighbours[0, 1] > 0  # the pair's second event was held out
    training, cases = held_out(data, FitOptions())
    alone = Interest(config).fit(training, options=FitOptions(validation=cases))
    assert neighbours(alone).neighbours.nnz == 0


def test_refreshing_counts_again_and_leaves_the_tracker(interest, tmp_path):
    interest.save(tmp_path)
    other = Interest.load(tmp_path)
    histories = CASES.histories.take(slice(0, 5))
    before = other.tracker.score(histories)
    other.refresh(WORLD)
    assert not np.array_equal(other.parts(histories).beside["knn"], interest.parts(histories).beside["knn"])
    np.testing.assert_array_equal(before, other.tracker.score(histories))


def test_a_wrong_inner_setting_is_named():
    with pytest.raises(ConfigError, match=r"tracker\.dimm"):
        InterestConfig.of({"tracker": {"dimm": 3}})


def test_neighbours_that_know_no_order_stay_so_when_they_are_counted_again():
    """Which similarity ranks better is asked of validation once; counting again asks nobody."""
    data = taste_world(ordered=False)
    training, cases = held_out(data, FitOptions())
    config = InterestConfig.of({**QUICK, "weights": {"knn": 1.0, "graph": 0.5}})
    model = Interest(config).fit(training, options=FitOptions(validation=cases))
    read = [source.chosen for source in model.beside.values() if isinstance(source, ItemKNN)]
    assert [settings.similarity for settings in read] == ["cosine", "cosine"]
    counted = [source for source in model.refresh(data).beside.values() if isinstance(source, ItemKNN)]
    assert [source.chosen for source in counted] == read
    assert not any(source.tried for source in counted)


def test_what_a_person_says_of_the_neighbours_is_not_taken_for_the_graph_s():
    """Pearson's correlation is none that a graph chooses from, and a cosine with a decay of its own is not its."""
    data = taste_world(ordered=False)
    for said in ({"similarity": "pearson", "signal": {"values": "count"}}, {"similarity": "cosine", "decay": 0.3}):
        config = InterestConfig.of({**QUICK, "item_knn": said, "weights": {"knn": 1.0, "graph": 0.5}})
        graph = Interest(config).fit(data).beside["graph"]
        assert isinstance(graph, ItemKNN)
        assert (graph.chosen.similarity, graph.chosen.decay) == ("cosine", 1.0)


def test_every_source_is_there_once_all_events_are_counted():
    weights = {"knn": 1.0, "graph": 0.5, "content": 1.5, "popularity": 0.7}
    data = genre_world(users=60)
    config = InterestConfig.of({**QUICK, "weights": weights})
    model = Interest(config).fit(data, options=FitOptions(item_vectors=genre_texts(data)))
    assert set(model.beside) == {"knn", "graph", "content"}
    told = model.parts(data.histories().take([3])).beside
    assert all(told[name].any() for name in weights)


def test_a_copy_that_goes_on_leaves_the_sources_of_the_first_as_they_were():
    """The catalogue grew by an item without events, and the new blend has neither graph nor content."""
    first = dataset_of([[0, 1, 2, 3], [1, 2, 3, 4], [4, 3, 2, 1]] * 4, 5)
    wider = dataset_of([[0, 1, 2, 3], [1, 2, 3, 4], [4, 3, 2, 1]] * 4, 6)
    texts = np.eye(6, dtype=np.float32) + 0.5
    config = InterestConfig.of({**QUICK, "weights": {"knn": 1.0, "graph": 0.5, "content": 1.5}})
    model = Interest(config).fit(first, options=FitOptions(item_vectors=texts[:5]))
    kept = {name: s.neighbours.toarray() for name, s in model.beside.items() if isinstance(s, ItemKNN)}
    tracker = Interest(config).fit(wider, options=FitOptions(item_vectors=texts)).tracker
    other = model.continued(tracker, wider, blend=Blend.of({"knn": 1.0}), options=FitOptions(item_vectors=texts))
    assert set(other.beside) == {"knn"}
    assert other.score(strangers([0, 1], n_items=6)).shape == (1, 6)
    assert set(kept) == {"knn", "graph"}
    for name, was in kept.items():
        source = model.beside[name]
        assert isinstance(source, ItemKNN)
        np.testing.assert_array_equal(source.neighbours.toarray(), was)

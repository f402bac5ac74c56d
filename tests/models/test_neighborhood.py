import json
from typing import Any

import numpy as np
import pytest

from penchant.data.dataset import Dataset
from penchant.errors import DataError
from penchant.interfaces import FitOptions
from penchant.models.graph.smoothing import GraphSmoothingConfig
from penchant.models.holdout import held_out
from penchant.models.neighborhood import ItemKNN
from penchant.models.neighborhood_config import ItemKNNConfig
from penchant.models.saving import SETTINGS
from tests.models.measures import ndcg
from tests.models.toys import dataset_of, strangers
from tests.worlds import genre_world

TOY = dataset_of([[0, 1, 2], [0, 1], [2, 0, 0]], 4)
"""Counts 4, 2, 2, 0 of the items 0 … 3."""


def directed(**settings: Any) -> ItemKNN:
    return ItemKNN(ItemKNNConfig(similarity="cooccurrence", **settings))


def by_hand() -> np.ndarray:
    """κ of the toy, pair by pair. A pair d steps apart weighs d^−0.7 from earlier to later, half of it back."""
    two = 2**-0.7
    w = np.zeros((4, 4))
    for earlier, later, weight in [
        (0, 1, 1.0), (1, 2, 1.0), (0, 2, two),  # user 0
        (0, 1, 1.0),  # user 1
        (2, 0, 1.0), (2, 0, two),  # user 2: 0 twice; the pair 0–0 is no neighbour
    ]:  # fmt: skip
        w[earlier, later] += weight
        w[later, earlier] += 0.5 * weight
    root = np.sqrt([4, 2, 2, 1])
    return w / root[:, None] / root[None, :]


def test_neighbours_equal_the_matrix_by_hand():
    model = directed().fit(TOY)
    np.testing.assert_allclose(model.neighbours.toarray(), by_hand(), rtol=1e-6)


def test_a_history_fades_by_recency_and_repeats_add_up():
    scores = directed().fit(TOY).score(strangers([0, 1, 0], [], [2], n_items=4))
    kappa = by_hand()
    np.testing.assert_allclose(scores[0], 0.36 * kappa[0] + 0.6 * kappa[1] + kappa[0], rtol=1e-5)
    np.testing.assert_array_equal(scores[1], np.zeros(4))
    np.testing.assert_allclose(scores[2], kappa[2], rtol=1e-6)


def test_event_weights_are_the_exact_parts_of_the_score():
    data = genre_world(users=40)
    model = directed().fit(data)
    history = data.histories().take([7])
    items = np.array([3, 0, 41, 17], dtype=np.int32)
    parts = model.event_weights(history, items)
    assert parts.shape == (len(history.items), 4)
    np.testing.assert_allclose(parts.sum(axis=0), model.score(history)[0, items], atol=1e-6)
    assert model.event_weights(strangers([], n_items=60), items).shape == (0, 4)


def test_direction_matters():
    forward = dataset_of([[0, 1]] * 5, 2)
    kappa = directed().fit(forward).neighbours.toarray()
    assert kappa[0, 1] == pytest.approx(2 * kappa[1, 0])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"window": 1}, lambda k: k[0, 2] == 0),
        ({"forward": 0.0}, lambda k: k[0, 1] == pytest.approx(0.5 * k[1, 0]) or k[0, 1] == 0),
        ({"backward": 0.0}, lambda k: k[1, 0] == 0 and k[0, 1] > 0),
        ({"distance_power": 0.0}, lambda k: k[0, 2] == k[0, 1]),
        ({"max_neighbours": 1}, lambda k: (np.count_nonzero(k, axis=1) <= 1).all() and k[0, 1] > 0),
    ],
)
def test_every_setting_reaches_the_neighbours(settings, expected):
    model = directed(**settings).fit(dataset_of([[0, 1, 2]], 3))
    assert expected(model.neighbours.toarray())


def test_decay_reaches_the_score():
    model = directed(decay=1.0).fit(TOY)
    scores = model.score(strangers([0, 1], n_items=4))
    np.testing.assert_allclose(scores[0], by_hand()[0] + by_hand()[1], rtol=1e-6)


@pytest.mark.parametrize("sequences", [[[1], [0, 4]], [[0, 4]]])
def test_items_that_came_after_the_fit_are_refused(sequences):
    """A sparse product does not look at its bounds: it would read what lies behind the neighbours."""
    with pytest.raises(DataError, match=r"item row 4, and the model was fitted with 4 items") as caught:
        directed().fit(TOY).score(strangers(*sequences, n_items=5))
    assert "again" in caught.value.hint


def test_one_event_a_user_gives_no_neighbours():
    model = directed().fit(dataset_of([[0], [1]], 2))
    assert model.neighbours.nnz == 0
    assert not model.score(strangers([0], n_items=2)).any()


def taste_world(*, ordered: bool, seed: int = 0) -> Dataset:
    """Four tastes of 30 items, 60 users each with 12 different items of theirs: in no order, or each after the one
    before it on the shelf.
    """
    rng = np.random.default_rng(seed)
    sequences = []
    for user in range(240):
        shelf = 30 * (user % 4) + np.arange(30)
        start = int(rng.integers(30))
        sequences.append(list(np.roll(shelf, -start)[:12]) if ordered else list(rng.permutation(shelf)[:12]))
    return dataset_of(sequences, 120)


@pytest.mark.parametrize(("ordered", "similarity"), [(True, "cooccurrence"), (False, "cosine")])
def test_auto_reads_the_order_where_it_says_something(ordered, similarity):
    data = taste_world(ordered=ordered)
    training, cases = held_out(data, FitOptions())
    model = ItemKNN().fit(training, options=FitOptions(validation=cases))
    assert model.chosen.similarity == similarity
    assert ndcg(model, cases, data) == pytest.approx(max(model.tried.values()))
    other = ItemKNNConfig(similarity="cosine", decay=1.0) if ordered else ItemKNNConfig(similarity="cooccurrence")
    assert ndcg(model, cases, data) > ndcg(ItemKNN(other).fit(training), cases, data)


def test_auto_counts_all_events_once_it_has_chosen_on_the_last_of_each_user():
    data = taste_world(ordered=True)
    chosen, given = ItemKNN().fit(data), directed().fit(data)
    assert chosen.chosen == given.chosen
    np.testing.assert_array_equal(chosen.neighbours.toarray(), given.neighbours.toarray())
    assert not given.tried


def test_what_auto_chose_is_saved(tmp_path):
    model = ItemKNN(ItemKNNConfig(damping=1.0)).fit(taste_world(ordered=False))
    model.save(tmp_path)
    loaded = ItemKNN.load(tmp_path)
    assert loaded.chosen == model.chosen
    assert loaded.config == model.config
    histories = strangers([3, 40, 7], n_items=120)
    np.testing.assert_array_equal(loaded.score(histories), model.score(histories))


def test_a_model_saved_before_there_was_a_choice_is_read(tmp_path):
    model = directed().fit(taste_world(ordered=True))
    model.save(tmp_path)
    told = json.loads((tmp_path / SETTINGS).read_text(encoding="utf-8"))
    del told["facts"]["chosen"]
    (tmp_path / SETTINGS).write_text(json.dumps(told), encoding="utf-8")
    assert ItemKNN.load(tmp_path).chosen == model.config


@pytest.mark.parametrize("ordered", [True, False])
def test_settings_of_both_similarities_may_be_given_to_auto_and_survive_saving(ordered, tmp_path):
    model = ItemKNN(ItemKNNConfig(damping=3.0, window=4)).fit(taste_world(ordered=ordered))
    model.save(tmp_path)
    assert ItemKNN.load(tmp_path).chosen == model.chosen


@pytest.mark.parametrize("sequences", [[], [[0]], [[0], [], [1]]])
def test_auto_without_a_case_to_choose_by_reads_the_order(sequences):
    model = ItemKNN().fit(dataset_of(sequences, 2))
    assert model.chosen.similarity == "cooccurrence"
    assert not model.tried


def test_the_graph_is_read_as_the_neighbours_unless_it_says_itself():
    chosen = ItemKNNConfig().orders[2]
    graph = GraphSmoothingConfig(steps=(0.0, 1.0)).settled_as(chosen)
    assert (graph.similarity, graph.decay, graph.damping) == ("cosine", 1.0, 20.0)
    assert graph.steps == (0.0, 1.0)
    assert GraphSmoothingConfig(similarity="pearson").settled_as(chosen).similarity == "pearson"
    assert GraphSmoothingConfig(window=3).settled_as(ItemKNNConfig().orders[0]).window == 3

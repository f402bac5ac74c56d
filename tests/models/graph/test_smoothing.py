from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.data.links import Links
from penchant.errors import ConfigError, NotFoundError, UnsupportedError
from penchant.interfaces import FitOptions
from penchant.models.graph.smoothing import STEPS, GraphSmoothing, GraphSmoothingConfig, diffused, strongest_rows
from penchant.models.holdout import held_out
from penchant.models.neighborhood import ItemKNN
from tests.models.measures import ndcg
from tests.models.toys import dataset_of, strangers
from tests.worlds import genre_world

CHAIN = dataset_of([[0, 1]] * 4 + [[1, 2]] * 4 + [[3, 2]] * 4, 5)
"""0 and 2 never meet but over 1; item 4 is cold."""
TWO = GraphSmoothingConfig(steps=(1.0, 3.0))


def by_hand(steps: tuple[float, ...]) -> np.ndarray:
    kappa = ItemKNN().fit(CHAIN).neighbours.toarray().astype(np.float64)
    sums = kappa.sum(axis=1)
    s = kappa / sums[sums > 0].mean()
    total: np.ndarray = np.zeros_like(s)
    walk: np.ndarray = np.eye(len(s))
    for weight in steps:
        walk = walk @ s
        total += weight * walk
    np.fill_diagonal(total, 0.0)
    return total


@pytest.mark.parametrize("steps", [(1.0,), (1.0, 3.0), (0.0, 1.0, 0.5)])
def test_the_diffused_graph_is_the_sum_of_matrix_powers(steps):
    model = GraphSmoothing(GraphSmoothingConfig(steps=steps)).fit(CHAIN)
    np.testing.assert_allclose(model.neighbours.toarray(), by_hand(steps), rtol=1e-5, atol=1e-9)


def test_what_never_met_meets_over_a_third_item():
    assert ItemKNN().fit(CHAIN).score(strangers([0], n_items=5))[0, 2] == 0
    scores = GraphSmoothing(TWO).fit(CHAIN).score(strangers([0], n_items=5))[0]
    assert scores[2] > 0
    assert scores[4] == 0


def test_one_step_orders_as_the_neighbours_do():
    data = genre_world(users=40)
    histories = data.histories().take([0, 5, 9])
    one = GraphSmoothing(GraphSmoothingConfig(steps=(1.0,))).fit(data).score(histories)
    knn = ItemKNN().fit(data).score(histories)
    ratio = knn.sum() / one.sum()
    np.testing.assert_allclose(one * ratio, knn, rtol=1e-3, atol=1e-5)


def test_event_weights_are_the_exact_parts_of_the_score():
    data = genre_world(users=40)
    model = GraphSmoothing().fit(data)
    history, items = data.histories().take([7]), np.array([3, 0, 41, 17], dtype=np.int32)
    parts = model.event_weights(history, items)
    np.testing.assert_allclose(parts.sum(axis=0), model.score(history)[0, items], rtol=1e-5)


def test_random_walks_of_the_personalised_pagerank_agree():
    """θ_k = α^k of a row-stochastic S: the power series is the solution of the linear system."""
    rng = np.random.default_rng(0)
    dense = rng.random((12, 12)) * (rng.random((12, 12)) < 0.4)
    np.fill_diagonal(dense, 0.0)
    dense += np.roll(np.eye(12), 1, axis=1)  # nobody is stuck
    walk = dense / dense.sum(axis=1, keepdims=True)
    alpha = 0.5
    steps = tuple(alpha**k for k in range(1, 60))
    found = diffused(sp.csr_array(walk), steps, through=12, kept=12).toarray()
    expected = np.linalg.inv(np.eye(12) - alpha * walk) - np.eye(12)
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_links_between_items_are_edges_and_reach_cold_items():
    linked = replace(CHAIN, links=Links.of_pairs("also_bought", "item", [0], [4]))
    model = GraphSmoothing(GraphSmoothingConfig(steps=(1.0, 3.0), links=("also_bought",))).fit(linked)
    assert model.score(strangers([0], n_items=5))[0, 4] > 0
    assert model.score(strangers([1], n_items=5))[0, 4] > 0  # over item 0
    plain = GraphSmoothing(GraphSmoothingConfig(steps=(1.0, 3.0), links=("also_bought",), link_weight=0.0)).fit(linked)
    np.testing.assert_allclose(plain.neighbours.toarray(), by_hand((1.0, 3.0)), rtol=1e-5, atol=1e-9)


def test_links_that_are_not_there_are_refused_by_name():
    with pytest.raises(UnsupportedError, match="graph_smoothing needs relations"):
        GraphSmoothing(GraphSmoothingConfig(links=("also_bought",))).fit(CHAIN)
    linked = replace(CHAIN, links=Links.of_pairs("also_bought", "item", [0], [4]))
    with pytest.raises(NotFoundError, match="also_viewed"):
        GraphSmoothing(GraphSmoothingConfig(links=("also_viewed",))).fit(linked)


def test_the_settings_bound_the_neighbours():
    few = GraphSmoothing(GraphSmoothingConfig(steps=(1.0, 3.0), max_neighbours=1)).fit(CHAIN).neighbours
    assert (np.diff(few.indptr) <= 1).all()
    thin = GraphSmoothing(GraphSmoothingConfig(steps=(1.0, 3.0), walk_neighbours=1)).fit(CHAIN).neighbours.toarray()
    assert thin.sum() < by_hand((1.0, 3.0)).sum()
    for wrong in ((), (0.0,), (1.0, -1.0)):
        with pytest.raises(ConfigError, match="steps"):
            GraphSmoothingConfig.of({"steps": wrong})


def test_the_strongest_of_a_row_are_its_largest_and_of_equals_the_first():
    rows = sp.csr_array(np.array([[0.0, 2.0, 1.0, 2.0], [3.0, 3.0, 3.0, 0.0], [0.0, -1.0, 0.0, 0.0]]))
    np.testing.assert_array_equal(
        strongest_rows(rows, 2).toarray(), [[0.0, 2.0, 0.0, 2.0], [3.0, 3.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    )


def test_the_steps_are_those_that_are_best_on_validation():
    data = genre_world(users=80)
    training, cases = held_out(data, FitOptions())
    chosen = GraphSmoothing().fit(training, options=FitOptions(validation=cases))
    assert set(chosen.validation) == set(STEPS)
    assert chosen.steps == max(STEPS, key=chosen.validation.__getitem__)
    assert chosen.validation[chosen.steps] > min(chosen.validation.values())
    given = GraphSmoothing(GraphSmoothingConfig(steps=chosen.steps)).fit(training)
    np.testing.assert_array_equal(given.neighbours.toarray(), chosen.neighbours.toarray())
    assert ndcg(given, cases, data) == pytest.approx(chosen.validation[chosen.steps], abs=0.02)
    assert GraphSmoothing().fit(training).steps in STEPS  # on a last event of its own

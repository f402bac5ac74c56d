import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.errors import ConfigError, NotFoundError, UnsupportedError
from penchant.reranking.calibration import Calibrated, CalibratedConfig, distribution, divergence
from penchant.reranking.catalogue import RERANKERS
from penchant.reranking.choosing import rerank
from penchant.reranking.popularity import slope
from penchant.reranking.rules import Constraints
from tests.reranking.lists import candidates_of, diversity, facts_of, free, volume, worlds

SCORES = [4.0, 3.0, 2.0, 0.0]
VECTORS = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]
"""The second item is a copy of the first; the last is its opposite."""


def test_mmr_by_hand():
    """w = 0.5: the price of similarity 1 is the span, 4."""
    found = free(candidates_of(SCORES), facts_of(vectors=VECTORS), "mmr", 4, 0.5)
    assert found.order.tolist() == [0, 2, 3, 1]
    np.testing.assert_allclose(found.adjustments, [0.0, 0.0, 0.0, -4.0])
    mild = free(candidates_of(SCORES), facts_of(vectors=VECTORS), "mmr", 4, 0.1)
    assert mild.order.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(mild.adjustments, [0.0, -4 / 9, 0.0, 0.0])


def test_dpp_by_hand():
    """S = (1 + cos)/2: to the first item the copy is 1, the third 1/2, the opposite 0."""
    found = free(candidates_of(SCORES), facts_of(vectors=VECTORS), "dpp", 3, 0.5)
    assert found.order.tolist() == [0, 2, 3]
    third = 1 - 0.5**2  # d² of item 2 given item 0
    left = 1 - 0 - (0.5**2) / third  # of item 3 given both: its similarity to item 2 is 1/2, to item 0 it is 0
    np.testing.assert_allclose(found.adjustments, [0.0, 4 * math.log(third), 4 * math.log(left)], rtol=1e-9)


def test_dpp_maximises_the_determinant_greedily():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(14, 6))
    found = free(candidates_of(np.zeros(14)), facts_of(vectors=vectors), "dpp", 5, 0.9)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    kernel = (1 + units @ units.T) / 2
    chosen: list[int] = []
    for n in found.order:
        gains = {
            i: np.linalg.slogdet(kernel[np.ix_([*chosen, i], [*chosen, i])])[1] for i in range(14) if i not in chosen
        }
        assert gains[int(n)] == pytest.approx(max(gains.values()), abs=1e-5)
        chosen.append(int(n))


def test_the_divergence_is_the_number_in_its_docstring():
    assert divergence(np.array([0.5, 0.5]), np.array([[1.0, 0.0]]), 0.01)[0] == pytest.approx(1.95852, abs=1e-5)
    assert divergence(np.array([0.5, 0.5]), np.array([[0.5, 0.5]]), 0.01)[0] == 0.0


def test_a_history_s_distribution_by_hand():
    labels = facts_of(labels=[[1, 1, 0], [0, 0, 2], [0, 0, 0]]).labels
    assert labels is not None
    history = np.array([0, 2, 1], dtype=np.int32)
    np.testing.assert_allclose(distribution(labels, history), [0.25, 0.25, 0.5])
    np.testing.assert_allclose(distribution(labels, history, decay=0.5), [0.1, 0.1, 0.8])  # weights ¼ and 1
    assert not distribution(labels, np.array([2, 2], dtype=np.int32)).any()


def test_calibration_gives_the_history_s_shares():
    """Seven of ten events are of kind 0, three of kind 1; the scores would give kind 0 all ten places."""
    labels = np.zeros((40, 2))
    labels[:20, 0] = labels[20:, 1] = 1
    scores = np.concatenate([np.linspace(10, 8, 20), np.linspace(5, 3, 20)])
    history = [0] * 7 + [20] * 3
    facts = facts_of(labels=labels)
    plain = free(candidates_of(scores, history=history), facts, "calibrated", 10, 0.0)
    assert (plain.order < 20).all()
    found = free(candidates_of(scores, history=history), facts, "calibrated", 10, 0.99)
    assert (found.order < 20).sum() == 7
    assert found.adjustments.max() <= 1e-12
    again = rerank(
        candidates_of(scores, history=history),
        10,
        Constraints.none(40),
        facts=facts,
        reranker=Calibrated(CalibratedConfig(weight=0.99, decay=0.01)),
    )
    assert (again.order < 20).sum() < 7  # the last event alone is of kind 1


def test_a_history_without_labels_leaves_the_scores():
    facts = facts_of(labels=[[1, 0], [0, 1], [0, 0]])
    found = free(candidates_of([1.0, 3.0, 2.0], history=[2]), facts, "calibrated", 3, 0.9)
    assert found.order.tolist() == [1, 2, 0]
    assert not found.adjustments.any()


def test_novelty_by_hand():
    """15 users: log2(16) = 4 bits at most; 0, 3 and 15 users leave 4, 2 and 0 bits. w = 0.5, span 2."""
    found = free(candidates_of([2.0, 1.0, 0.0]), facts_of(counts=[15, 3, 0], n_users=15), "novelty", 3, 0.5)
    by_item = dict(zip(found.order.tolist(), found.adjustments, strict=True))
    assert by_item == pytest.approx({0: 0.0, 1: 1.0, 2: 2.0})


def test_popularity_is_taken_out_of_the_scores():
    rng = np.random.default_rng(3)
    counts = rng.integers(1, 500, size=200)
    scores = 0.7 * np.log1p(counts) + rng.normal(size=200)
    facts = facts_of(counts=counts)
    for weight, kept in ((0.0, 1.0), (0.5, 0.5), (1.0, 0.0)):
        found = free(candidates_of(scores), facts, "popularity_debias", 200, weight)
        values = scores[found.order] + found.adjustments
        assert slope(np.log1p(counts[found.order]), values) == pytest.approx(
            kept * slope(np.log1p(counts), scores), abs=1e-9
        )


def test_where_popular_items_do_not_score_higher_nothing_changes():
    facts = facts_of(counts=[1, 10, 100])
    assert not free(candidates_of([3.0, 2.0, 1.0]), facts, "popularity_debias", 3, 1.0).adjustments.any()
    assert not free(candidates_of([3.0]), facts_of(counts=[5]), "popularity_debias", 1, 1.0).adjustments.any()


@pytest.mark.parametrize("name", list(RERANKERS))
@settings(max_examples=60, deadline=None)
@given(world=worlds(), k=st.integers(1, 30), weight=st.floats(0, 1))
def test_every_reranker_gives_k_distinct_candidates_and_the_same_each_time(name, world, k, weight):
    candidates, facts = world
    before = candidates.scores.copy()
    found = free(candidates, facts, name, k, weight)
    assert len(found.order) == min(k, len(candidates))
    assert len(set(found.order.tolist())) == len(found.order)
    assert np.isfinite(found.adjustments).all()
    again = free(candidates, facts, name, k, weight)
    np.testing.assert_array_equal(again.order, found.order)
    np.testing.assert_array_equal(again.adjustments, found.adjustments)
    np.testing.assert_array_equal(candidates.scores, before)


@pytest.mark.parametrize("name", list(RERANKERS))
@settings(max_examples=30, deadline=None)
@given(world=worlds())
def test_weight_0_leaves_the_order_of_the_scores(name, world):
    candidates, facts = world
    found = free(candidates, facts, name, len(candidates), 0.0)
    np.testing.assert_array_equal(found.order, np.lexsort((candidates.ties, -candidates.scores)))
    np.testing.assert_allclose(found.adjustments, 0.0, atol=1e-9)


@pytest.mark.parametrize("name", ["mmr", "dpp", "novelty", "popularity_debias"])
@settings(max_examples=40, deadline=None)
@given(world=worlds(), weight=st.floats(0, 1))
def test_values_never_rise_down_the_list(name, world, weight):
    candidates, facts = world
    found = free(candidates, facts, name, len(candidates), weight)
    values = candidates.scores[found.order] + found.adjustments
    assert (np.diff(values) <= 1e-6 * np.maximum(1.0, np.abs(values[:-1]))).all()


@pytest.mark.parametrize(("name", "measure"), [("mmr", diversity), ("dpp", volume)])
def test_diversity_rises_with_the_weight_on_average(name, measure):
    rng = np.random.default_rng(5)
    means = []
    worlds_ = [(rng.normal(size=(40, 10)), rng.normal(size=40)) for _ in range(40)]
    for weight in (0.0, 0.05, 0.2, 0.5, 0.9):
        lists = [
            (vectors, free(candidates_of(scores), facts_of(vectors=vectors), name, 8, weight).order)
            for vectors, scores in worlds_
        ]
        means.append([np.mean([one(vectors, order) for vectors, order in lists]) for one in (measure, diversity)])
    own, pairwise = np.array(means).T
    assert (np.diff(own) > 0).all(), means
    assert (np.diff(pairwise[:4]) > 0).all(), means
    assert pairwise[-1] > pairwise[0] + 0.05


@pytest.mark.parametrize(
    ("name", "lacking"), [("mmr", "vectors nor labels"), ("dpp", "vectors"), ("calibrated", "labels")]
)
def test_what_a_reranker_lacks_is_named(name, lacking):
    with pytest.raises(UnsupportedError, match=lacking) as caught:
        free(candidates_of([1.0, 2.0]), facts_of(counts=[1, 2]), name, 2, 0.5)
    assert name in caught.value.message


def test_without_vectors_labels_are_compared():
    facts = facts_of(labels=[[1, 0], [1, 0], [0, 1]])
    assert free(candidates_of([3.0, 2.9, 1.0]), facts, "mmr", 2, 0.7).order.tolist() == [0, 2]


def test_names_and_settings_are_checked():
    with pytest.raises(NotFoundError, match="No reranker is called 'nicest'"):
        RERANKERS.build("nicest")
    with pytest.raises(ConfigError, match="weight"):
        RERANKERS.build("mmr", {"weight": 1.5})

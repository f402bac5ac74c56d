"""Ranks and ranking metrics: toy values by hand, properties, bad input."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.data.histories import Cases, Histories
from penchant.errors import ConfigError, TrainingError
from penchant.metrics import ranking
from penchant.metrics.ranking import UNRANKED, ranking_metrics, target_ranks
from penchant.seeding import tie_breaks


def make_cases(histories: list[list[int]], targets: list[list[int]]) -> Cases:
    items = np.array([i for h in histories for i in h], dtype=np.int32)
    n = len(items)
    packed = Histories(
        users=np.arange(len(histories), dtype=np.int32),
        indptr=np.cumsum([0, *map(len, histories)]).astype(np.int64),
        items=items,
        timestamps=np.arange(n, dtype=np.int64),
        types=np.zeros(n, dtype=np.int32),
        values=np.full(n, np.nan),
        keys=np.arange(n, dtype=np.int64),
    )
    return Cases(
        histories=packed,
        target_indptr=np.cumsum([0, *map(len, targets)]).astype(np.int64),
        target_items=np.array([i for t in targets for i in t], dtype=np.int32),
    )


TIES = np.array([3, 1, 4, 0, 2], dtype=np.int32)


def test_rank_counts_the_candidates_above():
    scores = np.array([[0.9, 0.1, 0.5, 0.7, 0.3]], dtype=np.float32)
    cases = make_cases([[0]], [[2, 1]])
    assert target_ranks(scores, cases, ties=TIES, exclude_history=False).tolist() == [2, 4]
    assert target_ranks(scores, cases, ties=TIES, exclude_history=True).tolist() == [1, 3]


def test_target_in_the_history_stays_a_candidate():
    scores = np.array([[0.9, 0.1, 0.5, 0.7, 0.3]], dtype=np.float32)
    cases = make_cases([[0, 3, 3]], [[3]])
    assert target_ranks(scores, cases, ties=TIES, exclude_history=True).tolist() == [0]
    assert ranking.candidate_counts(cases, 5, exclude_history=True).tolist() == [4]
    assert ranking.candidate_counts(cases, 5, exclude_history=False).tolist() == [5]


def test_equal_scores_follow_the_tie_breaks_and_not_the_file():
    cases = make_cases([[], []], [[0], [3]])
    ranks = target_ranks(np.zeros((2, 5), dtype=np.float32), cases, ties=TIES, exclude_history=False)
    assert ranks.tolist() == [3, 0]


def test_constant_scorer_hits_k_over_candidates():
    n_items, k = 200, 10
    ties = tie_breaks([f"item {i}" for i in range(n_items)], seed=5)
    cases = make_cases([[] for _ in range(n_items)], [[i] for i in range(n_items)])
    ranks = target_ranks(np.ones((n_items, n_items), dtype=np.float32), cases, ties=ties, exclude_history=False)
    assert ranking.hit_rate_at(ranks, cases.target_indptr, k).mean() == pytest.approx(k / n_items)
    assert sorted(ranks.tolist()) == list(range(n_items))


def test_scores_are_not_changed():
    scores = np.arange(5, dtype=np.float32)[None]
    target_ranks(scores, make_cases([[4]], [[1]]), ties=TIES, exclude_history=True)
    assert scores.tolist() == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(bad):
    with pytest.raises(TrainingError, match="not finite"):
        target_ranks(
            np.array([[0, bad, 1, 1, 1]], dtype=np.float32), make_cases([[]], [[0]]), ties=TIES, exclude_history=False
        )


def test_toy_list_by_hand():
    # Three targets at places 1, 3 and 11 (0-based ranks 0, 2, 10) and a second case that misses.
    ranks, indptr = np.array([0, 2, 10, UNRANKED]), np.array([0, 3, 4])
    values = {name: value.tolist() for name, value in ranking_metrics(ranks, indptr, [5]).items()}
    assert values["hit_rate@5"] == [1, 0]
    assert values["precision@5"] == [2 / 5, 0]
    assert values["recall@5"] == [2 / 3, 0]
    assert values["f1@5"] == pytest.approx([2 * (2 / 5) * (2 / 3) / (2 / 5 + 2 / 3), 0])
    dcg, ideal = 1 + 1 / math.log2(4), 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert values["ndcg@5"] == pytest.approx([dcg / ideal, 0])
    assert values["map@5"] == pytest.approx([(1 / 1 + 2 / 3) / 3, 0])
    assert values["mrr@5"] == [1, 0]


def test_one_target_at_place_three():
    values = ranking_metrics(np.array([2]), np.array([0, 1]), [2, 3])
    assert values["ndcg@2"] == 0
    assert values["ndcg@3"] == pytest.approx(0.5)  # 1 / log2(4)
    assert values["mrr@3"] == values["map@3"] == pytest.approx(1 / 3)
    assert values["precision@3"] == pytest.approx(1 / 3)


def test_auc_is_the_share_of_pairs_in_the_right_order():
    # Five candidates, targets at ranks 0 and 3: of the pairs (target, other) 3 + 1 of 6 are right.
    assert ranking.auc(np.array([3, 0]), np.array([0, 2]), np.array([5])).tolist() == pytest.approx([4 / 6])
    assert ranking.false_positive_rates(np.array([3, 0]), np.array([0, 2]), np.array([5])).tolist() == pytest.approx(
        [2 / 3, 0]
    )


def test_no_case_gives_no_value():
    values = ranking_metrics(np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64), [3])
    assert all(len(value) == 0 for value in values.values())


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_refused(k):
    with pytest.raises(ConfigError, match="1 or more"):
        ranking_metrics(np.array([0]), np.array([0, 1]), [k])


@st.composite
def ranked_case(draw):
    n_items = draw(st.integers(2, 30))
    n_targets = draw(st.integers(1, n_items - 1))
    ranks = draw(st.lists(st.integers(0, n_items - 1), min_size=n_targets, max_size=n_targets, unique=True))
    return np.array(ranks), n_items, draw(st.integers(1, 35))


@settings(max_examples=150, deadline=None)
@given(ranked_case())
def test_bounds_and_relations(case):
    ranks, n_items, k = case
    indptr = np.array([0, len(ranks)])
    values = {name.split("@")[0]: float(v[0]) for name, v in ranking_metrics(ranks, indptr, [k]).items()}
    assert all(0 <= v <= 1 + 1e-12 for v in values.values())
    assert values["hit_rate"] >= values["recall"] - 1e-12
    assert values["precision"] * k == pytest.approx(values["recall"] * len(ranks))
    assert values["map"] <= values["recall"] + 1e-12
    assert values["mrr"] <= values["hit_rate"]
    assert 0 <= float(ranking.auc(ranks, indptr, np.array([n_items]))[0]) <= 1
    longer = ranking_metrics(ranks, indptr, [k + 1])
    for name in ("hit_rate", "recall", "map", "mrr"):
        assert float(longer[f"{name}@{k + 1}"][0]) >= values[name] - 1e-12


@settings(max_examples=150, deadline=None)
@given(ranked_case(), st.data())
def test_a_better_rank_is_never_a_worse_value(case, data):
    ranks, n_items, k = case
    indptr = np.array([0, len(ranks)])
    free = sorted(set(range(n_items)) - set(ranks.tolist()))
    place = data.draw(st.integers(0, len(ranks) - 1))
    better = [rank for rank in free if rank < ranks[place]]
    if not better:
        return
    moved = ranks.copy()
    moved[place] = data.draw(st.sampled_from(better))
    old, new = ranking_metrics(ranks, indptr, [k]), ranking_metrics(moved, indptr, [k])
    assert all(new[name][0] >= old[name][0] - 1e-12 for name in old)
    n = np.array([n_items])
    assert ranking.auc(moved, indptr, n)[0] > ranking.auc(ranks, indptr, n)[0]

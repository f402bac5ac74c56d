"""Lists against the truth: both rankings from one long list, and every fault counted."""

import numpy as np
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.data.histories import Cases
from penchant.data.splitting import split
from penchant.evaluation.peers.list_scoring import rank_lists
from penchant.interfaces import top_k
from penchant.metrics.lists import Lists
from penchant.metrics.ranking import UNRANKED, target_ranks
from penchant.seeding import tie_breaks
from tests.evaluation.worlds import N_ITEMS, make_world


def lists_of(lists: dict[str, list[str]], repeats: int = 0) -> Lists:
    return Lists(items=lists, repeats=repeats)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("exclude", [True, False])
def test_long_lists_rank_as_the_scores_do(seed, exclude):
    """K plus the history's distinct items are enough for the first K of both rankings, exactly."""
    made, k = split(make_world(60, seed=seed)), 10
    cases, train = made.test, made.train
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 12, size=(len(cases), N_ITEMS)).astype(np.float32)  # many ties
    ties = tie_breaks(train.items.ids)
    lists = {}
    for b in range(len(cases)):
        history = cases.histories.items[cases.histories.of(b)]
        best = top_k(scores[b : b + 1], k + len(np.unique(history)), ties=ties).items[0]
        lists[train.users.ids[cases.histories.users[b]]] = [train.items.ids[i] for i in best]
    ranked = rank_lists(lists_of(lists), cases, train, k=k, exclude_history=exclude)
    expected = target_ranks(scores, cases, ties=ties, exclude_history=exclude)
    np.testing.assert_array_equal(ranked.ranks, np.where(expected < k, expected, UNRANKED))
    assert ranked.notes == ()
    assert (ranked.lists >= 0).all()


def test_a_target_in_the_history_stays_a_candidate():
    data, cases = one_case(history=["a", "b"], targets=["b"])
    lists = lists_of({"u": ["a", "b", "c", "d"]})
    assert rank_lists(lists, cases, data, k=2, exclude_history=True).ranks.tolist() == [0]
    assert rank_lists(lists, cases, data, k=2, exclude_history=False).ranks.tolist() == [1]


def test_several_targets():
    data, cases = one_case(history=["a"], targets=["d", "b", "c"])
    ranked = rank_lists(lists_of({"u": ["c", "a", "d", "b"]}), cases, data, k=2, exclude_history=True)
    assert ranked.ranks.tolist() == [1, UNRANKED, 0]


def test_unknown_items_keep_their_place():
    data, cases = one_case(history=["a"], targets=["b"])
    ranked = rank_lists(lists_of({"u": ["zz", "b", "c"]}), cases, data, k=3, exclude_history=True)
    assert ranked.ranks.tolist() == [1]
    assert ranked.lists.tolist() == [[-1, 1, 2]]
    assert ranked.notes == ("1 item that the catalogue does not have is a miss",)


def test_missing_and_unknown_users_repeats_and_short_lists_are_counted():
    data, cases = one_case(history=["a"], targets=["b"])
    nobody = rank_lists(lists_of({"v": ["b"], "w": ["b"]}), cases, data, k=2, exclude_history=True)
    assert nobody.ranks.tolist() == [UNRANKED]
    assert nobody.notes == (
        "1 user without a list counts as zero",
        "2 lists of users nobody asked for are left out",
    )
    short = rank_lists(lists_of({"u": ["a", "b"]}, repeats=3), cases, data, k=2, exclude_history=True)
    assert short.ranks.tolist() == [0]
    assert short.notes == ("3 repeated items were taken out", "1 list is shorter than 2")


def one_case(history: list[str], targets: list[str]) -> tuple[Dataset, Cases]:
    items = Table(("a", "b", "c", "d"))
    data = Dataset.of_rows(
        name="one",
        users=Table(("u",)),
        items=items,
        user_rows=np.zeros(len(history), dtype=np.int64),
        item_rows=items.rows(history),
    )
    cases = Cases(
        histories=data.histories(),
        target_indptr=np.array([0, len(targets)], dtype=np.int64),
        target_items=items.rows(targets),
    )
    return data, cases

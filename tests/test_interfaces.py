"""What `Recommender.recommend` refuses, and masks that it lets through."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from penchant.errors import ConfigError, DataError, TrainingError
from penchant.interfaces import top_k
from tests.evaluation.worlds import N_ITEMS, Scorer, ScorerConfig
from tests.models.toys import strangers

IDS = [f"i{i}" for i in range(N_ITEMS)]
HISTORIES = strangers([1, 2], [], n_items=N_ITEMS)


class Rising(Scorer):
    """Item rows as scores; the first items have the score `first`."""

    first: tuple[float, ...] = ()

    def score(self, histories):
        scores = np.tile(np.arange(N_ITEMS, dtype=np.float32), (len(histories), 1))
        scores[:, : len(self.first)] = self.first
        return scores


def rising(*first: float) -> Rising:
    model = Rising(ScorerConfig())
    model.first = first
    return model


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused_with_the_models_name(bad):
    with pytest.raises(TrainingError, match=f"Rising scored 2 of {2 * N_ITEMS} items"):
        rising(bad).recommend(HISTORIES, 3, item_ids=IDS)


def test_minus_infinity_masks_an_item():
    ranking = rising(*[-np.inf] * (N_ITEMS - 2)).recommend(HISTORIES, 3, item_ids=IDS)
    assert ranking.items.tolist() == [[N_ITEMS - 1, N_ITEMS - 2, -1]] * 2


@pytest.mark.parametrize("k", [2.5, 2.0, True, "3", 0])
def test_a_k_that_is_no_whole_number_is_refused(k):
    with pytest.raises(ConfigError, match="k is "):
        rising().recommend(HISTORIES, k, item_ids=IDS)


def test_a_k_may_be_a_whole_number_of_numpy():
    k: Any = np.int64(2)
    assert rising().recommend(HISTORIES, k, item_ids=IDS).items.shape == (2, 2)


@pytest.mark.parametrize("allow", [np.ones(N_ITEMS - 1, dtype=bool), np.ones(N_ITEMS, dtype=np.int64), np.True_])
def test_an_allow_that_is_no_truth_value_for_each_item_is_refused(allow):
    with pytest.raises(DataError, match="allow has the shape"):
        rising().recommend(HISTORIES, 3, item_ids=IDS, allow=allow)
    kept = rising().recommend(HISTORIES, 3, item_ids=IDS, allow=np.arange(N_ITEMS) < 2)
    assert kept.items.tolist() == [[0, -1, -1], [1, 0, -1]]


def test_an_item_row_below_zero_is_refused():
    histories = replace(HISTORIES, items=np.array([1, -1], dtype=np.int32))
    with pytest.raises(DataError, match="item row -1; rows are counted from 0"):
        rising().recommend(histories, 3, item_ids=IDS)


@pytest.mark.parametrize("k", [1, 7, 39, 40, 100])
@pytest.mark.parametrize("levels", [2, 5, 10_000])
def test_the_best_k_are_those_of_a_sort_of_all_items(k, levels):
    """With many scores level, masked items, and a row where all are masked."""
    rng = np.random.default_rng(levels + k)
    scores = rng.integers(levels, size=(30, 40)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.2] = -np.inf
    scores[7] = -np.inf
    ties = rng.permutation(40).astype(np.int32)
    found = top_k(scores, k, ties=ties)
    for b, row in enumerate(scores.tolist()):
        order = sorted((i for i in range(40) if row[i] > -np.inf), key=lambda i: (-row[i], ties[i]))[:k]
        assert found.items[b].tolist() == order + [-1] * (min(k, 40) - len(order))
        assert found.scores[b, : len(order)].tolist() == [row[i] for i in order]

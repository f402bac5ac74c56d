"""Coverage, novelty, Gini and diversity by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.data.dataset import Dataset, Table
from penchant.metrics.beyond_accuracy import coverage, gini, novelty, recommended_counts
from penchant.metrics.diversity import VectorSimilarity, item_similarity
from penchant.metrics.similarity import cosine

LISTS = np.array([[0, 1], [0, 2], [1, -1]], dtype=np.int32)


def make_dataset(**columns: list[object]) -> Dataset:
    """Users 0 and 1 both used items 0 and 1, user 2 used 2; nobody used 3."""
    return Dataset.of_rows(
        name="toy",
        users=Table(("u", "v", "w")),
        items=Table(("a", "b", "c", "d"), {name: as_objects(values) for name, values in columns.items()}),
        user_rows=np.array([0, 0, 1, 1, 2]),
        item_rows=np.array([0, 1, 0, 1, 2]),
    )


def as_objects(values: list[object]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def test_coverage_counts_distinct_items():
    assert recommended_counts(LISTS, 4).tolist() == [2, 2, 1, 0]
    assert coverage(recommended_counts(LISTS, 4)) == pytest.approx(3 / 4)


def test_gini_by_hand():
    assert gini(np.array([5, 5, 5, 5])) == pytest.approx(0)
    assert gini(np.array([0, 0, 0, 8])) == pytest.approx(3 / 4)  # (I − 1) / I where one item has all
    # Half the mean absolute difference over the mean: the definition before it was sorted.
    counts = np.array([2, 2, 1, 0])
    apart = np.abs(counts[:, None] - counts[None, :]).mean()
    assert gini(counts) == pytest.approx(apart / (2 * counts.mean()))
    assert gini(np.zeros(3, dtype=np.int64)) == 0


def test_novelty_by_hand():
    # Two, two, one and none of three users: −log2(3/4), −log2(3/4), −log2(2/4), −log2(1/4) bits.
    bits = [-math.log2(3 / 4), -math.log2(3 / 4), 1, 2]
    found = novelty(np.array([[0, 1], [2, 3], [3, -1], [-1, -1]], dtype=np.int32), np.array([2, 2, 1, 0]), 3)
    assert found == pytest.approx([bits[0], 1.5, 2, 0])


def test_diversity_by_vectors_equals_all_pairs():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(9, 4)).astype(np.float32)
    vectors[8] = 0
    lists = np.array([[0, 1, 8], [2, 3, -1], [4, -1, -1]], dtype=np.int32)
    similar = cosine(vectors, vectors)
    expected = [1 - (similar[0, 1] + 0 + 0) / 3, 1 - similar[2, 3], 0]
    assert VectorSimilarity(vectors).diversity(lists) == pytest.approx(expected, abs=1e-6)


def test_diversity_by_categories_is_jaccard():
    data = make_dataset(categories=[["x", "y"], ["y"], ["z"], None], tags=[None, ["t"], None, "z"])
    similar = item_similarity(data)
    assert similar.by == "categories"
    lists = np.array([[0, 1], [2, 3], [0, 2]], dtype=np.int32)
    assert similar.diversity(lists) == pytest.approx([1 - 1 / 3, 0, 1])


def test_diversity_by_co_occurrence_where_labels_are_scarce():
    similar = item_similarity(make_dataset(categories=[["x"], None, None, None]))
    assert similar.by == "co-occurrence"
    lists = np.array([[0, 1], [0, 2], [2, 3]], dtype=np.int32)
    assert similar.diversity(lists) == pytest.approx([0, 1, 1])


def test_vectors_win_over_labels():
    data = make_dataset(categories=[["x"]] * 4)
    assert item_similarity(data, np.ones((4, 2), dtype=np.float32)).by == "vectors"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_gini_bounds_and_scale(counts):
    value = gini(np.array(counts))
    assert -1e-12 <= value <= 1
    assert gini(np.array(counts) * 7) == pytest.approx(value)

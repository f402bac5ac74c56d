import time
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.data.links import Links
from penchant.errors import ConfigError
from penchant.models.graph.item_vectors import item_graph_vectors, truncated_svd
from tests.models.toys import dataset_of
from tests.worlds import genre_world

WORLD = genre_world(users=120)
GENRES = np.arange(60) // 15


def test_the_svd_is_numpys_up_to_the_rank_asked_for():
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(70, 30)) @ np.diag(0.8 ** np.arange(30)) @ rng.normal(size=(30, 50))
    left, values, right = truncated_svd(sp.csr_array(dense), 8, rng=np.random.default_rng(1))
    reference = np.linalg.svd(dense)
    np.testing.assert_allclose(values, reference.S[:8], rtol=1e-6)
    np.testing.assert_allclose(
        left * values @ right.T, reference.U[:, :8] * reference.S[:8] @ reference.Vh[:8], atol=1e-5
    )
    assert (left[np.abs(left).argmax(axis=0), np.arange(8)] > 0).all()


def test_a_rank_beyond_the_matrix_adds_nothing():
    dense = np.outer(np.arange(1.0, 6.0), [1.0, 2.0, 0.0])
    left, values, right = truncated_svd(sp.csr_array(dense), 3, rng=np.random.default_rng(0))
    np.testing.assert_allclose(left * values @ right.T, dense, atol=1e-9)
    np.testing.assert_allclose(values[1:], 0.0, atol=1e-9)


def test_items_of_a_genre_are_alike():
    vectors = item_graph_vectors(WORLD, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    cosines = vectors @ vectors.T
    same = GENRES[:, None] == GENRES[None, :]
    np.fill_diagonal(cosines, np.nan)
    assert np.nanmean(cosines[same]) > np.nanmean(cosines[~same]) + 0.3


def test_the_halves_multiply_to_the_direction_of_the_edges():
    """Forward edges weigh twice the backward ones in κ; what leads to an item is its second half."""
    data = dataset_of([[0, 1], [2, 3], [4, 5]] * 3, 6)
    vectors = item_graph_vectors(data, 12)
    out, into = vectors[:, :6], vectors[:, 6:]
    assert out[0] @ into[1] > 1.2 * (out[1] @ into[0]) > 0


def test_the_same_seed_gives_the_same_vectors_and_only_the_events_handed_in_count():
    first = item_graph_vectors(WORLD, 8, seed=3)
    np.testing.assert_array_equal(item_graph_vectors(WORLD, 8, seed=3), first)
    early = WORLD.select(WORLD.events.users < 60)
    assert not np.allclose(item_graph_vectors(early, 8, seed=3), first, atol=1e-3)


def test_items_without_an_edge_are_zero_and_links_give_them_one():
    data = dataset_of([[0, 1]] * 3, 4)
    vectors = item_graph_vectors(data, 6)
    assert not vectors[2:].any()
    assert vectors[:2].any(axis=1).all()
    linked = replace(data, links=Links.of_pairs("also_bought", "item", [1], [2]))
    assert item_graph_vectors(linked, 6, links=("also_bought",))[2].any()
    assert not item_graph_vectors(dataset_of([[0]], 4), 6).any()


def test_too_few_dimensions_are_refused():
    with pytest.raises(ConfigError, match="2 dimensions or more; 1 came"):
        item_graph_vectors(WORLD, 1)


@pytest.mark.shared_data
def test_a_real_catalogue_takes_seconds(shared_data, tmp_path):
    from penchant.data.dataset import Dataset
    from penchant.data.importing import import_source

    import_source(shared_data / "movielens-100k", tmp_path / "d")
    start = time.process_time()
    vectors = item_graph_vectors(Dataset.load(tmp_path / "d"), 64)
    assert time.process_time() - start < 20
    assert vectors.shape == (1682, 64)
    assert np.isfinite(vectors).all()

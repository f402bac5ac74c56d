"""At most so many concepts an item, at least so many items a concept."""

import numpy as np

from penchant.concepts.selection import select
from tests.concepts.catalogues import proposal


def test_limits_hold_and_rows_have_unit_norm_on_random_catalogues():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        proposals = [
            proposal(f"p{k}", rng.choice(120, int(rng.integers(1, 60)), replace=False).tolist()) for k in range(40)
        ]
        kept, activations = select(proposals, 120, max_per_item=3, min_items=6)
        assert activations.shape == (120, kept.sum())
        assert np.diff(activations.indptr).max() <= 3
        assert np.bincount(activations.indices, minlength=activations.shape[1]).min() >= 6
        squares = np.asarray(activations.power(2).sum(axis=1)).ravel()
        assert np.allclose(squares[squares > 0], 1, atol=1e-6)
        for c, p in enumerate(np.flatnonzero(kept)):
            active = np.flatnonzero(activations[:, [c]].toarray()[:, 0])
            assert set(active) <= set(proposals[p].rows.tolist())


def test_the_rarest_are_kept():
    proposals = [proposal("wide", range(10)), proposal("narrow", range(5)), proposal("middle", range(7))]
    kept, activations = select(proposals, 10, max_per_item=2, min_items=2)
    assert kept.all()
    assert activations.toarray()[0].tolist() == [0, np.float32(0.5**0.5), np.float32(0.5**0.5)]
    assert activations.toarray()[6].tolist() == [np.float32(0.5**0.5), 0, np.float32(0.5**0.5)]


def test_weights_tell_how_much_an_item_is_of_each():
    one, other = proposal("a", [0, 1]), proposal("b", [0, 1])
    one.weights[0] = 0.75
    _, activations = select([one, other], 2, max_per_item=8, min_items=1)
    assert np.allclose(activations.toarray(), [[0.6, 0.8], [0.5**0.5, 0.5**0.5]])


def test_places_of_a_dropped_concept_go_to_others():
    """Item 0 has three: the rarest is kept by one item only, so its place goes to the next."""
    proposals = [proposal("rare", [0]), proposal("a", [0, 1, 2]), proposal("b", [0, 1, 2, 3])]
    kept, activations = select(proposals, 4, max_per_item=2, min_items=2)
    assert kept.tolist() == [False, True, True]
    assert (activations.toarray()[0] > 0).all()


def test_nothing_to_select_from():
    kept, activations = select([], 3, max_per_item=8, min_items=2)
    assert kept.shape == (0,)
    assert activations.shape == (3, 0)

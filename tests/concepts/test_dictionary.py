"""The dictionary against scipy's non-negative least squares, and a world made of known directions."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import nnls

from penchant.concepts.dictionary import DictionaryConfig, fit_dictionary, sparse_activations


def world(items=400, concepts=12, dim=16, per_item=2, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(concepts, dim))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    activations = np.zeros((items, concepts))
    for row in activations:
        row[rng.choice(concepts, per_item, replace=False)] = rng.uniform(0.5, 1.5, per_item)
    vectors = activations @ directions + noise * rng.normal(size=(items, dim))
    return vectors.astype(np.float32), directions, activations


def test_activations_are_the_least_squares_on_what_was_taken():
    vectors, directions, _ = world(noise=0.2)
    found = sparse_activations(vectors.astype(np.float64), directions, 4).toarray()
    assert (found >= 0).all()
    assert ((found > 0).sum(axis=1) <= 4).all()
    for vector, mine in zip(vectors[:60].astype(np.float64), found, strict=False):
        taken = np.flatnonzero(mine)
        np.testing.assert_allclose(mine[taken], nnls(directions[taken].T, vector)[0], atol=1e-3)


def test_planted_activations_are_found():
    vectors, directions, activations = world()
    found = sparse_activations(vectors.astype(np.float64), directions, 2).toarray()
    assert ((found > 0.05) == (activations > 0)).mean() > 0.98


def test_a_vector_that_leans_to_nothing_has_no_activation():
    directions = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = sparse_activations(np.array([[-1.0, -2.0], [0.0, 0.0], [-1.0, 3.0]]), directions, 2).toarray()
    np.testing.assert_allclose(found, np.array([[0, 0], [0, 0], [0, 3.0]]))


def test_a_long_direction_is_as_good_as_a_short_one():
    vectors, directions, _ = world(noise=0.1)
    stretched = directions * np.linspace(0.1, 10, len(directions))[:, None]
    plain, other = (sparse_activations(vectors.astype(np.float64), d, 3) for d in (directions, stretched))
    np.testing.assert_allclose(plain @ directions, other @ stretched, atol=1e-9)


def test_an_item_takes_only_what_it_may():
    vectors, directions, activations = world(noise=0.2)
    may = sp.csr_array(activations[:, :8] > 0)  # the last four are free
    found = sparse_activations(vectors.astype(np.float64), directions, 4, may).toarray()
    assert not found[:, :8][activations[:, :8] == 0].any()
    assert found[:, 8:][activations[:, 8:] == 0].any()
    assert (found[activations > 0] > 0).mean() > 0.95


def kinds_world(items=600, seed=0):
    """Four names, each with five kinds of items under it that lie apart; every item bears one name."""
    rng = np.random.default_rng(seed)
    names, kinds = rng.normal(size=(4, 12)), rng.normal(size=(4, 5, 12))
    name, kind = rng.integers(4, size=items), rng.integers(5, size=items)
    vectors = names[name] + kinds[name, kind] + 0.05 * rng.normal(size=(items, 12))
    bears = sp.csr_array((np.ones(items), (np.arange(items), name)), shape=(items, 4))
    return vectors.astype(np.float32), bears, name, kind


def test_kinds_are_found_and_put_under_their_names():
    vectors, bears, name, kind = kinds_world()
    fitted = fit_dictionary(vectors, bears, DictionaryConfig(per_item=3), rng=np.random.default_rng(1))
    assert fitted.names[:4].tolist() == [0, 1, 2, 3]
    assert fitted.kinds.tolist() == [False] * 4 + [True] * (len(fitted.names) - 4)
    left = ((vectors - fitted.rebuilt) ** 2).sum() / ((vectors - fitted.mean) ** 2).sum()
    assert left < 0.02
    # A name is on the items that bear it alone.
    found = fitted.activations.toarray()
    assert not found[:, :4][bears.toarray() == 0].any()
    # The heaviest kind of an item tells the planted one, and lies under its name.
    kinds = found.copy()
    kinds[:, :4] = 0
    heaviest = kinds.argmax(axis=1)
    planted = 5 * name + kind
    told = sum(np.bincount(planted[heaviest == c]).max() for c in np.unique(heaviest))
    assert told / len(kind) > 0.9
    for c in np.flatnonzero(fitted.names >= 0)[4:]:
        mass = np.bincount(name, weights=found[:, c], minlength=4)
        assert mass.argmax() == fitted.names[c]
        assert mass.max() >= 0.5 * mass.sum()


def test_every_direction_is_on_enough_items_and_there_are_no_more_than_a_fifth():
    vectors, bears, _, _ = kinds_world(items=300)
    config = DictionaryConfig(least_items=10)
    fitted = fit_dictionary(vectors, bears, config, rng=np.random.default_rng(0))
    assert 4 < len(fitted.directions) <= 60
    assert np.diff(fitted.activations.tocsc().indptr).min() >= 10
    assert np.diff(fitted.activations.indptr).max() <= 8


def test_names_that_too_few_items_have_are_given_up():
    vectors, bears, _, _ = kinds_world(items=120)
    rare = np.zeros((120, 1))
    rare[:4] = 1
    names = sp.csr_array(np.hstack([rare, bears.toarray()]))
    config = DictionaryConfig(items_per_concept=24)
    fitted = fit_dictionary(vectors, names, config, rng=np.random.default_rng(0))
    assert fitted.names.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(("items", "names"), [(0, 0), (4, 0), (0, 2), (3, 2)])
def test_a_catalogue_with_little_to_find(items, names):
    vectors = np.random.default_rng(0).normal(size=(items, 3)).astype(np.float32)
    bears = sp.csr_array(np.ones((items, names)))
    config = DictionaryConfig(least_items=1)
    fitted = fit_dictionary(vectors, bears, config, rng=np.random.default_rng(0))
    assert fitted.directions.shape == (len(fitted.names), 3)
    assert fitted.activations.shape == (items, len(fitted.names))
    assert np.isfinite(fitted.rebuilt).all()


def test_directions_are_those_of_the_items_that_count():
    vectors, bears, _, _ = kinds_world()
    counted = np.arange(len(vectors)) < 400
    moved = vectors.copy()
    moved[~counted] += 100.0
    one, two = (
        fit_dictionary(v, bears, DictionaryConfig(), counted_I=counted, rng=np.random.default_rng(5))
        for v in (vectors, moved)
    )
    np.testing.assert_allclose(one.mean, two.mean)
    np.testing.assert_allclose(one.directions[:4], two.directions[:4], atol=0.2)


def test_the_seed_decides():
    vectors, bears, _, _ = kinds_world()
    one, two = (fit_dictionary(vectors, bears, DictionaryConfig(), rng=np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.directions, two.directions)

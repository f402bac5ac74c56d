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


def test_planted_directions_and_activations_are_found():
    vectors, directions, activations = world()
    found = sparse_activations(vectors.astype(np.float64), directions, 2).toarray()
    assert ((found > 0.05) == (activations > 0)).mean() > 0.98
    fitted = fit_dictionary(vectors, DictionaryConfig(concepts=16, per_item=3, rounds=12), rng=np.random.default_rng(1))
    left = ((vectors - fitted.rebuilt) ** 2).sum() / ((vectors - fitted.mean) ** 2).sum()
    assert left < 0.1


def test_a_vector_that_leans_to_nothing_has_no_activation():
    directions = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = sparse_activations(np.array([[-1.0, -2.0], [0.0, 0.0], [-1.0, 3.0]]), directions, 2).toarray()
    np.testing.assert_allclose(found, [[0, 0], [0, 0], [0, 3.0]])


def test_a_long_direction_is_as_good_as_a_short_one():
    vectors, directions, _ = world(noise=0.1)
    stretched = directions * np.linspace(0.1, 10, len(directions))[:, None]
    plain, other = (sparse_activations(vectors.astype(np.float64), d, 3) for d in (directions, stretched))
    np.testing.assert_allclose(plain @ directions, other @ stretched, atol=1e-9)


def test_every_direction_is_on_enough_items_and_there_are_no_more_than_a_fifth():
    vectors, _, _ = world(items=300, noise=0.5)
    fitted = fit_dictionary(vectors, DictionaryConfig(concepts=500, least_items=10), rng=np.random.default_rng(0))
    assert len(fitted.directions) <= 60
    assert np.diff(fitted.activations.tocsc().indptr).min() >= 10
    assert np.diff(fitted.activations.indptr).max() <= 8


@pytest.mark.parametrize("items", [0, 1, 4])
def test_a_catalogue_too_small_for_concepts_has_none(items):
    vectors = np.random.default_rng(0).normal(size=(items, 3)).astype(np.float32)
    fitted = fit_dictionary(vectors, DictionaryConfig(), rng=np.random.default_rng(0))
    assert fitted.directions.shape == (0, 3)
    assert fitted.activations.shape == (items, 0)


def test_the_seed_decides():
    vectors, _, _ = world(noise=0.3)
    config = DictionaryConfig(concepts=20)
    one, two = (fit_dictionary(vectors, config, rng=np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.directions, two.directions)


def test_named_directions_keep_their_names():
    vectors, directions, activations = world(items=600, noise=0.1)
    rng = np.random.default_rng(3)
    shown = sp.csr_array(activations * (rng.random(activations.shape) < 0.8))  # a fifth of the names is missing
    fitted = fit_dictionary(vectors, DictionaryConfig(per_item=3), names_IC=shown, rng=rng)
    assert fitted.names is not None
    assert fitted.names.tolist() == list(range(12))
    unit = fitted.directions / np.linalg.norm(fitted.directions, axis=1, keepdims=True)
    assert np.diagonal(unit @ directions.T).min() > 0.9
    # The names that were left out are found: hidden pairs rank above pairs that are none.
    found = fitted.activations.toarray()
    hidden = (activations > 0) & (shown.toarray() == 0)
    none = activations == 0
    assert (found[hidden] > 0.2).mean() > 0.9
    assert (found[none] > 0.2).mean() < 0.1


def test_an_item_leans_to_the_names_that_it_bears():
    directions = np.array([[1.0, 0.0], [0.995, 0.0999], [0.0, 1.0]])
    vector, bears = np.array([[1.0, 0.04]]), sp.csr_array([[0.0, 1.0, 0.0]])
    assert sparse_activations(vector, directions, 1).toarray().argmax() == 0
    assert sparse_activations(vector, directions, 1, names_IC=bears, lean=0.2).toarray().argmax() == 1
    # Not to one that points elsewhere.
    bears = sp.csr_array([[0.0, 0.0, 1.0]])
    away = np.array([[1.0, -0.2]])
    assert sparse_activations(away, directions, 1, names_IC=bears, lean=0.9).toarray().argmax() == 0


def test_names_on_too_few_items_are_given_up():
    vectors, _, activations = world(items=200, noise=0.2)
    names = np.hstack([activations, np.zeros((200, 1))])
    fitted = fit_dictionary(
        vectors, DictionaryConfig(per_item=2), names_IC=sp.csr_array(names), rng=np.random.default_rng(0)
    )
    assert fitted.names is not None
    assert 12 not in fitted.names
    assert len(fitted.directions) == len(fitted.names) == fitted.activations.shape[1]

"""A tracker trained through a dictionary of concepts."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from penchant.concepts.dictionary import DictionaryConfig, fit_dictionary
from penchant.interfaces import FitOptions
from penchant.models.holdout import catalogue_ties, held_out, validation_ndcg
from penchant.models.sequential.concept_space import ConceptItemSpace, ConceptVectors
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.interest_tracker import InterestTracker
from tests.models.toys import genre_texts
from tests.worlds import genre_world

SETTINGS = {
    "dim": 16,
    "training": {"max_epochs": 6, "evaluate_every": 2},
    "concepts": {"epochs": 2, "dictionary": {"per_item": 3, "least_items": 3}},
}

NAMES = sp.csr_array(np.kron(np.eye(4), np.ones((15, 1))))
"""Each item bears its genre's name."""


@pytest.fixture(scope="module")
def world():
    return genre_world(users=80)


@pytest.fixture(scope="module")
def model(world):
    options = FitOptions(item_vectors=genre_texts(world))
    model = InterestTracker(InterestTrackerConfig.of(SETTINGS)).fit(world, options=options)
    return model.through_concepts(world, NAMES)


def test_item_vectors_are_concepts_and_what_is_left_over(model):
    found = model.concepts
    assert found is not None
    activations = found.activations.toarray()
    assert (activations >= 0).all()
    assert ((activations > 0).sum(axis=1) <= 3).all()
    own = found.names[~found.kinds]
    assert (NAMES.toarray()[:, own] >= (activations[:, : len(own)] > 0)).all()
    usual = np.sqrt((activations**2).sum(axis=0) / (activations > 0).sum(axis=0))
    np.testing.assert_allclose(usual, usual[0], rtol=1e-4)
    centred = model.item_vectors - found.mean
    left = ((centred - activations @ found.directions) ** 2).sum() / (centred**2).sum()
    assert left < 0.5


def test_the_concepts_alone_rank_nearly_as_well(model, world):
    _, cases = held_out(world, FitOptions())
    found, ties = model.concepts, catalogue_ties(world, 0)
    assert found is not None
    told = found.mean + found.activations @ found.directions
    whole = validation_ndcg(model.score, cases, ties=ties)
    alone = validation_ndcg(lambda histories: model.user_vectors(histories) @ told.T, cases, ties=ties)
    assert alone > 0.9 * whole


def test_how_it_went_is_kept(model):
    assert len(model.record.epochs) == 6
    assert len(model.concept_record.epochs) == 2
    assert model.concept_record.best_value > 0.8 * model.record.best_value


def test_what_is_saved_is_read_back(model, world, tmp_path: Path):
    model.save(tmp_path)
    other = InterestTracker.load(tmp_path)
    np.testing.assert_array_equal(other.score(world.histories()), model.score(world.histories()))
    assert other.concepts is not None
    assert model.concepts is not None
    np.testing.assert_array_equal(other.concepts.activations.toarray(), model.concepts.activations.toarray())
    np.testing.assert_array_equal(other.concepts.directions, model.concepts.directions)
    np.testing.assert_array_equal(other.concepts.mean, model.concepts.mean)


def test_an_item_without_events_has_the_concepts_of_those_it_reads_like(world):
    keep = world.events.items != 5
    options = FitOptions(item_vectors=genre_texts(world))
    model = InterestTracker(InterestTrackerConfig.of(SETTINGS)).fit(world.select(keep), options=options)
    model.through_concepts(world.select(keep), NAMES)
    found = model.concepts
    assert found is not None
    told = found.mean + found.activations[[5]].toarray()[0] @ found.directions
    assert found.activations[[5]].nnz
    centred = model.item_vectors[5] - found.mean
    assert ((told - model.item_vectors[5]) ** 2).sum() < 0.5 * (centred**2).sum()


@pytest.fixture(scope="module")
def found():
    """A dictionary of random vectors, and these."""
    vectors = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    config = DictionaryConfig(per_item=3, least_items=3)
    return fit_dictionary(vectors, NAMES, config, rng=np.random.default_rng(1)), vectors


def test_how_much_an_item_has_of_its_concepts_is_learned_and_which_is_not(found):
    dictionary, vectors = found
    space = ConceptItemSpace(dictionary, vectors, residual_dropout=0.0, pace=10.0)
    torch.testing.assert_close(space(), torch.from_numpy(vectors))
    (space() ** 2).sum().backward()
    assert space.stretched.grad is not None
    on = space.found > 0
    assert bool((space.stretched.grad[on] != 0).any())
    assert not bool((space.stretched.grad[~on] != 0).any())
    with torch.no_grad():
        space.stretched.sub_(0.1 * torch.sign(space.stretched.grad))
    told = ConceptVectors.of(space, dictionary)
    assert ((told.activations.toarray() > 0) == (dictionary.activations.toarray() > 0)).all()
    with torch.inference_mode():
        residuals = space.residuals.numpy()
    rebuilt = told.mean + told.activations @ told.directions + residuals
    np.testing.assert_allclose(rebuilt, space().detach().numpy(), atol=1e-4)


def test_without_a_pace_it_stays_as_it_was_found(found):
    dictionary, vectors = found
    space = ConceptItemSpace(dictionary, vectors, residual_dropout=0.0)
    assert not space.stretched.requires_grad
    np.testing.assert_array_equal(space.amounts().numpy(), space.found.numpy())


def test_without_names_there_are_kinds_alone(world):
    nameless = sp.csr_array((world.n_items, 0))
    model = InterestTracker(InterestTrackerConfig.of(SETTINGS)).fit(world).through_concepts(world, nameless)
    assert model.concepts is not None
    assert model.concepts.kinds.all()


def test_a_catalogue_too_small_for_concepts_stays_as_it_was(world):
    rare = {**SETTINGS, "concepts": {"epochs": 1, "dictionary": {"least_items": 1000}}}
    model = InterestTracker(InterestTrackerConfig.of(rare)).fit(world)
    before = model.score(world.histories())
    model.through_concepts(world, NAMES)
    assert model.concepts is None
    np.testing.assert_array_equal(model.score(world.histories()), before)


def test_a_loaded_model_is_taught_like_a_fitted_one(world, tmp_path: Path):
    options = FitOptions(item_vectors=genre_texts(world))
    fitted = InterestTracker(InterestTrackerConfig.of(SETTINGS)).fit(world, options=options)
    fitted.save(tmp_path)
    loaded = InterestTracker.load(tmp_path)
    for one in (fitted, loaded):
        one.through_concepts(world, NAMES)
    assert fitted.concepts is not None
    np.testing.assert_array_equal(fitted.score(world.histories()), loaded.score(world.histories()))

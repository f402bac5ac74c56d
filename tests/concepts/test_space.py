"""Item vectors are sums of named directions and a residual, with nothing lost."""

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import Ridge

from penchant.concepts.space import ConceptSpaceConfig, fit_concept_space
from penchant.concepts.vocabulary import Concept, Vocabulary


def vocabulary(activations) -> Vocabulary:
    concepts = tuple(
        Concept(id=f"c{c}", name=f"c{c}", kind="tags", parent=None, items=1) for c in range(activations.shape[1])
    )
    return Vocabulary(concepts=concepts, activations=sp.csr_array(activations.astype(np.float32)))


def test_the_split_of_a_score_is_exact():
    rng = np.random.default_rng(0)
    activations = (rng.random((50, 6)) < 0.3) * rng.random((50, 6))
    items = rng.normal(size=(50, 8)).astype(np.float32)
    words = vocabulary(activations)
    space = fit_concept_space(items, words)
    user = rng.normal(size=(1, 8)).astype(np.float32)
    concept_parts = words.activations.multiply(space.readings(user)).sum(axis=1)
    rebuilt = (user @ space.mean) + concept_parts + (space.residuals @ user[0])
    assert np.allclose(rebuilt, items @ user[0], atol=1e-5)


def test_directions_equal_scikit_learns_ridge():
    rng = np.random.default_rng(1)
    activations = rng.random((40, 5)).astype(np.float32)
    items = rng.normal(size=(40, 7)).astype(np.float32)
    space = fit_concept_space(items, vocabulary(activations), ConceptSpaceConfig(ridge=2.0))
    second = Ridge(alpha=2.0, fit_intercept=False).fit(activations.astype(np.float64), items - items.mean(axis=0))
    assert np.allclose(space.directions, second.coef_.T, atol=1e-5)


def test_planted_directions_are_found_and_explain_the_space():
    rng = np.random.default_rng(2)
    truth = rng.normal(size=(4, 16))
    activations = np.eye(4)[rng.integers(4, size=400)]
    items = (activations @ truth + 0.05 * rng.normal(size=(400, 16))).astype(np.float32)
    space = fit_concept_space(items, vocabulary(activations))
    assert space.explained > 0.95
    centred = truth - items.mean(axis=0)
    for found, planted in zip(space.directions, centred, strict=True):
        cosine = found @ planted / np.linalg.norm(found) / np.linalg.norm(planted)
        assert cosine > 0.99


def test_no_concepts_leave_everything_to_the_residual():
    items = np.random.default_rng(3).normal(size=(10, 4)).astype(np.float32)
    space = fit_concept_space(items, vocabulary(np.zeros((10, 0))))
    assert abs(space.explained) < 1e-6
    assert np.allclose(space.mean + space.residuals, items, atol=1e-6)

"""Many users at once against one event at a time."""

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.errors import DataError
from penchant.interests import tracking
from penchant.interests.belief import Belief, Observation, update
from penchant.interests.belief_step import BeliefConfig
from penchant.interests.tracking import Evidence, ItemConcepts, against_reference, track

CONFIG = BeliefConfig(scales=(5.0, 80.0), widths=(0.7, 0.3))
ITEMS, CONCEPTS = 12, 7


@pytest.fixture
def activations():
    numbers = np.random.default_rng(0).random((ITEMS, CONCEPTS))
    numbers[numbers < 0.6] = 0
    numbers[3] = 0  # an item without concepts
    return sp.csr_array(numbers)


def evidence(activations: sp.csr_array, *lengths: int, seed: int = 1) -> Evidence:
    rng, n = np.random.default_rng(seed), sum(lengths)
    items, taken = ItemConcepts.of(activations), rng.integers(ITEMS, size=n)
    return Evidence(
        indptr=np.cumsum([0, *lengths]).astype(np.int64),
        concepts=items.concepts[taken],
        activations=items.activations[taken],
        moments=np.concatenate([np.cumsum(rng.exponential(3.0, length)) for length in lengths]),
        log_odds=rng.normal(size=n),
        labels=rng.integers(2, size=n).astype(np.float64),
        weights=rng.choice([0.0, 0.5, 2.0], size=n),
    )


def one_by_one(seen: Evidence, user: int) -> tuple[Belief, list[float]]:
    belief, foreseen = Belief.nothing(), []
    for n in range(int(seen.indptr[user]), int(seen.indptr[user + 1])):
        touched = seen.activations[n] > 0
        concepts, values = seen.concepts[n][touched].astype(np.int64), seen.activations[n][touched]
        one = Observation(
            concepts=concepts,
            activations=values,
            log_odds=float(seen.log_odds[n]),
            label=float(seen.labels[n]),
            weight=float(seen.weights[n]),
        )
        now = float(seen.moments[n])
        foreseen.append(float(belief.corrections(CONCEPTS, now, CONFIG)[concepts] @ values))
        belief = update(belief, one, now, CONFIG)
    return belief, foreseen


def test_all_users_at_once_are_the_users_one_by_one(activations):
    seen = evidence(activations, 0, 9, 1, 30, 4)
    looked = np.zeros(len(seen.moments))
    found = track(seen, CONCEPTS, CONFIG, look=lambda events, added, _: np.put(looked, events, added))
    for user in range(5):
        wanted, foreseen = one_by_one(seen, user)
        belief = found.of(user)
        assert belief.concepts.tolist() == wanted.concepts.tolist()
        np.testing.assert_allclose(belief.means, wanted.means, atol=1e-6)
        np.testing.assert_allclose(belief.covariances, wanted.covariances, atol=1e-6)
        np.testing.assert_allclose(belief.at, wanted.at)
        counted = seen.weights[seen.indptr[user] : seen.indptr[user + 1]] > 0
        mine = looked[seen.indptr[user] : seen.indptr[user + 1]]
        np.testing.assert_allclose(mine[counted], np.array(foreseen)[counted], atol=1e-9)


def test_however_many_are_faded_at_once_beliefs_are_the_same(activations, monkeypatch):
    seen = evidence(activations, 7, 0, 12, 1)
    whole = track(seen, CONCEPTS, CONFIG)
    for at_once in (1, 3, 10):
        monkeypatch.setattr(tracking, "FADED_AT_ONCE", at_once)
        few = track(seen, CONCEPTS, CONFIG)
        assert np.array_equal(few.means, whole.means)
        assert np.array_equal(few.covariances, whole.covariances)
        assert np.array_equal(few.at, whole.at)


def test_no_events_no_beliefs(activations):
    found = track(evidence(activations, 0, 0), CONCEPTS, CONFIG)
    assert not len(found.concepts)
    assert not len(found.of(1).concepts)


def test_time_that_runs_backwards_is_refused(activations):
    seen = evidence(activations, 3)
    seen.moments[2] = -1.0
    with pytest.raises(DataError, match="backwards"):
        track(seen, CONCEPTS, CONFIG)


def test_log_odds_are_how_much_likelier_an_item_is_than_those_of_the_reference():
    rng = np.random.default_rng(2)
    users, vectors = rng.normal(size=(40, 5)).astype(np.float32), rng.normal(size=(ITEMS, 5)).astype(np.float32)
    items, reference = rng.integers(ITEMS, size=40).astype(np.int32), np.array([0, 1, 1, 5], dtype=np.int32)
    scores = users.astype(np.float64) @ vectors.T.astype(np.float64)
    wanted = scores[np.arange(40), items] - np.log(np.exp(scores[:, reference]).mean(axis=1))
    np.testing.assert_allclose(against_reference(users, vectors[items], vectors[reference]), wanted, atol=1e-5)

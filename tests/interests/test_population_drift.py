"""Drift of a population: a share that changes is noticed; one that does not is not."""

import numpy as np

from penchant.interests.population_drift import PopulationDriftConfig, PopulationWatch

C = 12
RATES = np.linspace(0.02, 0.3, C)
CONFIG = PopulationDriftConfig()


def fed(touched: np.ndarray, surprise: np.ndarray, *, at_once: int = 1_000) -> PopulationWatch:
    watch = PopulationWatch(rates=RATES, config=CONFIG)
    moments = np.arange(len(touched))
    for start in range(0, len(touched), at_once):
        part = slice(start, start + at_once)
        watch.feed(touched[part], surprise[part], moments[part])
    return watch


def test_a_concept_that_comes_up_is_noticed_and_dated():
    rng = np.random.default_rng(0)
    touched = rng.random((6_000, C)) < RATES
    touched[4_000:, 2] |= rng.random(2_000) < 0.2
    watch = fed(touched, rng.uniform(0.2, 0.4, 6_000))
    [change] = watch.changes[:1]
    assert change.concept == 2
    assert change.after > change.before
    assert 4_000 < change.event <= 4_500
    assert change.moment == change.event - 1
    assert {c.concept for c in watch.changes} == {2}


def test_events_that_become_hard_to_foresee_are_noticed():
    rng = np.random.default_rng(1)
    touched = rng.random((6_000, C)) < RATES
    surprise = np.where(np.arange(6_000) < 4_000, rng.uniform(0.2, 0.4, 6_000), rng.uniform(0.4, 0.6, 6_000))
    [change] = fed(touched, surprise).changes
    assert change.concept == -1
    assert 4_000 < change.event <= 4_600


def test_no_drift_no_alarm():
    rng = np.random.default_rng(2)
    assert fed(rng.random((8_000, C)) < RATES, rng.uniform(0.2, 0.4, 8_000)).changes == []
    assert fed(np.ones((2_000, C), dtype=bool), np.full(2_000, 0.5)).changes == []


def test_how_events_are_handed_over_does_not_matter():
    rng = np.random.default_rng(3)
    touched, surprise = rng.random((3_003, C)) < RATES, rng.random(3_003)
    touched[1_500:, 0] = True
    whole, pieces = fed(touched, surprise, at_once=5_000), fed(touched, surprise, at_once=7)
    assert whole.changes == pieces.changes
    assert whole.events == pieces.events == 3_000  # the last three wait for a batch to be full


def test_only_the_most_frequent_are_watched():
    watch = PopulationWatch(rates=RATES, config=PopulationDriftConfig(concepts=3))
    assert watch.watched.tolist() == [9, 10, 11]
    watch.feed(np.zeros((0, C), dtype=bool), np.zeros(0), np.zeros(0, dtype=np.int64))
    assert watch.events == 0

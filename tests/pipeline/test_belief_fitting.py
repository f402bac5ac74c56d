"""Which events the beliefs' parameters are chosen on, and that the choice is the same in every process."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from penchant.data.dataset import Dataset, Table
from penchant.data.polarity import AGAINST
from penchant.interests.belief_step import BeliefConfig
from penchant.interests.population import Population
from penchant.interfaces import FitOptions
from penchant.models.holdout import held_out
from penchant.pipeline.belief_fitting import _sampled, _search, _Trial, choose, reading_of
from penchant.pipeline.beliefs import OTHER, BeliefSettings

USERS, LENGTH = 120, 5


class Blind:
    """A tracker that foresees nothing."""

    item_vectors = np.zeros((LENGTH, 2), dtype=np.float32)

    def vectors_along(self, histories):
        return np.zeros((len(histories.items) + len(histories), 2), dtype=np.float32)


def rated(*, low_last: int) -> Dataset:
    """Every user rates the five items; the last rating of the first `low_last` users is a bad one."""
    values = np.full((USERS, LENGTH), 5.0)
    values[:low_last, -1] = 1.0
    return Dataset.of_rows(
        name="rated",
        users=Table(tuple(f"u{n}" for n in range(USERS)), {}),
        items=Table(tuple(f"i{n}" for n in range(LENGTH)), {}),
        user_rows=np.repeat(np.arange(USERS), LENGTH),
        item_rows=np.tile(np.arange(LENGTH), USERS),
        values=values.ravel(),
        event_types=("rating",),
        rating_scale=(1.0, 5.0),
    )


def sampled(data: Dataset) -> Any:
    vocabulary: Any = SimpleNamespace(concepts=("one",))
    blind: Any = Blind()
    rng, reference = np.random.default_rng(0), np.arange(LENGTH, dtype=np.int32)
    return _sampled(data.histories(), reading_of(data), blind, vocabulary, reference, BeliefSettings(), rng)


def test_only_what_the_tracker_was_not_trained_on_is_to_be_foreseen():
    """A tracker is trained on all but each user's last event, whatever was thought of that: an event before a last low
    rating is one it knows by heart."""
    data = rated(low_last=60)
    training = held_out(data, FitOptions())[0].histories()
    found = sampled(data)
    assert len(found.targets) == USERS - 60
    assert not np.isin(found.targets, training.items).any()
    assert found.targets.tolist() == [LENGTH - 1] * (USERS - 60)
    assert sampled(rated(low_last=USERS - 10)) is None  # too few are left


def test_weights_are_tried_in_one_order_whatever_the_hash_seed():
    names = {"view", "click", "purchase", "cart", "share", "wish"}
    tried = []

    def of(trial: _Trial) -> np.ndarray:
        changed = [name for name, weight in trial.weights.items() if weight == 4.0]
        tried.extend(changed)
        return np.zeros(1)

    foresight: Any = SimpleNamespace(frequent=names, of=of, without=lambda _: np.ones(1))
    trial = _Trial(config=BeliefConfig(), temperature=1.0, weights=dict.fromkeys([*sorted(names), OTHER], 1.0))
    _search(foresight, trial, [(10.0, 200.0)], BeliefSettings())
    assert tried == sorted(names)


def test_weights_are_written_in_one_order_whatever_the_hash_seed():
    """Their order is in the bundle's files, and so in its label."""
    data = rated(low_last=USERS)
    one = np.ones(1, dtype=np.float32)
    population = Population(mean=one, deviation=one, rate=one)
    vocabulary: Any = SimpleNamespace(concepts=("one",))
    blind: Any = Blind()
    settings = BeliefSettings()
    found = choose(data, data.histories(), reading_of(data), blind, vocabulary, population, settings, seed=0)
    assert [name for name in found.weights if name in AGAINST] == sorted(AGAINST)


def test_data_in_which_nothing_was_taken_leave_the_defaults():
    empty = rated(low_last=0).select(np.zeros(USERS * LENGTH, dtype=bool))
    assert sampled(empty) is None

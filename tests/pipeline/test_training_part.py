"""What an encoder may learn of a dataset's events."""

from dataclasses import replace

import numpy as np
import pytest

from penchant.data.polarity import consumption
from penchant.data.splitting import split
from penchant.errors import ConfigError
from penchant.pipeline.finetuning import FineTuningConfig
from penchant.pipeline.pretraining import PretrainingConfig
from penchant.pipeline.training_part import training_part
from tests.worlds import genre_world

WORLD = genre_world(users=24)


def with_impressions():
    """Each user's last two events only show an item, as on a page that he left."""
    ends = WORLD.histories().indptr[1:]
    types = WORLD.events.types.copy()
    types[np.concatenate([ends - 1, ends - 2])] = 1
    return replace(WORLD, events=replace(WORLD.events, types=types), event_types=("interaction", "impression"))


def test_it_is_what_leave_one_out_leaves_to_learn_from():
    part = training_part(WORLD, "leave-one-out")
    assert len(part.events) == len(WORLD.events) - 2 * WORLD.n_users
    assert training_part(WORLD, None) is WORLD
    none = WORLD.select(np.zeros(len(WORLD.events), dtype=bool))
    assert training_part(none, "leave-one-out") is none  # texts alone can be learned from


def test_what_was_only_shown_does_not_stand_for_the_last_event():
    world = with_impressions()
    part = training_part(world, "leave-one-out")
    whole, lengths = consumption(world).histories(), part.histories().lengths
    assert np.array_equal(lengths, whole.lengths - 2)  # neither the test's event nor the validation's
    assert part.fingerprint == split(consumption(world), "leave-one-out").train.fingerprint
    assert len(training_part(world, None).events) == len(world.events) - 2 * world.n_users


def test_folds_are_refused_and_none_is_a_word():
    with pytest.raises(ConfigError, match="one fold learns from what another asks for"):
        training_part(WORLD, "k-fold-users")
    for config in (FineTuningConfig, PretrainingConfig):
        assert config.of({"protocol": "none"}).protocol is None
        with pytest.raises(ConfigError, match="protocol"):
            config.of({"protocol": "nonsense"})


def test_a_division_that_is_drawn_follows_its_seed():
    parts = [training_part(WORLD, "cold-items", seed=seed).fingerprint for seed in (0, 0, 1)]
    assert parts[0] == parts[1] != parts[2]

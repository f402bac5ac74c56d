"""Changed histories as twins: more of them, of the same items, marked, and never asked about."""

import numpy as np
import pytest

from penchant.data.generated import is_generated, without_generated
from penchant.data.splitting import split
from penchant.errors import DataError
from penchant.interfaces import FitOptions
from penchant.models.holdout import held_out
from penchant.models.neighborhood import ItemKNN
from penchant.training.augmentation.sequences import SequenceAugmentationConfig
from penchant.training.augmentation.twins import with_changed_histories
from tests.worlds import genre_world

WORLD = genre_world(users=40, newcomers=2)


def rows_of(data, user: int) -> list[int]:
    histories = data.histories()
    found: list[int] = histories.items[histories.of(user)].tolist()
    return found


@pytest.mark.parametrize("change", ["crop", "mask", "reorder", "substitute"])
def test_each_twin_is_his_sources_history_changed_as_it_says(change):
    alike = {item: (item + 1) % WORLD.n_items for item in range(WORLD.n_items)}
    config = SequenceAugmentationConfig(changes=(change,), copies=2)
    made = with_changed_histories(WORLD, config, alike=alike, seed=3)
    twins = np.flatnonzero(is_generated(made))
    assert len(twins) > WORLD.n_users
    assert made.n_users == WORLD.n_users + len(twins)
    source = 0
    for twin in twins.tolist():
        new = rows_of(made, twin)
        while not fits(change, new, rows_of(WORLD, source), alike):  # twins are in the order of their sources
            source += 1
            assert source < 40
        assert made.users.columns["likes"][twin] == WORLD.users.columns["likes"][source]


def fits(change: str, new: list[int], old: list[int], alike: dict[int, int]) -> bool:
    if change == "crop":
        return any(new == old[k : k + len(new)] for k in range(len(old))) and new != old
    if change == "mask":
        left = iter(old)
        return len(new) < len(old) and all(item in left for item in new)
    if change == "reorder":
        return sorted(new) == sorted(old) and new != old
    return len(new) == len(old) and new != old and all(a in {b, alike[b]} for a, b in zip(new, old, strict=True))


def test_they_are_learned_from_and_nobody_asks_about_them():
    parts = split(WORLD, "leave-one-out")
    made = with_changed_histories(parts.train, seed=1)
    assert len(made.events) > len(parts.train.events)
    assert without_generated(made).fingerprint == parts.train.fingerprint
    again, plain = split(with_changed_histories(WORLD, seed=1), "leave-one-out"), parts
    assert again.hash == plain.hash
    assert again.facts["generated_events_left_out"] > 0
    training, cases = held_out(made, FitOptions())
    assert cases.histories.users.max() < 40
    assert is_generated(training).any()
    without, beside = (ItemKNN().fit(data).score(parts.test.histories) for data in (parts.train, made))
    assert not np.array_equal(without, beside)
    assert np.isfinite(beside).all()


def test_the_same_seed_gives_the_same_twins_and_they_are_not_changed_again():
    made = with_changed_histories(WORLD, seed=1)
    assert with_changed_histories(WORLD, seed=1).fingerprint == made.fingerprint
    assert with_changed_histories(WORLD, seed=2).fingerprint != made.fingerprint
    with pytest.raises(DataError, match="generated rows already"):
        with_changed_histories(made)
    one_each = WORLD.select(WORLD.events.timestamps == WORLD.events.timestamps.min())
    with pytest.raises(DataError, match="could be changed"):
        with_changed_histories(one_each)

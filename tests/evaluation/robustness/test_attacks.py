"""Made-up profiles: what they hold, and that real ones stay as they were."""

import numpy as np
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.data.splitting import split
from penchant.errors import ConfigError, DataError, UnsupportedError
from penchant.evaluation.robustness.attacks import ATTACKS, AttackConfig, AttackKind, inject

from .worlds import ITEMS, two_tastes

TARGET = ITEMS - 1


@pytest.mark.parametrize("kind", ATTACKS)
@pytest.mark.parametrize("clock", ["position", "time"])
def test_real_users_stay_and_each_made_up_one_pushes_the_target(kind: AttackKind, clock):
    data = two_tastes(clock=clock)
    attacked = inject(data, TARGET, AttackConfig(kind=kind, share=0.1, filler=9), seed=1)
    whole, added = attacked.dataset, attacked.injected
    assert whole.n_users == 132
    assert added.sum() == 12
    assert whole.users.ids[:120] == data.users.ids
    assert whole.users.columns["age"][125] is None
    real = whole.events.where(~added[whole.events.users])
    for name in ("users", "items", "timestamps", "values", "keys"):
        np.testing.assert_array_equal(getattr(real, name), getattr(data.events, name))
    assert len(np.unique(whole.events.keys)) == len(whole.events)
    histories = whole.histories(np.flatnonzero(added).astype(np.int32))
    assert (histories.lengths == 10).all()
    for b in range(len(histories)):
        own = histories.of(b)
        assert len(set(histories.items[own].tolist())) == 10
        assert histories.values[own][histories.items[own] == TARGET].tolist() == [5.0]
        assert set(histories.values[own].tolist()) <= {1.0, 2.0, 3.0, 4.0, 5.0}
        assert (np.diff(histories.timestamps[own]) >= 0).all()
    places = [int(np.flatnonzero(histories.items[histories.of(b)] == TARGET)[0]) for b in range(len(histories))]
    assert len(set(places)) > 3  # anywhere in a profile
    assert len(split(whole, "leave-one-out").test) == 132  # a dataset like any other


def test_an_average_attack_rates_each_item_as_others_do_and_a_random_one_does_not():
    """Everybody gives an item the same rating: so does who imitates them."""
    users, items = np.repeat(np.arange(10), 20), np.tile(np.arange(20), 10)
    level = 1.0 + np.arange(20) % 5
    data = Dataset.of_rows(
        name="agreed",
        users=Table(tuple(f"u{k}" for k in range(10))),
        items=Table(tuple(f"i{k}" for k in range(20))),
        user_rows=users,
        item_rows=items,
        values=level[items],
        rating_scale=(1.0, 5.0),
    )
    wrong = {}
    for kind in ("random", "average"):
        attacked = inject(data, 19, AttackConfig(kind=kind, share=1.0, filler=15), seed=0)
        events = attacked.dataset.events.where(attacked.injected[attacked.dataset.events.users])
        own = events.items != 19
        wrong[kind] = float((events.values[own] != level[events.items[own]]).mean())
    assert wrong["average"] == 0.0
    assert wrong["random"] > 0.6


def test_a_bandwagon_has_what_is_popular_rated_highest():
    data = two_tastes(rated=True)
    attacked = inject(data, TARGET, AttackConfig(kind="bandwagon", filler=9, popular=5, share=0.2), seed=0)
    charts = set(np.argsort(-data.item_counts(), kind="stable")[:10].tolist())
    histories = attacked.dataset.histories(np.flatnonzero(attacked.injected).astype(np.int32))
    for b in range(len(histories)):
        own = histories.of(b)
        liked = set(histories.items[own][histories.values[own] == 5].tolist())
        assert len(liked & charts) >= 5


def test_without_ratings_only_the_items_are_chosen():
    data = two_tastes(rated=False)
    attacked = inject(data, TARGET, AttackConfig(kind="random"), seed=0)
    added = attacked.dataset.events.where(attacked.injected[attacked.dataset.events.users])
    assert np.isnan(added.values).all()
    assert len(added) == 4 * 13  # three in a hundred of 120, the median length and the target
    with pytest.raises(UnsupportedError, match="has none"):
        inject(data, TARGET, AttackConfig(kind="average"))


def test_the_same_seed_gives_the_same_profiles():
    data = two_tastes()
    first, second, other = (inject(data, TARGET, seed=seed).dataset.fingerprint for seed in (0, 0, 1))
    assert first == second != other


def test_an_id_that_is_taken_is_not_given_again():
    once = inject(two_tastes(), TARGET, seed=0).dataset
    twice = inject(once, 3, seed=0).dataset
    assert len(set(twice.users.ids)) == twice.n_users == 128


def test_what_cannot_be_is_refused():
    data = two_tastes()
    for target in (-1, ITEMS):
        with pytest.raises(DataError, match="cannot be pushed"):
            inject(data, target)
    with pytest.raises(DataError, match="cannot be pushed"):
        inject(data.select(np.zeros(len(data.events), dtype=bool)), 0)
    with pytest.raises(ConfigError, match="longer than the catalogue"):
        inject(data, 0, AttackConfig(filler=ITEMS))
    with pytest.raises(ConfigError, match="bandwagon"):
        AttackConfig.of({"kind": "loud"})

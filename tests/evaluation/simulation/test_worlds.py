"""Planted and replayed worlds: marginals, what they do, what they refuse."""

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.data.dataset import Dataset, Table
from penchant.errors import ConfigError, DataError, UnsupportedError
from penchant.evaluation.simulation.loop import LoopConfig, Oracle, run
from penchant.evaluation.simulation.marginals import marginals_of
from penchant.evaluation.simulation.planted import PlantedWorld, WorldConfig
from penchant.evaluation.simulation.replay import ReplayConfig, ReplayWorld, labelled
from tests.worlds import genre_world

SMALL = WorldConfig(users=40, items=120, concepts=12)


def slate(world: PlantedWorld, item: int, k: int = 1) -> np.ndarray:
    return np.tile(np.arange(item, item + k), (world.config.users, 1))


def log_of(counts: np.ndarray, per_user: np.ndarray, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(len(per_user)), per_user)
    items = rng.choice(len(counts), len(users), p=counts / counts.sum())
    ids = tuple(f"i{n}" for n in range(len(counts)))
    tags = np.empty(len(counts), dtype=object)
    tags[:] = [["a", "b"][: 1 + n % 2] for n in range(len(counts))]
    return Dataset.of_rows(
        name="log",
        users=Table(tuple(f"u{n}" for n in range(len(per_user)))),
        items=Table(ids, {"tags": tags}),
        user_rows=users,
        item_rows=items,
    )


def test_a_logs_marginals_are_found_and_given_to_a_world():
    rng = np.random.default_rng(1)
    per_user = np.maximum(1, np.exp(rng.normal(3.0, 0.5, 2_000))).astype(int)
    data = log_of(np.exp(rng.normal(0, 0.8, 500)), per_user)
    found = marginals_of(data, columns=["tags"])
    assert found.log_popularity_spread == pytest.approx(0.8, abs=0.07)
    assert found.events_per_user == pytest.approx(per_user.mean())
    assert found.log_events_spread == pytest.approx(np.log(per_user).std())
    assert found.concepts_per_item == pytest.approx(1.5)
    config = WorldConfig.fitted_to(data, columns=["tags"])
    assert (config.skew, config.concepts_per_item) == (found.log_popularity_spread, 1.5)
    world = PlantedWorld(config.model_copy(update={"users": 500, "items": 1_000}), seed=3)
    lengths = np.bincount(world.catalogue.history_users, minlength=500)
    assert lengths.mean() == pytest.approx(per_user.mean(), rel=0.1)
    assert np.diff(world.catalogue.activations.indptr).mean() == pytest.approx(1.5, rel=0.05)


def test_what_cannot_be_fitted_is_refused():
    data = genre_world(users=8)
    with pytest.raises(DataError, match="no column 'genre'"):
        WorldConfig.fitted_to(data, columns=["genre"])
    with pytest.raises(DataError, match="no event"):
        WorldConfig.fitted_to(log_of(np.ones(3), np.array([0, 0])))
    with pytest.raises(DataError, match="No item has a concept"):
        WorldConfig.fitted_to(data, activations=sp.csr_array((60, 4)))
    with pytest.raises(ConfigError, match="no such setting"):
        WorldConfig.of({"user": 3})


def test_the_past_tells_of_known_interests_and_not_of_latent_ones():
    config = WorldConfig(users=400, items=600, history=10.0, known=2.0, latent=2.0)
    world = PlantedWorld(config, seed=0)
    touched, wanted, known = world.catalogue.touched(), world.interested(), world.known_at_first
    assert (known & ~wanted).sum() == 0
    assert 1.5 < (wanted & ~known).sum() / 400 < 2.5
    of_known, of_latent, of_others = touched[known].mean(), touched[wanted & ~known].mean(), touched[~wanted].mean()
    assert of_known > 2 * of_others
    assert of_latent == pytest.approx(of_others, abs=0.05)


def test_satiation_lowers_the_appeal_of_a_concept_for_a_while():
    config = SMALL.model_copy(
        update={"base": 8.0, "satiation": 4.0, "recovery": 0.5, "drift": 0.0, "turn": 0.0, "latent": 0.0}
    )
    world = PlantedWorld(config, seed=1)
    before = world.appeal(0)
    alike = np.flatnonzero((world.catalogue.activations[[0]] @ world.catalogue.activations.T).toarray()[0] > 0.9)
    apart = np.flatnonzero((world.catalogue.activations[[0]] @ world.catalogue.activations.T).toarray()[0] == 0)
    world.react(0, slate(world, 0))
    after = world.appeal(1)
    assert after[:, alike].mean() < before[:, alike].mean() - 0.01
    np.testing.assert_allclose(after[:, apart], before[:, apart])
    for now in range(1, 30):
        world.react(now, np.full((40, 1), -1))
    np.testing.assert_allclose(world.appeal(30), before, atol=1e-4)


def test_places_are_seen_as_the_examination_says_and_feedback_is_late():
    config = SMALL.model_copy(update={"users": 4_000, "base": 20.0, "examination": 1.0, "delay": 2.0, "satiation": 0.0})
    world = PlantedWorld(config, seed=1)
    came = world.react(0, slate(world, 0, 4))
    np.testing.assert_allclose(came.expected[0], [1, 1 / 2, 1 / 3, 1 / 4], rtol=1e-4)
    np.testing.assert_allclose(came.feedback.engaged.mean(axis=0), [1, 1 / 2, 1 / 3, 1 / 4], atol=0.03)
    assert came.arrives.min() == 1
    assert came.arrives.mean() == pytest.approx(3.0, abs=0.1)


def test_interests_turn_and_drift_as_often_as_said():
    config = SMALL.model_copy(update={"users": 500, "turn": 0.1, "drift": 0.7, "drift_scale": 5.0})
    world = PlantedWorld(config, seed=1)
    numbers, before = world.interested().sum(), world.interested()
    moved = []
    for now in range(40):
        world.react(now, np.full((500, 1), -1))
        moved.append((world.interested() != before).any(axis=1).mean())
        before = world.interested()
    assert np.mean(moved) == pytest.approx(0.1, abs=0.01)
    assert world.interested().sum() == numbers  # one comes for each that goes
    assert world._users.drift.std() == pytest.approx(0.7, rel=0.02)


def test_the_same_seed_is_the_same_world_and_another_is_not():
    one, same, other = (PlantedWorld(SMALL, seed=n) for n in (5, 5, 6))
    np.testing.assert_array_equal(one.appeal(0), same.appeal(0))
    assert not np.array_equal(one.appeal(0), other.appeal(0))
    np.testing.assert_array_equal(
        one.react(0, slate(one, 3)).feedback.engaged, same.react(0, slate(same, 3)).feedback.engaged
    )
    assert WorldConfig().redrawn(7) == WorldConfig().redrawn(7) != WorldConfig().redrawn(8)
    calm = WorldConfig(latent=0.0, turn=0.0).redrawn(7)
    assert (calm.latent, calm.turn) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("items", "told"),
    [(np.zeros((3, 1), int), "shape"), (np.full((40, 1), 120), "names item 120"), (np.zeros((40, 2), int), "twice")],
)
def test_slates_that_are_none_are_refused(items, told):
    with pytest.raises(DataError, match=told):
        PlantedWorld(SMALL, seed=0).react(0, items)


def rated(n_users: int = 12, n_items: int = 40) -> Dataset:
    """Users who like the items of their own half, and rated most of everything."""
    rows = [(u, i) for u in range(n_users) for i in range(n_items) if (u + i) % 5]
    users, items = np.array(rows).T
    genres = np.empty(n_items, dtype=object)
    genres[:] = [[f"g{i % 4}"] for i in range(n_items)]
    return Dataset.of_rows(
        name="rated",
        users=Table(tuple(f"u{n}" for n in range(n_users))),
        items=Table(tuple(f"i{n}" for n in range(n_items)), {"genres": genres}),
        user_rows=users,
        item_rows=items,
        values=np.where(items % 2 == users % 2, 5.0, 2.0),
        rating_scale=(1.0, 5.0),
    )


def test_a_replay_answers_as_was_rated_and_only_what_was():
    data = rated()
    world = ReplayWorld(data, labelled(data, "genres"), ReplayConfig(least=10), seed=0)
    open_UI = world.available(0)
    assert not open_UI[world.catalogue.history_users, world.catalogue.history_items].any()
    first = open_UI.argmax(axis=1)
    came = world.react(0, first[:, None])
    np.testing.assert_array_equal(came.feedback.engaged[:, 0], first % 2 == np.arange(12) % 2)
    assert not world.available(1)[np.arange(12), first].any()  # he has answered
    with pytest.raises(DataError, match="or has seen"):
        world.react(1, first[:, None])
    with pytest.raises(DataError, match="did not rate"):
        world.react(
            1, world.catalogue.history_items[np.unique(world.catalogue.history_users, return_index=True)[1], None]
        )
    wanted = world.interested()
    assert wanted.shape == (12, 4)
    np.testing.assert_array_equal(wanted[0], [True, False, True, False])
    np.testing.assert_array_equal(wanted[1], [False, True, False, True])


def test_the_oracle_of_a_replay_earns_all_there_is():
    data = rated()
    world = ReplayWorld(data, labelled(data, "genres"), ReplayConfig(least=10, users=5), seed=0)
    liked = world.appeal(0).sum()
    came = run(world, Oracle(world), LoopConfig(rounds=20, slate=4))
    assert came.engaged.sum() == liked


def test_a_replay_refuses_what_it_cannot_replay():
    data = genre_world(users=8)
    with pytest.raises(UnsupportedError, match="no ratings"):
        ReplayWorld(data, labelled(data, "tags"), ReplayConfig(), seed=0)
    with pytest.raises(DataError, match="has 90 ratings"):
        ReplayWorld(rated(), labelled(rated(), "genres"), ReplayConfig(least=90), seed=0)
    with pytest.raises(DataError, match="Activations of 3 items"):
        ReplayWorld(rated(), sp.csr_array((3, 2)), ReplayConfig(), seed=0)

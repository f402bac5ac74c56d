"""Counts and correlations of the models agree with pandas, which groups, joins and correlates in its own way."""

import numpy as np
import pandas as pd
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.models.interactions import SignalConfig
from penchant.models.neighborhood import ItemKNN
from penchant.models.neighborhood_config import ItemKNNConfig
from penchant.models.popularity import Popularity, PopularityConfig
from penchant.models.recent_popularity import RecentPopularity, RecentPopularityConfig
from penchant.models.user_knn import UserKNN, UserKNNConfig
from penchant.types import MICROSECONDS_PER_DAY
from tests.models.rating.worlds import factor_world
from tests.worlds import genre_world

USERS, ITEMS = 60, 25


def visits() -> tuple[Dataset, pd.DataFrame]:
    """Events over 300 days, repeats among them; the same as a dataset and as a frame."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "user": rng.integers(USERS, size=900),
            "item": (ITEMS * rng.beta(1, 3, size=900)).astype(int),
            "moment": np.sort(rng.integers(300 * MICROSECONDS_PER_DAY, size=900)),
        }
    )
    data = Dataset.of_rows(
        name="visits",
        users=Table(tuple(f"u{k}" for k in range(USERS))),
        items=Table(tuple(f"i{k}" for k in range(ITEMS))),
        user_rows=frame["user"].to_numpy(),
        item_rows=frame["item"].to_numpy(),
        timestamps=frame["moment"].to_numpy(),
    )
    return data, frame


VISITS, FRAME = visits()


def row(model) -> np.ndarray:
    return np.asarray(model.fit(VISITS).score(VISITS.histories().take([0]))[0])


@pytest.mark.parametrize("repeats", [False, True])
def test_popularity_is_a_count_by_item(repeats):
    users = FRAME.groupby("item")["user"]
    counts = (users.size() if repeats else users.nunique()).reindex(range(ITEMS), fill_value=0)
    found = row(Popularity(PopularityConfig(count_repeats=repeats)))
    np.testing.assert_allclose(found, counts / USERS, rtol=1e-6)


@pytest.mark.parametrize("repeats", [False, True])
def test_recent_popularity_is_a_sum_of_fading_events_by_item(repeats):
    lasting, half_life = 0.05, 20.0
    frame = FRAME if repeats else FRAME.drop_duplicates(["user", "item"], keep="last")
    days = pd.to_timedelta(FRAME["moment"].max() - frame["moment"], unit="us") / pd.Timedelta(days=1)
    weights = lasting + (1 - lasting) * 0.5 ** (days / half_life)
    sums = weights.groupby(frame["item"]).sum().reindex(range(ITEMS), fill_value=0.0)
    config = RecentPopularityConfig(half_life_days=half_life, lasting=lasting, count_repeats=repeats)
    np.testing.assert_allclose(row(RecentPopularity(config)), sums / USERS, rtol=1e-6)


def test_recent_popularity_without_times_is_pandas_count_from_the_end():
    world = genre_world(users=40)
    assert world.clock == "position"
    frame = pd.DataFrame({"user": world.events.users, "item": world.events.items})
    after = frame.groupby("user").cumcount(ascending=False)
    weights = (0.5 ** (after / 4.0)).groupby([frame["user"], frame["item"]]).last()
    sums = weights.groupby("item").sum().reindex(range(world.n_items), fill_value=0.0)
    model = RecentPopularity(RecentPopularityConfig(half_life_events=4.0, lasting=0.0)).fit(world)
    np.testing.assert_allclose(model.score(world.histories().take([0]))[0], sums / world.n_users, rtol=1e-6)


def test_co_occurrence_is_a_join_of_the_events_with_themselves():
    """Every two events of a user, by a join; those near enough weigh by distance and direction."""
    window, forward, backward, power = 5, 1.0, 0.3, 0.6
    steps = FRAME.assign(step=FRAME.groupby("user").cumcount())
    pairs = steps.merge(steps, on="user", suffixes=("", "_other"))
    ahead = pairs["step_other"] - pairs["step"]
    near = (ahead != 0) & (ahead.abs() <= window) & (pairs["item"] != pairs["item_other"])
    pairs, ahead = pairs[near], ahead[near]
    weights = np.where(ahead > 0, forward, backward) * ahead.abs() ** -power
    sums = weights.groupby([pairs["item"], pairs["item_other"]]).sum()
    counts = FRAME["item"].value_counts()
    levels = (sums.index.get_level_values(n).map(counts).to_numpy() for n in (0, 1))
    expected = (sums / np.sqrt(np.multiply(*levels))).unstack(fill_value=0.0)
    expected = expected.reindex(index=range(ITEMS), columns=range(ITEMS), fill_value=0.0)
    settings = {"window": window, "forward": forward, "backward": backward, "distance_power": power}
    model = ItemKNN(ItemKNNConfig.of({"similarity": "cooccurrence", **settings})).fit(VISITS)
    assert (expected.to_numpy() > 0).sum() > 200
    np.testing.assert_allclose(model.neighbours.toarray(), expected, atol=1e-6)


def rated() -> tuple[Dataset, pd.DataFrame]:
    """Ratings as a dataset, and as a table of users by items with gaps."""
    data = factor_world(users=40, items=30, share=0.4, noise=0.6, seed=3)[0]
    frame = pd.DataFrame({"user": data.events.users, "item": data.events.items, "rating": data.events.values})
    return data, frame.pivot_table(index="user", columns="item", values="rating")


def test_pearson_of_items_over_common_raters_is_pandas_own():
    data, table = rated()
    config = {"similarity": "pearson", "signal": SignalConfig(values="value"), "damping": 0.0}
    model = ItemKNN(ItemKNNConfig.of(config)).fit(data)
    expected = table.corr(min_periods=2).fillna(0.0).clip(lower=0.0).to_numpy(copy=True)
    np.fill_diagonal(expected, 0.0)
    assert (expected > 0).mean() > 0.2
    np.testing.assert_allclose(model.neighbours.toarray(), expected, atol=1e-6)


def test_pearson_of_users_over_common_items_is_pandas_own():
    """Each user finds himself among the stored, at 1."""
    data, table = rated()
    config = {"similarity": "pearson", "signal": SignalConfig(values="value"), "neighbours": 100}
    model = UserKNN(UserKNNConfig.of(config)).fit(data)
    expected = table.T.corr(min_periods=2).fillna(0.0).clip(lower=0.0)
    np.testing.assert_allclose(model.similar_users(data.histories()).toarray(), expected, atol=1e-6)

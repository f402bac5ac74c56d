import numpy as np
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.data.protocols import temporal
from penchant.errors import ConfigError
from penchant.models.popularity import Popularity
from penchant.models.recent_popularity import RecentPopularity, RecentPopularityConfig
from penchant.types import MICROSECONDS_PER_DAY, FloatArray
from tests.models.measures import ndcg
from tests.models.toys import dataset_of


def timed(users: list[int], items: list[int], days: list[float], n_items: int) -> Dataset:
    return Dataset.of_rows(
        name="timed",
        users=Table(tuple(f"u{u}" for u in range(max(users) + 1))),
        items=Table(tuple(f"i{i}" for i in range(n_items))),
        user_rows=np.array(users),
        item_rows=np.array(items),
        timestamps=(np.array(days) * MICROSECONDS_PER_DAY).astype(np.int64),
    )


def shares(data: Dataset, **settings: float) -> FloatArray:
    scores = RecentPopularity(RecentPopularityConfig.of(settings)).fit(data).score(data.histories())
    return np.asarray(scores[0])


TOY = timed([0, 0, 1, 1], [0, 1, 1, 1], [0, 60, 30, 60], 3)
"""Item 0 was touched 60 days before the end; item 1 by user 0 at the end, by user 1 then and 30 days before."""


def test_events_fade_by_half_lives_and_a_user_counts_once():
    np.testing.assert_allclose(shares(TOY, half_life_days=30, lasting=0), [0.25 / 2, 2 / 2, 0])
    np.testing.assert_allclose(shares(TOY, half_life_days=30, lasting=0, count_repeats=True), [0.125, 2.5 / 2, 0])
    np.testing.assert_allclose(shares(TOY, half_life_days=30, lasting=0.2), [(0.2 + 0.8 * 0.25) / 2, 1, 0])


def test_without_fading_it_is_popularity():
    found = shares(TOY, lasting=1)
    np.testing.assert_array_equal(found, Popularity().fit(TOY).score(TOY.histories())[0])


def test_where_only_positions_are_known_events_fade_by_those_after():
    data = dataset_of([[0, 1, 2], [1]], 4)
    found = shares(data, half_life_events=1, half_life_days=99, lasting=0)
    np.testing.assert_allclose(found, [0.25 / 2, (0.5 + 1) / 2, 1 / 2, 0])


def test_old_events_keep_an_order_among_themselves():
    data = timed([0, 1, 2, 3], [0, 0, 1, 2], [0, 0, 0, 90_000], 4)
    found = shares(data, half_life_days=1)
    assert found[2] > found[0] > found[1] > found[3] == 0


def test_what_is_recent_beats_what_was_popular_where_tastes_move():
    """Each week a further item is in fashion; two in three events follow it."""
    rng = np.random.default_rng(0)
    days = np.sort(rng.uniform(0, 200, size=2_000))
    fashion = (days // 7).astype(int)
    items = np.where(rng.random(2_000) < 2 / 3, fashion, rng.integers(30, size=2_000))
    data = timed(rng.integers(200, size=2_000).tolist(), items.tolist(), days.tolist(), 30)
    split = temporal(data, test_share=0.05, validation_share=0.05)
    recent = ndcg(RecentPopularity(RecentPopularityConfig(half_life_days=7)).fit(split.train), split.validation, data)
    lasting = ndcg(Popularity().fit(split.train), split.validation, data)
    assert recent > 1.5 * lasting


def test_no_events_score_zero():
    data = timed([0], [0], [0], 3)
    empty = data.select(np.zeros(1, dtype=np.bool_))
    assert not shares(empty).any()


@pytest.mark.parametrize("setting", ["half_life_days", "half_life_events"])
def test_a_half_life_is_above_zero(setting):
    with pytest.raises(ConfigError, match="greater than 0"):
        RecentPopularityConfig.of({setting: 0.0})

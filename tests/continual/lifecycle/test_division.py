"""What is learned from and what is kept for later: every event in one of them, the later ones last."""

import numpy as np
import pytest

from penchant.continual.lifecycle.division import divided, sampled
from penchant.continual.lifecycle.ranking import cases_of, orders_compared
from penchant.continual.lifecycle.settings import DataConfig, RankConfig
from penchant.data.dataset import Dataset, Table
from penchant.data.links import Links
from penchant.errors import ConfigError, DataError, NotFoundError, ProtocolError
from penchant.progress import SILENT
from tests.worlds import genre_world

WORLD = genre_world(users=12)


def timed(stamps: list[list[int]]) -> Dataset:
    """User k has an event on item n at each n-th moment."""
    return Dataset.of_rows(
        name="timed",
        users=Table(tuple(f"u{k}" for k in range(len(stamps)))),
        items=Table(tuple(f"i{n}" for n in range(max(map(len, stamps))))),
        user_rows=np.array([k for k, mine in enumerate(stamps) for _ in mine]),
        item_rows=np.array([n for mine in stamps for n in range(len(mine))]),
        timestamps=np.array([at for mine in stamps for at in mine]),
    )


@pytest.mark.parametrize(("share", "each"), [(0.01, 1), (0.25, 3), (0.5, 7)])
def test_by_position_everybody_keeps_the_end_of_his_history(share: float, each: int):
    past, later = divided(WORLD, DataConfig(later_share=share))
    assert set(later.histories().lengths.tolist()) == {each}
    whole = WORLD.histories()
    for user in range(WORLD.n_users):
        joined = [
            *past.histories().items[past.histories().of(user)],
            *later.histories().items[later.histories().of(user)],
        ]
        assert joined == whole.items[whole.of(user)].tolist()


def test_by_time_one_moment_divides_all():
    data = timed([[1, 2, 3, 4, 5], [3, 9, 10], [1, 1]])
    past, later = divided(data, DataConfig(later="time", later_share=0.3))
    # ten events: 1 1 1 2 3 3 4 | 5 9 10
    assert sorted(past.events.timestamps.tolist()) == [1, 1, 1, 2, 3, 3, 4]
    assert sorted(later.events.timestamps.tolist()) == [5, 9, 10]


def test_who_has_one_event_is_not_divided():
    past, later = divided(timed([[1], [1, 2]]), DataConfig())
    assert past.histories().lengths.tolist() == [1, 1]
    assert later.histories().lengths.tolist() == [0, 1]


def test_what_cannot_be_divided_is_refused():
    with pytest.raises(ProtocolError, match="positions only"):
        divided(WORLD, DataConfig(later="time"))
    with pytest.raises(DataError, match="nothing can be learned"):
        divided(timed([[1], [2]]), DataConfig())
    with pytest.raises(DataError, match="nothing can be learned"):
        divided(timed([[7, 7], [7]]), DataConfig(later="time"))


def test_a_sample_has_whole_histories_of_users_with_two_events():
    data = timed([[1, 2], [1], [1, 2, 3], [2, 3], [4, 5]])
    few = sampled(data, 3, seed=0)
    assert few.n_users == 3
    assert "u1" not in few.users.ids
    for row, user_id in enumerate(few.users.ids):
        ours, theirs = few.histories(), data.histories()
        there = data.users.row(user_id)
        assert ours.items[ours.of(row)].tolist() == theirs.items[theirs.of(there)].tolist()
        assert ours.timestamps[ours.of(row)].tolist() == theirs.timestamps[theirs.of(there)].tolist()
    assert sampled(data, 3, seed=0).users.ids == few.users.ids
    assert len({sampled(data, 2, seed=seed).users.ids for seed in range(8)}) > 1
    assert sampled(data, 100, seed=0).n_users == 4
    assert sampled(data, None, seed=0) is data


def test_a_sample_keeps_links_of_items_and_drops_those_of_users():
    from dataclasses import replace

    data = timed([[1, 2], [1, 2, 3]])
    assert sampled(replace(data, links=Links.of_pairs("like", "item", [0], [1])), 1, seed=0).links is not None
    assert sampled(replace(data, links=Links.of_pairs("friend", "user", [0], [1])), 1, seed=0).links is None


class Oracle:
    """Knows what comes later, or the opposite."""

    def __init__(self, later: Dataset, sign: float) -> None:
        self.scores = np.zeros((later.n_users, later.n_items), dtype=np.float32)
        histories = later.histories()
        for user in range(later.n_users):
            self.scores[user, histories.items[histories.of(user)]] = sign

    def score(self, histories):
        return self.scores[histories.users]


@pytest.mark.parametrize(("sign", "ndcg"), [(1.0, 1.0), (-1.0, 0.0)])
def test_who_knows_what_comes_later_is_right_and_the_opposite_is_wrong(sign: float, ndcg: float):
    past, later = divided(WORLD, DataConfig(later_share=0.2))
    config = RankConfig(k=5, against=("popularity",))
    found = orders_compared(Oracle(later, sign), past, later, config, seed=0, progress=SILENT)
    # an item taken before is left out of the ranking but where it is asked for again
    assert found["models"]["interest"]["ndcg"] == pytest.approx(ndcg)
    assert found["cases"] == WORLD.n_users
    assert 0 < found["models"]["popularity"]["ndcg"] < 1
    if sign > 0:
        assert found["models"]["popularity"]["p"] < 0.05


def test_a_case_is_asked_for_all_that_comes_later_given_all_that_came_before():
    past, later = divided(WORLD, DataConfig(later_share=0.3))
    cases = cases_of(past, later)
    for n, user in enumerate(cases.histories.users.tolist()):
        before, after = past.histories(), later.histories()
        assert cases.histories.items[cases.histories.of(n)].tolist() == before.items[before.of(user)].tolist()
        asked = cases.target_items[cases.target_indptr[n] : cases.target_indptr[n + 1]]
        assert set(asked.tolist()) == set(after.items[after.of(user)].tolist())


def test_models_to_be_held_against_are_checked():
    past, later = divided(WORLD, DataConfig())
    with pytest.raises(NotFoundError, match="'nobody'"):
        orders_compared(Oracle(later, 1), past, later, RankConfig(against=("nobody",)), seed=0, progress=SILENT)
    with pytest.raises(ConfigError, match="other models than interest"):
        RankConfig.of({"against": ["interest"]})

"""A challenger: what its weights are chosen by, and that nothing it has learned chooses them."""

import numpy as np
import pytest
import torch

from penchant.continual.challenger import FEWEST_CASES, challenger, unlearned
from penchant.data.dataset import Dataset, Table
from penchant.data.growth import grown
from penchant.interfaces import FitOptions
from penchant.models.blend import Blend
from penchant.models.hybrid import Interest
from penchant.models.hybrid_config import InterestConfig
from penchant.models.sequential.continuing import ContinuingConfig
from tests.worlds import genre_world

QUICK = {"dim": 8, "layers": 1, "dropout": 0.0, "training": {"max_epochs": 1, "warmup_steps": 1}}
STILL = ContinuingConfig(epochs=1, learning_rate=0.0, replay=0.0, anchor=0.0)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def stream() -> tuple[Dataset, Dataset, np.ndarray]:
    """A period in which all items are taken alike, one in which the first ten are taken by everyone, in any order."""
    first, rng = genre_world(users=60), np.random.default_rng(0)
    rows = np.repeat(np.arange(160), 8)
    users = Table((*first.users.ids, *(f"new-{n}" for n in range(100))))
    taken = np.concatenate([rng.permutation(10)[:8] for _ in range(160)])
    came = Dataset.of_rows(name="came", users=users, items=first.items, user_rows=rows, item_rows=taken)
    growth = grown(first, came, alone=True)
    return first, growth.dataset, growth.of_items


def _fitted(first: Dataset, **told) -> Interest:
    return Interest(InterestConfig.of({"sources": ["popularity", "knn"], "tracker": QUICK, **told})).fit(first)


def _challenged(champion: Interest, stream, *, cases: int) -> Interest:
    first, dataset, new = stream
    return challenger(
        champion,
        first,
        dataset,
        learned_N=new,
        replayable_N=~new,
        config=STILL,
        blend_cases=cases,
        options=FitOptions(),
    )


def test_each_case_is_a_new_event_given_all_before_it(stream):
    first, dataset, new = stream
    histories, counts = dataset.histories(), first.item_counts()
    cases = unlearned(dataset, new, counts, most=10**6, seed=0)
    fresh = np.flatnonzero(new)
    begin = histories.indptr[:-1][np.repeat(np.arange(len(histories)), histories.lengths)]
    assert len(cases) == np.count_nonzero(fresh > begin[fresh])  # all but what nothing comes before
    for b in range(0, len(cases), 97):
        user, given = int(cases.histories.users[b]), int(cases.histories.lengths[b])
        place = histories.indptr[user] + given
        assert new[place]
        assert histories.items[place] == cases.targets(b)[0]
        assert np.array_equal(cases.histories.items[cases.histories.of(b)], histories.items[place - given : place])


def test_users_take_turns_and_the_seed_draws(stream):
    first, dataset, new = stream
    counts = first.item_counts()
    once = unlearned(dataset, new, counts, most=160, seed=0)
    assert np.bincount(once.histories.users, minlength=160).tolist() == [1] * 160
    twice = unlearned(dataset, new, counts, most=250, seed=0)
    assert set(np.bincount(twice.histories.users, minlength=160).tolist()) == {1, 2}
    again = unlearned(dataset, new, counts, most=160, seed=0)
    other = unlearned(dataset, new, counts, most=160, seed=1)
    assert np.array_equal(once.target_items, again.target_items)
    assert not np.array_equal(once.histories.lengths, other.histories.lengths)


def test_items_that_the_champion_does_not_know_are_neither_asked_nor_given(stream):
    first, dataset, new = stream
    counts = first.item_counts()[:50]
    counts[3] = 0
    cases = unlearned(dataset, new, counts, most=10**6, seed=0)
    assert cases.histories.items.max() < 50
    assert 3 not in cases.target_items
    assert (cases.histories.lengths > 0).all()
    assert cases.target_items.max() < 50


def _taking(first: Dataset, items: np.ndarray, name: str) -> Dataset:
    """A hundred new users, each with eight of the items in any order."""
    rng = np.random.default_rng(1)
    return Dataset.of_rows(
        name=name,
        users=Table(tuple(f"{name} {n}" for n in range(100))),
        items=first.items,
        user_rows=np.repeat(np.arange(100), 8),
        item_rows=np.concatenate([rng.permutation(items)[:8] for _ in range(100)]),
    )


@pytest.mark.parametrize("popular", [True, False])
def test_what_came_chooses_the_weights(popular):
    """Popularity joins where what came is popular, and goes where it is not, whatever weight it had."""
    quiet = genre_world(users=40)
    first = grown(quiet, _taking(quiet, np.arange(10), "fan"), alone=True).dataset
    champion = _fitted(first, sources=["popularity"])
    champion.blend = Blend.of({} if popular else {"popularity": 8.0})
    came = _taking(first, np.arange(10) if popular else np.arange(30, 60), "later")
    growth = grown(first, came, alone=True)
    found = _challenged(champion, (first, growth.dataset, growth.of_items), cases=600)
    weights = {} if found.blend is None else dict(found.blend.weights)
    assert (weights.get("popularity", (0.0,))[0] > 0) is popular
    assert champion.blend == Blend.of({} if popular else {"popularity": 8.0})


def test_the_weights_stay_where_nothing_can_choose_them(stream):
    champion = _fitted(stream[0])
    for cases in (0, FEWEST_CASES - 1):
        assert _challenged(champion, stream, cases=cases).blend == champion.blend
    told = _fitted(stream[0], weights={"popularity": 0.7})
    assert _challenged(told, stream, cases=600).blend == told.blend == Blend.of({"popularity": 0.7})


def test_weights_are_not_chosen_by_events_that_a_source_has_counted(stream, monkeypatch):
    """The neighbours that are asked are those of what was learned before."""
    champion, counted = _fitted(stream[0]), []
    count = Interest._count

    def spied(self, dataset, *arguments, **options):
        counted.append(len(dataset.events))
        return count(self, dataset, *arguments, **options)

    monkeypatch.setattr(Interest, "_count", spied)
    _challenged(champion, stream, cases=600)
    assert counted == [len(stream[0].events), len(stream[1].events)]

"""Weights chosen on validation, on scores whose best weights are known."""

from dataclasses import replace

import numpy as np
import pytest

from penchant.data.histories import Cases
from penchant.metrics.ranking import ndcg_at, target_ranks
from penchant.models.blend import WEIGHTS, Blend, Pool, choose
from tests.models.toys import strangers

ITEMS = 400
TIES = np.random.default_rng(9).permutation(ITEMS).astype(np.int32)


def cases(n: int, *, long: int = 0, targets: int = 1) -> Cases:
    """Histories of two events, the last `long` of them of thirty."""
    rng = np.random.default_rng(0)
    lists = [rng.integers(ITEMS, size=30 if b >= n - long else 2).tolist() for b in range(n)]
    return Cases(
        histories=strangers(*lists, n_items=ITEMS),
        target_indptr=np.arange(n + 1, dtype=np.int64) * targets,
        target_items=rng.integers(ITEMS, size=n * targets).astype(np.int32),
    )


def gathered(asked: Cases, lead, sources) -> Pool:
    def scores(part: Cases):
        rows = part.histories.keys[part.histories.indptr[:-1]]  # who they are among all cases
        return lead[rows], [source[rows] for source in sources]

    keys = np.repeat(np.arange(len(asked)), asked.histories.lengths)
    asked = replace(asked, histories=replace(asked.histories, keys=keys))
    places = [slice(start, start + 150) for start in range(0, len(asked), 150)]
    return Pool.gather(asked, scores, batches=iter(places))


def noise(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, ITEMS)).astype(np.float32)


@pytest.mark.parametrize("targets", [1, 3])
def test_the_pool_ranks_as_the_whole_catalogue_does(targets):
    asked = cases(300, targets=targets)
    lead, other = noise(300, 1), noise(300, 2)
    pool = gathered(asked, lead, [other])
    for weight in (0.0, 1.0, 3.0):
        ranks = target_ranks(lead + np.float32(weight) * other, asked, ties=TIES, exclude_history=True)
        whole = ndcg_at(ranks, asked.target_indptr, 10)
        found = pool.ndcg(np.full((1, 300), weight), ties=TIES, k=10)
        assert np.abs(found - whole).mean() < 2e-3


def test_a_source_that_knows_joins_and_one_that_does_not_stays_out():
    asked = cases(600)
    lead = noise(600, 100)
    knows, guesses = noise(600, 101), noise(600, 102)
    knows[np.arange(600), asked.target_items] += 3.0
    pool = gathered(asked, lead, [guesses, knows])
    blend = choose(pool, ["guesses", "knows"], ties=TIES, k=10)
    assert set(blend.weights) == {"knows"}
    assert blend.weights["knows"][0] >= 4.0
    assert blend.validation["blend"] > blend.validation["lead"] + 0.2


def test_long_histories_may_have_a_weight_of_their_own():
    asked = cases(1200, long=600)
    lead, helps = noise(1200, 1), noise(1200, 2)
    rows = np.arange(1200)
    lead[rows[:600], asked.target_items[:600]] += 4.0  # the lead knows short histories, the source long ones
    helps[rows[600:], asked.target_items[600:]] += 4.0
    blend = choose(gathered(asked, lead, [helps]), ["helps"], ties=TIES, k=10)
    assert blend.edges == (30,)
    short, long = blend.weights["helps"]
    assert short < 0.5
    assert long >= 2.0
    assert blend.weight("helps", np.array([1, 29, 30, 99])).tolist() == [short, short, long, long]


def test_weights_that_are_given_are_the_same_for_all():
    blend = Blend.of({"knn": 2.5, "content": 0.0})
    assert blend.weights == {"knn": (2.5,)}
    assert blend.weight("knn", np.array([0, 5, 500])).tolist() == [2.5] * 3
    assert min(WEIGHTS) == 0.0

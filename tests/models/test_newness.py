"""What being new counts: the rehearsal's items, its choice by hand, and a new item that is found."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.data.histories import Cases
from penchant.errors import ConfigError
from penchant.interfaces import FitOptions
from penchant.models.hybrid import Interest
from penchant.models.hybrid_config import InterestConfig
from penchant.models.neighborhood import ItemKNN
from penchant.models.neighborhood_config import ItemKNNConfig
from penchant.models.new_items import Inheritance
from penchant.models.newness import FEWEST, STRATUM, WEIGHTS, choose_newness, rehearsed, told_apart
from tests.models.test_hybrid import QUICK
from tests.models.toys import dataset_of, strangers


@given(counts=st.lists(st.integers(0, 9), max_size=200), seed=st.integers(0, 3))
def test_one_known_item_of_each_stratum_of_popularity_is_rehearsed(counts, seed):
    able = np.arange(len(counts)) % 3 > 0
    numbers = np.array(counts, dtype=np.int64)
    chosen = rehearsed(numbers, able, seed=seed)
    known = (numbers > 0) & able
    assert chosen.sum() == -(-known.sum() // STRATUM)
    assert not (chosen & ~known).any()
    assert (rehearsed(numbers, able, seed=seed) == chosen).all()


N_NEW, N_KNOWN = 2 * FEWEST, 3 * FEWEST


def cases_of_two_items() -> Cases:
    """Item 0 is new and asked for by some, item 1 known and asked for by the others; item 2 is asked for by nobody."""
    targets = np.array([0] * N_NEW + [1] * N_KNOWN, dtype=np.int32)
    histories = strangers(*([2] for _ in targets), n_items=3)
    return Cases(histories=histories, target_items=targets, target_indptr=np.arange(len(targets) + 1))


def chosen(budget: float) -> tuple[float, dict[str, float]]:
    """Item 1 leads by 0.65, and by 1.15 for every tenth user: what 0.7 costs is a ninth place of nine in ten."""
    leads = np.where(np.arange(N_NEW + N_KNOWN) % 10 == 0, 1.15, 0.65).astype(np.float32)
    place = iter(range(0, N_NEW + N_KNOWN, N_NEW + N_KNOWN))

    def score(histories: Any) -> Any:
        assert next(place) == 0  # one block
        return np.stack([np.zeros_like(leads), leads, np.full_like(leads, -9.0)], axis=1)

    new = np.array([True, False, False])
    return choose_newness(
        score, cases_of_two_items(), new, budget=budget, ties=np.arange(3, dtype=np.int32), k=10, advance=lambda _: None
    )


def test_the_weight_that_finds_most_new_ones_within_the_budget():
    second = 1 / np.log2(3)
    assert chosen(budget=0.0)[0] == 0.0
    weight, told = chosen(budget=0.99)
    assert weight == 1.2  # the smallest of those that lift the new item over everything
    assert told == pytest.approx({"new": 1.0, "new, no weight": second, "known": second, "known, no weight": 1.0})
    weight, told = chosen(budget=0.35)  # nine in ten fall from the first place to the second: 1 − 0.9·0.369 = 0.668
    assert weight == 0.7
    assert told["known"] == pytest.approx(0.1 + 0.9 * second)


def test_too_few_cases_decide_nothing():
    new = np.array([True, False, False])
    few = cases_of_two_items().take(np.arange(N_NEW - FEWEST + 1, N_NEW + N_KNOWN))
    found = choose_newness(
        lambda h: np.zeros((len(h), 3), np.float32),
        few,
        new,
        budget=0.5,
        ties=np.arange(3, dtype=np.int32),
        k=10,
        advance=print,
    )
    assert found == (0.0, {})


def test_all_that_ask_for_new_items_stay_and_of_the_others_so_many():
    cases = told_apart(cases_of_two_items(), np.array([True, False, False]), most=7, seed=0)
    assert (cases.target_items == 0).sum() == N_NEW
    assert (cases.target_items == 1).sum() == 7


def test_a_new_item_is_the_neighbour_of_what_those_like_it_are_neighbours_of():
    data = dataset_of([[0, 1], [0, 1], [0, 2], [3, 2]], 5)
    knn = ItemKNN(ItemKNNConfig(window=1, backward=0.0)).fit(data)
    before = knn.neighbours.toarray()
    inheritance = Inheritance(np.array([4]), np.array([[1, 2]]), np.array([[0.75, 0.25]], dtype=np.float32))
    after = knn.inherit(inheritance).neighbours.toarray()
    np.testing.assert_allclose(after[:, :4], before[:, :4])
    np.testing.assert_allclose(after[:, 4], 0.75 * before[:, 1] + 0.25 * before[:, 2], rtol=1e-6)
    without = knn.without(np.array([False, True, False, False, False])).neighbours.toarray()
    assert without[:, 1].sum() == without[1].sum() == 0
    np.testing.assert_allclose(np.delete(without, 1, axis=1)[0], np.delete(after, 1, axis=1)[0])


def test_budget_buys_places_for_new_items():
    """Pairs of twins: who had one goes on to either. A new item reads like its twin and is never among the events."""
    rng = np.random.default_rng(0)
    n, pairs = 240, 120
    texts = np.repeat(rng.normal(size=(pairs, 8)), 2, axis=0) + 0.05 * rng.normal(size=(n, 8))
    warm = np.array([i for i in range(n) if i % 20])
    walks = [rng.choice(pairs) + np.arange(5) for _ in range(1500)]
    histories = [[int(i) for i in 2 * (walk % pairs) + rng.integers(2, size=5) if i in warm] for walk in walks]
    data = dataset_of([h for h in histories if len(h) > 2], n)
    weights = {}
    for budget in (0.0, 0.3):
        config = InterestConfig.of({**QUICK, "newness_budget": budget, "sources": ["knn", "newness"]})
        model = Interest(config).fit(data, options=FitOptions(item_vectors=texts.astype(np.float32)))
        assert model.blend is not None
        weights[budget] = model.blend.weights.get("newness", (0.0,))[0]
        told = model.blend.validation
        assert told["known"] >= (1 - budget) * told["known, no weight"]
        assert told["new"] >= told["new, no weight"]
    assert weights[0.3] > weights[0.0]
    assert weights[0.3] in WEIGHTS


def world_with_new_items(*, texts: bool = True) -> tuple[Any, Any]:
    """Two last items without events: one with a text like item 0's, one without any."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(24, 6)).astype(np.float32)
    vectors[22], vectors[23] = vectors[0], 0.0
    data = dataset_of([rng.choice(22, 6, replace=False).tolist() for _ in range(60)], 24)
    return data, vectors if texts else None


def test_an_item_without_events_and_text_is_not_lifted():
    data, vectors = world_with_new_items()
    config = InterestConfig.of({**QUICK, "weights": {"newness": 2.0}})
    model = Interest(config).fit(data, options=FitOptions(item_vectors=vectors))
    plain = Interest(InterestConfig.of({**QUICK, "weights": {}})).fit(data, options=FitOptions(item_vectors=vectors))
    lifted = model.score(data.histories()) - plain.score(data.histories())
    np.testing.assert_allclose(lifted[:, 22], 2.0, atol=1e-5)
    np.testing.assert_allclose(np.delete(lifted, 22, axis=1), 0.0, atol=1e-5)


def test_a_tracker_that_reads_no_text_places_no_new_item_and_lifts_none():
    data, vectors = world_with_new_items()
    config = InterestConfig.of({"tracker": {**QUICK["tracker"], "text": False}, "weights": {"newness": 2.0}})
    model = Interest(config).fit(data, options=FitOptions(item_vectors=vectors))
    assert not model.tracker.item_vectors[22:].any()
    assert not model.parts(data.histories()).beside["newness"].any()


def test_counting_again_keeps_the_neighbours_of_new_items():
    data, vectors = world_with_new_items()
    config = InterestConfig.of({**QUICK, "weights": {"knn": 1.0, "graph": 1.0, "newness": 1.0}})
    model = Interest(config).fit(data, options=FitOptions(item_vectors=vectors))
    before = {name: model.beside[name].score(data.histories()) for name in ("knn", "graph")}
    model.refresh(data)
    for name, scores in before.items():
        assert scores[:, 22].any()
        np.testing.assert_array_equal(model.beside[name].score(data.histories()), scores)


@pytest.mark.parametrize(
    "settings", [{"weights": {"knn": float("nan")}}, {"weights": {"knn": -1.0}}, {"content": {"similarity": "pearson"}}]
)
def test_settings_that_cannot_be_served_are_refused(settings):
    with pytest.raises(ConfigError):
        InterestConfig.of(settings)

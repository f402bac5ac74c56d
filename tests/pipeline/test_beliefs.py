"""Beliefs in use: read from events alone, in the score, in the profile, in the bundle."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import penchant
from penchant.concepts.space import ConceptSpace
from penchant.concepts.vocabulary import Vocabulary, VocabularyConfig, build_vocabulary
from penchant.data.dataset import Dataset, Table
from penchant.errors import ConfigError
from penchant.interests.belief import replay
from penchant.interests.belief_step import BeliefConfig, observed, prior
from penchant.interests.population import Population, fit_population
from penchant.pipeline.belief_fitting import _against_weight, _Trial, choose, reading_of
from penchant.pipeline.beliefs import BLOCK, LOW_RATING, OTHER, BeliefSettings, recent
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Event
from tests.pipeline.conftest import NOW, SETTINGS
from tests.worlds import GENRES, genre_world

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def timed():
    """The genre world with an event a day."""
    world = genre_world(users=80)
    events = world.events
    dated = replace(events, timestamps=(events.timestamps + 19_000) * DAY)
    data = replace(world, events=dated, clock="time")
    model = InterestModel(config=InterestModelConfig.of(SETTINGS), now=lambda: NOW).fit(data)
    return model.fitted, model.config


def on(user: str, item: str, day: float, event_id: str, kind: str = "interaction") -> Event:
    return Event(user_id=user, item_id=item, event_type=kind, timestamp=int((19_100 + day) * DAY), event_id=event_id)


def started(learned) -> InterestModel:
    return InterestModel(config=learned[1], now=lambda: NOW).start(learned[0])


def test_the_beliefs_of_all_users_are_those_read_one_by_one(model):
    live, fitted = model.live, model.fitted
    for row in range(0, 240, 17):
        raw = fitted.dataset.histories(np.array([row], dtype=np.int32))
        alone, together = live.beliefs.beliefs(raw, live.reading()).of(0), fitted.beliefs.of(row)
        assert np.array_equal(live.steps(f"u-{row}", raw).belief.means, alone.means)
        assert alone.concepts.tolist() == together.concepts.tolist()
        np.testing.assert_allclose(alone.means, together.means, atol=1e-4)
        one_by_one = replay(live.observations(f"u-{row}", raw), fitted.belief.config)
        np.testing.assert_allclose(one_by_one.means, together.means, atol=1e-4)
        np.testing.assert_allclose(one_by_one.covariances, together.covariances, atol=1e-4)


def test_arrival_order_does_not_matter_and_late_events_find_their_place(timed):
    events = [on("u-3", f"{n % 4}-{n}", day=n // 2, event_id=f"x{n}") for n in range(10)]
    states = []
    for order in (range(10), range(9, -1, -1), [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]):
        model = started(timed)
        for n in order:
            model.observe([events[n]])
            model.recommend("u-3", 3)
        raw = model.live.timeline.history("u-3")
        states.append((raw.keys.size, model.live.belief("u-3", raw), model.recommend("u-3", 10)))
    (_, first, slate), *others = states
    for _, belief, other in others:
        assert np.array_equal(first.means, belief.means)
        assert np.array_equal(first.covariances, belief.covariances)
        assert [(i.item_id, i.score) for i in slate.items] == [(i.item_id, i.score) for i in other.items]


def test_a_thousand_replays_equal_the_live_result(model):
    live = model.live
    rng = np.random.default_rng(0)
    ids = model.fitted.dataset.items.ids
    for n in range(12):
        model.observe([Event(user_id="u-9", item_id=ids[int(rng.integers(len(ids)))], event_id=f"r{n}")])
        model.recommend("u-9", 3)
    raw = live.timeline.history("u-9")
    kept, seen = live.belief("u-9", raw), live.observations("u-9", raw)
    np.testing.assert_allclose(replay(seen, model.fitted.belief.config).means, kept.means, atol=1e-5)
    again = [replay([seen[n] for n in rng.permutation(len(seen))], model.fitted.belief.config) for _ in range(1_000)]
    assert all(np.array_equal(one.means, again[0].means) for one in again)
    assert all(np.array_equal(one.covariances, again[0].covariances) for one in again)


def test_an_unforeseen_event_moves_its_concept_and_the_evidence_says_by_how_much(model):
    other = next(n for n in range(60) if model.live.concepts_of(n) == ("chess",))
    before = model.live.correction("u-0", model.live.timeline.history("u-0"))
    model.observe([Event(user_id="u-0", item_id=model.fitted.dataset.items.ids[other], event_id="new")])
    raw = model.live.timeline.history("u-0")
    steps = model.live.beliefs.steps(raw, model.live.reading()).of_events.toarray() * model.live.beliefs.per_log_odd
    chess = next(c for c, concept in enumerate(model.fitted.vocabulary.concepts) if concept.name == "chess")
    assert steps[-1, chess] > 0
    assert np.flatnonzero(steps[-1]).tolist() == [chess]
    assert model.live.correction("u-0", raw)[chess] > before[chess]


def test_the_correction_fades_with_time(timed):
    model = started(timed)
    model.observe([on("u-5", "2-3", 0, "a", "not_interested")])
    raw = model.live.timeline.history("u-5")
    days = [int((19_100 + d) * DAY) for d in (0, 5, 50, 5_000)]
    sizes = [float(np.abs(model.live.correction("u-5", raw, as_of=day)).sum()) for day in days]
    assert sizes[1:] == sorted(sizes[1:], reverse=True)  # at first a part against another may fade the faster
    assert sizes[-1] < 0.05 * sizes[0]


def test_an_event_dated_later_than_now_is_taken_as_of_now(timed):
    """Else it would stay the newest, and what the user does after it would count for nothing until that day."""
    model, plain = started(timed), started(timed)
    model.observe([on("u-5", "2-3", 50_000, "a", "not_interested")])
    plain.observe([Event(user_id="u-5", item_id="2-3", event_type="not_interested", event_id="a")])
    for one in (model, plain):
        one.observe([on("u-5", f"1-{n}", 0, f"b{n}") for n in range(3)])
    assert (
        model.live.timeline.history("u-5").timestamps.tolist() == plain.live.timeline.history("u-5").timestamps.tolist()
    )
    assert model.recommend("u-5", 10).items == plain.recommend("u-5", 10).items


def test_a_clock_that_jumps_back_does_no_harm(timed):
    model = started(timed)
    model.observe([Event(user_id="u-5", item_id="2-3", event_type="not_interested", event_id="a")])
    raw = model.live.timeline.history("u-5")
    at = int(raw.timestamps[-1])
    early, then = (model.live.correction("u-5", raw, as_of=moment) for moment in (at - int(100 * DAY), at))
    cookery = next(c for c, concept in enumerate(model.fitted.vocabulary.concepts) if concept.name == "cookery")
    assert np.isfinite(early).all()
    assert early[cookery] == then[cookery] < 0


def test_a_user_with_many_events_costs_no_more_than_two_blocks(model):
    histories = model.fitted.dataset.histories(np.array([0], dtype=np.int32))
    long = histories.take(np.zeros(1, dtype=np.int64))
    repeat = np.resize(np.arange(len(long.items)), 100_000)
    long = replace(
        long,
        indptr=np.array([0, 100_000]),
        items=long.items[repeat],
        timestamps=np.arange(100_000),
        types=long.types[repeat],
        values=long.values[repeat],
        keys=np.arange(100_000),
    )
    read, begin = recent(long)
    assert BLOCK <= len(read.items) < 2 * BLOCK + 1
    assert int(begin[0]) + len(read.items) == 100_000
    belief = model.live.beliefs.beliefs(long, model.live.reading()).of(0)
    assert belief.at.max() == 99_999


def test_weights_by_type_are_the_users_of_the_library(model):
    fitted, live = model.fitted, model.live
    raw = fitted.dataset.histories(np.array([4], dtype=np.int32))
    sizes = []
    for weight in (0.0, 1.0, 5.0):
        weights = {**fitted.belief.weights, "interaction": weight}
        reader = replace(live.beliefs, model=replace(fitted.belief, weights=weights))
        sizes.append(float(np.abs(reader.beliefs(raw, live.reading()).of(0).means).sum()))
    assert sizes[0] == 0
    assert 0 < sizes[1] < sizes[2]


def test_settings_that_are_none_are_refused():
    with pytest.raises(ConfigError, match="at least 0"):
        BeliefSettings.of({"weights": {"purchase": -1.0}})
    with pytest.raises(ConfigError, match="no such setting"):
        BeliefSettings.of({"weight": {}})


def test_what_is_given_is_taken_and_what_is_not_is_learned():
    data = genre_world(users=80)
    settings = {**SETTINGS, "belief": {"scales": [4.0, 90.0], "widths": [0.2, 0.2], "weights": {"interaction": 2.5}}}
    model = InterestModel(config=InterestModelConfig.of(settings), now=lambda: NOW).fit(data)
    found = model.fitted.belief
    assert found.config.scales == (4.0, 90.0)
    assert found.config.widths == (0.2, 0.2)
    assert found.weights["interaction"] == 2.5


def test_a_first_event_against_an_item_lowers_its_concept_by_the_step(model):
    population = model.fitted.population
    trial = _Trial(config=BeliefConfig(widths=(0.3, 0.1)), temperature=0.7, weights={})
    weight = _against_weight(trial, population, 0.5)
    means, _ = observed(
        np.zeros((1, 1, 2)),
        prior(trial.config)[None, None],
        np.ones((1, 1)),
        np.zeros(1),
        np.zeros(1),
        np.array([weight]),
    )
    assert -means.sum() == pytest.approx(0.5 * 0.7 * population.deviation.mean())


def test_too_few_users_leave_the_defaults(model):
    fitted = model.fitted
    few = Dataset.of_rows(
        name="few",
        users=Table(("a", "b"), {}),
        items=fitted.dataset.items,
        user_rows=np.array([0, 0, 0, 1]),
        item_rows=np.array([0, 1, 2, 3]),
    )
    found = choose(
        few,
        few.histories(),
        reading_of(few),
        fitted.model.tracker,
        fitted.vocabulary,
        fitted.population,
        BeliefSettings(),
        seed=0,
    )
    assert found.temperature == 1.0
    assert found.weights[OTHER] == 1.0
    assert found.weights["dislike"] == found.weights[LOW_RATING] > 0
    assert len(found.reference) == 4


def test_a_bundle_keeps_beliefs_bit_for_bit(model, tmp_path):
    model.save(tmp_path / "b")
    again = penchant.load(tmp_path / "b", now=lambda: NOW)
    ours, theirs = model.fitted, again.fitted
    assert ours.belief.config == theirs.belief.config
    assert ours.belief.weights == theirs.belief.weights
    for name in ("indptr", "concepts", "means", "covariances", "at"):
        assert np.array_equal(getattr(ours.beliefs, name), getattr(theirs.beliefs, name))
    scores = [[(i.item_id, i.score) for i in m.recommend("u-7", 10).items] for m in (model, again)]
    assert scores[0] == scores[1]


def test_a_catalogue_without_concepts_has_beliefs_of_nothing(model):
    fitted, live = model.fitted, model.live
    n, none = fitted.dataset.n_items, sp.csr_array((fitted.dataset.n_items, 0), dtype=np.float32)
    space = ConceptSpace(
        mean=fitted.space.mean, directions=fitted.space.directions[:0], residuals=fitted.space.residuals, explained=0.0
    )
    empty = np.zeros(0, dtype=np.float32)
    population = Population(mean=empty, deviation=empty, rate=empty)
    reader = replace(
        live.beliefs, vocabulary=Vocabulary(concepts=(), activations=none), space=space, population=population
    )
    raw = live.timeline.history("u-0")
    assert reader.items.concepts.shape == (n, 1)
    assert reader.steps(raw, live.reading()).of_events.shape == (len(raw.items), 0)
    assert not len(reader.beliefs(raw, live.reading()).concepts)


class Blind:
    """A tracker that foresees nothing: all that is known of a user is his belief."""

    item_vectors = np.zeros((40, 2), dtype=np.float32)

    def vectors_along(self, histories):
        return np.zeros((len(histories.items) + len(histories), 2), dtype=np.float32)


def clicks_and_purchases(*, telling: bool):
    """Users who buy what is of one of four concepts; their clicks tell it too, or are anything."""
    rng = np.random.default_rng(0)
    users, items, types = [], [], []
    for user in range(200):
        for n in range(16):
            bought = n % 4 != 2
            own = bought or telling
            users.append(user)
            items.append(10 * (user % 4) + int(rng.integers(10)) if own else int(rng.integers(40)))
            types.append(1 if bought else 0)
    tags = np.empty(40, dtype=object)
    tags[:] = [[GENRES[n // 10]] for n in range(40)]
    data = Dataset.of_rows(
        name="shop",
        users=Table(tuple(f"u{n}" for n in range(200)), {}),
        items=Table(tuple(f"i{n}" for n in range(40)), {"tags": tags}),
        user_rows=np.array(users),
        item_rows=np.array(items),
        types=np.array(types),
        event_types=("click", "purchase"),
    )
    vocabulary = build_vocabulary(data.items, VocabularyConfig(min_items=2, sources=("attributes",)), seed=0)
    population = fit_population(np.zeros((1, 4), dtype=np.float32), vocabulary, data.item_counts())
    return data, vocabulary, population


@pytest.mark.parametrize("telling", [True, False])
def test_how_much_an_event_counts_is_learned_from_what_it_foretells(telling):
    data, vocabulary, population = clicks_and_purchases(telling=telling)
    blind: Any = Blind()
    found = choose(data, data.histories(), reading_of(data), blind, vocabulary, population, BeliefSettings(), seed=0)
    assert found.weights["purchase"] == 1.0  # the commonest type is what the widths are for
    assert found.weights["click"] == 0.25 if not telling else found.weights["click"] >= 1.0
    assert max(found.config.widths) >= 0.3  # a blind tracker leaves all to the belief

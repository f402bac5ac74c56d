"""The simulated recommender against the belief it stands for, the loop, its measures, and that nothing leaks."""

import numpy as np
import pytest

from penchant.config import Config
from penchant.errors import DataError
from penchant.evaluation.simulation.loop import LoopConfig, Oracle, PolicyChooser, run, simulate
from penchant.evaluation.simulation.measures import found_concepts, measure, paired, regret
from penchant.evaluation.simulation.planted import PlantedWorld, WorldConfig
from penchant.evaluation.simulation.recommender import SimulatedConfig, SimulatedRecommender
from penchant.evaluation.simulation.retraining import Fit, ImpressionLog, fit
from penchant.evaluation.simulation.world import Catalogue, Feedback, Reaction, World
from penchant.exploration.policies.catalogue import POLICIES
from penchant.interests.belief import Belief, Observation, update
from penchant.interests.belief_step import BeliefConfig
from penchant.types import BoolArray, DoubleArray, IntArray

SMALL = WorldConfig(users=30, items=100, concepts=10, history=8.0, base=-1.5)
LOOP = LoopConfig(rounds=24, slate=4)


def catalogue() -> Catalogue:
    return PlantedWorld(SMALL, seed=2).catalogue


def test_beliefs_are_those_of_single_updates():
    config = SimulatedConfig(belief=BeliefConfig(scales=(3.0, 50.0), widths=(0.4, 0.6)), retrain_every=0, rate=0.2)
    facts, user, rng = catalogue(), 4, np.random.default_rng(0)
    made = SimulatedRecommender(facts, config, slate=3)
    items = facts.activations

    def seen(item: int, log_odds: float, label: float, weight: float) -> Observation:
        part = slice(items.indptr[item], items.indptr[item + 1])
        return Observation(
            concepts=items.indices[part].astype(np.int64),
            activations=items.data[part],
            log_odds=log_odds,
            label=label,
            weight=weight,
        )

    belief, past = Belief.nothing(), facts.history_items[facts.history_users == user]
    for n, item in enumerate(past.tolist()):
        belief = update(belief, seen(item, 0.0, 1.0, config.past_weight), float(n - len(past)), config.belief)
    np.testing.assert_allclose(made.corrections[user], belief.corrections(10, 0.0, config.belief), atol=1e-6)
    counts = np.bincount(facts.history_items, minlength=100)
    base = np.log(0.2 / 0.8) + np.log((counts + 1) / (counts.mean() + 1))
    theta = np.arange(1.0, 4.0) ** -config.examination
    for now in range(6):
        slate = rng.choice(100, (30, 3), replace=True)
        slate[user] = rng.choice(100, 3, replace=False)
        engaged = rng.random((30, 3)) < 0.5
        made.learn([Feedback(round=now, users=np.arange(30), items=slate, engaged=engaged)])
        for k, item in enumerate(slate[user].tolist()):
            one = seen(item, base[item], float(engaged[user, k]), 1.0)
            p = 1 / (
                1 + np.exp(-base[item] - one.activations @ belief.corrections(10, now, config.belief)[one.concepts])
            )
            weight = 1.0 if engaged[user, k] else theta[k] * (1 - p) / (1 - theta[k] * p)
            belief = update(belief, seen(item, base[item], one.label, float(weight)), float(now), config.belief)
        made.pass_round()
    np.testing.assert_allclose(made.corrections[user], belief.corrections(10, 6.0, config.belief), atol=1e-5)
    np.testing.assert_allclose(made.concept_variances[user], belief.variances(10, 6.0, config.belief), atol=1e-5)


def test_arms_are_the_scores_and_doubts_of_open_items():
    made = SimulatedRecommender(catalogue(), SimulatedConfig(), slate=3)
    open_I = np.arange(100) % 3 == 0
    arms = made.arms(7, open_I)
    np.testing.assert_array_equal(arms.items, np.flatnonzero(open_I))
    np.testing.assert_allclose(arms.means, made.scores()[7, open_I])
    squares = catalogue().activations.power(2)
    expected = (squares @ made.concept_variances[7])[open_I] + SimulatedConfig().item_width
    np.testing.assert_allclose(arms.variances(), expected)


class Told(World):
    """Reacts by what is shown alone, whatever is planted: two worlds of it differ in nothing that may be seen."""

    def __init__(self, catalogue: Catalogue, planted: BoolArray) -> None:
        self.catalogue, self.planted = catalogue, planted

    def available(self, round_: int) -> BoolArray:  # noqa: ARG002
        return np.ones((self.catalogue.n_users, self.catalogue.n_items), dtype=np.bool_)

    def react(self, round_: int, items_UK: IntArray) -> Reaction:
        users = np.arange(len(items_UK))
        engaged = (items_UK * 7 + users[:, None] * 3 + round_) % 4 == 0
        told = Feedback(round=round_, users=users, items=items_UK, engaged=engaged)
        return Reaction(feedback=told, arrives=np.full(len(users), round_ + 1), expected=engaged * 1.0)

    def appeal(self, round_: int) -> DoubleArray:  # noqa: ARG002
        raise AssertionError("The judge's own was read.")

    def interested(self) -> BoolArray:
        return self.planted


@pytest.mark.parametrize("policy", ["greedy", "thompson_plackett_luce", "epsilon_greedy"])
def test_what_is_planted_does_not_reach_the_recommender(policy):
    facts, none = catalogue(), np.zeros((30, 10), dtype=np.bool_)
    runs = [
        simulate(Told(facts, planted), POLICIES.build(policy), loop=LOOP, seed=3, recommender=SimulatedConfig())
        for planted in (none, ~none)
    ]
    np.testing.assert_array_equal(runs[0].items, runs[1].items)
    assert not np.array_equal(runs[0].wanted, runs[1].wanted)


def test_a_run_is_repeated_by_its_seed_and_shows_nothing_that_was_had():
    runs = [simulate(PlantedWorld(SMALL, seed=1), POLICIES.build("thompson"), loop=LOOP, seed=5) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].items, runs[1].items)
    facts = PlantedWorld(SMALL, seed=1).catalogue
    for user in range(SMALL.users):
        past = set(facts.history_items[facts.history_users == user].tolist())
        shown, taken = runs[0].items[:, user], runs[0].engaged[:, user]
        for now in range(LOOP.rounds):
            assert past.isdisjoint(shown[now].tolist())
            past |= set(shown[now][taken[now]].tolist())


def test_greedy_explores_nothing_and_the_oracle_is_above_all():
    easy = SMALL.model_copy(update={"items": 400, "concepts": 20, "strength": 3.0, "base": -3.0, "turn": 0.0})
    greedy, random, best = (
        run(world, chooser(world), LOOP)
        for world, chooser in (
            (PlantedWorld(easy, seed=4), _with("greedy")),
            (PlantedWorld(easy, seed=4), _with("epsilon_greedy", epsilon=1.0)),
            (PlantedWorld(easy, seed=4), Oracle),
        )
    )
    assert not greedy.explored.any()
    assert random.explored.mean() > 0.5
    assert best.expected.sum() > 1.2 * greedy.expected.sum()
    assert greedy.expected.sum() > 1.2 * random.expected.sum()
    behind = regret(greedy, best)
    assert behind[-1] == pytest.approx(best.expected.sum() - greedy.expected.sum())
    assert measure(random).new_concepts == found_concepts(random).sum()


def _with(name: str, **settings: float):
    def chooser(world: World) -> PolicyChooser:
        made = SimulatedRecommender(world.catalogue, SimulatedConfig(), slate=LOOP.slate)
        return PolicyChooser(made, POLICIES.build(name, settings), rng=np.random.default_rng(0))

    return chooser


def test_late_feedback_is_learned_from_once_and_not_before_it_came():
    heard: list[tuple[int, int, int]] = []

    class Ear(Oracle):
        def hear(self, round_: int, told: list[Feedback]) -> None:
            heard.extend((round_, one.round, user) for one in told for user in one.users.tolist())

    world = PlantedWorld(SMALL.model_copy(update={"delay": 3.0}), seed=0)
    run(world, Ear(world), LOOP)
    assert len(heard) == len({one[1:] for one in heard})
    assert all(now >= shown for now, shown, _ in heard)
    complete = {(shown, user) for _, shown, user in heard if shown < 10}
    assert len(complete) == 10 * SMALL.users
    assert np.mean([now - shown for now, shown, _ in heard if shown < 10]) == pytest.approx(3.0, abs=0.4)


def test_retraining_finds_planted_effects_and_the_variance_shrinks_with_what_was_seen():
    facts, rng = catalogue(), np.random.default_rng(0)
    effect = rng.normal(0, 0.8, 100)
    log = ImpressionLog()
    items, offsets = rng.integers(0, 90, 40_000), rng.normal(0, 1, 40_000)
    labels = (rng.random(40_000) < 1 / (1 + np.exp(1.0 - effect[items] - offsets))).astype(float)
    log.add(items, offsets, labels, np.ones(40_000))
    start = Fit.nothing(facts, rate_log_odds=-2.0, item_width=0.5)
    found = fit(facts, log, start=start, item_width=0.5, concept_width=0.5)
    assert np.corrcoef(found.of_items[:90], effect[:90])[0, 1] > 0.95
    assert found.of_items[:90].mean() == pytest.approx(effect[:90].mean() - 1.0, abs=0.1)
    assert found.item_variances[:90].max() < 0.05
    assert found.item_variances[90:] == pytest.approx(0.5)
    assert fit(facts, ImpressionLog(), start=start, item_width=0.5, concept_width=0.5) is start


def test_paired_differences_are_student_t():
    from scipy import stats

    rng = np.random.default_rng(0)
    a = rng.normal(10.5, 1.0, 12)
    b = a + rng.normal(0.5, 0.3, 12)
    found, reference = paired(b.tolist(), a.tolist(), relative=False), stats.ttest_rel(b, a)
    assert found.p == pytest.approx(reference.pvalue)
    assert found.interval == pytest.approx(tuple(reference.confidence_interval()))
    assert paired([2.0, 4.0], [1.0, 2.0]).interval == (1.0, 1.0)
    for bad in (([1.0], [1.0]), ([1.0, 2.0], [0.0, 1.0]), ([1.0, np.nan], [1.0, 1.0])):
        with pytest.raises(DataError):
            paired(*bad)


def test_settings_are_checked():
    assert issubclass(SimulatedConfig, Config)
    with pytest.raises(ValueError, match="rounds"):
        LoopConfig(rounds=0)

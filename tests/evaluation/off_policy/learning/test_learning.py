"""What is learned from a log is better than what logged it, and says by how much."""

import numpy as np
import pytest

from penchant.errors import ConfigError, DataError
from penchant.evaluation.off_policy.estimates import EstimateConfig, estimate
from penchant.evaluation.off_policy.estimators import DoublyRobust
from penchant.evaluation.off_policy.learning.reinforce import (
    LoggedSessions,
    ReinforceConfig,
    SequencePolicy,
    learn_sessions,
    sessions_question,
)
from penchant.evaluation.off_policy.learning.softmax_policy import GradientConfig, learn_policy
from penchant.evaluation.off_policy.learning.weighted_ranking import WeightedFactorsConfig, fit_weighted
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.reward_models import RidgeModel, cross_fit
from penchant.evaluation.off_policy.slate_estimators import SlateRewardInteraction, estimate_slates
from tests.evaluation.off_policy.worlds import single_choices

STEPS, BAIT, VARIED = 5, 0, 1


class Fatigue:
    """A session in which what pleases at once tires. Bait earns 0.1 more than variety in any state, and takes energy
    that variety restores; so the greedy policy, always bait, earns 2.38 where always variety earns 3.0, and bait at
    the last step alone 3.1, which is the best.
    """

    @staticmethod
    def reward(energy, action):
        return 0.2 + 0.4 * energy + 0.1 * (action == BAIT)

    @staticmethod
    def after(energy, action):
        return np.clip(energy + np.where(action == BAIT, -0.3, 0.3), 0.0, 1.0)

    def play(self, choose, sessions, seed):
        rng = np.random.default_rng(seed)
        energy = np.ones(sessions)
        states, actions, rewards, chances = [], [], [], []
        for step in range(STEPS):
            state = np.stack([energy, np.full(sessions, step == STEPS - 1)], axis=1).astype(float)
            pi = choose(state)
            action = (rng.random(sessions) > pi[:, BAIT]).astype(np.int64)
            states.append(state)
            actions.append(action)
            rewards.append((rng.random(sessions) < self.reward(energy, action)).astype(float))
            chances.append(pi[np.arange(sessions), action])
            energy = self.after(energy, action)
        stacked = [np.stack(part, axis=1) for part in (states, actions, rewards, chances)]
        return LoggedSessions(
            states=stacked[0], actions=stacked[1], rewards=stacked[2], propensities=stacked[3], n_actions=2
        )

    def value(self, choose):
        """Expected reward of a session, by adding up over all sequences of actions."""
        total, reached = 0.0, [(1.0, 1.0)]
        for step in range(STEPS):
            next_reached = []
            for chance, energy in reached:
                pi = choose(np.array([[energy, float(step == STEPS - 1)]]))[0]
                for action in (BAIT, VARIED):
                    total += chance * pi[action] * self.reward(energy, action)
                    next_reached.append((chance * pi[action], float(self.after(energy, action))))
            reached = next_reached
        return total


def uniform(states):
    return np.full((len(states), 2), 0.5)


def greedy(states):
    return np.tile([1.0, 0.0], (len(states), 1))


@pytest.fixture(scope="module")
def fatigue():
    world = Fatigue()
    return world, world.play(uniform, 2000, 0), world.play(uniform, 3000, 1)


def test_the_world_is_as_it_says():
    world = Fatigue()
    assert world.value(greedy) == pytest.approx(2.38)
    assert world.value(lambda states: 1 - greedy(states)) == pytest.approx(3.0)


def test_reinforce_raises_the_long_run_over_greedy_and_the_log_says_so(fatigue):
    world, log, held = fatigue
    policy = learn_sessions(log, ReinforceConfig(steps=120))
    truth = world.value(policy.probabilities)
    assert truth > 1.2 * world.value(greedy)
    assert truth > 1.05 * world.value(uniform)
    question = sessions_question(held, policy.probabilities(held.states))
    found = estimate_slates(question, SlateRewardInteraction(), EstimateConfig(resamples=200))
    low, high = found.intervals["bootstrap"]
    assert low <= truth <= high
    assert low > world.value(greedy)  # from the log alone: better than greedy, with confidence


def test_without_the_future_it_learns_the_bait(fatigue):
    world, log, _ = fatigue
    policy = learn_sessions(log, ReinforceConfig(discount=0.0, steps=120))
    assert world.value(policy.probabilities) < 2.7  # where the test above finds 1.2 times the greedy 2.38
    assert policy.probabilities(np.array([[1.0, 0.0]]))[0, BAIT] > 0.5


def test_the_top_k_correction_leaves_room_for_the_second_best():
    rng = np.random.default_rng(0)
    actions = rng.integers(0, 3, size=(3000, 1))
    rewards = (rng.random((3000, 1)) < np.array([0.8, 0.7, 0.1])[actions]).astype(float)
    log = LoggedSessions(
        states=np.zeros((3000, 1, 1)),
        actions=actions,
        rewards=rewards,
        propensities=np.full((3000, 1), 1 / 3),
        n_actions=3,
    )
    second = {
        k: learn_sessions(log, ReinforceConfig(top_k=k, entropy=0.0, steps=150)).probabilities(np.zeros((1, 1)))[0, 1]
        for k in (1, 2)
    }
    assert second[2] > second[1] + 0.1


@pytest.mark.parametrize(
    ("propensities", "actions", "fault"),
    [
        (np.array([[0.0], [0.5]]), np.zeros((2, 1), dtype=np.int64), "propensity zero or below: 1"),
        (np.ones((2, 1)), np.full((2, 1), 5), "action out of range: 2"),
        (np.ones((2, 2)), np.zeros((2, 1), dtype=np.int64), "differ in shape"),
    ],
)
def test_sessions_have_a_door(propensities, actions, fault):
    with pytest.raises(DataError, match=fault):
        LoggedSessions(
            states=np.zeros((2, 1, 1)),
            actions=actions,
            rewards=np.zeros((2, 1)),
            propensities=propensities,
            n_actions=1,
        )


@pytest.mark.parametrize("objective", ["ips", "dr"])
def test_a_policy_learned_from_the_log_beats_what_logged_it(objective):
    world, held = single_choices(rounds=1500, seed=1), single_choices(rounds=1500, seed=2)
    predicted = cross_fit(world.log, RidgeModel()) if objective == "dr" else None
    policy = learn_policy(world.log, GradientConfig(objective=objective, steps=80), predicted=predicted)
    assert policy.history[-1] > policy.history[0]
    target = policy.probabilities(held.context)
    truth = float((target * held.clicks).sum(axis=1).mean())
    best = float(held.clicks.max(axis=1).mean())
    logged = float((held.logging * held.clicks).sum(axis=1).mean())
    assert truth > logged + 0.8 * (best - logged)
    question = Question(log=held.log, target=target, predicted=cross_fit(held.log, RidgeModel()))
    low, high = estimate(question, DoublyRobust(), EstimateConfig(resamples=200)).intervals["bootstrap"]
    assert low <= truth <= high


def test_the_variance_penalty_keeps_to_what_the_log_knows():
    world = single_choices(rounds=300, seed=3)

    def error(penalty):
        config = GradientConfig(objective="ips", steps=120, variance_penalty=penalty)
        policy = learn_policy(world.log, config)
        question = Question(log=world.log, target=policy.probabilities(world.context))
        return float(question.weights.std())

    assert error(5.0) < error(0.0)


def test_learning_asks_for_what_it_needs():
    log = single_choices(rounds=50).log
    with pytest.raises(DataError, match="needs predictions"):
        learn_policy(log)
    with pytest.raises(ConfigError):
        GradientConfig.of({"objective": "magic"})
    assert np.allclose(SequencePolicy(theta=np.zeros((2, 3))).probabilities(np.zeros((4, 1))), 1 / 3)


def exposure_world(seed=0):
    """Twenty plain items that everybody likes at 0.6; twenty that a fifth of the users, their fans, like at 0.9 and the
    others at 0.1, and that hardly anybody but the fans is shown.
    """
    rng = np.random.default_rng(seed)
    fans = np.arange(500) % 5 == 0
    liking = np.where(np.arange(40) < 20, 0.6, np.where(fans[:, None], 0.9, 0.1))
    seen = np.where(np.arange(40) < 20, 0.4, np.where(fans[:, None], 0.8, 0.04))
    users, items = np.nonzero(rng.random((500, 40)) < seen)
    values = (rng.random(len(users)) < liking[users, items]).astype(float)
    return users, items, values, seen[users, items], liking


def test_propensity_weights_correct_planted_exposure_bias():
    users, items, values, propensities, liking = exposure_world()
    truth = liking.mean(axis=0)
    found = {}
    for weighted in (True, False):
        config = WeightedFactorsConfig(factors=0, weighted=weighted, rounds=1)
        model = fit_weighted(users, items, values, propensities, n_users=500, n_items=40, config=config)
        found[weighted] = model.predict()[0]
    assert truth[20:].mean() < truth[:20].mean()
    assert found[False][20:].mean() > found[False][:20].mean()  # the bias turns the order round
    assert found[True][20:].mean() < found[True][:20].mean()
    assert np.abs(found[True] - truth).mean() < 0.08
    assert np.abs(found[False] - truth).mean() > 0.15


def test_weights_also_help_where_users_have_tastes_of_their_own():
    users, items, values, propensities, liking = exposure_world(1)
    error = {}
    for weighted in (True, False):
        config = WeightedFactorsConfig(factors=2, weighted=weighted, strength=5.0, rounds=6)
        model = fit_weighted(users, items, values, propensities, n_users=500, n_items=40, config=config)
        error[weighted] = float(((model.predict() - liking) ** 2).mean())
    assert error[True] < 0.8 * error[False]


def test_observations_without_a_propensity_are_not_learned_from():
    users, items, values, propensities, _ = exposure_world()
    broken = propensities.copy()
    broken[0] = np.nan
    one = fit_weighted(users, items, values, broken, n_users=500, n_items=40)
    other = fit_weighted(users[1:], items[1:], values[1:], propensities[1:], n_users=500, n_items=40)
    assert np.array_equal(one.predict(), other.predict())
    with pytest.raises(DataError):
        fit_weighted(users[:2], items[:2], values[:2], np.zeros(2), n_users=500, n_items=40)

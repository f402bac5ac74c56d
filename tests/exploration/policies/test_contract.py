"""What every registered policy keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.errors import ConfigError, DataError, NotFoundError
from penchant.exploration.policies.catalogue import POLICIES
from penchant.exploration.policies.epsilon_greedy import EpsilonGreedy, EpsilonGreedyConfig
from penchant.exploration.slate import choose, with_probability
from penchant.interfaces import Policy
from tests.exploration.worlds import arms_of, random_arms

EACH = pytest.mark.parametrize("name", list(POLICIES))
BUILT_IN = {
    "bayes_ucb",
    "contextual_epsilon_greedy",
    "decaying_epsilon_greedy",
    "epsilon_greedy",
    "greedy",
    "softmax",
    "thompson",
    "thompson_plackett_luce",
    "ucb",
}


def test_the_suite_covers_what_is_registered():
    assert set(POLICIES) >= BUILT_IN
    with pytest.raises(NotFoundError, match="No policy is called 'gready'"):
        POLICIES.build("gready")


@EACH
@settings(max_examples=25)
@given(data=st.data())
def test_probabilities_are_of_the_open_and_asked_twice_alike(name, data):
    n = data.draw(st.integers(1, 12))
    seed = data.draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    arms = random_arms(n, seed=seed)
    turn = POLICIES.build(name).begin(arms, 3, rng=np.random.default_rng(seed))
    for _ in range(3):
        open_N = rng.random(n) < 0.7
        added_N = np.round(rng.normal(size=n), 1)
        kept = open_N.copy(), added_N.copy()
        chances = turn.probabilities(open_N, added_N)
        assert np.array_equal(chances, turn.probabilities(open_N, added_N))
        assert np.array_equal(open_N, kept[0])
        assert np.array_equal(added_N, kept[1])
        assert (chances >= 0).all()
        assert (chances[~open_N] == 0).all()
        assert chances.sum() == pytest.approx(1.0 if open_N.any() else 0.0)
        if open_N.any():
            picked, chance = turn.pick(open_N, added_N, rng)
            assert open_N[picked]
            assert chance == pytest.approx(chances[picked], rel=1e-12)
            assert chance > 0


@EACH
def test_what_it_does_is_what_it_says(name):
    """2,000 picks of one place of one turn, within four standard errors of the stated probabilities."""
    arms = random_arms(7, seed=3, scale=0.2)
    turn = POLICIES.build(name).begin(arms, 1, rng=np.random.default_rng(0))
    open_N = np.array([True, True, False, True, True, True, True])
    added_N = np.linspace(0.0, 0.1, 7)
    stated = turn.probabilities(open_N, added_N)
    policy = POLICIES.build(name)
    rng, counts, rounds = np.random.default_rng(1), np.zeros(7), 2_000
    for _ in range(rounds):
        fresh = policy.begin(arms, 1, rng=np.random.default_rng(0))
        counts[fresh.pick(open_N, added_N, rng)[0]] += 1
    error = np.sqrt(stated * (1 - stated) / rounds)
    assert (np.abs(counts / rounds - stated) <= 4 * error + 1e-12).all()


@EACH
def test_what_is_added_moves_the_choice(name):
    """A candidate that rules lift far above the others is likelier than any other; one pushed far below is not best."""
    arms = random_arms(8, seed=5, scale=0.3)
    turn = POLICIES.build(name).begin(arms, 2, rng=np.random.default_rng(2))
    added = np.zeros(8)
    added[3] = 50.0
    assert turn.probabilities(np.ones(8, dtype=bool), added).argmax() == 3
    added[3] = -50.0
    assert turn.probabilities(np.ones(8, dtype=bool), added).argmax() != 3


@EACH
def test_a_slate_and_its_probabilities_come_again(name):
    arms = random_arms(30, seed=1)
    policy = POLICIES.build(name)
    first = choose(policy, arms, 6, rng=np.random.default_rng(4))
    again = choose(POLICIES.build(name), arms, 6, rng=np.random.default_rng(4))
    assert first.order.tolist() == again.order.tolist()
    assert len(set(first.order.tolist())) == 6
    opens = np.ones((6, 30), dtype=bool)
    for place, n in enumerate(first.order):
        opens[place + 1 :, n] = False
    turn = policy.begin(arms, 6, rng=np.random.default_rng(4))
    said = with_probability(turn, first.order, opens.__getitem__, np.zeros(30))
    np.testing.assert_allclose(first.propensities, said, rtol=1e-12)
    np.testing.assert_allclose(first.prefix_propensities, np.cumprod(said))


@EACH
def test_fewer_candidates_than_places(name):
    assert sorted(choose(POLICIES.build(name), random_arms(3), 10, rng=np.random.default_rng(0)).order) == [0, 1, 2]
    assert len(choose(POLICIES.build(name), random_arms(0), 10, rng=np.random.default_rng(0)).order) == 0


def earned(policy: Policy, rounds: int = 150) -> float:
    """Mean true score of slates of 5 from 40 candidates, whose beliefs are true scores with their stated error."""
    rng = np.random.default_rng(11)
    total = 0.0
    for _ in range(rounds):
        truth = rng.normal(size=40)
        errors = rng.uniform(0.1, 0.5, size=40)
        arms = arms_of(truth + errors * rng.normal(size=40), errors**2)
        total += truth[choose(policy, arms, 5, rng=rng).order].mean()
    return total / rounds


@EACH
def test_it_beats_random(name):
    uniform = earned(EpsilonGreedy(EpsilonGreedyConfig(epsilon=1.0)))
    assert uniform == pytest.approx(0.0, abs=0.12)
    assert earned(POLICIES.build(name)) > uniform + 0.5


@EACH
def test_bad_input_is_refused(name):
    arms, rng = random_arms(4), np.random.default_rng(0)
    with pytest.raises(ConfigError, match="no such setting"):
        POLICIES.build(name, {"epsilom": 0.1})
    policy = POLICIES.build(name)
    if name not in BUILT_IN:
        return
    with pytest.raises(ConfigError, match="at least one"):
        policy.begin(arms, 0, rng=rng)
    with pytest.raises(DataError, match="4 candidates"):
        policy.begin(arms, 2, rng=rng).probabilities(np.ones(3, dtype=bool), np.zeros(4))
    with pytest.raises(DataError, match="nan"):
        policy.begin(arms_of([1.0, np.nan]), 1, rng=rng).probabilities(np.ones(2, dtype=bool), np.zeros(2))
    with pytest.raises(DataError, match="No candidate is open"):
        policy.begin(arms, 1, rng=rng).pick(np.zeros(4, dtype=bool), np.zeros(4), rng)

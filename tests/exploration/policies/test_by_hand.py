"""Numbers worked by hand from the docstrings."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from penchant.errors import ConfigError
from penchant.exploration.policies.catalogue import POLICIES
from penchant.exploration.policies.epsilon_greedy import (
    ContextualEpsilonGreedy,
    DecayingEpsilonGreedy,
    DecayingEpsilonGreedyConfig,
)
from penchant.exploration.policies.ucb import BayesUCB, BayesUCBConfig
from penchant.exploration.slate import choose
from penchant.interfaces import Arms
from tests.exploration.worlds import arms_of, random_arms

OPEN3 = np.ones(3, dtype=bool)


def chances(name, settings_, arms, *, open_N=None, added=None, seed=0):
    n = len(arms)
    turn = POLICIES.build(name, settings_).begin(arms, 1, rng=np.random.default_rng(seed))
    return turn.probabilities(
        np.ones(n, dtype=bool) if open_N is None else np.asarray(open_N), np.zeros(n) if added is None else added
    )


def test_greedy_takes_the_largest_and_ties_go_by_ties():
    assert chances("greedy", {}, arms_of([1.0, 3.0, 2.0])).tolist() == [0, 1, 0]
    assert chances("greedy", {}, arms_of([3.0, 3.0, 2.0], ties=[1, 0, 2])).tolist() == [0, 1, 0]
    assert chances("greedy", {}, arms_of([1.0, 3.0, 2.0]), added=np.array([5.0, 0.0, 0.0])).tolist() == [1, 0, 0]


def test_epsilon_greedy():
    """ε = 0.3 among 3: 0.7 + 0.1 for the best, 0.1 for the others; among the best 2: 0.85 and 0.15."""
    arms = arms_of([1.0, 3.0, 2.0])
    np.testing.assert_allclose(chances("epsilon_greedy", {"epsilon": 0.3}, arms), [0.1, 0.8, 0.1])
    np.testing.assert_allclose(chances("epsilon_greedy", {"epsilon": 0.3, "among": 2}, arms), [0.0, 0.85, 0.15])
    closed = chances("epsilon_greedy", {"epsilon": 0.3, "among": 2}, arms, open_N=[True, False, True])
    np.testing.assert_allclose(closed, [0.15, 0.0, 0.85])


def test_decaying_epsilon():
    """ε/(1 + t/h): 0.5, at t = h half of it, in the end the least."""
    policy = DecayingEpsilonGreedy(DecayingEpsilonGreedyConfig(epsilon=0.5, half_after=50, least=0.01))
    arms = arms_of([1.0])
    assert policy.share(arms) == 0.5
    assert policy.after(50).share(arms) == 0.25
    assert policy.after(1e9).share(arms) == 0.01
    with pytest.raises(ConfigError, match="rounds"):
        policy.after(-1)
    with pytest.raises(ConfigError, match="a share that decays falls"):
        POLICIES.build("decaying_epsilon_greedy", {"epsilon": 0.1, "least": 0.2})


def test_contextual_epsilon():
    """Variances sum to 2, squared deviations of the means to 2: u = 1/2, ε = 0.01 + 0.49/2."""
    policy = ContextualEpsilonGreedy()
    assert policy.share(arms_of([1.0, 2.0, 3.0], [1.0, 0.5, 0.5])) == pytest.approx(0.255)
    assert policy.share(arms_of([1.0, 2.0, 3.0])) == 0.01
    assert policy.share(arms_of([2.0, 2.0], [1.0, 1.0])) == 0.5


def test_ucb_by_hand_with_a_shared_concept():
    """Var = 2² · 0.25 + 0.44 = 1.44: 1 + 1.2 c beats 1.5 + 0.1 c for c = 1, and not for c = 0.4."""
    arms = Arms(
        items=np.arange(2, dtype=np.int32),
        means=np.array([1.0, 1.5]),
        loadings=sp.csr_array(np.array([[2.0], [0.0]])),
        concept_variances=np.array([0.25]),
        item_variances=np.array([0.44, 0.01]),
        ties=np.arange(2, dtype=np.int32),
    )
    np.testing.assert_allclose(arms.variances(), [1.44, 0.01])
    assert chances("ucb", {"width": 1.0}, arms).tolist() == [1, 0]
    assert chances("ucb", {"width": 0.4}, arms).tolist() == [0, 1]


def test_bayes_ucb_takes_the_quantile():
    """At t = 19 the quantile is 0.95: 1 + 1.645 · 0.5 against 1.5 + 1.645 · s."""
    z = norm.ppf(0.95)
    even = (1.0 + z * 0.5 - 1.5) / z
    for deviation, wanted in ((even - 0.01, 0), (even + 0.01, 1)):
        arms = arms_of([1.0, 1.5], [0.25, deviation**2])
        assert chances("bayes_ucb", {"rounds": 19}, arms).argmax() == wanted
    assert chances("bayes_ucb", {"rounds": 0}, arms_of([1.0, 1.5], [9.0, 0.0])).argmax() == 1
    shy = chances("bayes_ucb", {"rounds": 3, "horizon": 1000}, arms_of([1.0, 3.0], [1.0, 0.01])).argmax()
    assert shy == 0
    assert BayesUCB(BayesUCBConfig()).after(7).config.rounds == 7


def test_softmax_is_plackett_luce():
    """Means ln 1, ln 2, ln 5 at T = 1: 1/8, 2/8, 5/8; then, without the last, 1/3 and 2/3."""
    arms = arms_of(np.log([1.0, 2.0, 5.0]))
    turn = POLICIES.build("softmax", {"temperature": 1.0}).begin(arms, 3, rng=np.random.default_rng(0))
    np.testing.assert_allclose(turn.probabilities(OPEN3, np.zeros(3)), [0.125, 0.25, 0.625])
    turn.take(2)
    np.testing.assert_allclose(turn.probabilities(np.array([True, True, False]), np.zeros(3)), [1 / 3, 2 / 3, 0])
    sharp = chances("softmax", {"temperature": 1e-9}, arms_of([0.0, -1e5, 1e5]))
    assert sharp.tolist() == [0, 0, 1]


def test_thompson_takes_the_best_of_its_draw():
    arms = random_arms(20, seed=2)
    for seed in range(20):
        drawn = arms.draw(np.random.default_rng(seed))
        order = choose(POLICIES.build("thompson"), arms, 20, rng=np.random.default_rng(seed)).order
        assert order.tolist() == np.argsort(-drawn).tolist()


def test_thompson_plackett_luce_by_hand():
    """Without variances the draw is the mean: (1 − 0.2) · (1/8, 2/8, 5/8) + 0.2/2 for the best two."""
    arms = arms_of(np.log([1.0, 2.0, 5.0]))
    found = chances("thompson_plackett_luce", {"temperature": 1.0, "epsilon": 0.2, "among": 2}, arms)
    np.testing.assert_allclose(found, [0.1, 0.3, 0.6])


def test_thompson_plackett_luce_tends_to_thompson():
    arms = random_arms(15, seed=8)
    cold = {"temperature": 1e-9, "epsilon": 0.0}
    for seed in range(10):
        assert np.array_equal(
            chances("thompson_plackett_luce", cold, arms, seed=seed), chances("thompson", {}, arms, seed=seed)
        )


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(1, 60), st.integers(0, 2**31))
def test_the_floor_holds_whatever_is_drawn(n, among, seed):
    """p ≥ ε/M for the M open candidates of the largest mean and added, equal ones by ties."""
    rng = np.random.default_rng(seed)
    arms = random_arms(n, seed=seed)
    open_N, added_N = rng.random(n) < 0.8, np.round(rng.normal(size=n), 1)
    built = POLICIES.build("thompson_plackett_luce", {"epsilon": 0.1, "among": among})
    found = built.begin(arms, 5, rng=rng).probabilities(open_N, added_N)
    rows = np.flatnonzero(open_N)
    top = rows[np.lexsort((arms.ties[rows], -(arms.means + added_N)[rows]))][:among]
    floor = 0.1 / min(among, max(len(rows), 1))
    assert (found[top] >= floor * (1 - 1e-12)).all()
    soft = POLICIES.build("thompson_plackett_luce", {"epsilon": 0.0}).begin(arms, 5, rng=np.random.default_rng(seed))
    assert math.isclose(soft.probabilities(open_N, added_N).sum(), 1.0 if len(rows) else 0.0, rel_tol=1e-9)

"""Shapley's axioms, games with known solutions, and creators who game the text."""

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.errors import DataError
from penchant.evaluation.causal.creators import CreatorGame, play, solve, tolerable
from penchant.evaluation.causal.games import best_responses, pure_equilibria, zero_sum
from penchant.evaluation.causal.shapley import shapley, slate_worth


def test_the_glove_game():
    """One left glove, two right ones: a pair is worth 1. Shapley: 2/3, 1/6, 1/6."""
    found = shapley(lambda s: float(s[0] and (s[1] or s[2])), 3)
    assert found.shares == pytest.approx([2 / 3, 1 / 6, 1 / 6])


@settings(max_examples=30)
@given(st.lists(st.floats(-5, 5), min_size=16, max_size=16), st.lists(st.floats(-5, 5), min_size=16, max_size=16))
def test_shares_are_efficient_symmetric_additive_and_null_to_nobody(first, second):
    def table(values):
        return lambda s: values[int(s @ (1 << np.arange(4)))]

    one, two = shapley(table(first), 4), shapley(table(second), 4)
    assert one.shares.sum() == pytest.approx(first[15] - first[0], abs=1e-9)
    both = shapley(table([a + b for a, b in zip(first, second, strict=True)]), 4)
    assert both.shares == pytest.approx(one.shares + two.shares, abs=1e-9)
    null = shapley(lambda s: first[int(s[:3] @ (1 << np.arange(3)))], 4)
    assert null.shares[3] == pytest.approx(0, abs=1e-12)
    alike = shapley(lambda s: first[int(s.sum())], 4)
    assert alike.shares == pytest.approx(np.full(4, (first[4] - first[0]) / 4), abs=1e-9)


def test_a_slates_reward_is_shared_and_sampled_shares_agree_within_their_error():
    rng = np.random.default_rng(0)
    contributions = rng.exponential(1.0, (6, 10)) * (rng.random((6, 10)) < 0.3)
    worth = slate_worth(np.full(6, -2.0), contributions, examination_K=1 / np.sqrt(np.arange(1.0, 7.0)))
    exact = shapley(worth, 10)
    assert exact.shares.sum() == pytest.approx(exact.everything - exact.nothing)
    assert exact.shares[contributions.sum(axis=0) == 0] == pytest.approx(0)
    wide = np.concatenate([contributions, np.zeros((6, 5))], axis=1)
    sampled = shapley(slate_worth(np.full(6, -2.0), wide, examination_K=1 / np.sqrt(np.arange(1.0, 7.0))), 15, rng=rng)
    assert sampled.shares.sum() == pytest.approx(exact.everything - exact.nothing)
    assert (np.abs(sampled.shares[:10] - exact.shares) < 4 * sampled.errors[:10] + 1e-12).all()
    assert sampled.errors.max() < 0.01
    with pytest.raises(DataError, match="exact shares go up"):
        shapley(worth, 13)
    with pytest.raises(DataError, match="reward"):
        slate_worth(np.zeros(1), np.zeros((1, 1)), examination_K=np.ones(1), reward="best")


def test_the_share_of_a_sum_of_separate_places_is_by_hand():
    one = slate_worth(np.zeros(2), np.array([[1.0, 0.0], [0.0, 2.0]]), examination_K=np.array([1.0, 0.5]), reward="sum")
    sigma = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    assert shapley(one, 2).shares == pytest.approx([sigma(1.0) - 0.5, 0.5 * (sigma(2.0) - 0.5)])


def test_games_with_known_solutions():
    matching = zero_sum(np.array([[1.0, -1.0], [-1.0, 1.0]]))
    assert matching.value == pytest.approx(0)
    assert matching.rows == pytest.approx([0.5, 0.5])
    assert matching.columns == pytest.approx([0.5, 0.5])
    scissors = zero_sum(np.array([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]))
    assert scissors.rows == pytest.approx(np.full(3, 1 / 3))
    assert zero_sum(np.array([[3.0, 2.0], [4.0, 1.0]])).value == pytest.approx(2.0)  # a saddle
    prisoners = np.array([[[-1.0, -3], [0, -2]], [[-1, 0], [-3, -2]]])
    assert pure_equilibria(prisoners) == [(1, 1)]
    assert best_responses(prisoners, (0, 0))[-1] == (1, 1)
    stag = np.array([[[4.0, 0], [3, 3]], [[4, 3], [0, 3]]])
    assert pure_equilibria(stag) == [(0, 0), (1, 1)]
    pennies = np.array([[[1.0, -1], [-1, 1]], [[-1, 1], [1, -1]]])
    assert pure_equilibria(pennies) == []
    assert len(best_responses(pennies, (0, 0), rounds=5)) > 5  # round and round
    for bad in (np.zeros((0, 2)), np.array([[np.inf]])):
        with pytest.raises(DataError):
            zero_sum(bad)
    with pytest.raises(DataError, match="shape"):
        pure_equilibria(np.zeros((2, 3)))


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10_000))
def test_neither_side_can_do_better_than_the_value(rows, columns, seed):
    payoff = np.random.default_rng(seed).normal(size=(rows, columns))
    found = zero_sum(payoff)
    assert (found.rows @ payoff).min() == pytest.approx(found.value, abs=1e-7)
    assert (payoff @ found.columns).max() == pytest.approx(found.value, abs=1e-7)


def test_where_texts_are_believed_everyone_stuffs_and_users_lose():
    weak = solve(CreatorGame(evidence=inf))
    assert weak.equilibria == ((1, 1, 1, 1),)
    assert weak.reached == (1, 1, 1, 1)
    assert weak.gain_of_stuffing > 1
    game = CreatorGame(evidence=inf)
    chance = (game.wanted + 3 * game.unwanted) / 4
    assert weak.welfare == pytest.approx(chance)  # all texts are alike: users get what chance gives
    assert weak.honest_welfare > 2 * chance


@pytest.mark.parametrize("creators", [2, 4, 6])
@pytest.mark.parametrize("rounds", [50, 200])
def test_where_behaviour_takes_the_texts_place_honesty_holds(creators, rounds):
    defended = solve(CreatorGame(creators=creators, rounds=rounds, evidence=3.0))
    assert defended.equilibria == ((0,) * creators,)
    assert defended.gain_of_stuffing < 0
    assert defended.welfare == pytest.approx(defended.honest_welfare)
    assert defended.welfare > 0.95 * CreatorGame().wanted


def test_the_faster_behaviour_counts_the_less_stuffing_pays():
    tolerated = [tolerable(CreatorGame(evidence=kappa)) for kappa in (inf, 200.0, 50.0, 10.0, 3.0)]
    assert (np.diff(tolerated) < 0).all()
    assert tolerated[-1] < 0.1 * tolerated[0]
    edge = CreatorGame(evidence=10.0, cost=tolerable(CreatorGame(evidence=10.0)))
    for change, holds in ((0.99, False), (1.01, True)):
        moved = solve(edge.model_copy(update={"cost": edge.cost * change}))
        assert ((0, 0, 0, 0) in moved.equilibria) == holds


def test_every_view_goes_to_somebody():
    game = CreatorGame(cost=0.0, evidence=5.0)
    payoffs, welfare = play(game, np.array([True, False, True, False]))
    assert payoffs.sum() == pytest.approx(game.rounds * game.views * game.creators)
    assert game.unwanted < welfare < game.wanted
    assert payoffs[0] == pytest.approx(payoffs[2])

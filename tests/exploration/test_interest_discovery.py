"""Discovery on numbers that can be worked out by hand, and on users who come to one thing from another."""

import numpy as np
import pytest

from penchant.exploration.interest_discovery import (
    FEATURES,
    STARTING_WEIGHTS,
    InterestDiscovery,
    Known,
    chances,
    fit_reach,
    fit_weights,
    worth_trying,
)

BROAD, FANTASY, MAGIC, CRIME = range(4)


def places(order: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A user who touched these concepts one after the other."""
    concepts = np.array(sorted(order))
    return concepts, np.array([order.index(c) for c in concepts])


def discovery(*, weights: tuple[float, ...] = STARTING_WEIGHTS, damping: float = 1.0) -> InterestDiscovery:
    users = [places(order) for order in [(BROAD, FANTASY, MAGIC)] * 6 + [(BROAD, CRIME)] * 6]
    return InterestDiscovery(
        reach=fit_reach(users, 4, damping=damping),
        meanings=np.array([[1, 0], [0, 1], [0.6, 0.8], [1, 0]], dtype=np.float32),
        narrow=np.array([False, True, True, True]),
        weights=weights,
    )


def known(*touched: int) -> Known:
    counts = np.zeros((1, 4))
    counts[0, list(touched)] = 1.0
    return Known(counts=counts, main=counts, foreseen=np.full((1, 4), 0.25))


def test_reach_by_hand():
    reach = fit_reach([places((0, 1)), places((0, 1)), places((1, 0))], 2, damping=1.0)
    # π = (3 + 1) / (3 + 2); N_01 = 2 of M_0 = 3 users, damped by one user who is like everyone.
    np.testing.assert_allclose(reach.popular, [0.8, 0.8])
    shares = np.array([[1.0, 0.0]])
    np.testing.assert_allclose(reach.from_shares(shares)[0, 1], (2 + 0.8) / 4)
    np.testing.assert_allclose(reach.lifts(1)[0], (2 + 0.8) / 4 / 0.8)


def test_what_comes_at_once_is_not_reached_from_each_other():
    reach = fit_reach([(np.array([0, 1]), np.array([5, 5]))] * 10, 2, damping=1e-9)
    assert reach.from_shares(np.array([[1.0, 0.0]]))[0, 1] == pytest.approx(0.0, abs=1e-6)


def test_worth_trying_are_the_best_that_are_not_barred_and_equals_come_in_order():
    scores = np.array([[1.0, 3.0, 2.0, 2.0], [-np.inf, 0.5, -np.inf, 0.5], [5.0, 4.0, 3.0, 2.0]])
    barred = np.array([[False, True, False, False], [False] * 4, [True, True, True, True]])
    assert worth_trying(scores, barred, 2).tolist() == [[2, 3], [1, 3], [-1, -1]]
    assert worth_trying(scores, barred, 9).tolist()[1] == [1, 3, -1, -1]


def test_magic_is_come_to_from_fantasy_and_crime_is_not():
    only_reach = tuple(float(name == "reached") for name in FEATURES)
    scores = discovery(weights=only_reach).scores(known(FANTASY))[0]
    assert scores[MAGIC] > scores[CRIME]
    assert discovery().way(known(FANTASY).counts[0], MAGIC) == FANTASY


def test_what_is_known_or_too_broad_is_not_discovered():
    scores = discovery().scores(known(FANTASY))[0]
    assert np.isneginf(scores[[BROAD, FANTASY]]).all()
    assert np.isfinite(scores[[MAGIC, CRIME]]).all()


def test_a_broad_concept_is_named_as_the_way_only_where_no_other_is_known():
    counts = np.array([9.0, 1.0, 0.0, 0.0])
    assert discovery().way(counts, CRIME) == FANTASY
    assert discovery().way(np.array([9.0, 0.0, 0.0, 0.0]), CRIME) == BROAD
    assert discovery().way(np.zeros(4), CRIME) == -1


def test_nothing_is_come_to_from_itself():
    """An item may be a little of what no item of the user's is led by: that is not yet known of him."""
    counts = np.array([0.0, 1.0, 0.0, 5.0])
    assert discovery().way(counts, CRIME) == FANTASY
    assert discovery().way(np.array([0.0, 0.0, 0.0, 5.0]), CRIME) == -1


def test_the_nearest_in_meaning_is_the_way_where_meaning_is_asked():
    assert discovery().way(np.array([0.0, 1.0, 0.0, 1.0]), MAGIC, by_meaning=True) == FANTASY


def test_chances_sum_to_one_over_the_open_and_are_none_where_all_is_known():
    open_ones = chances(discovery().scores(known(FANTASY)))[0]
    assert open_ones.sum() == pytest.approx(1.0)
    assert not chances(discovery().scores(known(FANTASY, MAGIC, CRIME)))[0].any()


def test_features_are_centred_and_scaled_over_what_is_open():
    features = discovery().features(known(FANTASY))[0]
    assert not features[[BROAD, FANTASY]].any()
    reached = features[[MAGIC, CRIME], FEATURES.index("reached")]
    assert reached.mean() == pytest.approx(0.0)
    assert reached.std() == pytest.approx(1.0)


def test_the_weights_find_the_sign_that_foretells():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4_000, 10, 4))
    true = np.array([0.0, 0.0, 2.0, -1.0])
    scores = features @ true + rng.gumbel(size=(4_000, 10))
    new = np.zeros((4_000, 10), dtype=bool)
    new[np.arange(4_000), scores.argmax(axis=1)] = True
    found = np.array(fit_weights(features, np.ones_like(new), new))
    np.testing.assert_allclose(found, true, atol=0.15)


def test_where_nobody_comes_to_anything_new_the_weights_stay_and_a_few_users_hardly_move_them():
    rng, nobody = np.random.default_rng(1), np.zeros((30, 4), dtype=bool)
    features = rng.normal(size=(30, 4, 4))
    assert fit_weights(features, ~nobody, nobody) == STARTING_WEIGHTS
    one = nobody.copy()
    one[0, 2] = True
    moved = np.array(fit_weights(features, ~nobody, one)) - STARTING_WEIGHTS
    assert 0 < np.abs(moved).max() < 0.2

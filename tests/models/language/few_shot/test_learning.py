"""Likes from a few labels, from pseudo-labels, from two views and from labels that were asked for."""

import numpy as np
import pytest
from scipy.special import expit

from penchant.errors import ConfigError, DataError
from penchant.metrics.roc import roc_auc
from penchant.models.language.few_shot.bayesian_logistic import BayesianLogistic, BayesianLogisticConfig, Prior
from penchant.models.language.few_shot.behaviour_features import FEATURES
from penchant.models.language.few_shot.co_training import CoTrainingConfig, co_train
from penchant.models.language.few_shot.like_dislike import (
    ASSUMED,
    LikeDislike,
    LikeDislikeConfig,
    expected_elsewhere,
)
from penchant.models.language.few_shot.self_training import SelfTrainingConfig, self_train
from penchant.models.language.few_shot.views import View
from penchant.training.active_learning import by_information, by_uncertainty
from tests.models.language.few_shot.test_behaviour_features import made

HEAD = BayesianLogisticConfig(rounds=3)


def view(rows: np.ndarray) -> View:
    return View(rows=rows, prior=Prior.of_blocks([(np.zeros(rows.shape[1]), 0.5)]), head=HEAD)


def test_without_a_label_it_ranks_by_what_is_expected_and_labels_change_it():
    features, _ = made()
    rows = np.random.default_rng(0).normal(size=(600, len(features.names)))
    expected = sum(ASSUMED.get(name, 0.0) * rows[:, n] for n, name in enumerate(FEATURES))
    none = LikeDislike.fit(features, rows[:0], [])
    np.testing.assert_allclose(none.log_odds(rows), expected, atol=1e-9)
    likes = (rows[:, FEATURES.index("popularity")] < 0).astype(float)  # here what few take is liked
    learned = LikeDislike.fit(features, rows[:400], likes[:400])
    assert learned.weights()["popularity"] < 0
    assert roc_auc(likes[400:], learned.log_odds(rows[400:])) > 0.95 > roc_auc(likes[400:], none.log_odds(rows[400:]))
    p = learned.probabilities(rows[400:])
    assert ((p > 0) & (p < 1)).all()


def test_one_label_changes_little():
    features, _ = made()
    rows = np.random.default_rng(1).normal(size=(300, len(features.names)))
    before = LikeDislike.fit(features, rows[:0], []).log_odds(rows)
    for label in (0, 1):
        after = LikeDislike.fit(features, rows[:1], [label]).log_odds(rows)
        assert np.corrcoef(before, after)[0, 1] > 0.9


def test_what_another_catalogue_teaches_is_carried_over_by_name():
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(3_000, len(FEATURES) + 4))
    likes = (rng.random(3_000) < expit(0.8 * rows[:, FEATURES.index("age")])).astype(float)
    told = expected_elsewhere(rows, likes)
    assert max(told, key=lambda name: told[name]) == "age"
    assert told["age"] == pytest.approx(0.8, abs=0.15)
    assert LikeDislikeConfig(expected=told).expected["age"] == told["age"]
    with pytest.raises(ConfigError):
        expected_elsewhere(rows[:, :3], likes)


def test_a_feature_that_does_not_exist_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"popularty.*popularity"):
        LikeDislikeConfig.of({"expected": {"popularty": 1.0}})
    with pytest.raises(ConfigError, match="finite"):
        LikeDislikeConfig.of({"expected": {"age": float("nan")}})


def two_clouds(n: int, *, apart: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two views of n examples, independent given the label: each a cloud a label, with noise besides."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    views = [np.c_[rng.normal(size=(n, 1)) + apart * (2 * labels[:, None] - 1), rng.normal(size=(n, 8))] for _ in "ab"]
    return views[0], views[1], labels


def test_pseudo_labels_are_left_out_where_they_do_not_pay_and_few_labels_make_none():
    rng = np.random.default_rng(3)
    rows, coins = rng.normal(size=(400, 5)), rng.integers(0, 2, 60)
    found = self_train(view(rows), np.arange(60), coins, seed=0)
    plain = view(rows).fit(np.arange(60), coins)
    if found.weight == 0:
        np.testing.assert_array_equal(found.posterior.weights, plain.weights)
    assert found.held_out[found.weight] == min(found.held_out.values())
    assert set(found.held_out) == {0.0, *SelfTrainingConfig().weights}
    few = self_train(view(rows), np.arange(4), [0, 1, 0, 1])
    assert (few.weight, few.pseudo_labels, few.held_out) == (0.0, 0, {})
    with pytest.raises(DataError):
        self_train(view(rows), np.arange(0), [])


def test_pseudo_labels_help_where_the_classes_are_clouds():
    gains = []
    for seed in range(6):
        rows, _, labels = two_clouds(1_200, apart=1.3, seed=seed)
        teach = np.arange(24)
        plain = view(rows[:800]).fit(teach, labels[:24])
        config = SelfTrainingConfig(share=0.8)
        taught = self_train(view(rows[:800]), teach, labels[:24], config=config, seed=seed)
        scores = [head.logits(rows[800:])[0] for head in (taught.posterior, plain)]
        gains.append(roc_auc(labels[800:], scores[0]) - roc_auc(labels[800:], scores[1]))
    assert np.mean(gains) > 0.004
    assert min(gains) > -0.02


def test_two_views_agree_more_after_they_taught_each_other_and_know_more():
    gains = []
    for seed in range(4):
        one, two, labels = two_clouds(1_400, apart=1.0, seed=seed)
        views = (view(one[:900]), view(two[:900]))
        found = co_train(views, np.arange(12), labels[:12], config=CoTrainingConfig(rounds=8, each=20))
        assert found.agreement_after > found.agreement_before
        assert found.taught == 2 * 8 * 20
        tested = (one[900:], two[900:])
        before, after = (found.probabilities(tested, trained=trained) for trained in (False, True))
        gains.append(roc_auc(labels[900:], after) - roc_auc(labels[900:], before))
    assert np.mean(gains) > 0.01


def test_co_training_needs_both_labels_and_the_same_examples():
    one, two, labels = two_clouds(50, apart=1.0, seed=0)
    with pytest.raises(DataError, match="a like and a dislike"):
        co_train((view(one), view(two)), np.flatnonzero(labels)[:3], np.ones(3))
    with pytest.raises(DataError, match="40 examples"):
        co_train((view(one), view(two[:40])), np.arange(10), labels[:10])


def test_asking_for_what_is_uncertain_needs_fewer_labels_than_asking_at_random():
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(1_500, 6)) * 3
    labels = (rows @ np.array([1.0, -1.0, 0.5, 0, 0, 0]) > 0).astype(float)
    pool, test = np.arange(1_000), np.arange(1_000, 1_500)
    believed = Prior.of_blocks([(np.zeros(6), 1.0)])

    def reached(pick) -> float:
        chosen = list(range(4))
        for _ in range(8):
            head = BayesianLogistic.fit(rows[chosen], labels[chosen], believed, config=HEAD)
            rest = np.setdiff1d(pool, chosen)
            chosen += rest[pick(head, rest)].tolist()
        return roc_auc(labels[test], head.logits(rows[test])[0])

    random = np.mean([reached(lambda _, rest: rng.permutation(len(rest))[:2]) for _ in range(5)])
    uncertain = reached(lambda head, rest: by_uncertainty(head.probabilities(rows[rest]), at_most=2))
    informative = reached(lambda head, rest: by_information(*head.logits(rows[rest]), at_most=2))
    assert uncertain > random
    assert informative > random


def test_information_passes_over_what_is_even_by_nature():
    # Both are at ½: of the first the model knows that it is, of the second it knows nothing.
    assert by_information(np.array([0.0, 0.0, 5.0]), np.array([0.0, 4.0, 0.1])).tolist()[0] == 1
    draws = np.random.default_rng(0).normal(0.5, np.sqrt(2.0), 400_000)
    p = expit(draws)
    entropy = lambda q: -(q * np.log2(q) + (1 - q) * np.log2(1 - q))  # noqa: E731
    exact = entropy(p.mean()) - entropy(p).mean()
    means, variances = np.array([0.5, 0.0]), np.array([2.0, 0.0])
    assert exact > 0.1
    assert by_information(means, variances).tolist() == [0, 1]
    with pytest.raises(DataError):
        by_information(np.zeros(1), np.array([-1.0]))

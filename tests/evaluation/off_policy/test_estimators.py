"""Known answers, properties of the maths, and what is refused."""

import numpy as np
import pytest

from penchant.errors import DataError
from penchant.evaluation.off_policy.catalogue import ESTIMATORS
from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.evaluation.off_policy.estimates import EstimateConfig, estimate
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.reward_models import REWARD_MODELS, cross_fit
from penchant.evaluation.off_policy.selection import choose_model, chosen_estimate
from tests.evaluation.off_policy.worlds import single_choices, told

QUICK = EstimateConfig(resamples=200)


@pytest.fixture(scope="module")
def world():
    return single_choices()


@pytest.fixture(scope="module")
def question(world):
    model = choose_model(world.log, world.target)
    return Question(log=world.log, target=world.target, predicted=model.predicted, concepts=np.array([0, 1, 2]))


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_the_known_value_is_found_and_lies_in_every_interval(world, question, name):
    found = estimate(question, ESTIMATORS.build(name), QUICK)
    assert found.value == pytest.approx(world.value, abs=0.04)
    if name != "dm":  # its interval knows nothing of its bias
        for low, high in found.intervals.values():
            assert low <= world.value <= high
    assert found.overlap is not None
    assert found.overlap.mean_weight == pytest.approx(1, abs=4 * found.overlap.mean_weight_error)


def test_the_plain_mean_of_the_log_is_far_from_the_value(world):
    assert abs(world.log.rewards.mean() - world.value) > 0.2  # else the tests above could not fail


def test_the_chosen_estimate_says_by_what_and_is_right(world, question):
    found = chosen_estimate(question, QUICK)
    assert found.value == pytest.approx(world.value, abs=0.03)
    assert found.notes[0].startswith("by rule: ")
    without = chosen_estimate(Question(log=world.log, target=world.target), QUICK)
    assert without.notes == ("by rule: snips",)


def test_a_wrong_model_spoils_dm_and_not_dr(world):
    wrong = Question(log=world.log, target=world.target, predicted=1 - world.clicks)
    assert abs(told(estimate(wrong, ESTIMATORS.build("dm"), QUICK)) - world.value) > 0.1
    assert estimate(wrong, ESTIMATORS.build("dr"), QUICK).value == pytest.approx(world.value, abs=0.05)


def test_wrong_propensities_spoil_ips_and_not_dr_with_a_right_model(world):
    log = LoggedBandit.of(
        actions=world.log.actions,
        rewards=world.log.rewards,
        propensities=0.7 * world.log.propensities,
        n_actions=3,
    )
    asked = Question(log=log, target=world.target, predicted=world.clicks)
    found = estimate(asked, ESTIMATORS.build("ips"), QUICK)
    assert abs(told(found) - world.value) > 0.2
    assert found.overlap is not None
    assert found.overlap.mean_weight > 1 + 5 * found.overlap.mean_weight_error  # and that can be seen
    assert estimate(asked, ESTIMATORS.build("dr"), QUICK).value == pytest.approx(world.value, abs=0.03)


def test_extremes_of_the_hyper_parameters_are_the_estimators_they_lie_between(question):
    def value(name, settings=None):
        return ESTIMATORS.build(name, settings).terms(question).value

    assert value("dr_os", {"shrinkage": 0.0}) == pytest.approx(value("dm"))
    assert value("dr_os", {"shrinkage": float("inf")}) == pytest.approx(value("dr"))
    assert value("switch_dr", {"cut": 0.0}) == pytest.approx(value("dm"))
    assert value("switch_dr", {"cut": float("inf")}) == pytest.approx(value("dr"))
    assert value("clipped_ips", {"cut": float("inf")}) == pytest.approx(value("ips"))
    assert value("clipped_ips", {"cut": 0.5}) < value("ips")


def test_a_constant_added_to_all_rewards_is_added_to_self_normalised_values(world):
    raised = LoggedBandit.of(
        actions=world.log.actions, rewards=world.log.rewards + 5, propensities=world.log.propensities, n_actions=3
    )
    before = ESTIMATORS.build("snips").terms(Question(log=world.log, target=world.target)).value
    after = ESTIMATORS.build("snips").terms(Question(log=raised, target=world.target)).value
    assert after == pytest.approx(before + 5)


def test_asking_about_the_logging_policy_gives_the_mean_of_the_log(world):
    asked = Question(log=world.log, target=world.log.logging)
    for name in ("ips", "snips"):
        assert ESTIMATORS.build(name).terms(asked).value == pytest.approx(world.log.rewards.mean())


@pytest.mark.parametrize("name", list(REWARD_MODELS))
def test_reward_models_foresee_what_they_can(world, name):
    predicted = cross_fit(world.log, REWARD_MODELS.build(name))
    error = float(((predicted - world.clicks) ** 2).mean())
    ignorant = float(((world.log.rewards.mean() - world.clicks) ** 2).mean())
    assert error < 0.15 * ignorant if name != "mean" else error == pytest.approx(ignorant, rel=0.05)


def test_a_reward_never_enters_its_own_prediction(world):
    log = world.log.part(np.arange(300))
    changed = log.rewards.copy()
    changed[7] = 1 - changed[7]
    other = LoggedBandit.of(
        actions=log.actions, rewards=changed, propensities=log.propensities, n_actions=3, context=log.context
    )
    model = REWARD_MODELS.build("ridge")
    before, after = cross_fit(log, model), cross_fit(other, model)
    assert np.array_equal(before[7], after[7])
    assert not np.array_equal(before, after)


def test_no_overlap_is_refused_with_the_reason_and_without_a_number(world):
    log = LoggedBandit.of(actions=np.zeros(50), rewards=np.ones(50), propensities=np.ones(50), n_actions=2)
    asked = Question(log=log, target=np.tile([0.0, 1.0], (50, 1)), predicted=np.ones((50, 2)))
    for name in ("ips", "dr", "dm"):
        found = estimate(asked, ESTIMATORS.build(name))
        assert found.value is None
        assert "no overlap" in found.refused
        assert not found.intervals
    assert "no overlap" in chosen_estimate(asked).refused
    few = world.log.part(np.arange(20))
    assert "too few hits" in estimate(Question(log=few, target=world.target[:20]), ESTIMATORS.build("ips")).refused


def test_one_heavy_round_is_no_estimate():
    propensities = np.full(200, 0.5)
    propensities[0] = 1e-6
    log = LoggedBandit.of(actions=np.zeros(200), rewards=np.ones(200), propensities=propensities, n_actions=1)
    asked = Question(log=log, target=np.ones((200, 1)))
    assert "too little overlap" in estimate(asked, ESTIMATORS.build("snips")).refused


def test_what_an_estimator_lacks_is_said(world):
    asked = Question(log=world.log, target=world.target)
    for name in ("dm", "dr", "mips"):
        with pytest.raises(DataError, match="needs"):
            ESTIMATORS.build(name).terms(asked)

"""Slates: the known value of a policy on decisions that another made."""

import numpy as np
import pytest

from penchant.errors import DataError
from penchant.evaluation.off_policy.decisions import first_places, logged_slates, slate_question
from penchant.evaluation.off_policy.estimates import EstimateConfig
from penchant.evaluation.off_policy.evaluating import evaluate_policy, target_policy
from penchant.evaluation.off_policy.replaying import FromLog, ReplayConfig, replay
from penchant.evaluation.off_policy.slate_estimators import SLATE_ESTIMATORS, estimate_slates
from penchant.evaluation.off_policy.slates import LoggedSlates, SlateQuestion
from penchant.exploration.policies.catalogue import POLICIES
from penchant.interfaces import Policy
from tests.evaluation.off_policy.worlds import ATTRACTION, decisions, logger, rewarded, slate_value, told

QUICK = EstimateConfig(resamples=200)
SHARP = POLICIES.build("softmax", {"temperature": 0.3})


def known(name: str) -> Policy:
    """A target that needs nothing of the log."""
    found = target_policy(name)
    assert not isinstance(found, FromLog)
    return found


@pytest.fixture(scope="module")
def log():
    return rewarded(1500)


@pytest.fixture(scope="module")
def questions(log):
    return {name: slate_question(logged_slates(log), log, target_policy(name)) for name in ("greedy", "uniform")}


@pytest.mark.parametrize("name", ["slate_ips", "reward_interaction_ips", "cascade_dr"])
@pytest.mark.parametrize("policy", ["greedy", "uniform"])
def test_the_known_value_of_a_policy_is_found(log, questions, name, policy):
    question, asked = questions[policy]
    found = estimate_slates(question, SLATE_ESTIMATORS.build(name), QUICK)
    low, high = found.intervals["normal"]
    truth = slate_value(known(policy), 2)
    assert low - 0.02 <= truth <= high + 0.02
    assert found.value == pytest.approx(truth, abs=0.08)
    assert asked.error == 0
    earned = np.mean([sum(one.rewards) for one in log])
    assert abs(earned - truth) > 0.02 or policy == "uniform"


def test_cascade_dr_is_less_variable_than_its_weights_alone(questions):
    question, _ = questions["greedy"]
    errors = {
        name: SLATE_ESTIMATORS.build(name).terms(question).standard_error()
        for name in ("slate_ips", "reward_interaction_ips", "cascade_dr")
    }
    assert errors["cascade_dr"] < errors["reward_interaction_ips"]


def test_asking_about_the_logging_policy_gives_the_mean_of_the_log(log):
    question, _ = slate_question(logged_slates(log[:200]), log[:200], logger())
    assert np.allclose(question.prefix_weights, 1)
    earned = np.mean([sum(one.rewards) for one in log[:200]])
    for name in ("slate_ips", "reward_interaction_ips"):
        assert SLATE_ESTIMATORS.build(name).terms(question).value == pytest.approx(earned)


def test_independent_ips_uses_marginals_of_both_policies(log):
    few, config = log[:200], ReplayConfig(draws=40)
    with_both = logged_slates(few, logging_policy=logger(), config=config)
    question, _ = slate_question(with_both, few, SHARP, config=config, with_marginals=True)
    found = estimate_slates(question, SLATE_ESTIMATORS.build("independent_ips"), QUICK)
    low, high = found.intervals["normal"]
    assert low - 0.05 <= slate_value(SHARP, 2) <= high + 0.05  # the cascade is weak here: little bias
    without, _ = slate_question(logged_slates(few), few, SHARP)
    with pytest.raises(DataError, match="slot marginals of the target"):
        SLATE_ESTIMATORS.build("independent_ips").terms(without)


def test_a_long_slate_whose_probability_is_too_small_for_a_number_spoils_nothing():
    places = 200
    rewards, propensities = np.zeros((2, places)), np.full((2, places), 0.01)
    rewards[1], propensities[1] = 1.0, 1.0
    held = LoggedSlates.of(rewards=rewards, propensities=propensities)
    assert held.prefixes[0, -1] == 0
    target, nothing = np.array([[0.0] * places, [1.0] * places]), np.zeros((2, places))
    question = SlateQuestion(log=held, prefixes=target, predicted=nothing, expected=nothing)
    for name in ("slate_ips", "reward_interaction_ips", "cascade_dr"):
        assert SLATE_ESTIMATORS.build(name).terms(question).value == pytest.approx(places / 2)


def test_marginals_that_no_draw_came_to_refuse_one_estimator_and_set_no_slate_aside():
    rewards, propensities = np.array([[1.0, 0.0], [0.0, 1.0]]), np.full((2, 2), 0.5)
    held = LoggedSlates.of(rewards=rewards, propensities=propensities, marginals=np.array([[0.5, 0.5], [0.5, 0.0]]))
    assert held.admission.kept == 2
    question = SlateQuestion(log=held, prefixes=np.full((2, 2), 0.25), marginals=np.full((2, 2), 0.5))
    with pytest.raises(DataError, match="in 1 of 2 slates"):
        SLATE_ESTIMATORS.build("independent_ips").terms(question)
    assert SLATE_ESTIMATORS.build("slate_ips").terms(question).value == 1.0


def test_a_policy_that_did_not_log_this_is_refused_as_the_logging_one(log):
    with pytest.raises(DataError, match="The policy named as the logging one"):
        logged_slates(log[:5], logging_policy=SHARP)


def test_a_policy_that_draws_and_could_not_have_logged_this_is_refused_too(log):
    dial = POLICIES.build("dial", {"share": 0.1})  # never gives the first place to what it holds second
    assert replay(log[:40], dial, ReplayConfig(draws=4)).error > 0
    with pytest.raises(DataError, match="would not have served"):
        logged_slates(log[:40], logging_policy=dial)


def test_a_policy_that_draws_is_averaged_over_its_draws():
    few = rewarded(40)
    policy = POLICIES.build("thompson_plackett_luce")
    asked = replay(few, policy, ReplayConfig(draws=60))
    assert 0 < asked.error < 0.1
    assert np.allclose(asked.first[:, :4].sum(axis=1), 1)
    exact = replay(few, logger())
    assert exact.error == 0
    assert np.allclose(exact.prefixes, [[slot.prefix_propensity for slot in one.decision.slots] for one in few])


def test_everything_of_a_policy_in_one_answer(log):
    found = evaluate_policy(log[:800], target_policy("greedy"), name="greedy", config=QUICK)
    truth, earned = slate_value(known("greedy"), 2), slate_value(logger(), 2)
    assert found.chosen == "cascade_dr"
    by_name = {one.estimator: one for one in found.all_places}
    assert by_name["independent_ips"].refused.startswith("independent_ips needs")
    low, high = found.gain.intervals["normal"]
    assert low - 0.02 <= truth - earned <= high + 0.02
    assert found.gain.value == pytest.approx(told(by_name["cascade_dr"]) - told(found.logged))
    first = {one.estimator: one for one in found.first_place}
    assert first["dr"].value == pytest.approx(ATTRACTION[0], abs=0.06)
    assert set(found.logged_by) == {"softmax@1"}


def test_a_deterministic_log_tells_nothing_of_another_policy():
    made, _ = decisions(80)
    from dataclasses import replace as changed

    from penchant.feedback.attribution import Rewarded

    fixed = [
        Rewarded(
            decision=changed(
                one,
                slots=tuple(
                    changed(slot, item_id=f"i{3 - place}", propensity=1.0, prefix_propensity=1.0)
                    for place, slot in enumerate(one.slots)
                ),
            ),
            rewards=(1.0, 0.0),
            events=(1, 0),
        )
        for one in made
    ]
    found = evaluate_policy(fixed, target_policy("greedy"), name="greedy", config=QUICK)
    assert found.gain.value is None
    assert "no overlap" in found.gain.refused
    assert all(one.value is None for one in found.all_places)


def test_slates_of_different_lengths_stand_in_one_log():
    mixed = rewarded(300, k=2) + rewarded(200, k=1, seed=9)
    question, _ = slate_question(logged_slates(mixed), mixed, target_policy("uniform"))
    assert (question.log.rewards[300:, 1] == 0).all()
    assert np.allclose(question.prefixes[300:, 0], question.prefixes[300:, 1])
    assert np.isfinite(SLATE_ESTIMATORS.build("cascade_dr").terms(question).value)
    assert len(first_places(mixed, question.log)) == 500

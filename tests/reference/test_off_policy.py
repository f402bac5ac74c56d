"""Every estimator beside Open Bandit Pipeline's on one fixed log; its numbers were made by
experiments/exploration/off_policy/obp_fixture.py."""

import json
from pathlib import Path

import numpy as np
import pytest

from penchant.evaluation.off_policy.catalogue import ESTIMATORS
from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.slate_estimators import SLATE_ESTIMATORS
from penchant.evaluation.off_policy.slates import LoggedSlates, SlateQuestion

OBP = json.loads(Path(__file__).with_name("obp_off_policy.json").read_text(encoding="utf-8"))
SETTINGS = {"clipped_ips": {"cut": 1.5}, "switch_dr": {"cut": 1.5}, "dr_os": {"shrinkage": 2.0}}


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_an_estimator_of_single_choices_says_what_obp_says(name):
    told = OBP["single"]
    log = LoggedBandit.of(
        actions=np.array(told["action"]),
        rewards=np.array(told["reward"]),
        propensities=np.array(told["pscore"]),
        n_actions=4,
        logging=np.array(told["logging"]),
    )
    question = Question(
        log=log,
        target=np.array(told["target"]),
        predicted=np.array(told["predicted"]),
        concepts=np.array(told["concepts"]),
    )
    value = ESTIMATORS.build(name, SETTINGS.get(name)).terms(question).value
    assert value == pytest.approx(told["values"][name], abs=1e-9)


@pytest.mark.parametrize("name", list(SLATE_ESTIMATORS))
def test_an_estimator_of_slates_says_what_obp_says(name):
    told = {key: np.array(value) for key, value in OBP["slates"].items() if key != "values"}
    log = LoggedSlates.of(
        rewards=told["reward"], propensities=told["conditional"], marginals=told["marginal"], owners=None
    )
    prefixes = np.cumprod(told["target_conditional"], axis=1)
    before = np.concatenate([np.ones((len(prefixes), 1)), prefixes[:, :-1]], axis=1)
    rows, places = np.indices(told["action"].shape)
    question = SlateQuestion(
        log=log,
        prefixes=prefixes,
        marginals=told["target_marginal"],
        predicted=told["q"][rows, places, told["action"]],
        expected=before * (told["q"] * told["action_dist"]).sum(axis=2),
    )
    assert SLATE_ESTIMATORS.build(name).terms(question).value == pytest.approx(OBP["slates"]["values"][name], abs=1e-9)

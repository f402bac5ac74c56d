"""What a log may not hold."""

from typing import Any

import numpy as np
import pytest

from penchant.errors import DataError
from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.slates import LoggedSlates, SlateQuestion

GOOD: dict[str, Any] = {"actions": [0, 1, 0, 1], "rewards": [1.0, 0.0, 1.0, 1.0], "propensities": [0.5, 0.5, 0.25, 1.0]}


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("propensities", 0.0, "propensity zero or below"),
        ("propensities", -0.1, "propensity zero or below"),
        ("propensities", float("nan"), "propensity missing"),
        ("propensities", 1.2, "propensity above one"),
        ("rewards", float("inf"), "reward not finite"),
        ("rewards", float("nan"), "reward not finite"),
        ("actions", 2, "action out of range"),
        ("actions", -1, "action out of range"),
        ("actions", 0.5, "action out of range"),
    ],
)
def test_a_faulty_round_is_set_aside_and_counted(column, value, fault):
    columns: dict[str, Any] = {name: np.array(values, dtype=float) for name, values in GOOD.items()}
    columns[column][2] = value
    log = LoggedBandit.of(**columns, n_actions=2)
    assert len(log) == 3
    assert log.admission.set_aside == {fault: 1}
    assert (log.admission.rounds, log.admission.kept) == (4, 3)
    assert log.actions.tolist() == [0, 1, 1]
    with pytest.raises(DataError, match=f"Round 2.*{fault}"):
        LoggedBandit.of(**columns, n_actions=2, strict=True)


def test_another_policys_rounds_are_set_aside_where_one_is_asked_for():
    versions = np.array(["a", "a", "b", "a"], dtype=object)
    log = LoggedBandit.of(**GOOD, n_actions=2, versions=versions, version="a")
    assert log.admission.set_aside == {"another policy version": 1}
    assert len(LoggedBandit.of(**GOOD, n_actions=2, versions=versions)) == 4
    with pytest.raises(DataError, match="No round of the log was decided by 'c'"):
        LoggedBandit.of(**GOOD, n_actions=2, versions=versions, version="c")
    with pytest.raises(DataError, match="does not say"):
        LoggedBandit.of(**GOOD, n_actions=2, version="a")


def test_a_log_without_a_usable_round_is_refused_with_the_counts():
    with pytest.raises(DataError, match="propensity zero or below: 4"):
        LoggedBandit.of(**{**GOOD, "propensities": np.zeros(4)}, n_actions=2)
    with pytest.raises(DataError, match="it is empty"):
        LoggedBandit.of(actions=[], rewards=[], propensities=[], n_actions=2)


def test_a_logging_distribution_must_be_one_and_agree():
    with pytest.raises(DataError, match="add up to"):
        LoggedBandit.of(**GOOD, n_actions=2, logging=np.full((4, 2), 0.4))
    with pytest.raises(DataError, match=r"Round 2: the propensity is 0\.25"):
        LoggedBandit.of(**GOOD, n_actions=2, logging=np.array([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.0, 1.0]]))
    with pytest.raises(DataError, match="rewards has 3"):
        LoggedBandit.of(**{**GOOD, "rewards": [1, 1, 1]}, n_actions=2)


@pytest.mark.parametrize("target", [np.full((4, 2), 0.4), np.array([[1.5, -0.5]] * 4), np.ones((3, 2)) / 2])
def test_a_target_must_be_a_distribution_over_the_logs_actions(target):
    with pytest.raises(DataError, match="target"):
        Question(log=LoggedBandit.of(**GOOD, n_actions=2), target=target)


def test_slates_have_the_same_door():
    log = LoggedSlates.of(rewards=[[1, 0], [0, 0], [0, 1]], propensities=[[0.5, 0.5], [0.0, 0.5], [0.5, 0.2]])
    assert log.admission.set_aside == {"propensity zero or below": 1}
    assert log.rounds.tolist() == [0, 2]
    assert log.prefixes.tolist() == [[0.5, 0.25], [0.5, 0.1]]
    with pytest.raises(DataError, match="rises"):
        SlateQuestion(log=log, prefixes=np.array([[0.1, 0.5], [0.1, 0.1]]))
    with pytest.raises(DataError, match="outside"):
        SlateQuestion(log=log, prefixes=np.full((2, 2), 1.5))
    with pytest.raises(DataError, match="shape"):
        LoggedSlates.of(rewards=[[1, 0]], propensities=[[1.0]])

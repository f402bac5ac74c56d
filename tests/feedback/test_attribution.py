"""Which reward belongs to which place, and what becomes of everything else."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import penchant
from penchant.errors import ConfigError, DataError, SourceError
from penchant.feedback.attribution import AttributionConfig, attribute
from penchant.feedback.exchange import bandit_feedback, load_feedback, save_feedback
from tests.evaluation.off_policy.worlds import HOUR, decisions

MADE, _ = decisions(3, k=2)
FIRST = MADE[0]
SECOND = 1_000_000


def click(number=0, *, after=HOUR, place=0, **changes):
    from penchant.records import Event

    decision = MADE[number]
    event = Event(
        user_id=decision.user_id,
        item_id=decision.slots[place].item_id,
        event_type="click",
        timestamp=decision.decided_at + after,
        event_id=f"e{number}-{place}-{after}",
        slate_id=decision.slate_id,
    )
    return replace(event, **changes)


def test_the_place_with_the_item_gets_the_reward():
    found, report = attribute(MADE, [click(0, place=1), click(2)])
    assert [one.rewards for one in found] == [(0.0, 1.0), (0.0, 0.0), (1.0, 0.0)]
    assert (report.events_attributed, report.decisions_kept) == (2, 3)
    assert not report.events_left_out
    assert not report.decisions_left_out


def test_what_the_console_sends_of_an_item_taken_is_worth_something():
    page = Path(penchant.__file__).parent / "serving/console/static/js/recommendations.js"
    (said,) = re.findall(r"^const TAKEN = (.*);$", page.read_text(encoding="utf-8"), re.MULTILINE)
    types = re.findall(r'\["(\w+)"', said)
    assert len(types) >= 5
    assert all(AttributionConfig().rewards[name] == 1.0 for name in types)


def test_a_late_reward_updates_its_place_and_makes_none():
    config = AttributionConfig(rewards={"click": 1.0, "purchase": 5.0})
    early = [click()]
    late = [*early, click(after=20 * HOUR, event_type="purchase", event_id="p")]
    before, after = attribute(MADE, early, config)[0], attribute(MADE, late, config)[0]
    assert len(before) == len(after) == 3
    assert (before[0].rewards[0], after[0].rewards[0]) == (1.0, 5.0)
    assert after[0].events == (2, 0)
    for combine, reward in (("sum", 6.0), ("latest", 5.0), ("highest", 5.0)):
        assert attribute(MADE, late, config.model_copy(update={"combine": combine}))[0][0].rewards[0] == reward


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (click(slate_id=None), "without_slate"),
        (click(slate_id="nowhere"), "never_served"),
        (click(user_id="somebody"), "other_user"),
        (click(item_id="elsewhere"), "not_on_slate"),
        (click(timestamp=None), "without_time"),
        (click(after=-1), "before_decision"),
        (click(after=8 * 24 * HOUR), "after_window"),
        (click(event_type="hover"), "without_reward"),
    ],
)
def test_what_does_not_count_is_counted_by_name(event, name):
    found, report = attribute(MADE, [event])
    assert report.events_left_out == {name: 1}
    assert all(sum(one.rewards) == 0 for one in found)
    assert attribute(MADE, [click()])[1].events_attributed == 1  # the same event, unspoiled


def test_a_repeated_delivery_counts_once():
    config = AttributionConfig(combine="sum")
    found, report = attribute(MADE, [click(), click(), click()], config)
    assert found[0].rewards[0] == 1.0
    assert report.events_left_out == {"repeated": 2}


def test_without_an_id_what_says_the_same_is_the_same_delivery():
    one = click(event_id=None, value=2.0)
    others = [
        click(event_id=None, after=HOUR + 1, value=2.0),
        click(event_id=None, place=1, value=2.0),
        click(event_id=None, event_type="purchase", value=2.0),
        click(event_id=None, value=3.0),
        click(event_id="named", value=2.0),
    ]
    found, report = attribute(MADE, [one, *others, one, one], AttributionConfig(combine="sum"))
    assert report.events_left_out == {"repeated": 2}
    assert found[0].rewards == (5.0, 1.0)


def test_clocks_may_differ_as_far_as_is_allowed():
    event = click(after=-2 * SECOND)
    assert attribute(MADE, [event], AttributionConfig(slack_seconds=2))[1].events_attributed == 1
    assert attribute(MADE, [event], AttributionConfig(slack_seconds=1))[1].events_left_out == {"before_decision": 1}


def test_a_retry_is_the_same_decision_and_its_feedback_the_firsts():
    retry = replace(FIRST, slate_id="again", decided_at=FIRST.decided_at + SECOND)
    found, report = attribute([*MADE, retry, FIRST], [click(slate_id="again")])
    assert report.decisions_left_out == {"repeated": 2}
    assert found[0].rewards[0] == 1.0
    assert len(found) == 3


def test_decisions_that_tell_nothing_are_left_out_by_name():
    altered = replace(MADE[0], ope_valid=False)
    faulty = replace(MADE[1], scores=(1.0,))
    empty = replace(MADE[2], slots=())
    found, report = attribute([altered, faulty, empty], [click(0), click(1)])
    assert found == []
    assert report.decisions_left_out == {"altered": 1, "faulty": 1, "empty": 1}
    assert report.events_left_out == {"of_left_out_decision": 2}


@given(st.lists(st.integers(0, 7), max_size=12), st.permutations(range(12)))
def test_nothing_is_dropped_and_order_makes_no_difference(kinds, order):
    made = [
        click(0), click(0), click(1, place=1), click(slate_id="x"), click(after=-1), click(item_id="y"),
        click(event_type="hover"), click(2),
    ]  # fmt: skip
    events = [replace(made[kind], event_id=f"{n}") for n, kind in enumerate(kinds)]
    found, report = attribute(MADE, events)
    assert report.events == report.events_attributed + sum(report.events_left_out.values()) == len(events)
    assert report.decisions == report.decisions_kept + sum(report.decisions_left_out.values())
    shuffled = [events[n] for n in order if n < len(events)]
    assert attribute(MADE, shuffled) == (found, report)


@pytest.mark.parametrize(
    "settings", [{"window_seconds": 0}, {"rewards": {}}, {"rewards": {"click": float("inf")}}, {"combine": "mean"}]
)
def test_settings_are_checked(settings):
    with pytest.raises(ConfigError):
        AttributionConfig.of(settings)


def test_the_bandit_dataset_has_obps_fields_and_comes_back(tmp_path):
    made, events = decisions(50, k=2)
    rewarded, _ = attribute(made, events)
    feedback = bandit_feedback(rewarded, item_vectors={f"i{n}": (n, 1.0) for n in range(4)})
    names = {"n_rounds", "n_actions", "action", "position", "reward", "pscore", "context", "action_context"}
    assert set(feedback.fields()) == names
    assert (feedback.n_rounds, feedback.n_actions) == (100, 4)
    assert feedback.context_names == ("device=desk", "device=phone", "hour")
    for n in (0, 1, 57):
        decision, place = made[n // 2], n % 2
        assert feedback.item_ids[feedback.action[n]] == decision.slots[place].item_id
        assert feedback.pscore[n] == decision.slots[place].propensity
        assert feedback.position[n] == place
        assert feedback.reward[n] == rewarded[n // 2].rewards[place]
    save_feedback(feedback, tmp_path / "bandit")
    again = load_feedback(tmp_path / "bandit")
    for name, value in feedback.fields().items():
        assert np.array_equal(value, again.fields()[name])
    assert (again.item_ids, again.slate_ids, again.user_ids) == (
        feedback.item_ids, feedback.slate_ids, feedback.user_ids,
    )  # fmt: skip


def test_damaged_bandit_files_are_refused(tmp_path):
    rewarded, _ = attribute(MADE, [])
    save_feedback(bandit_feedback(rewarded), tmp_path / "bandit")
    (tmp_path / "bandit.npz").write_bytes(b"no zip")
    for name in ("bandit", "nothing"):
        with pytest.raises(SourceError):
            load_feedback(tmp_path / name)
    with pytest.raises(DataError, match="no decision"):
        bandit_feedback([])
    with pytest.raises(DataError, match="has no vector"):
        bandit_feedback(rewarded, item_vectors={"i0": (1.0,)})

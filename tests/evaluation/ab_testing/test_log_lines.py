"""Lines of an experiment's log that are not what they should be: each is counted, and none is an error."""

import json
from collections import Counter
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.evaluation.ab_testing.log import events_in, read_log
from penchant.evaluation.ab_testing.served import events_of
from penchant.feedback.decisions import write_log
from penchant.records import Event
from tests.evaluation.ab_testing.test_experiments import T0, event, exposure, written
from tests.evaluation.off_policy.worlds import decisions
from tests.mutated_json import mutated

LINES = [
    {"kind": "exposure", "experiment": "x", "user_id": "u7", "arm": "a", "timestamp": T0, "event_id": "e"},
    {"kind": "event", "user_id": "u1", "event_type": "buy", "timestamp": T0 + 3, "value": 2.5, "more": [{"deep": 1}]},
    {"user_id": "u2", "event_type": "buy", "timestamp": "2023-11-15T00:00:00Z", "segment": "s", "propensity": 0.5},
]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": ["event"]},
        {"timestamp": "--5"},
        {"timestamp": 10**400},
        {"value": 10**400},
        {"value": True},
        {"event": ["x"]},
        {"event_id": ["x"]},
        {"experiment": ["x"]},
        {"segment": {"x": 1}},
        {"user_id": ["u1"]},
        {"user_id": "\ud800"},
    ],
)
def test_what_a_field_cannot_be_is_a_bad_line_and_no_error(tmp_path, wrong):
    line = {**event("u1", "buy"), "user_id": "", **wrong} if "event" in wrong else {**event("u1", "buy"), **wrong}
    log = read_log(written(tmp_path, [line, exposure("u1", "a"), exposure("u2", "b")]))
    assert log.accounts.left_out == {"bad_line": 1}
    assert log.accounts.proved()


def test_an_experiment_in_a_list_is_no_experiment_of_its_own(tmp_path):
    records = [exposure("u1", "a"), exposure("u2", "b"), {**exposure("u3", "a"), "experiment": ["e"]}]
    log = read_log(written(tmp_path, records))
    assert (log.experiment, len(log.units)) == ("x", 2)
    assert log.accounts.faults == ["line 3: experiment is ['e'], which is neither a text nor a number"]


@given(line=st.sampled_from(LINES).flatmap(lambda record: mutated(orjson.dumps(record))))
def test_a_line_with_any_value_in_any_place_is_used_or_left_out(tmp_path_factory, line):
    path = tmp_path_factory.getbasetemp() / "mutated.jsonl"
    rest = [exposure(f"u{n}", "ab"[n % 2], T0 + n) for n in range(6)]
    rest += [event(f"u{n}", "buy", T0 + 9, 1.0 + n) for n in range(4)]
    path.write_bytes(b"\n".join([*map(orjson.dumps, rest), line]))
    log = read_log(path, experiment="x")
    assert log.accounts.proved()
    assert log.accounts.lines == 11
    assert 5 <= len(log.units) <= 7
    assert len(list(events_in(path, Counter()))) in (4, 5)


def test_what_a_line_names_by_itself_does_not_say_what_becomes_of_it(tmp_path):
    records = [exposure("u1", "a"), exposure("u2", "b"), {**event("u1", "buy"), "left_out": ["x"], "delivery": 3}]
    log = read_log(written(tmp_path, records))
    assert (log.accounts.events, log.accounts.left_out) == (1, {})


def test_a_line_is_one_whatever_its_texts_hold(tmp_path):
    odd = json.dumps({**event("u1", "buy"), "note": "a\u2028b\x0cc"}, ensure_ascii=False)
    deep = '{"kind": "event", "user_id": "u1", "event_type": "buy", "timestamp": 1, "x": ' + "[" * 1_020 + "]" * 1_020
    log = read_log(written(tmp_path, [exposure("u1", "a"), exposure("u2", "b"), odd, deep + "}", "[" * 90_000]))
    assert (log.accounts.lines, log.accounts.events) == (5, 1)
    assert log.accounts.left_out == {"bad_line": 2}


def test_a_csv_row_that_is_none_is_a_bad_line(tmp_path):
    path = tmp_path / "log.csv"
    head = f"user_id,timestamp,arm,experiment,note\nu1,{T0},a,x,\nu2,{T0},b,x,\n"
    for wrong in ('u3,1,a,x,"left open', f"u3,1,a,x,{'y' * 140_000}", 'u3,1,a,x,"y" z'):
        path.write_text(f"{head}{wrong}\n", encoding="utf-8")
        log = read_log(path)
        assert (log.accounts.lines, log.accounts.left_out) == (3, {"bad_line": 1})
        assert "line 4: no CSV" in log.accounts.faults[0]
    path.write_text(f'{head}u3,{T0},a,x,"two\nlines and \u2028"\n', encoding="utf-8")
    assert [unit.user_id for unit in read_log(path).units] == ["u1", "u2", "u3"]


def test_of_a_servers_log_events_without_an_id_are_told_apart_by_all_they_say(tmp_path):
    path = tmp_path / "log.jsonl"
    arms = [replace(made, context={"experiment": "x", "arm": "ab"[n]}) for n, made in enumerate(decisions(2)[0])]
    user, at = arms[0].user_id, arms[0].decided_at + 1
    basket = [Event(user_id=user, item_id=item, event_type="buy", timestamp=at) for item in ("i1", "i2", "i1")]
    named = Event(user_id=user, item_id="i3", event_type="buy", timestamp=at, event_id="1")  # also a place in the file
    write_log(path, arms, [*basket, named])
    log = read_log(path)
    assert (log.accounts.events, log.accounts.left_out) == (3, {"duplicate_delivery": 1})
    assert [event.item_id for event in events_of(path)] == ["i1", "i2", "i3"]


def test_user_0_is_a_user(tmp_path):
    log = read_log(written(tmp_path, [{**exposure("", "a"), "user_id": 0}, exposure("u2", "b"), event("0", "buy")]))
    assert [unit.user_id for unit in log.units] == ["0", "u2"]
    assert log.accounts.events == 1


def test_a_propensity_that_is_none_is_a_bad_line(tmp_path):
    wrong = [{**exposure(f"w{n}", "a"), "propensity": value} for n, value in enumerate((0, 1.2, "often", float("nan")))]
    log = read_log(written(tmp_path, [exposure("u1", "a"), exposure("u2", "b"), *wrong]))
    assert log.accounts.left_out == {"bad_line": 4}
    assert log.accounts.proved()
    assert "propensity 0.0 is not between 0 and 1" in log.accounts.faults[0]

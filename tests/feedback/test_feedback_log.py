"""Decisions and events as JSON lines: bit for bit, and what is bad set aside."""

import json
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.data.quarantine import Quarantine
from penchant.errors import BadRowError, SchemaError, SourceError
from penchant.feedback.attribution import attribute
from penchant.feedback.decisions import decision_line, event_line, fault_of, write_log
from penchant.feedback.log_reading import read_log
from penchant.records import Decision, Event, LoggedSlot
from tests.mutated_json import mutated

DECISION = Decision(
    slate_id="s1",
    user_id="u1",
    decided_at=1_700_000_000_123_456,
    policy="softmax",
    policy_version="2",
    bundle="books@3",
    slots=(
        LoggedSlot(item_id="b", position=1, propensity=0.1, prefix_propensity=0.1, explored=True, tries="c7"),
        LoggedSlot(item_id="a", position=2, propensity=1 / 3, prefix_propensity=0.1 * (1 / 3), rendered=False),
    ),
    seed=2**62 + 1,
    eligible=("a", "b", "書"),
    scores=(0.1 + 0.2, -1e-300, 5.0),
    variances=(0.0, 1e-17, 2.0),
    context={"device": "phone", "hour": 13.5},
    request_id="r1",
)
EVENT = Event(
    user_id="u1",
    item_id="b",
    event_type="click",
    timestamp=1_700_000_001_000_001,
    value=0.1,
    text="好",
    event_id="e1",
    slate_id="s1",
)


def test_a_log_reads_back_bit_for_bit(tmp_path):
    events = [EVENT, Event(user_id="u", item_id=None, event_type="search", text="tea")]
    bare = replace(DECISION, slate_id="s2", slots=(), request_id=None, ope_valid=False, context={})
    assert write_log(tmp_path / "log.jsonl", [DECISION, bare], events) == 4
    read = read_log(tmp_path / "log.jsonl")
    assert read.decisions == (DECISION, bare)
    assert read.events == tuple(events)
    assert (read.lines, read.faults, read.blank, read.other) == (4, (), 0, 0)


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(
    scores=st.lists(finite, min_size=2, max_size=2),
    chances=st.lists(st.floats(min_value=1e-12, max_value=1.0), min_size=2, max_size=2),
    seed=st.integers(0, 2**63 - 1),
)
def test_any_numbers_read_back_bit_for_bit(tmp_path_factory, scores, chances, seed):
    slots = tuple(
        replace(slot, propensity=p, prefix_propensity=float(whole))
        for slot, p, whole in zip(DECISION.slots, chances, np.cumprod(chances), strict=True)
    )
    decision = replace(DECISION, scores=(*scores, 1.0), slots=slots, seed=seed)
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    write_log(path, [decision])
    assert read_log(path).decisions == (decision,)


def test_what_other_programs_read_is_metaranks_schema():
    ranking, click = orjson.loads(decision_line(DECISION)), orjson.loads(event_line(EVENT))
    assert (ranking["event"], ranking["id"], ranking["user"]) == ("ranking", "s1", "u1")
    assert ranking["timestamp"] == "1700000000123"
    assert ranking["fields"] == [{"name": "device", "value": "phone"}, {"name": "hour", "value": 13.5}]
    assert [item["id"] for item in ranking["items"]] == ["b", "a"]
    assert ranking["items"][1]["fields"] == [{"name": "relevancy", "value": 0.1 + 0.2}]
    own = {"event", "id", "timestamp", "user", "fields", "items", "penchant"}
    assert set(ranking) == own  # everything that is ours is under one key
    assert (click["event"], click["ranking"], click["type"], click["item"]) == ("interaction", "s1", "click", "b")


def test_an_interaction_of_another_program_is_read(tmp_path):
    common = {"event": "interaction", "user": "u1", "type": "click", "item": "b"}
    fields = [{"name": "count", "value": 1}]
    lines = [
        {**common, "id": "e", "ranking": "s1", "timestamp": "1599391467000", "session": "x", "fields": fields},
        {**common, "id": "f", "timestamp": "2020-09-06T11:24:27Z"},
        {"event": "item", "id": "m", "item": "b", "timestamp": "1", "fields": []},
    ]
    path = tmp_path / "other.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n", encoding="utf-8")
    read = read_log(path)
    assert [event.timestamp for event in read.events] == [1_599_391_467_000_000, 1_599_391_467_000_000]
    assert (read.other, read.blank, read.faults) == (1, 1, ())


def _with(path, value):
    record = orjson.loads(decision_line(DECISION))
    part = record
    for key in path[:-1]:
        part = part[key]
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return orjson.dumps(record)


def _interaction(**said):
    return orjson.dumps({"event": "interaction", "user": "u", "type": "click", **said})


SLOT = ("items", 0, "penchant")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{not json", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"event": "purchase"}', "no kind of event"),
        (_with(("penchant",), None), "no propensities"),
        (_with((*SLOT, "propensity"), None), "missing"),
        (_with((*SLOT, "propensity"), 0.0), "not above 0"),
        (_with((*SLOT, "propensity"), 1.5), "not above 0 and at most 1"),
        (_with((*SLOT, "propensity"), "high"), "no number"),
        (_with((*SLOT, "prefix_propensity"), 0.2), "prefix product"),
        (_with((*SLOT, "position"), 2), "says position 2"),
        (_with(("items", 0, "id"), "z"), "was not eligible"),
        (_with(("items", 0, "id"), "a"), "twice"),
        (_with(("penchant", "scores"), [1.0]), "1 scores"),
        (_with(("penchant", "variances"), [-1.0, 0.0, 0.0]), "negative"),
        (_with(("user",), 5), "no str"),
        (_interaction(timestamp="noon"), "neither milliseconds"),
        (_interaction(timestamp="--5"), "'--5' is neither milliseconds"),
        (_interaction(timestamp="5" * 5_000), "neither milliseconds"),
        (_interaction(timestamp=2**63), "neither milliseconds"),
        (_interaction(penchant={"timestamp": 2**63}), "no moment"),
        (_interaction(penchant={"timestamp": True}), "True is no int"),
        (_interaction(penchant=5), "5 is no object"),
        (_interaction(fields=5), "5 is no list"),
        (_interaction(fields=[{"name": ["value"]}]), "has no name"),
        (_with(("fields",), 5), "5 is no list"),
        (_with(("penchant", "decided_at"), 2**63), "no moment"),
        (b'{"event": ["x"]}', "no kind of event"),
    ],
)
def test_a_bad_line_is_set_aside_with_line_and_reason_and_good_ones_are_kept(tmp_path, line, reason):
    path = tmp_path / "log.jsonl"
    path.write_bytes(decision_line(DECISION) + b"\n" + line + b"\n" + event_line(EVENT) + b"\n")
    with Quarantine(tmp_path / "quarantine") as quarantine:
        read = read_log(path, quarantine=quarantine)
    assert (len(read.decisions), len(read.events), len(read.faults)) == (1, 1, 1)
    assert read.faults[0].line == 2
    assert reason in read.faults[0].reason
    kept = json.loads((tmp_path / "quarantine" / "log.jsonl.jsonl").read_text(encoding="utf-8"))
    assert (kept["line"], kept["reason"]) == (2, read.faults[0].reason)
    with pytest.raises(BadRowError, match="line 2"), Quarantine(tmp_path / "q", strict=True) as strict:
        read_log(path, quarantine=strict)


@given(line=st.sampled_from([decision_line(DECISION), event_line(EVENT)]).flatmap(mutated))
def test_a_line_with_any_value_in_any_place_is_read_or_set_aside(tmp_path_factory, line):
    path = tmp_path_factory.getbasetemp() / "mutated.jsonl"
    path.write_bytes(line + b"\n" + event_line(EVENT) + b"\n")
    read = read_log(path)
    assert len(read.decisions) + len(read.events) + read.other + len(read.faults) == 2
    assert EVENT in read.events
    assert all(fault.line == 1 and fault.reason and len(fault.reason) < 500 for fault in read.faults)
    rewarded, report = attribute(read.decisions, read.events)  # and what was read can be worked with
    assert report.events == len(read.events)
    assert len(rewarded) <= len(read.decisions)
    assert write_log(path, read.decisions, read.events) == len(read.decisions) + len(read.events)
    assert read_log(path).events == read.events


def test_what_would_not_read_back_is_not_written():
    assert fault_of(DECISION) == ""
    with pytest.raises(SchemaError, match="not finite"):
        decision_line(replace(DECISION, scores=(float("nan"), 0.0, 0.0)))
    with pytest.raises(SchemaError, match="not finite"):
        decision_line(replace(DECISION, context={"x": float("inf")}))


def test_a_log_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"none\.jsonl"):
        read_log(tmp_path / "none.jsonl")

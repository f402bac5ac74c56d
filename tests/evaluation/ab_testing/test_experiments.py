"""Assignment, the log and its accounts, measures of known users, and the whole analysis."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.errors import ConfigError, DataError, NotFoundError, SourceError
from penchant.evaluation.ab_testing.analysis import AnalysisConfig, analyse
from penchant.evaluation.ab_testing.assignment import Experiment, arm_at, uniform
from penchant.evaluation.ab_testing.log import Action, Unit, read_log
from penchant.evaluation.ab_testing.measures import DOMAINS, Measure, domain, found_in, sample
from penchant.types import MICROSECONDS_PER_DAY as DAY

T0 = 1_700_000_000_000_000


def exposure(user: str, arm: str, at: int = T0, **more: str) -> dict[str, Any]:
    return {"kind": "exposure", "experiment": "x", "user_id": user, "arm": arm, "timestamp": at, **more}


def event(user: str, kind: str, at: int | str = T0 + 1, value: float | None = None, **more: str) -> dict[str, Any]:
    return {"kind": "event", "user_id": user, "event_type": kind, "timestamp": at, "value": value, **more}


def written(folder: Path, records: list[Any], name: str = "log.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in records) + "\n", encoding="utf-8")
    return path


def test_assignment_is_stable_has_its_shares_and_two_experiments_are_independent():
    one = Experiment(name="one", shares={"a": 0.2, "b": 0.3, "c": 0.5})
    two = Experiment(name="two", shares={"a": 0.5, "b": 0.5})
    users = [f"u{n}" for n in range(20_000)]
    first, second = [one.arm(u) for u in users], [two.arm(u) for u in users]
    assert first == [one.arm(u) for u in users]
    assert "".join(map(str, first[:12])) == "cccccacccbba"  # for ever, on every machine
    for arm, share in one.shares.items():
        assert first.count(arm) / 20_000 == pytest.approx(share, abs=0.011)
        both = sum(f == arm and s == "a" for f, s in zip(first, second, strict=True))
        assert both / 20_000 == pytest.approx(share / 2, abs=0.009)
    assert Experiment(name="other", salt="one", shares=one.shares).arm("u7") == one.arm("u7")


def test_more_traffic_enrols_more_and_moves_nobody():
    some, more = (Experiment(name="x", traffic=share) for share in (0.1, 0.4))
    arms = {f"u{n}": (some.arm(f"u{n}"), more.arm(f"u{n}")) for n in range(5_000)}
    enrolled = [pair for pair in arms.values() if pair[0] is not None]
    assert len(enrolled) / 5_000 == pytest.approx(0.1, abs=0.02)
    assert all(first == second for first, second in enrolled)
    assert [pair[0] for pair in enrolled].count("control") / len(enrolled) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    "shares",
    [{"a": 1.0}, {"a": 0.5, "b": 0.4}, {"a": 1.0, "b": 0.0}, {"a": 1.5, "b": -0.5}, {"a": 0.5, "b": float("nan")}],
)
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ConfigError, match=r"add up to 1|finite number"):
        Experiment.of({"name": "x", "shares": shares})


def test_a_unit_needs_an_id_and_the_last_arm_takes_the_hair_that_is_missing():
    with pytest.raises(DataError, match="without an id"):
        Experiment(name="x").arm("")
    assert arm_at({"a": 0.1, "b": 0.9 - 1e-12}, 1 - 1e-16) == "b"
    assert 0 <= min(uniform("s", str(n)) for n in range(1_000)) < 0.01


def test_every_line_is_used_or_left_out_by_a_named_rule(tmp_path):
    records = [
        event("u1", "buy", T0 - DAY, 3.0),  # the past
        exposure("u1", "a"),
        exposure("u1", "a", T0 + 5),  # seen again
        exposure("u2", "b", event_id="e1"),
        exposure("u2", "b", event_id="e1"),  # delivered twice
        exposure("u3", "a"),
        exposure("u3", "b"),  # two arms
        event("u3", "buy"),
        event("u1", "buy", T0 + 10, 7.0, event_id="e2"),
        event("u1", "buy", T0 + 10, 7.0, event_id="e2"),
        event("u2", "buy", T0 - 1_000),  # a clock that is a little behind
        event("u2", "buy", T0 + 9 * DAY),  # too late
        event("stranger", "buy"),
        {**exposure("u9", "a"), "experiment": "y"},
        "{broken",
        "[1]",
        event("u1", "buy", "yesterday"),
        event("u1", "buy", T0, float("inf")),
        {"user_id": "u1", "event_type": "look", "timestamp": "2023-11-15T00:00:00+01:00"},
        {"kind": "other", "user_id": "u1", "timestamp": T0},
    ]
    log = read_log(written(tmp_path, records), experiment="x", window_days=7)
    accounts = log.accounts
    assert accounts.proved()
    assert accounts.lines == 20
    assert dict(accounts.left_out) == {
        "duplicate_delivery": 2,
        "user_in_two_arms": 3,
        "after_window": 1,
        "user_never_exposed": 1,
        "other_experiment": 1,
        "bad_line": 5,
    }
    assert (accounts.exposures, accounts.repeated_exposures, accounts.users_in_two_arms) == (2, 1, 1)
    assert (accounts.events, accounts.past_events, accounts.clock_corrected) == (3, 1, 1)
    assert [fault.split(":")[0] for fault in accounts.faults] == [f"line {n}" for n in (15, 16, 17, 18, 20)]
    assert [unit.user_id for unit in log.units] == ["u1", "u2"]
    assert [a.value for a in log.units[0].past] == [3.0]
    assert log.arms == ("a", "b")


def test_a_clock_that_jumps_is_told(tmp_path):
    records = [exposure("u1", "a", T0 + DAY), exposure("u2", "b", T0), event("u2", "buy", T0 + 2 * DAY)]
    accounts = read_log(written(tmp_path, records)).accounts
    assert (accounts.clock_went_back, accounts.largest_jump_back) == (1, 86_400.0)


def test_a_csv_says_the_same(tmp_path):
    path = tmp_path / "log.csv"
    rows = [
        "user_id,timestamp,arm,experiment,event_type,value",
        f"u1,{T0},a,x,,",
        "u2,2023-11-14T22:13:20Z,b,x,,",
        f"u1,{T0 + 7},,,buy,2.5",
        "u2,never,,,buy,1",
    ]
    path.write_text("\n".join(rows), encoding="utf-8")
    log = read_log(path)
    assert [(unit.user_id, unit.arm, unit.exposed_at) for unit in log.units] == [("u1", "a", T0), ("u2", "b", T0)]
    assert log.units[0].after == [Action(event_type="buy", value=2.5, timestamp=T0 + 7)]
    assert log.accounts.left_out["bad_line"] == 1
    assert log.accounts.proved()


@pytest.mark.parametrize(
    ("records", "error", "told"),
    [
        ([""], SourceError, "is empty"),
        ([event("u", "buy")], DataError, "no exposure"),
        ([exposure("u", "a"), {**exposure("v", "a"), "experiment": "y"}], DataError, "2 experiments"),
        (["user,when"], SourceError, "no columns user_id"),
    ],
)
def test_files_that_are_no_log(tmp_path, records, error, told):
    with pytest.raises(error, match=told):
        read_log(written(tmp_path, records))


def test_an_experiment_that_is_not_there(tmp_path):
    with pytest.raises(NotFoundError, match="No exposure of 'zzz'"):
        read_log(written(tmp_path, [exposure("u", "a")]), experiment="zzz")
    with pytest.raises(SourceError, match="cannot be read"):
        read_log(tmp_path / "nothing.jsonl")


def unit(actions: list[tuple[str, float, float | None]], past: Sequence[tuple[str, float, float | None]] = ()) -> Unit:
    def made(some: Sequence[tuple[str, float, float | None]]) -> list[Action]:
        return [Action(event_type=t, value=v, timestamp=T0 + int(day * DAY)) for t, day, v in some]

    return Unit(user_id="u", arm="a", exposed_at=T0, after=made(actions), past=made(past))


def test_measures_of_known_users():
    users = [
        unit(
            [("purchase", 0.5, 10.0), ("purchase", 2.5, 30.0), ("cost", 0.1, 8.0), ("rating", 1, 5.0)],
            [("purchase", -1, 4.0)],
        ),
        unit([("look", 7.2, None), ("cost", 0.2, 2.0)]),
        unit([]),
    ]
    expected = {
        "conversion": ([1, 0, 0], [1, 1, 1]),
        "sales": ([40, 0, 0], [1, 1, 1]),
        "order_value": ([40, 0, 0], [2, 0, 0]),
        "satisfaction": ([5, 0, 0], [1, 0, 0]),
        "roi": ([32, -2, 0], [8, 2, 0]),
    }
    for name, (y, x) in expected.items():
        one = sample(DOMAINS["shop"][name], users, ends_at=T0 + 10 * DAY)
        assert (one.y.tolist(), one.x.tolist()) == (y, x), name
    assert sample(DOMAINS["shop"]["sales"], users, ends_at=T0).past.tolist() == [4.0, 0.0, 0.0]
    media = {
        name: sample(DOMAINS["media"][name], users, ends_at=T0 + 9 * DAY)
        for name in ("activity", "stickiness", "retention")
    }
    assert media["activity"].y.tolist() == [3, 2, 0]
    assert (media["stickiness"].y.tolist(), media["stickiness"].x.tolist()) == ([3, 2, 0], [10, 10, 0])
    assert (media["retention"].y.tolist(), media["retention"].x.tolist()) == ([0, 1, 0], [1, 1, 1])
    early = sample(DOMAINS["media"]["retention"], users, ends_at=T0 + 5 * DAY)
    assert early.x.sum() == 0  # nobody was watched for so long
    assert list(found_in(users[1:2])) == ["cost: users", "cost: count", "cost: value", "look: users", "look: count"]
    with pytest.raises(NotFoundError, match="casino"):
        domain("casino")
    with pytest.raises(ConfigError, match="costs"):
        Measure.of({"kind": "sum", "costs": ("cost",)})


def experiment(n: int, lift: float, seed: int, *, arms=("control", "treatment")) -> list[dict[str, Any]]:
    """Users who buy for 10 ± 5 on average, with a past that foretells it; the second arm buys for more."""
    rng, records = np.random.default_rng(seed), []
    for user in range(n):
        arm, taste = arms[int(rng.random() < 0.5)], rng.normal(10, 4)
        at = T0 + user * 60_000_000
        records += [
            event(f"u{user}", "purchase", at - DAY, float(taste + rng.normal())),
            exposure(f"u{user}", arm, at),
            event(f"u{user}", "purchase", at + 5, float(taste + rng.normal() + lift * (arm == arms[1]))),
        ]
    return sorted(records, key=lambda record: record["timestamp"])


def test_a_planted_effect_is_told_and_a_guardrail_kept_or_broken(tmp_path):
    measures = {
        "sales": Measure(kind="sum", events=("purchase",), margin=0.02),
        "cheap": Measure(kind="sum", events=("purchase",), better="lower", margin=0.02),
    }
    log = read_log(written(tmp_path, experiment(1_200, 1.5, 0)))
    found = analyse(log, AnalysisConfig(measures=measures, shares={"control": 0.5, "treatment": 0.5}))
    sales, cheap = (one.comparisons[0] for one in found.measures)
    assert (sales.verdict, cheap.verdict) == ("better", "worse")
    assert (sales.guardrail, cheap.guardrail) == ("kept", "broken")
    assert sales.cuped is not None
    assert sales.anytime is not None
    assert sales.effect.p is not None
    assert sales.effect.interval[0] < 1.5 < sales.effect.interval[1]
    assert sales.cuped.interval[0] < 1.5 < sales.cuped.interval[1]
    assert sales.cuped.variance_reduction > 0.7
    assert sales.anytime.interval[0] < sales.effect.interval[0]
    assert sales.p_holm == pytest.approx(2 * sales.effect.p)
    assert (sum(found.arms.values()), found.control, found.notes) == (1_200, "control", ())


def test_an_arm_that_got_nobody_is_told_and_not_compared(tmp_path):
    log = read_log(written(tmp_path, experiment(300, 0.0, 1)))
    found = analyse(log, AnalysisConfig(shares={"control": 0.4, "treatment": 0.4, "third": 0.2}))
    assert found.arms["third"] == 0
    assert found.sample_ratio.mismatch
    assert any("third has 0 users" in note for note in found.notes)
    assert any("cannot be believed" in note for note in found.notes)
    assert {one.arm for m in found.measures for one in m.comparisons} == {"treatment"}
    alone = read_log(written(tmp_path, [exposure(f"u{n}", "control") for n in range(9)]))
    with pytest.raises(DataError, match="control 9, treatment 0"):
        analyse(alone, AnalysisConfig(shares={"control": 0.5, "treatment": 0.5}))
    with pytest.raises(ConfigError, match="No arm is called 'b'"):
        analyse(log, AnalysisConfig(control="b"))


def test_the_verdict_of_a_with_a_is_that_nothing_is_told_apart(tmp_path):
    wrong = 0
    for seed in range(40):
        log = read_log(written(tmp_path, experiment(120, 0.0, 100 + seed)))
        measures = {"sales": Measure(kind="sum"), "spend": Measure(kind="mean")}
        found = analyse(log, AnalysisConfig(measures=measures))
        wrong += any(one.verdict != "not told apart" for m in found.measures for one in m.comparisons)
    assert wrong <= 6  # 2 expected; more than 6 has a chance of 0.3 %


def test_constant_outcomes_and_denominators_of_nothing_are_notes_not_errors(tmp_path):
    records = [exposure(f"u{n}", "ab"[n % 2]) for n in range(20)] + [
        event(f"u{n}", "see", value=1.0) for n in range(20)
    ]
    measures = {"seen": Measure(kind="share", events=("see",)), "order": Measure(kind="mean", events=("buy",))}
    found = analyse(read_log(written(tmp_path, records)), AnalysisConfig(measures=measures))
    seen, order = found.measures
    assert (seen.comparisons[0].effect.p, seen.comparisons[0].verdict) == (None, "not told apart")
    assert "nothing varies" in seen.comparisons[0].effect.note
    assert order.comparisons == ()
    assert "Nothing to divide by" in order.note


def test_events_without_a_value_are_left_out_of_what_adds_values_up_and_told(tmp_path):
    records = [exposure(f"u{n}", "ab"[n % 2], T0 + n) for n in range(8)]
    records += [event(f"u{n}", "buy", T0 + 9, 4.0 + n) for n in range(8)]
    records += [event("u0", "buy", T0 - DAY), event("u0", "buy", T0 + 10), event("u0", "look", T0 + 10)]
    records += [event("u1", "cost", T0 + 10, 2.0), event("u2", "cost", T0 + 10, 2.0), event("u1", "cost", T0 + 11)]
    buys = {kind: Measure(kind=kind, events=("buy",)) for kind in ("sum", "mean", "count")}
    measures = {**buys, "roi": Measure(kind="return", events=("buy",), costs=("cost",))}
    measures["looks"] = Measure(kind="sum", events=("look",))
    found = analyse(read_log(written(tmp_path, records)), AnalysisConfig(measures=measures))
    told = {one.measure: one for one in found.measures}
    assert {name: one.without_value for name, one in told.items()} == {
        "sum": 2, "mean": 2, "count": 0, "roi": 3, "looks": 1,
    }  # fmt: skip
    assert (told["sum"].values["a"], told["mean"].values["a"]) == (7.0, 7.0)  # (4 + 6 + 8 + 10) / 4
    assert (told["count"].values["a"], told["roi"].values["a"]) == (1.25, 13.0)  # (28 − 2) / 2
    assert (told["looks"].comparisons, told["looks"].note) == ((), "None of 1 events has a value.")
    (note,) = [note for note in found.notes if "without a value" in note]
    assert "sum leaves out 2, mean leaves out 2, roi leaves out 3." in note


@pytest.mark.parametrize(
    "shares", [{"a": 0.9, "b": 0.9}, {"a": 0.5, "b": 0.49}, {"a": 1.5, "b": -0.5}, {"a": float("nan")}]
)
def test_planned_shares_add_up_to_1(shares):
    with pytest.raises(ConfigError, match=r"add up to 1|finite number"):
        AnalysisConfig.of({"shares": shares})
    assert AnalysisConfig(shares={"a": 0.333_333_3, "b": 0.666_666_6}).shares is not None


def test_unequal_chances_of_an_arm_are_weighed_away(tmp_path):
    """Who bought much before was likelier to be treated: the plain difference is of unlike users."""
    rng, records = np.random.default_rng(3), []
    for n in range(1_500):
        rich = rng.random() < 0.5
        chance = 0.8 if rich else 0.2
        treated = rng.random() < chance
        user, segment = f"u{n}", "rich" if rich else "poor"
        own = chance if treated else 1 - chance
        records += [
            {**exposure(user, "new" if treated else "control", T0 + n), "propensity": own, "segment": segment},
            event(user, "buy", T0 + n + 1, float(10 * rich + treated * (2.0 if rich else 0.0) + rng.normal())),
        ]
    found = analyse(read_log(written(tmp_path, records)), AnalysisConfig(measures={"spent": Measure(kind="sum")}))
    (one,) = found.measures[0].comparisons
    assert one.effect.difference > 5  # 1 is true
    assert one.weighted is not None
    assert one.segments is not None
    for told in (one.weighted.ipw, one.weighted.dr):
        assert told.interval[0] < 1.0 < told.interval[1]
    assert one.weighted.dr.error < 0.2
    by_name = {part.segment: part for part in one.segments.segments}
    assert by_name["rich"].interval[0] < 2.0 < by_name["rich"].interval[1]
    assert by_name["poor"].interval[0] < 0.0 < by_name["poor"].interval[1]
    assert one.segments.p_alike < 1e-6
    assert any("different probabilities" in note for note in found.notes)


def test_in_a_fair_experiment_weighted_and_plain_effects_agree(tmp_path):
    idle = [exposure(f"idle-{n}", ["control", "treatment"][n % 2], T0 + n) for n in range(4)]
    log = read_log(written(tmp_path, [*idle, *experiment(400, 2.0, 0)]))
    found = analyse(log, AnalysisConfig(domain="shop"))
    sales = next(one for one in found.measures if one.measure == "sales").comparisons[0]
    assert sales.weighted is not None
    assert sales.weighted.naive.effect == pytest.approx(sales.effect.difference)
    assert sales.weighted.dr.interval[0] < 2.0 < sales.weighted.dr.interval[1]
    assert sales.weighted.dr.error < 0.6 * sales.weighted.naive.error  # the past foretells
    assert sales.segments is None
    ratio = next(one for one in found.measures if one.measure == "order_value").comparisons[0]
    assert (ratio.weighted, ratio.segments) == (None, None)
    assert not any("different probabilities" in note for note in found.notes)

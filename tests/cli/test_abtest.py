"""`penchant abtest`, as a person calls it."""

import json

import pytest

from penchant.evaluation.ab_testing.measures import Measure
from penchant.types import MICROSECONDS_PER_DAY as DAY
from tests.evaluation.ab_testing.test_experiments import T0, event, experiment, exposure, written


def test_assign_says_the_same_on_every_call(penchant):
    code, out, _ = penchant("abtest", "assign", "u1", "u2", "u3", "--experiment", "dial", "--json")
    assert code == 0
    arms = json.loads(out)
    assert list(arms) == ["u1", "u2", "u3"]
    assert json.loads(penchant("abtest", "assign", "u2", "--experiment", "dial", "--json")[1])["u2"] == arms["u2"]
    code, out, _ = penchant("abtest", "assign", "u1", "--experiment", "dial", "--traffic", "0.000001")
    assert (code, out) == (0, "u1\tnot enrolled\n")


def test_plan_says_how_many_users_it_takes(penchant):
    code, out, _ = penchant("abtest", "plan", "--base", "0.1", "--difference", "0.1", "--daily", "1000")
    assert code == 0
    assert "14,749 users in control" in out
    assert "29.5 days" in out
    assert penchant("abtest", "plan", "--difference", "0.1")[0] == 2
    # What so many users see is what so many users are needed for.
    code, out, _ = penchant("abtest", "plan", "--deviation", "5", "--users", "1570", "--json")
    told = json.loads(out)
    assert (code, told["difference"]) == (0, pytest.approx(0.5, abs=0.001))
    assert json.loads(penchant("abtest", "plan", "--deviation", "5", "--difference", "0.5", "--json")[1]) == {
        **told,
        "per_control": 1_570,
        "per_treatment": 1_570,
        "difference": 0.5,
    }
    for wrong in (["--users", "9", "--difference", "1"], [], ["--users", "9", "--base", "1.5"]):
        base = [] if "--base" in wrong else ["--deviation", "5"]
        code, _, err = penchant("abtest", "plan", *base, *wrong)
        assert (code, "hint:" in err) == (2, True)


def test_report_as_a_table_as_json_and_as_a_page(penchant, tmp_path):
    log = written(tmp_path, experiment(400, 2.0, 0))
    page, found = tmp_path / "out" / "page.html", tmp_path / "out" / "found.json"
    code, out, err = penchant("abtest", "report", log, "--domain", "shop", "--html", page, "--json", found)
    assert (code, "page.html" in err) == (0, True)
    assert "sales" in out
    assert "better" in out
    told = json.loads(found.read_text(encoding="utf-8"))
    assert told["accounts"]["lines"] == 1_200
    sales = next(one for one in told["measures"] if one["measure"] == "sales")
    assert sales["comparisons"][0]["verdict"] == "better"
    html = page.read_text(encoding="utf-8")
    assert "<svg" in html
    assert "src=" not in html
    assert "could have stopped after" in html


def test_the_page_escapes_what_the_log_says(penchant, tmp_path):
    name = "<script>alert(1)</script>"
    records = [{**exposure(f"u{n}", ["a", name][n % 2]), "experiment": name} for n in range(8)]
    records += [event(f"u{n}", name) for n in range(3)]
    page = tmp_path / "page.html"
    assert penchant("abtest", "report", written(tmp_path, records), "--html", page)[0] == 0
    assert "<script>alert" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--shares", "control"], "is no arm with its share"),
        (["--shares", "control=1"], "No share is given for treatment"),
        (["--shares", "control=0.9,treatment=0.9"], "add up to 1"),
        (["--shares", "control=0.5,control=0.5,treatment=0.5"], "'control' has two shares"),
        (["--control", "nobody"], "No arm is called"),
        (["--domain", "casino"], "There are: shop"),
        (["--experiment", "other"], "There are: x"),
        (["--window", "0"], "window of 0"),
    ],
)
def test_faults_of_the_caller_are_two_lines(penchant, tmp_path, arguments, told):
    log = written(tmp_path, experiment(40, 0.0, 0))
    code, _, err = penchant("abtest", "report", log, *arguments)
    assert code == 2
    assert told in err
    assert "Traceback" not in err


def test_a_purchase_without_a_value_does_not_refuse_the_report(penchant, tmp_path):
    log = written(tmp_path, [*experiment(40, 0.0, 0), event("u1", "purchase", T0 + DAY)])
    code, out, _ = penchant("abtest", "report", log, "--domain", "shop", "--json")
    told = json.loads(out)
    assert (code, {one["measure"]: one["without_value"] for one in told["measures"]}["sales"]) == (0, 1)
    assert "sales leaves out 1" in " ".join(penchant("abtest", "report", log, "--domain", "shop")[1].split())


def test_settings_come_from_a_file_and_wrong_ones_are_named(penchant, tmp_path):
    log = written(tmp_path, experiment(60, 0.0, 0))
    config = tmp_path / "ab.toml"
    config.write_text('[measures.spent]\nkind = "sum"\nevents = ["purchase"]\nmargin = 0.5\n', encoding="utf-8")
    code, out, _ = penchant("abtest", "report", log, "--config", config, "--json", "-")
    assert code == 0
    assert [one["measure"] for one in json.loads(out)["measures"]] == ["spent"]
    config.write_text('[measures.spent]\nkind = "median"\n', encoding="utf-8")
    code, _, err = penchant("abtest", "report", log, "--config", config)
    assert (code, "kind" in err) == (2, True)
    assert Measure(kind="sum").margin is None


def lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_two_rankers_in_one_list_and_which_is_preferred(penchant, tmp_path):
    """A puts good items first, B bad ones; users take what is good."""
    users = [f"u{n}" for n in range(40)]
    good, bad = [f"g{n}" for n in range(6)], [f"b{n}" for n in range(6)]
    a = lines(tmp_path / "a.jsonl", [{"user_id": user, "items": [*good, *good[: user == "u3"]]} for user in users])
    b = lines(tmp_path / "b.jsonl", [{"user_id": user, "items": bad} for user in [*users, "alone"]])
    shown = tmp_path / "shown.jsonl"
    code, out, _ = penchant("abtest", "interleave", a, b, "--to", shown, "-k", "4", "--json")
    assert (code, json.loads(out)["lists"], json.loads(out)["A"]) == (0, 40, 80)
    assert json.loads(out)["left_out"] == {"one_list_only": 1, "repeated_items": 1}
    lists = [json.loads(line) for line in shown.read_text(encoding="utf-8").splitlines()]
    assert {one["teams"][0] for one in lists} == {"A", "B"}  # a coin for each user
    first = shown.read_bytes()
    assert penchant("abtest", "interleave", a, b, "--to", shown, "-k", "4")[0] == 0
    assert shown.read_bytes() == first
    taken = [{"user_id": one["user_id"], "item_id": "g0", "event_type": "click"} for one in lists[:30]]
    taken += [{"user_id": "u39", "item_id": "b0"}, {"user_id": "u0", "item_id": "z"}, {"user_id": "x", "item_id": "g0"}]
    taken += [{"user_id": "u0", "item_id": "g0", "event_type": "impression"}, {"user_id": "u0", "item_id": None}]
    clicks = lines(tmp_path / "clicks.jsonl", taken)
    code, out, _ = penchant("abtest", "preference", shown, clicks, "--json")
    told = json.loads(out)
    assert (code, told["preference"]["wins_a"], told["preference"]["wins_b"]) == (0, 30, 1)
    assert told["preference"]["ties"] == 9
    assert told["preference"]["p"] < 1e-6
    assert told["left_out"] == {"not_on_list": 1, "no_list": 1, "other_event": 1, "without_item": 1}
    assert told["taken"] + sum(told["left_out"].values()) == len(taken)
    assert "30 users prefer A, 1 B" in penchant("abtest", "preference", shown, clicks)[1]


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"user_id": "u"}, "has no user_id and items"),
        ({"user_id": "u", "items": [["a"]]}, "neither a text nor a whole number"),
        ({"user_id": "v", "items": ["a"]}, "No user has a list of both"),
        ([1], "has no user_id and items"),
    ],
)
def test_lists_that_are_none_are_refused(penchant, tmp_path, record, told):
    a, b = lines(tmp_path / "a.jsonl", [record]), lines(tmp_path / "b.jsonl", [{"user_id": "u", "items": ["a"]}])
    before = lines(tmp_path / "to.jsonl", [{"kept": True}])
    code, _, err = penchant("abtest", "interleave", a, b, "--to", before)
    assert (code, told in err, "Traceback" in err) == (2, True, False)
    assert json.loads(before.read_text(encoding="utf-8")) == {"kept": True}
    assert penchant("abtest", "preference", b, b)[0] == 2


@pytest.mark.parametrize(("items", "teams"), [(["a"], [["A"]]), ([["a"]], ["A"]), (["a"], ["C"]), (["a"], ["A", "B"])])
def test_an_interleaved_list_that_is_none_is_refused(penchant, tmp_path, items, teams):
    shown = lines(tmp_path / "shown.jsonl", [{"user_id": "u", "items": items, "teams": teams}])
    code, _, err = penchant("abtest", "preference", shown, lines(tmp_path / "t.jsonl", [{"user_id": "u"}]))
    assert (code, "is no interleaved list" in err) == (2, True)


def test_a_switchback_is_read_from_the_log(penchant, tmp_path):
    from penchant.evaluation.ab_testing.switchback import Switchback

    design, hour = Switchback(name="stock", hours=2), 3_600_000_000
    moments = [1_700_000_000_000_000 + n * hour // 4 for n in range(1_600)]
    records = [event(f"u{n}", "sale", at, 5.0 + 2.0 * design.treats(at) + n % 3) for n, at in enumerate(moments)]
    log = written(tmp_path, records)
    asked = ("abtest", "switchback", log, "--experiment", "stock", "--hours", "2", "--event", "sale")
    code, out, _ = penchant(*asked, "--washout", "0.25", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["effect"]["difference"] == pytest.approx(2.0, abs=0.1)
    assert told["p_permutation"] < 0.01
    assert told["control_blocks"] + told["treatment_blocks"] in {200, 201}
    assert told["washed_out"] == pytest.approx(400, abs=2)
    assert told["left_out"] == {}
    assert "by permutation" in penchant(*asked)[1]
    spoiled = [*records[:1500], records[3], {**records[1501], "value": None}, {**records[1502], "timestamp": "soon"}]
    code, out, _ = penchant(*("abtest", "switchback", written(tmp_path, spoiled), *asked[3:]), "--json")
    assert (code, json.loads(out)["left_out"]) == (0, {"duplicate_delivery": 1, "without_value": 1, "bad_line": 1})
    for wrong in (["--hours", "0"], ["--hours", "1e-10"], ["--hours", "inf"], ["--event", "gift"], ["--hours", "9999"]):
        code, _, err = penchant(*asked, *wrong)
        assert (code, "hint:" in err) == (2, True)

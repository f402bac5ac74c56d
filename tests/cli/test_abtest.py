"""`penchant abtest`, as a person calls it."""

import json

import pytest

from penchant.evaluation.ab_testing.measures import Measure
from tests.evaluation.ab_testing.test_experiments import event, experiment, exposure, written


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

"""`penchant ope` from a log to an answer, and what it refuses."""

import json

import pytest
from typer.testing import CliRunner

from penchant.cli.app import app
from penchant.errors import ConfigError, DataError, PenchantError
from penchant.feedback.decisions import write_log
from tests.evaluation.off_policy.worlds import decisions, logger, slate_value

EXPECTED = slate_value(logger(), 2)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("ope") / "log.jsonl"
    write_log(path, *decisions(500))
    with path.open("ab") as file:
        file.write(b'{"event": "ranking", "id": "x", "user": "u", "items": []}\n{broken\n')
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["ope", *map(str, arguments)], catch_exceptions=True)


def refused(*arguments) -> PenchantError:
    found = run(*arguments).exception
    assert isinstance(found, PenchantError), found
    return found


def test_an_answer_as_json_as_a_page_and_on_the_terminal(log, tmp_path):
    asked = ("--policy", "greedy", "--estimators", "reward_interaction_ips,cascade_dr,chosen", "--reward", "click=2")
    shown = run(
        log, *asked, "--json", tmp_path / "o.json", "--html", tmp_path / "o.html", "--quarantine", tmp_path / "q"
    )
    assert shown.exit_code == 0, shown.output
    told = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    assert told["log"]["lines"] == told["log"]["decisions"] + told["log"]["events"] + 2
    assert sum(told["log"]["quarantined"].values()) == 2
    assert told["value"]["chosen"] == "cascade_dr"
    by_name = {one["estimator"]: one for one in told["value"]["all_places"]}
    assert set(by_name) == {"reward_interaction_ips", "cascade_dr"}
    assert told["value"]["logged"]["value"] == pytest.approx(2 * EXPECTED, abs=0.2)
    low, high = by_name["cascade_dr"]["intervals"]["bootstrap"]
    assert low < by_name["cascade_dr"]["value"] < high
    assert [one["estimator"] for one in told["value"]["first_place"]] == ["chosen"]
    page = (tmp_path / "o.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    assert "http" not in page.replace("http-equiv", "")
    assert "cascade_dr" in shown.output
    assert "2 lines set aside" in shown.output
    assert len((tmp_path / "q" / "log.jsonl.jsonl").read_text(encoding="utf-8").splitlines()) == 2


def test_what_cannot_be_asked_is_refused_in_words(log, tmp_path):
    assert "No policy is called 'magic'" in refused(log, "--policy", "magic").message
    assert "There is no estimator 'magic'" in refused(log, "--policy", "greedy", "--estimators", "magic").message
    assert "--reward takes numbers" in refused(log, "--policy", "greedy", "--reward", "click=much").message
    assert isinstance(refused(log, "--policy", "greedy", "--window", "-1"), ConfigError)
    assert "no propensities" in refused(log, "--policy", "greedy", "--strict").message
    assert "cannot be read" in refused(tmp_path / "none", "--policy", "greedy").message
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert isinstance(refused(empty, "--policy", "greedy"), DataError)
    unusable = tmp_path / "unusable.jsonl"
    unusable.write_text('{"event": "ranking", "id": "x", "user": "u", "items": []}\n{broken\n', encoding="utf-8")
    told = refused(unusable, "--policy", "greedy").message
    assert told.startswith(f"No decision of {unusable} can be used. Lines: 2; decisions: 0; ")
    assert told.count(": 1") == 2  # each of the two reasons
    wrong = refused(log, "--policy", "greedy", "--logging-policy", "greedy", "--estimators", "independent_ips")
    assert "named as the logging one" in wrong.message
    dial = refused(log, "--policy", "dial", "--explore", "0.3")
    assert "no look around: 500" in dial.message
    assert "--explore" in dial.hint
    assert "a setting of the dial" in refused(log, "--policy", "greedy", "--explore", "0.3").message
    assert isinstance(refused(log, "--policy", "dial", "--explore", "1.3"), ConfigError)
    other = refused(log, "--policy", "greedy", "--logged-by", "softmax@7")
    assert "softmax@1" in other.hint


def test_a_window_that_is_too_short_leaves_nothing_and_says_so(log, tmp_path):
    asked = ("--policy", "uniform", "--estimators", "reward_interaction_ips", "--window", "0.01")
    shown = run(log, *asked, "--json", "-")
    told = json.loads(shown.stdout)
    assert told["attribution"]["events_left_out"] == {"after_window": told["attribution"]["events"]}
    assert told["value"]["logged"]["value"] == 0

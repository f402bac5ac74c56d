"""`penchant ope` from a log to an answer, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from penchant.cli.app import app
from penchant.errors import ConfigError, DataError, PenchantError
from penchant.feedback.decisions import write_log
from penchant.feedback.exchange import load_feedback
from penchant.pipeline.main_concepts import main_concepts
from penchant.records import Event, LoggedSlot
from tests.evaluation.off_policy.worlds import decisions, logger, slate_value
from tests.worlds import genre_world

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


def test_the_joined_log_is_written_in_the_fields_of_open_bandit_pipeline(log, tmp_path):
    shown = run(log, "--policy", "greedy", "--estimators", "chosen", "--bandit-feedback", tmp_path / "new" / "obp")
    assert shown.exit_code == 0, shown.output
    feedback = load_feedback(tmp_path / "new" / "obp")
    rankings = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()[:-1]]
    served = [item["id"] for one in rankings if one["event"] == "ranking" for item in one["items"]]
    assert [feedback.item_ids[action] for action in feedback.action] == served
    assert feedback.n_rounds == len(served)
    assert 0 < feedback.reward.sum() < feedback.n_rounds


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
    assert "served by softmax (other policy: 500)" in wrong.message
    assert wrong.hint is not None
    assert wrong.hint.startswith("Name the policy that served")
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


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Of the genre world: every item has its genre as the one concept."""
    folder = tmp_path_factory.mktemp("bundle")
    genre_world(users=40).save(folder / "data")
    (folder / "c.toml").write_text(
        'text = false\nnouns = ["volume", "volumes"]\n[model.tracker]\ndim = 8\n[model.tracker.training]\n'
        "max_epochs = 1\nwarmup_steps = 1\n"
    )
    asked = ["fit", str(folder / "data"), "--to", str(folder / "made"), "--config", str(folder / "c.toml"), "--json"]
    assert CliRunner().invoke(app, asked, catch_exceptions=False).exit_code == 0
    return folder / "made"


def test_items_that_were_never_shown_are_told_by_their_concept_in_the_bundle(bundle, tmp_path):
    """The log shows 0-1 and 1-1, of two genres; greedy among four would show 0-2, of the first one's genre."""
    assert main_concepts(bundle)["0-1"] == main_concepts(bundle)["0-2"] != main_concepts(bundle)["1-1"]
    rng, made, events = np.random.default_rng(1), [], []
    for one in decisions(400, k=1)[0]:
        item, chance = ("0-1", 0.75) if rng.random() < 0.75 else ("1-1", 0.25)
        slot = LoggedSlot(item_id=item, position=1, propensity=chance, prefix_propensity=chance)
        made.append(
            replace(
                one,
                slots=(slot,),
                eligible=("0-1", "1-1", "0-2", "1-2"),
                scores=(1.0, 0.9, 0.8, 0.0),
                variances=(0.0, 0.0, 1.0, 0.0),
            )
        )
        if item == "0-1":
            slate, when = one.slate_id, one.decided_at + 1
            events.append(
                Event(
                    user_id=one.user_id,
                    item_id=item,
                    event_type="click",
                    timestamp=when,
                    event_id=slate,
                    slate_id=slate,
                )
            )
    write_log(tmp_path / "log.jsonl", made, events)
    (tmp_path / "c.toml").write_text("[epsilon_greedy]\nepsilon = 0.5\namong = 2\n[ucb]\nwidth = 9.0\n")
    asked = (tmp_path / "log.jsonl", "--policy", "ucb", "--config", tmp_path / "c.toml", "--estimators", "ips,mips")
    served = ("--logging-policy", "epsilon_greedy")
    shown = run(*asked, *served, "--bundle", bundle, "--json", tmp_path / "o.json", "--html", tmp_path / "o.html")
    assert shown.exit_code == 0, shown.output
    ips, mips = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))["value"]["first_place"]
    assert "no overlap" in ips["refused"]
    assert mips["value"] == pytest.approx(1.0, abs=0.1)
    for told in (shown.output, (tmp_path / "o.html").read_text(encoding="utf-8")):
        assert "items act through their concept alone" in " ".join(told.split())
    for lacking, what in ((served, "--bundle BUNDLE"), (("--bundle", bundle), "--logging-policy NAME")):
        refusal = json.loads(run(*asked, *lacking, "--json", "-").stdout)["value"]["first_place"][1]["refused"]
        assert what in refusal

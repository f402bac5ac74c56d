"""An experiment from assignment over serving to its report."""

import json

from tests.serving.fake_model import FakeModel
from tests.serving.test_experiments import USERS, application, ask, click, trial


def report(penchant, log, *more):
    code, out, err = penchant("abtest", "report", log, "--shares", "control=0.5,curious=0.5", "--json", *more)
    assert code == 0, err
    return json.loads(out)


def test_assign_serve_log_report(tmp_path, penchant):
    model, running = FakeModel(), trial()
    stores, client = application(tmp_path, model, running)
    with stores:
        for n, user in enumerate(USERS):
            slate = ask(client, user)
            assert slate["arm"] == running.settings.experiment.arm(user)
            assert model.wishes["explore"] == {"control": 0.0, "curious": 0.3}[slate["arm"]]
            if slate["arm"] == "curious" or n % 3 == 0:
                click(client, user, slate)
        ask(client, USERS[0])  # seen again
        ask(client, "sceptic", explore=0.9)  # by his own word: no exposure
        assert model.wishes["explore"] == 0.9
        arms = [running.settings.experiment.arm(user) for user in USERS]
        assert penchant("log", tmp_path / "store.sqlite", "--to", tmp_path / "log.jsonl")[0] == 0
    told = report(penchant, tmp_path / "store.sqlite")
    assert told["arms"] == {arm: arms.count(arm) for arm in ("control", "curious")}
    clicked = next(one for one in told["measures"] if one["measure"] == "click: users")
    assert clicked["values"]["curious"] == 1.0
    assert clicked["values"]["control"] < 0.7
    assert clicked["comparisons"][0]["verdict"] == "better"
    accounts = told["accounts"]
    assert accounts["left_out"] == {"not_in_experiment": 1}
    assert accounts["exposures"] == len(USERS)
    assert accounts["repeated_exposures"] == 1
    assert accounts["lines"] == len(USERS) + 2 + accounts["events"]
    assert report(penchant, tmp_path / "log.jsonl") == told
    # The same hash as that of the command, so that clients can tell an arm beforehand.
    said = penchant("abtest", "assign", *USERS, "--experiment", "dial", "--shares", "control=0.5,curious=0.5", "--json")
    assert json.loads(said[1]) == dict(zip(USERS, arms, strict=True))


def test_a_clock_that_is_behind_does_not_make_an_answer_the_past(tmp_path, penchant):
    stores, client = application(tmp_path, FakeModel(), trial())
    with stores:
        for user in USERS[:12]:
            slate = ask(client, user)
            decided = next(one for one in stores.decisions() if one.slate_id == slate["slate_id"]).decided_at
            click(client, user, slate, timestamp=decided - 60_000_000)
    accounts = report(penchant, tmp_path / "store.sqlite")["accounts"]
    assert (accounts["events"], accounts["past_events"], accounts["clock_corrected"]) == (12, 0, 12)

"""`penchant runs` as a person types it."""

import json
from typing import Any

import pytest

from penchant.hyperparameter_search import Choice, search
from penchant.training.model_card import PublishedCard, write_card
from penchant.training.runs import RunLog
from tests.training.test_model_card import EPOCH, RECORD, costs
from tests.worlds import genre_world


def write(folder, **changed: Any):
    told: dict[str, Any] = {
        "data": {"name": "shop", "fingerprint": "f0"},
        "settings": {"net": {"dim": 64}},
        "metrics": {"ndcg": 0.05},
        "costs": {"seconds": 12.5, "watts_per_core": 10.0},
    }
    folder.mkdir(parents=True)
    write_card(folder, PublishedCard(**{"name": folder.name, "kind": "bundle", **told, **changed}))
    return folder


def log(path, **facts):
    made = RunLog(path)
    made.begin("tracker", {"seed": 0, **facts})
    made.epoch(EPOCH)
    made.end(RECORD, costs())
    return path


def test_runs_are_listed_with_what_is_known_of_them(penchant, tmp_path):
    write(tmp_path / "books")
    write(tmp_path / "deep" / "er" / "films", metrics={"n": 3, "mrr": 0.25})
    search(lambda attempt: attempt.settings["x"], {"x": Choice((1, 2))}, sampler="grid", folder=tmp_path / "study")
    log(tmp_path / "log.jsonl")
    (tmp_path / "notes.jsonl").write_text('{"milk": 1}\n')
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model_card.json").write_text("{")
    code, out, err = penchant("runs", "list", tmp_path)
    assert code == 0, err
    for text in ("books", "ndcg 0.0500", "12.5", "deep/er/films", "mrr 0.2500", "study", "search", "log", "trainings"):
        assert text in out
    assert "notes" not in out
    assert "broken/model_card.json is damaged" in err.replace("\n", "")
    code, out, _ = penchant("runs", "list", tmp_path, "--json")
    told = json.loads(out)
    assert [run["name"] for run in told["runs"]] == ["books", "films", "log", "study"]
    assert len(told["unreadable"]) == 1
    (tmp_path / "empty").mkdir()
    code, out, _ = penchant("runs", "list", tmp_path / "empty")
    assert (code, "No runs" in out) == (0, True)


def test_the_same_but_for_results_is_no_difference(penchant, tmp_path):
    one, other = write(tmp_path / "a"), write(tmp_path / "b", metrics={"ndcg": 0.06})
    code, out, _ = penchant("runs", "diff", one, other)
    assert code == 0
    assert "0.05" in out
    assert "0.06" in out
    code, out, _ = penchant("runs", "diff", one, one)
    assert (code, "came to the same" in out) == (0, True)


def test_other_settings_and_data_are_told_with_exit_code_one(penchant, tmp_path):
    one = write(tmp_path / "a")
    other = write(
        tmp_path / "b", settings={"net": {"dim": 32, "deep": True}}, data={"name": "shop", "fingerprint": "f1"}
    )
    code, out, _ = penchant("runs", "diff", one, other, "--json")
    told = json.loads(out)
    assert (code, told["same"]) == (1, False)
    assert [(d["part"], d["name"], d["first"], d["second"]) for d in told["differences"]] == [
        ("settings", "net.dim", 64, 32),
        ("settings", "net.deep", None, True),
        ("data", "fingerprint", "f0", "f1"),
    ]
    code, out, _ = penchant("runs", "diff", one, other)
    assert code == 1
    for text in ("settings", "net.dim", "64", "32", "net.deep", "–", "fingerprint"):
        assert text in out


def test_two_logs_differ_in_their_facts(penchant, tmp_path):
    one, other = log(tmp_path / "a.jsonl"), log(tmp_path / "b.jsonl", rate=0.1)
    code, out, _ = penchant("runs", "diff", one, other, "--json")
    assert code == 1
    assert [d["name"] for d in json.loads(out)["differences"]] == ["tracker.rate"]


def test_a_fit_is_followed_and_its_bundle_tells_what_it_is(penchant, tmp_path):
    genre_world(users=24).save(tmp_path / "shop")
    (tmp_path / "config.toml").write_text(
        "text = false\n[model.tracker]\nbatch_tokens = 512\n"
        "[model.tracker.training]\nmax_epochs = 2\nwarmup_steps = 1\n"
    )
    options = ["--to", tmp_path / "bundle", "--config", tmp_path / "config.toml", "--track", "tensorboard"]
    code, _, err = penchant("fit", tmp_path / "shop", *options)
    assert code == 0, err
    assert list((tmp_path / "bundle.runs" / "tensorboard").rglob("events.out.tfevents.*"))
    lines = [json.loads(line) for line in (tmp_path / "bundle" / "training.jsonl").read_text().splitlines()]
    assert [line["part"] for line in lines][:2] == ["begin", "train"]
    card = json.loads((tmp_path / "bundle" / "model_card.json").read_text())
    assert card["data"]["events"] > 0
    assert card["costs"]["parameters"] > 0
    assert card["costs"]["watt_hours"] > 0
    assert card["settings"]["model"]["tracker"]["training"]["max_epochs"] == 2
    code, out, _ = penchant("runs", "list", tmp_path)
    assert code == 0
    assert "bundle" in out
    code, _, _ = penchant("runs", "diff", tmp_path / "bundle", tmp_path / "bundle")
    assert code == 0
    assert penchant("fit", tmp_path / "shop", *options[:-1], "excel")[0] == 2


NUMBER = '{"format_version": 1, "name": "a", "kind": "b", "metrics": 3}'


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda _: None, "Nothing is at"),
        (lambda place: place.mkdir(), "is no run"),
        (lambda place: place.write_text("x"), "is no run"),
        (lambda place: (place.mkdir(), (place / "study.json").write_text("[]")), "damaged"),
        (lambda place: (place.mkdir(), (place / "manifest.json").write_text('{"kind": "dataset"}')), "holds a dataset"),
        (lambda place: (place.mkdir(), (place / "model_card.json").write_text("{")), "damaged"),
        (lambda place: (place.mkdir(), (place / "model_card.json").write_text(NUMBER)), "damaged"),
    ],
)
def test_what_is_no_run_exits_two(penchant, tmp_path, make, told):
    place = tmp_path / "thing"
    make(place)
    code, out, err = penchant("runs", "diff", place, place)
    assert (code, out) == (2, "")
    assert told in err
    assert "hint:" in err
    if not place.is_dir():
        assert penchant("runs", "list", place)[0] == 2

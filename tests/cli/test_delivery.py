"""`--json` is the same everywhere: alone it prints, with a file it writes besides."""

import json

import pytest
import typer.main

from penchant.cli.app import app
from penchant.cli.delivery import check_places, with_places
from tests.evaluation.ab_testing.test_experiments import experiment, written


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (["interests", "B", "--json", "--user", "u"], ["interests", "B", "--json", "-", "--user", "u"]),
        (["interests", "--json", "B"], ["interests", "--json", "-", "B"]),
        (["interests", "B", "--json"], ["interests", "B", "--json", "-"]),
        (["evaluate", "--json", "-", "D"], ["evaluate", "--json", "-", "D"]),
        (["evaluate", "D", "--json", "out/r.JSON"], ["evaluate", "D", "--json", "out/r.JSON"]),
        (["evaluate", "D", "--json=r"], ["evaluate", "D", "--json=r"]),
        (["abtest", "assign", "--", "--json", "u1"], ["abtest", "assign", "--", "--json", "u1"]),
    ],
)
def test_a_json_without_a_file_prints(said, meant):
    assert with_places(said) == meant


def test_every_command_that_tells_json_takes_a_file_or_none():
    """One option: whoever adds a command with its own habit is told so."""
    group = typer.main.get_command(app)
    found = []

    def walk(command, path):
        for name, below in getattr(command, "commands", {}).items():
            walk(below, [*path, name])
        for option in command.params:
            if "--json" in option.opts:
                found.append(" ".join(path))
                assert (option.name, option.metavar, option.is_flag) == ("json_file", "[FILE.json]", False), path

    walk(group, [])
    assert {"evaluate", "ope", "abtest report", "abtest assign", "recommend", "fit", "import"} <= set(found)
    assert len(found) >= 28


def test_printed_and_written_are_the_same(penchant, tmp_path):
    log, file = written(tmp_path, experiment(60, 0.0, 0)), tmp_path / "new" / "found.json"
    code, printed, _ = penchant("abtest", "report", "--json", log)
    assert code == 0
    code, shown, _ = penchant("abtest", "report", log, "--json", file)
    assert (code, "sample ratio" in shown) == (0, True)
    assert json.loads(printed) == json.loads(file.read_text(encoding="utf-8"))


def test_a_place_that_is_none_is_told_before_any_work(penchant, tmp_path):
    (tmp_path / "taken.json").mkdir()
    code, _, err = penchant("abtest", "report", tmp_path / "no-log", "--json", tmp_path / "taken.json")
    assert (code, "is a folder" in err, "Traceback" in err) == (2, True, False)
    (tmp_path / "file").touch()
    code, _, err = penchant("abtest", "report", tmp_path / "no-log", f"--json={tmp_path / 'file' / 'r.json'}")
    assert (code, "cannot be written" in err) == (2, True)


@pytest.mark.parametrize("command", [("fit",), ("finetune",), ("pretrain",), ("evaluate",), ("tune", "--model", "bpr")])
def test_a_log_that_cannot_be_written_is_told_before_any_work(penchant, tmp_path, command):
    """Before the data is even looked for."""
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "log.jsonl", "/dev/fd/log.jsonl", tmp_path / ("n" * 300) / "log.jsonl"):
        code, _, err = penchant(*command, tmp_path / "no-data", "--log", place)
        assert (code, "cannot be written" in err, "Traceback" in err) == (2, True, False)


def test_to_look_at_a_place_changes_nothing(tmp_path):
    (tmp_path / "mine").write_text("kept")
    check_places(tmp_path / "mine", tmp_path / "new" / "file", tmp_path / "new" / "other", None)
    assert (tmp_path / "mine").read_text() == "kept"
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "link").symlink_to(tmp_path / "new" / "later")
    check_places(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert list((tmp_path / "new").iterdir()) == []

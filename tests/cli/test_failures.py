"""A fault of the caller's is told in two lines, without a traceback, and exits 2."""

import subprocess
import sys

import pytest

from tests.worlds import genre_world


def penchant(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "penchant", *map(str, arguments)], capture_output=True, text=True, check=False, **options
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["recommend", "nowhere", "--user", "u"], "No bundle at nowhere"),
        (["fit", "nowhere", "--to", "b"], "nowhere"),
        (["serve", "nowhere", "--port", "0"], "No bundle at nowhere"),
        (["evaluate", "nowhere"], "nowhere"),
        (["import", "nowhere", "--to", "d"], "nowhere"),
    ],
)
def test_what_is_not_there(arguments, told, tmp_path):
    result = penchant(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert told in result.stderr
    assert "hint:" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_setting_is_named_with_those_that_exist(tmp_path):
    genre_world(users=8).save(tmp_path / "data")
    (tmp_path / "c.toml").write_text("[model.tracker]\ndimension = 3\n")
    result = penchant("fit", tmp_path / "data", "--to", tmp_path / "b", "--config", tmp_path / "c.toml")
    assert result.returncode == 2
    assert "dimension: no such setting" in result.stderr
    (tmp_path / "c.toml").write_text("[[[")
    assert (
        "not a TOML file"
        in penchant("fit", tmp_path / "data", "--to", tmp_path / "b", "--config", tmp_path / "c.toml").stderr
    )
    assert not (tmp_path / "b").exists()


def test_a_place_that_cannot_be_written_is_told_before_training(tmp_path):
    genre_world(users=8).save(tmp_path / "data")
    (tmp_path / "file").write_text("precious")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        result = penchant("fit", tmp_path / "data", "--to", place)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr
        assert "Training" not in result.stderr
        assert "hint:" in result.stderr
    assert (tmp_path / "file").read_text() == "precious"


def test_a_dataset_where_a_bundle_is_asked_for_and_the_other_way_round(tmp_path):
    genre_world(users=8).save(tmp_path / "data")
    result = penchant("recommend", tmp_path / "data", "--user", "u-1")
    assert (result.returncode, "No bundle at" in result.stderr) == (2, True)


def test_a_source_that_is_no_file_and_a_memory_that_is_no_size(tmp_path):
    for arguments in (["import", "/dev/null", "--to", "d"], ["import", "x.csv", "--to", "d", "--memory", "abc"]):
        (tmp_path / "x.csv").write_text("user_id,item_id\na,b\n")
        result = penchant(*arguments, cwd=tmp_path)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr
        assert not (tmp_path / "d").exists()


def test_progress_can_be_turned_off(tmp_path, monkeypatch):
    genre_world(users=8).save(tmp_path / "data")
    monkeypatch.setenv("PENCHANT_PROGRESS", "off")
    result = penchant("evaluate", tmp_path / "data", "--models", "popularity")
    assert result.returncode == 0
    assert result.stderr == ""


def test_a_command_that_does_not_exist(tmp_path):
    assert penchant("recomend", cwd=tmp_path).returncode == 2

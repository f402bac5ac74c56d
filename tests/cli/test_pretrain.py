"""`penchant pretrain` as a person types it."""

import json
from pathlib import Path

import pytest

from penchant.encoders import load_encoder
from tests.worlds import genre_world

SETTINGS = """
start = "scratch"
[architecture]
max_length = 24
[tokenizer]
vocabulary = 300
[objectives.mlm]
share = 0.3
[training]
max_epochs = 1
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return genre_world(users=16).save(tmp_path_factory.mktemp("pretrain") / "data")


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    return tmp_path / "settings.toml"


def test_a_table_tells_before_and_after_and_the_encoder_is_read(penchant, data: Path, settings: Path, tmp_path: Path):
    code, out, err = penchant(
        "pretrain", data, "--to", tmp_path / "enc", "--config", settings, "--log", tmp_path / "log"
    )
    assert code == 0, err
    assert "Before" in out
    assert "mlm" in out
    assert "next item by text" in out
    assert "penchant fit" in out
    assert "Pre-training" in err
    assert load_encoder(tmp_path / "enc").dim == 128
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["epoch"] for line in lines if line["part"] == "train"] == [1]
    assert not (tmp_path / "enc.checkpoints").exists()


def test_options_stand_before_the_file_and_keep_its_settings_of_an_objective(penchant, data, settings, tmp_path):
    command = ["pretrain", data, "--to", tmp_path / "enc", "--config", settings, "--json"]
    code, out, err = penchant(*command, "--objective", "mlm,simcse")
    assert code == 0, err
    assert [one["name"] for one in json.loads(out)["objectives"]] == ["mlm", "simcse"]
    code, out, err = penchant("pretrain", data, "--to", tmp_path / "light", "--from", "tfidf", "--json")
    assert code == 0, err
    assert json.loads(out)["start"] == "tfidf"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--objective", "clm"], "clm needs a model that reads from left to right"),
        (["--objective", "nsp"], "No objective is called 'nsp'"),
        (["--from", "./nowhere"], "No encoder at ./nowhere"),
        (["--seed", "-1"], "seed"),
    ],
)
def test_a_wrong_command_says_what_to_do(penchant, data, settings, tmp_path, arguments, said):
    code, _, err = penchant("pretrain", data, "--to", tmp_path / "enc", "--config", settings, *arguments)
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "enc").exists()


def test_objectives_that_are_no_table_are_those_of_the_option(penchant, data, tmp_path):
    (tmp_path / "list.toml").write_text('objectives = ["mlm"]\n')
    command = ["pretrain", data, "--to", tmp_path / "enc", "--config", tmp_path / "list.toml", "--from", "./nowhere"]
    code, _, err = penchant(*command)
    assert code == 2
    assert "objectives" in err
    code, _, err = penchant(*command, "--objective", "mlm")
    assert code == 2
    assert "No encoder at ./nowhere" in err

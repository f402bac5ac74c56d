"""`penchant run` as a person types it."""

import json
from pathlib import Path

import pytest

from penchant.config import read_toml
from penchant.continual.lifecycle.settings import LifecycleConfig
from tests.worlds import genre_world

CONFIG = """
skip = ["pretrain", "finetune"]
[data]
source = "{data}"
[profile]
text = false
[profile.model]
sources = []
tracker = {{ dim = 16, layers = 1, training = {{ max_epochs = 1, warmup_steps = 2 }} }}
[explore]
users = 4
[update]
learning = {{ epochs = 1 }}
"""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("run")
    genre_world(users=16).save(place / "data")
    (place / "run.toml").write_text(CONFIG.format(data=place / "data"))
    return place / "run.toml"


def test_it_tells_before_and_after_and_goes_on(penchant, config: Path, tmp_path: Path):
    code, out, err = penchant("run", config, "--to", tmp_path / "run")
    assert code == 0, err
    assert "Before" in out
    assert "rank" in out
    assert "skipped: pretrain, finetune" in out
    assert f"penchant serve {tmp_path}" in out.replace("\n", "")
    assert "profile: begins" in err
    code, out, err = penchant("run", config, "--to", tmp_path / "run", "--resume", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["done"] == []
    assert told["kept"] == ["data", "profile", "explore", "rank", "feedback", "update", "report"]
    code, _, err = penchant("run", config, "--to", tmp_path / "run")
    assert code == 2
    assert "--resume goes on with it" in err


def test_what_is_wrong_is_said_with_what_to_do(penchant, config: Path, tmp_path: Path):
    for text, said in (
        ('skip = ["tune"]', "no stage is called 'tune'"),
        ("[finetunes]\n", "finetunes: no such setting"),
        ('[data]\nsource = "nowhere"', "No data at nowhere"),
        ("[data", "is not a TOML file"),
    ):
        (tmp_path / "wrong.toml").write_text(text)
        code, _, err = penchant("run", tmp_path / "wrong.toml", "--to", tmp_path / "run")
        assert (code, "Traceback" in err) == (2, False)
        assert said in err
        assert "hint:" in err
    assert not (tmp_path / "run").exists()


def test_a_stage_that_fails_says_which_and_how_to_go_on(penchant, config: Path, tmp_path: Path):
    (tmp_path / "late.toml").write_text(config.read_text().replace("[data]", '[data]\nlater = "time"'))
    code, _, err = penchant("run", tmp_path / "late.toml", "--to", tmp_path / "run")
    assert code == 2
    assert "error: Stage data failed: 'genre world' has positions only" in err
    assert "--resume" in err
    code, _, err = penchant("run", config, "--to", tmp_path / "run", "--resume", "--json")
    assert code == 0, err


def test_the_settings_in_the_repository_are_right():
    told = LifecycleConfig.of(read_toml(ROOT / "configs" / "run.toml"))
    assert told.data.source is None
    assert told.data.users == 600

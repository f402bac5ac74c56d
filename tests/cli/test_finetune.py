"""`penchant finetune` as a person types it."""

import json
from pathlib import Path

import pytest

from penchant.encoders import load_encoder
from tests.models.language.test_next_item_tuning import COLOURS, DATA, NUMBERS
from tests.models.language.tiny import save_words

SETTINGS = """
batch = 40
new_share = 0.1
[encoder]
max_length = 8
method = "lora"
[head_training]
max_epochs = 2
evaluate_every = 1
[training]
learning_rate = 3e-3
max_epochs = 2
warmup_steps = 2
evaluate_every = 1
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_words(tmp_path_factory.mktemp("base"), [*NUMBERS, *COLOURS], layers=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return DATA.save(tmp_path_factory.mktemp("finetune") / "data")


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    return tmp_path / "settings.toml"


def test_a_table_tells_before_and_after_and_the_encoder_fits_a_model(penchant, data, base, settings, tmp_path):
    encoder = tmp_path / "enc"
    code, out, err = penchant(
        "finetune", data, "--to", encoder, "--from", base, "--config", settings, "--log", tmp_path / "log"
    )
    assert code == 0, err
    assert "Before" in out
    assert "known" in out
    assert "new" in out
    assert "penchant fit" in out
    assert "Fine-tuning encoder" in err
    assert load_encoder(str(encoder)).dim == 64  # 32 of the model, 32 of the words
    assert not (tmp_path / "enc.checkpoints").exists()
    card = json.loads((encoder / "model_card.json").read_text())
    assert card["kind"] == "fine-tuned encoder"
    assert card["costs"]["trainings"] == 2
    assert card["made"]
    assert card["costs"]["device"]
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {line["run"] for line in lines} == {"head", "encoder"}
    code, out, err = penchant(
        "evaluate",
        data,
        "--models",
        "content_based",
        "--encoder",
        encoder,
        "--k",
        "10",
        "--json",
        tmp_path / "result.json",
    )
    assert code == 0, err


def test_the_method_is_told_by_an_option_and_keeps_its_settings(penchant, data, base, settings, tmp_path):
    settings.write_text(SETTINGS.replace('method = "lora"', 'method = { name = "lora", rank = 2 }'))
    command = ["finetune", data, "--from", base, "--config", settings, "--json", "--to"]
    code, out, err = penchant(*command, tmp_path / "one", "--method", "lora")
    assert code == 0, err
    assert json.loads(out)["method"]["rank"] == 2
    code, out, err = penchant(*command, tmp_path / "other", "--method", "head_only")
    assert code == 0, err
    assert list(json.loads(out)["trainings"]) == ["head"]
    code, out, err = penchant("runs", "diff", tmp_path / "one", tmp_path / "other")
    assert code == 1, err  # they were not told the same
    assert "encoder.method.name" in out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--method", "nonsense"], "nonsense"),
        (["--from", "/no/such/folder"], "No encoder at"),
        (["--to", "DATA"], "DATA"),
    ],
)
def test_what_is_wrong_is_told_at_once(penchant, data, base, settings, tmp_path, options, told):
    options = [str(data) if word == "DATA" else word for word in options]
    command = ["finetune", data, "--config", settings]
    if "--to" not in options:
        command += ["--to", tmp_path / "enc"]
    if "--from" not in options:
        command += ["--from", base]
    code, _, err = penchant(*command, *options)
    assert code == 2
    assert told.replace("DATA", data.name) in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("temprature = 1.0\n", "temprature"),
        ('encoder = "minilm"\n', "encoder"),
        ('[training]\noptimiser = ["sgd"]\n', "optimiser"),
    ],
)
def test_a_wrong_setting_is_named(penchant, data, settings, tmp_path, written, told):
    settings.write_text(written)
    code, _, err = penchant("finetune", data, "--to", tmp_path / "enc", "--config", settings, "--method", "lora")
    assert code == 2
    assert told in err
    assert "Traceback" not in err


def test_a_rate_that_diverges_leaves_the_encoder_of_the_start(penchant, data, base, settings, tmp_path):
    settings.write_text(
        SETTINGS.replace("learning_rate = 3e-3", "learning_rate = 1e30\nevaluate_start = true\nkeep_start = true")
    )
    code, _, err = penchant("finetune", data, "--to", tmp_path / "enc", "--from", base, "--config", settings)
    assert code == 0, err
    assert "diverged" in err
    assert load_encoder(str(tmp_path / "enc")).dim == 64  # 32 of the model, 32 of the words


@pytest.mark.parametrize(
    "command", [["fit", "--to"], ["pretrain", "--to"], ["finetune", "--to"], ["evaluate", "--log"]]
)
def test_a_device_that_is_not_there_is_refused_before_anything_is_done(penchant, data, tmp_path, command):
    code, _, err = penchant(command[0], data, command[1], tmp_path / "out", "--device", "cuda:99")
    assert code == 2
    assert "cuda:99, and this machine has" in err
    assert "hint: Choose cpu" in err
    assert list(tmp_path.iterdir()) == []

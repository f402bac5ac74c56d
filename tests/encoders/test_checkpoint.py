import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from penchant.encoders import load_encoder
from penchant.encoders.bert_files import read_tokenizer
from penchant.encoders.checkpoint import locate, pooling_of, read_checkpoint
from penchant.encoders.huggingface import HuggingFaceEncoder, HuggingFaceEncoderConfig
from penchant.encoders.transformer import load_model, load_tokenizer
from penchant.errors import ConfigError, NotFoundError

from .conftest import MakeEncoder
from .tiny_models import save_sentence_transformer, save_tiny


@pytest.fixture
def bert(tiny_checkpoint: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(tiny_checkpoint("bert"), tmp_path / "bert"))


@pytest.mark.parametrize(
    ("family", "pooling"),
    [
        ("bert", "mean"),
        ("distilbert", "mean"),
        ("multilingual", "mean"),
        ("t5", "mean"),
        ("t5 with its decoder", "mean"),
        ("bart", "mean"),
        ("gpt", "last"),
        ("llama", "last"),
    ],
)
def test_pooling_follows_the_architecture(tiny_checkpoint: Callable[[str], Path], family: str, pooling: str):
    checkpoint = read_checkpoint(tiny_checkpoint(family))
    assert checkpoint.pooling is None
    assert pooling_of(checkpoint.architecture) == pooling


@pytest.mark.parametrize(
    ("settings", "pooling"),
    [
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "first"),
        ({"pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode": "cls", "include_prompt": True}, "first"),
        ({"pooling_mode": ["lasttoken"]}, "last"),
        ({"pooling_mode": "max"}, "max"),
        ({}, "mean"),
    ],
)
def test_pooling_as_the_files_say(tmp_path: Path, settings: dict[str, object], pooling: str):
    folder = save_sentence_transformer(tmp_path, pooling=settings)
    assert read_checkpoint(folder).pooling == pooling


def test_the_setting_wins_over_the_files(tmp_path: Path):
    folder = save_sentence_transformer(tmp_path, pooling={"pooling_mode": "cls"})
    assert HuggingFaceEncoder(HuggingFaceEncoderConfig(path=str(folder), pooling="last")).pooling == "last"


@pytest.mark.parametrize("mode", [["cls", "mean"], "attention"])
def test_a_pooling_not_known_is_refused(tmp_path: Path, mode: object):
    folder = save_sentence_transformer(tmp_path, pooling={"pooling_mode": mode})
    with pytest.raises(ConfigError, match="pools by"):
        read_checkpoint(folder)


def test_a_module_not_known_is_refused(tmp_path: Path):
    folder = save_sentence_transformer(tmp_path, pooling={})
    listed = json.loads((folder / "modules.json").read_text())
    listed.append({"path": "3_Router", "type": "sentence_transformers.models.Router"})
    (folder / "modules.json").write_text(json.dumps(listed))
    with pytest.raises(ConfigError, match="Router"):
        read_checkpoint(folder)


def test_limits_of_length_are_respected(tmp_path: Path, tiny_encoder: MakeEncoder):
    folder = save_sentence_transformer(tmp_path, pooling={}, settings={"max_seq_length": 10, "do_lower_case": True})
    encoder = HuggingFaceEncoder(HuggingFaceEncoderConfig(path=str(folder)))
    assert encoder.max_length == 10
    assert read_checkpoint(folder).lower_case
    assert tiny_encoder("bert").max_length == tiny_encoder("multilingual").max_length == 64
    assert tiny_encoder("gpt").max_length == 64
    assert tiny_encoder("minilm").max_length == 128
    assert HuggingFaceEncoder(HuggingFaceEncoderConfig(max_length=1000)).max_length == 256
    assert tiny_encoder("t5").max_length == 128


def test_no_room_for_a_word(bert: Path):
    with pytest.raises(ConfigError, match="max_length is 2"):
        load_encoder(bert, settings={"max_length": 2})


def test_a_default_prompt_is_read(tmp_path: Path):
    folder = save_sentence_transformer(tmp_path, pooling={})
    plain = load_encoder(folder)
    prompts = {"prompts": {"document": "the dragons: "}, "default_prompt_name": "document"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    prompted = load_encoder(folder)
    assert (prompted.encode(["red"]) == plain.encode(["the dragons: red"])).all()
    assert prompted.identity != plain.identity
    assert (load_encoder(folder, settings={"prompt": ""}).encode(["red"]) == plain.encode(["red"])).all()


def test_identity_changes_with_what_changes_vectors(bert: Path, tmp_path: Path):
    def identity(folder: Path = bert, **settings: object) -> str:
        return load_encoder(folder, settings={"precision": "float32", **settings}).identity

    first = identity()
    assert identity(pooling="first") != first
    assert identity(max_length=9) != first
    assert identity(prompt="a ") != first
    assert identity(batch_tokens=7, threads=1) == first
    assert identity(Path(shutil.copytree(bert, tmp_path / "same"))) == first
    assert identity(save_tiny("bert", tmp_path / "other", seed=1)) != first


def test_a_plain_bert_needs_no_transformers():
    code = """
import sys
from penchant.encoders import load_encoder
assert "torch" not in sys.modules
load_encoder(settings={"precision": "float32"}).encode(["red"])
assert "transformers" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_files_that_disagree_are_left_to_transformers(tmp_path: Path):
    """With its own tokenizer class a BERT is read from the files, unless they contradict each other."""
    folder = save_tiny("bert", tmp_path / "bert")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    assert read_tokenizer(read_checkpoint(folder)) is None
    for lower, doubt in ((True, False), (False, True)):
        written = {**settings, "tokenizer_class": "BertTokenizer", "do_lower_case": lower}
        (folder / "tokenizer_config.json").write_text(json.dumps(written))
        assert (read_tokenizer(read_checkpoint(folder)) is None) == doubt
        encoder = HuggingFaceEncoder(HuggingFaceEncoderConfig(path=str(folder), precision="float32"))
        loaded = load_tokenizer(read_checkpoint(folder))
        loaded.backend_tokenizer.no_padding()
        texts = ["Red NAIL polish, crème", "科幻小说"]
        assert encoder._tokenization(texts) == loaded(texts, truncation=True, max_length=64)["input_ids"]
        model = load_model(read_checkpoint(folder))
        with torch.inference_mode():
            ids = torch.tensor(encoder._tokenization(texts[:1]))
            torch.testing.assert_close(
                encoder._forward([ids])[0], model(input_ids=ids).last_hidden_state, atol=2e-5, rtol=1e-4
            )


def test_old_names_of_weights(tmp_path: Path, tiny_encoder: MakeEncoder):
    """The first BERT checkpoints: a prefix, and a norm's weight and bias under other names."""
    folder = Path(shutil.copytree(locate(None), tmp_path / "old", ignore=shutil.ignore_patterns("*.safetensors")))
    weights = load_file(locate(None) / "model.safetensors")
    old = {f"bert.{k}".replace("LayerNorm.weight", "LayerNorm.gamma"): v for k, v in weights.items()}
    old = {k.replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in old.items()}
    save_file(old, folder / "model.safetensors", metadata={"format": "pt"})
    found = load_encoder(folder, settings={"precision": "float32"}).encode(["red polish"])
    assert (found == tiny_encoder("minilm").encode(["red polish"])).all()


def test_the_embedded_encoder(tiny_encoder: MakeEncoder):
    assert locate(None) == locate("minilm")
    assert load_encoder(settings={"precision": "float32"}).identity == tiny_encoder("minilm").identity
    assert tiny_encoder("minilm").dim == 384


@pytest.mark.parametrize("name", ["/nowhere/model", "./nowhere", "~/nowhere", "a/b/c"])
def test_no_such_folder(name: str):
    with pytest.raises(NotFoundError, match="No encoder at") as caught:
        load_encoder(name)
    assert "MiniLM" in caught.value.hint


@pytest.mark.parametrize("name", ["nobody/no-such-model-here", "nobody", "not a name!"])
def test_a_hub_model_that_is_not_here_offline(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(NotFoundError, match="no such folder") as caught:
        load_encoder(name)
    assert "offline" in caught.value.hint


def test_a_file_is_no_checkpoint(tmp_path: Path):
    (tmp_path / "model").write_text("x")
    with pytest.raises(NotFoundError, match="is a file"):
        load_encoder(tmp_path / "model")


def test_a_folder_without_a_model(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"no config\.json"):
        load_encoder(tmp_path)


def test_pickled_weights_are_refused(bert: Path):
    (bert / "model.safetensors").unlink()
    torch.save({}, bert / "pytorch_model.bin")
    with pytest.raises(ConfigError, match=r"no safetensors weights, only pytorch_model\.bin") as caught:
        load_encoder(bert)
    assert "safetensors" in caught.value.hint


def test_weights_cut_in_half(bert: Path):
    weights = bert / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load_encoder(bert)


def test_weights_of_another_model(bert: Path, tiny_checkpoint: Callable[[str], Path]):
    shutil.copy(tiny_checkpoint("gpt") / "model.safetensors", bert / "model.safetensors")
    with pytest.raises(ConfigError, match=r"lacks \d+ weights"):
        load_encoder(bert)


def test_weights_that_are_not_finite(bert: Path):
    weights = load_file(bert / "model.safetensors")
    save_file({k: v * float("nan") for k, v in weights.items()}, bert / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match="not finite"):
        load_encoder(bert)


def test_a_damaged_config(bert: Path):
    (bert / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"config\.json is damaged"):
        load_encoder(bert)


def test_an_unknown_architecture(bert: Path):
    (bert / "config.json").write_text(json.dumps({"model_type": "imagined", "architectures": ["Imagined"]}))
    with pytest.raises(ConfigError):
        load_encoder(bert)


def test_no_tokenizer(bert: Path):
    for file in [*bert.glob("tokenizer*"), *bert.glob("vocab*")]:
        file.unlink()
    with pytest.raises(ConfigError, match="tokenizer"):
        load_encoder(bert)


def test_a_tokenizer_of_another_model(bert: Path, tiny_checkpoint: Callable[[str], Path]):
    for file in bert.glob("tokenizer*"):
        shutil.copy(tiny_checkpoint("gpt") / file.name, file)
    with pytest.raises(ConfigError, match="the tokenizer has 4"):
        load_encoder(bert)


@pytest.mark.parametrize("settings", [{"pooling": "middle"}, {"threads": 0}, {"precision": "int4"}, {"pool": "mean"}])
def test_wrong_settings(settings: dict[str, object]):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        load_encoder(settings=settings)

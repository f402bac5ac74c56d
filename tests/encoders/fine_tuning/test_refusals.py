"""What fine-tuning refuses, and how it says so."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AlbertConfig, AlbertModel, AutoTokenizer

from penchant.encoders import load_encoder
from penchant.encoders.fine_tuning import FineTunedEncoder, FineTunedEncoderConfig
from penchant.errors import BundleError, ConfigError, NotFoundError

from .conftest import Make
from .toy import TEXTS

Checkpoints = Callable[[str], Path]


@pytest.mark.parametrize("damage", ["cut", "gone", "other"])
def test_damaged_weights_beside_a_base_are_refused(make: Make, tmp_path: Path, damage: str):
    folder = tmp_path / "encoder"
    make("bert", "adapter").save(folder)
    weights = folder / "fine_tuning.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:100])
    elif damage == "gone":
        weights.unlink()
    else:
        save_file({name: value for name, value in load_file(weights).items() if "down" in name}, weights)
    with pytest.raises(BundleError, match=r"does not hold the weights|fine_tuning.safetensors is missing"):
        load_encoder(folder)


@pytest.mark.parametrize(
    ("method", "error", "said"),
    [
        ("lorra", NotFoundError, "No fine-tuning method is called 'lorra'"),
        ({"rank": 4}, ConfigError, "A fine-tuning method came as"),
        (3, ConfigError, "A fine-tuning method came as 3"),
        ({"name": "lora", "rank": 0}, ConfigError, "rank: Input should be greater than or equal to 1"),
        ({"name": "lora", "ranks": 4}, ConfigError, "ranks: no such setting"),
        ({"name": "lora", "targets": ["q_proj"]}, ConfigError, "No linear layer of a BertModel is called 'q_proj'"),
        ({"name": "lora", "targets": "everything"}, ConfigError, "targets"),
        ({"name": "adalora", "initial_rank": 4, "rank": 4}, ConfigError, "rank has to be below initial_rank"),
        ({"name": "adalora", "begin": 0.7}, ConfigError, "begin has to be before end"),
        ({"name": "top_layers", "layers": 3}, ConfigError, "layers = 3, and the model has 2"),
        ({"name": "adapter", "width": 0}, ConfigError, "width"),
        ({"name": "prompt_tuning", "tokens": 64}, ConfigError, "64 positions are taken, and the model has 64"),
        ({"name": "prefix_tuning", "tokens": 60}, ConfigError, "max_length is 4"),
    ],
)
def test_what_cannot_be_is_refused(make: Make, method, error, said):
    with pytest.raises(error, match=said):
        make("bert", method)


def test_a_wrong_target_is_answered_with_those_there_are(make: Make):
    with pytest.raises(ConfigError) as caught:
        make("bert", {"name": "lora", "targets": ["q_proj"]})
    assert "attention.self.query" in caught.value.hint
    assert "output.dense" in caught.value.hint


@pytest.mark.parametrize("family", ["distilbert", "t5"])
def test_a_model_that_takes_no_keys_from_outside_has_no_prefix(make: Make, family: str):
    with pytest.raises(ConfigError, match="takes no keys and values from outside"):
        make(family, "prefix_tuning")


def test_layers_that_cannot_be_told_apart(tiny_checkpoint: Checkpoints, tmp_path: Path):
    """ALBERT has one layer, which it runs several times."""
    config = AlbertConfig(
        vocab_size=200, hidden_size=32, embedding_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=48, max_position_embeddings=64,
    )  # fmt: skip
    AlbertModel(config).save_pretrained(tmp_path)
    for file in tiny_checkpoint("bert").glob("*token*"):
        shutil.copy(file, tmp_path / file.name)
    assert AutoTokenizer.from_pretrained(tmp_path, local_files_only=True) is not None

    def encoder(method: str) -> FineTunedEncoder:
        return FineTunedEncoder(FineTunedEncoderConfig.of({"path": str(tmp_path), "method": method}), seed=0)

    for method in ("top_layers", "lora", "adalora", "ia3", "adapter", "prefix_tuning"):
        with pytest.raises(ConfigError):
            encoder(method)
    for method in ("full", "head_only", "prompt_tuning"):
        assert torch.isfinite(encoder(method)(TEXTS)).all()

"""Texts encoded on another device: the same vectors, nothing left behind, and what is the processor's alone refused."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from penchant.encoders import huggingface, load_encoder
from penchant.encoders.fine_tuning import FineTunedEncoder, FineTunedEncoderConfig
from penchant.encoders.huggingface import HuggingFaceEncoder, HuggingFaceEncoderConfig
from penchant.encoders.light import fit_light
from penchant.errors import ConfigError
from penchant.pipeline.encoding import cached_encoder
from tests.training.pretend_device import CPU, PRETEND, PretendDevice, pretending

from .conftest import MakeEncoder

TEXTS = ["a red nail polish", "red", "the dragons of the north", "crème brûlée", "", "a red nail polish", "the north"]


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendDevice]:
    """The device ``pretend`` is there for encoders."""
    with pretending(monkeypatch, huggingface) as mode:
        yield mode


@pytest.mark.parametrize("family", ["bert", "distilbert", "gpt", "t5", "minilm"])
def test_vectors_are_those_of_the_processor(
    family: str, tiny_encoder: MakeEncoder, tiny_checkpoint: Callable[[str], Path], pretend: PretendDevice
):
    expected = tiny_encoder(family).encode(TEXTS)
    before = pretend.operations
    path = None if family == "minilm" else tiny_checkpoint(family)
    there = load_encoder(path, settings={"batch_tokens": 8}, device="pretend")
    assert isinstance(there, HuggingFaceEncoder)
    assert there.device == PRETEND
    assert there.precision == "float32"
    found = there.encode(TEXTS)
    assert pretend.operations > before + 50
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert there.identity == tiny_encoder(family).identity  # so that vectors kept on disk are shared


@pytest.mark.parametrize("method", ["prompt_tuning", "adapter"])
def test_what_stands_beside_a_model_goes_there_with_it(
    method: str, tiny_checkpoint: Callable[[str], Path], tmp_path: Path, pretend: PretendDevice
):
    settings = {"path": str(tiny_checkpoint("bert")), "method": method}
    FineTunedEncoder(FineTunedEncoderConfig.of(settings), seed=0).save(tmp_path / "tuned")
    expected = load_encoder(tmp_path / "tuned", settings={"precision": "float32"}).encode(TEXTS)
    found = load_encoder(tmp_path / "tuned", device="pretend").encode(TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_layer_after_the_pooling_goes_there_with_it(
    tiny_checkpoint: Callable[[str], Path], tmp_path: Path, pretend: PretendDevice
):
    encoder = FineTunedEncoder(FineTunedEncoderConfig.of({"path": str(tiny_checkpoint("bert"))}), seed=0)
    turned = np.eye(encoder.dim, dtype=np.float32)[::-1].copy()
    encoder.put_head(torch.from_numpy(turned), torch.zeros(encoder.dim))
    encoder.save(tmp_path / "tuned")
    expected = load_encoder(tmp_path / "tuned", settings={"precision": "float32"}).encode(TEXTS)
    np.testing.assert_allclose(load_encoder(tmp_path / "tuned", device="pretend").encode(TEXTS), expected, atol=1e-5)


def test_integers_are_the_processors_alone(tiny_checkpoint: Callable[[str], Path], pretend: PretendDevice):
    settings = {"path": str(tiny_checkpoint("bert")), "precision": "int8", "device": "pretend"}
    with pytest.raises(ConfigError, match="8-bit products are made on the processor"):
        HuggingFaceEncoder(HuggingFaceEncoderConfig.of(settings))


def test_a_device_that_is_not_there_is_refused_and_light_encoders_need_none():
    with pytest.raises(ConfigError, match="no device 'tpu'"):
        load_encoder(device="tpu")
    encoder = load_encoder(settings={"precision": "float32"}, device="auto")
    assert isinstance(encoder, HuggingFaceEncoder)
    assert encoder.device == CPU or encoder.device.type == "cuda"
    assert cached_encoder(None, device="cpu").name == encoder.name


def test_a_light_encoder_is_loaded_whatever_the_device(tmp_path: Path):
    fit_light("hashed", TEXTS * 3).save(tmp_path)
    assert load_encoder(tmp_path, device="cuda:7").name == "hashed"

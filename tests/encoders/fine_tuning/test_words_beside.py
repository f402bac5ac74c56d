"""The mean of the tokens' input embeddings beside a vector: told apart by words that the model itself takes for one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from penchant.encoders import load_encoder
from penchant.encoders.fine_tuning import FineTunedEncoder, FineTunedEncoderConfig
from penchant.encoders.pretraining.language_model import LanguageModel, LanguageModelConfig
from penchant.errors import UnsupportedError
from tests.models.language.tiny import save_words

WORDS = ("red", "green", "blue", "loud", "soft")
TEXTS = ["red loud", "soft", "", "blue blue green soft red"]
EXACT = {"precision": "float32"}


def encoder_of(path: Path, **further: object) -> FineTunedEncoder:
    return FineTunedEncoder(FineTunedEncoderConfig.of({"path": str(path), "method": "full", **further}), seed=0)


def run(encoder: FineTunedEncoder) -> Tensor:
    with torch.inference_mode():
        vectors: Tensor = encoder([(text, None) for text in TEXTS])
    return vectors


@pytest.mark.parametrize("family", ["bert", "gpt", "gemma"])
def test_they_are_the_mean_of_the_rows_of_the_embedding_table(tmp_path: Path, family: str):
    base = save_words(tmp_path / "base", WORDS, family=family)
    plain, beside = encoder_of(base), encoder_of(base, words=True)
    assert (plain.word_width, beside.word_width, beside.dim) == (0, 32, 64)
    tokens = beside.tokenize([(text, None) for text in TEXTS])
    table = beside.method.model.get_input_embeddings().weight.detach().numpy()
    means = np.stack([table[list(one.ids)].mean(axis=0) if one.ids else np.zeros(32) for one in tokens])
    np.testing.assert_allclose(beside.mean_embeddings(tokens), means, atol=1e-6)
    np.testing.assert_allclose(run(beside).numpy(), np.concatenate([run(plain).numpy(), means], axis=1), atol=1e-5)


@pytest.mark.parametrize("family", ["bert", "gpt", "gemma"])
@pytest.mark.parametrize("method", ["full", "prompt_tuning"])
def test_what_is_saved_is_read_with_them(tmp_path: Path, family: str, method: str):
    """Whether the base is a plain model's files or one with something beside it, and whatever runs it."""
    base = save_words(tmp_path / "base", WORDS, family=family)
    encoder = encoder_of(base, words=True, method=method)
    encoder.put_head(torch.randn(7, 64, generator=torch.Generator().manual_seed(1)), torch.ones(7))
    encoder.save(tmp_path / "saved")
    expected = functional.normalize(run(encoder), dim=1)
    expected[2] = 0  # of nothing there is nothing to say
    loaded = load_encoder(str(tmp_path / "saved"), settings=EXACT)
    assert loaded.dim == 7
    np.testing.assert_allclose(loaded.encode(TEXTS), expected.numpy(), atol=1e-5)


def test_they_are_trained_with_the_table_where_it_is_trained(tmp_path: Path):
    base = save_words(tmp_path / "base", WORDS)
    encoder = encoder_of(base, words=True)
    encoder([("red", None)])[0, -32:].sum().backward()
    table = encoder.method.model.get_input_embeddings().weight
    assert table.grad is not None
    assert set(table.grad.abs().sum(dim=1).nonzero()[:, 0].tolist()) == {2, 3, 4}  # [CLS] [SEP] red


def test_an_encoder_that_has_them_is_fine_tuned_further(tmp_path: Path):
    """Its own layer reads them, and what is trained next comes after that layer."""
    encoder = encoder_of(save_words(tmp_path / "base", WORDS), words=True)
    encoder.put_head(torch.randn(9, 64, generator=torch.Generator().manual_seed(1)), torch.zeros(9))
    encoder.save(tmp_path / "once")
    again = encoder_of(tmp_path / "once")
    assert (again.word_width, again.dim) == (0, 9)
    torch.testing.assert_close(run(again), run(encoder), rtol=1e-4, atol=1e-5)
    again.put_head(torch.eye(9)[:4], torch.zeros(4))
    again.save(tmp_path / "twice")
    found = load_encoder(str(tmp_path / "twice"), settings=EXACT).encode(TEXTS)
    np.testing.assert_allclose(found[:2], functional.normalize(run(again), dim=1).numpy()[:2], atol=1e-5)


def test_they_stand_behind_the_layers_that_a_model_came_with(tmp_path: Path):
    encoder = encoder_of(save_words(tmp_path / "base", WORDS))
    encoder.put_head(torch.randn(5, 32, generator=torch.Generator().manual_seed(1)), torch.zeros(5))
    encoder.save(tmp_path / "dense")
    beside = encoder_of(tmp_path / "dense", words=True)
    assert beside.dim == 5 + 32
    beside.save(tmp_path / "saved")
    found = load_encoder(str(tmp_path / "saved"), settings=EXACT).encode(TEXTS)
    np.testing.assert_allclose(found[:2], functional.normalize(run(beside), dim=1).numpy()[:2], atol=1e-5)


def test_it_is_fine_tuned_further_where_empty_folders_were_lost(tmp_path: Path):
    """As in a copy by way of git or a hub, which keep files alone."""
    encoder = encoder_of(save_words(tmp_path / "base", WORDS), words=True)
    encoder.put_head(torch.eye(64), torch.zeros(64), unit=True)
    encoder.save(tmp_path / "once")
    for place in ("2_Normalize", "3_Words", "5_Normalize"):
        (tmp_path / "once" / place).rmdir()
    encoder_of(tmp_path / "once").save(tmp_path / "twice")
    found, expected = (load_encoder(str(tmp_path / name), settings=EXACT).encode(TEXTS) for name in ("twice", "once"))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_other_steps_after_the_pooling_are_another_encoder(tmp_path: Path):
    """Vectors are cached by the identity. The model has a folder of its own: ``modules.json`` alone differs."""
    encoder = encoder_of(save_words(tmp_path / "base", WORDS))
    encoder.put_head(torch.eye(32), torch.ones(32), unit=True)
    encoder.save(tmp_path / "unit")
    modules = json.loads((tmp_path / "unit" / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    inside = tmp_path / "unit" / "0_Transformer"
    inside.mkdir()
    for file in [*(tmp_path / "unit").iterdir()]:
        if file.is_file() and file.name != "modules.json":
            file.rename(inside / file.name)
    shutil.copytree(tmp_path / "unit", tmp_path / "plain")
    for name, kept in (("unit", modules), ("plain", [one for one in modules if one["path"] != "2_Normalize"])):
        (tmp_path / name / "modules.json").write_text(json.dumps(kept))
    one, other = (load_encoder(str(tmp_path / name), settings=EXACT) for name in ("unit", "plain"))
    assert np.abs(one.encode(["red loud"]) - other.encode(["red loud"])).max() > 1e-3
    assert one.identity != other.identity


def test_sentence_transformers_refuses_it_aloud(tmp_path: Path):
    from sentence_transformers import SentenceTransformer

    encoder_of(save_words(tmp_path / "base", WORDS), words=True).save(tmp_path / "saved")
    with pytest.raises(ValueError, match=r"penchant\.encoders\.Words"):
        SentenceTransformer(str(tmp_path / "saved"), device="cpu")


def test_it_is_not_pretrained_further(tmp_path: Path):
    encoder_of(save_words(tmp_path / "base", WORDS), words=True).save(tmp_path / "saved")
    with pytest.raises(UnsupportedError, match="has layers after its pooling"):
        LanguageModel(LanguageModelConfig(path=str(tmp_path / "saved")))

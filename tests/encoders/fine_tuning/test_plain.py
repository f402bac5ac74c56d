"""An encoder without the steps that fine-tuning put after the pooling: what reads words that a person types."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from penchant.encoders import CachedEncoder, huggingface, load_encoder, plain
from penchant.encoders.fine_tuning import FineTunedEncoder, FineTunedEncoderConfig
from penchant.encoders.huggingface import HuggingFaceEncoder, HuggingFaceEncoderConfig
from penchant.errors import ConfigError
from tests.encoders.counting import Counting
from tests.models.language.tiny import save_words

WORDS = ("red", "green", "blue", "loud", "soft")
TEXTS = ["red loud", "soft", "", "blue blue green soft red"]
EXACT = {"precision": "float32"}


def tune(base: Path, to: Path, *, dim: int, method: str = "head_only", words: bool = False) -> Path:
    """With a layer that has nothing of the vectors' meaning."""
    encoder = FineTunedEncoder(FineTunedEncoderConfig.of({"path": str(base), "method": method, "words": words}), seed=0)
    layer = torch.randn(dim, encoder.dim, generator=torch.Generator().manual_seed(dim))
    encoder.put_head(layer, torch.zeros(dim), unit=True)
    encoder.save(to)
    return to


@pytest.mark.parametrize("family", ["bert", "gpt"])
def test_it_reads_as_the_model_that_was_tuned(tmp_path: Path, family: str):
    base = save_words(tmp_path / "base", WORDS, family=family)
    tuned = load_encoder(tune(base, tmp_path / "tuned", dim=7, words=True), settings=EXACT)
    found = plain(tuned)
    assert (tuned.dim, found.dim, found.name) == (7, 32, "tuned")
    np.testing.assert_allclose(found.encode(TEXTS), load_encoder(base, settings=EXACT).encode(TEXTS), atol=1e-6)
    assert len({tuned.identity, found.identity, load_encoder(base, settings=EXACT).identity}) == 3
    assert plain(found) is found
    assert tuned.encode(TEXTS).shape == (4, 7)


def test_it_leaves_all_tunings_steps_out_and_the_makers_in(tmp_path: Path):
    """The base has a layer of its own, is tuned with words beside its vector, and then once more."""
    base = tune(save_words(tmp_path / "base", WORDS), tmp_path / "made", dim=9)
    (base / "fine_tuning.json").unlink()
    once = tune(base, tmp_path / "once", dim=7, words=True)
    twice = tune(once, tmp_path / "twice", dim=5)
    expected = load_encoder(base, settings=EXACT)
    assert plain(expected) is expected
    for folder in (once, twice):
        np.testing.assert_allclose(
            plain(load_encoder(folder, settings=EXACT)).encode(TEXTS), expected.encode(TEXTS), atol=1e-5
        )


def test_what_was_trained_inside_the_model_stays(tmp_path: Path):
    """A method that does not merge: its base has the steps, and the virtual tokens stand before both readings."""
    base = save_words(tmp_path / "base", WORDS)
    found = plain(load_encoder(tune(base, tmp_path / "tuned", dim=7, method="prompt_tuning"), settings=EXACT))
    vectors, frozen = found.encode(TEXTS), load_encoder(base, settings=EXACT).encode(TEXTS)
    assert vectors.shape == frozen.shape
    assert np.abs(vectors - frozen).max() > 1e-3


def test_one_that_does_not_say_how_many_steps_are_its_own_is_read_whole_when_it_is_tuned_again_too(tmp_path: Path):
    folder = tune(save_words(tmp_path / "base", WORDS), tmp_path / "tuned", dim=7)
    manifest = json.loads((folder / "fine_tuning.json").read_text())
    assert manifest.pop("own_steps") == 2
    (folder / "fine_tuning.json").write_text(json.dumps(manifest))
    for place in (folder, tune(folder, tmp_path / "again", dim=5)):
        encoder = load_encoder(place)
        assert plain(encoder) is encoder


def test_another_count_is_another_encoder(tmp_path: Path):
    """Whoever corrects it by hand gets no vectors that were kept before."""
    once = tune(save_words(tmp_path / "base", WORDS), tmp_path / "once", dim=32)
    folder = tune(once, tmp_path / "twice", dim=32)
    manifest = json.loads((folder / "fine_tuning.json").read_text())
    found = set()
    for count in (2, 4):
        (folder / "fine_tuning.json").write_text(json.dumps({**manifest, "own_steps": count}))
        found.add(plain(load_encoder(folder)).identity)
    assert len(found) == 2


@pytest.mark.parametrize("damaged", ["[]", "3", '"x"', "null", "{"])
def test_a_list_of_files_that_is_none_is_told(tmp_path: Path, damaged: str):
    folder = tune(save_words(tmp_path / "base", WORDS), tmp_path / "tuned", dim=7)
    (folder / "fine_tuning.json").write_text(damaged)
    with pytest.raises(ConfigError, match="is damaged"):
        load_encoder(folder)


def test_both_readings_are_in_8_bits_only_where_both_stay_what_they_are(tmp_path: Path, monkeypatch):
    """A layer that says the same of every text hides what rounding does to the model below it."""
    monkeypatch.setattr(huggingface, "int8_pays", lambda: True)
    monkeypatch.setattr(huggingface, "int8_is_exact", lambda: True)
    monkeypatch.setattr(torch, "_int_mm", lambda left, right: left.int() @ right.int())
    monkeypatch.setattr(huggingface, "_AGREEMENT", 0.9999999)
    monkeypatch.setattr(huggingface, "fastest_precision", lambda: "float32")
    base = save_words(tmp_path / "base", WORDS)
    encoder = FineTunedEncoder(FineTunedEncoderConfig.of({"path": str(base), "method": "head_only"}), seed=0)
    encoder.put_head(torch.zeros(4, 32), torch.ones(4), unit=True)
    encoder.save(tmp_path / "tuned")
    auto = HuggingFaceEncoder(HuggingFaceEncoderConfig(path=str(tmp_path / "tuned")))
    assert auto.precision == auto.plain.precision == "float32"
    asked = HuggingFaceEncoder(HuggingFaceEncoderConfig(path=str(tmp_path / "tuned"), precision="int8"))
    assert asked.precision == asked.plain.precision == "int8"
    assert asked.plain.identity != auto.plain.identity


@pytest.mark.parametrize("count", [-1, 3, True, "2", 1.0])
def test_a_count_that_cannot_be_is_told(tmp_path: Path, count: object):
    folder = tune(save_words(tmp_path / "base", WORDS), tmp_path / "tuned", dim=7)
    manifest = json.loads((folder / "fine_tuning.json").read_text())
    (folder / "fine_tuning.json").write_text(json.dumps({**manifest, "own_steps": count}))
    with pytest.raises(ConfigError, match=r"steps of its own; 2 come after"):
        load_encoder(folder)


def test_both_readings_are_kept_apart(tmp_path: Path):
    folder = tune(save_words(tmp_path / "base", WORDS), tmp_path / "tuned", dim=32)  # as many numbers as the model's
    inner = HuggingFaceEncoder(HuggingFaceEncoderConfig(path=str(folder)))
    cached = CachedEncoder(inner, tmp_path / "cache")
    found, tuned = plain(cached).encode(TEXTS), cached.encode(TEXTS)
    assert isinstance(plain(cached), CachedEncoder)
    assert np.abs(found - tuned).max() > 1e-3
    np.testing.assert_array_equal(plain(cached).encode(TEXTS), found)
    np.testing.assert_array_equal(cached.encode(TEXTS), tuned)
    for both in (cached.encode_both(TEXTS), inner.encode_both(TEXTS)):
        for vectors, expected in zip(both, (tuned, found), strict=True):
            np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_encoders_that_know_nothing_of_it_are_plain(tmp_path: Path):
    encoder = Counting()
    cached = CachedEncoder(encoder, tmp_path)
    assert plain(encoder) is encoder
    assert plain(cached) is cached

"""An encoder without the steps that fine-tuning put after the pooling: what reads words that a person types."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from penchant.encoders import CachedEncoder, load_encoder, plain
from penchant.encoders.fine_tuning import FineTunedEncoder, FineTunedEncoderConfig
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


def test_one_that_does_not_say_how_many_steps_are_its_own_has_none(tmp_path: Path):
    folder = tune(save_words(tmp_path / "base", WORDS), tmp_path / "tuned", dim=7)
    manifest = json.loads((folder / "fine_tuning.json").read_text())
    assert manifest.pop("own_steps") == 2
    (folder / "fine_tuning.json").write_text(json.dumps(manifest))
    encoder = load_encoder(folder)
    assert plain(encoder) is encoder


@pytest.mark.parametrize("count", [-1, 3, True, "2", None, 1.0])
def test_a_count_that_cannot_be_is_told(tmp_path: Path, count: object):
    folder = tune(save_words(tmp_path / "base", WORDS), tmp_path / "tuned", dim=7)
    manifest = json.loads((folder / "fine_tuning.json").read_text())
    (folder / "fine_tuning.json").write_text(json.dumps({**manifest, "own_steps": count}))
    with pytest.raises(ConfigError, match=r"steps of its own; 2 come after"):
        load_encoder(folder)


def test_both_readings_are_kept_apart(tmp_path: Path):
    folder = tune(save_words(tmp_path / "base", WORDS), tmp_path / "tuned", dim=32)  # as many numbers as the model's
    cached = load_encoder(folder, cache=tmp_path / "cache")
    found, tuned = plain(cached).encode(TEXTS), cached.encode(TEXTS)
    assert isinstance(plain(cached), CachedEncoder)
    assert np.abs(found - tuned).max() > 1e-3
    np.testing.assert_array_equal(plain(cached).encode(TEXTS), found)
    np.testing.assert_array_equal(cached.encode(TEXTS), tuned)


def test_encoders_that_know_nothing_of_it_are_plain(tmp_path: Path):
    encoder = Counting()
    cached = CachedEncoder(encoder, tmp_path)
    assert plain(encoder) is encoder
    assert plain(cached) is cached

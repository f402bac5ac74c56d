"""What every encoder promises: BERT-like, GPT-like, multilingual, the embedded one, those made here, light ones."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from penchant.encoders import load_encoder
from penchant.encoders.architecture import TOKENIZERS, ArchitectureConfig, Kind, save_fresh
from penchant.encoders.light import LIGHT, fit_light
from penchant.encoders.tokenizer_training import train_tokenizer
from penchant.errors import ConfigError
from penchant.interfaces import Encoder
from tests.encoders.tiny_models import CORPUS, FAMILIES, save_tiny

FRESH: dict[str, Kind] = {"fresh_bert": "bert", "fresh_gpt": "gpt"}
EVERY = [*sorted(FAMILIES), *FRESH, *LIGHT, "minilm"]
TEXTS = [
    "a red nail polish",
    "the dragons of the north",
    "科幻小说和历史书籍",
    "λόγος και μύθος",
    "crème brûlée 🙂",
    "what the cook reads on a rainy day in march, and why the dragons of the north dry fast",
    "red",
    "x",
]


def test_the_suite_covers_every_family():
    families = {"albert", "bart", "bert", "distilbert", "gpt", "llama", "multilingual", "opt", "t5"}
    families |= {"t5 with its decoder", "minilm"}
    assert set(EVERY) == families | {"fresh_bert", "fresh_gpt", "hashed", "nmf", "tfidf"}


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Encoder]:
    """An encoder by name, made once: a language model in float32 with two workers and small batches."""
    made: dict[str, Encoder] = {}
    texts = [*CORPUS, *TEXTS] * 3

    def folder(name: str) -> Path | None:
        if name == "minilm":
            return None
        place = tmp_path_factory.mktemp(name)
        if name in FAMILIES:
            return save_tiny(name, place)
        kind = FRESH[name]
        save_fresh(ArchitectureConfig(kind=kind), train_tokenizer(texts, TOKENIZERS[kind]), place, seed=0)
        return place

    def encoder(name: str) -> Encoder:
        if name not in made:
            settings = {"precision": "float32", "threads": 2, "batch_tokens": 300}
            made[name] = fit_light(name, texts) if name in LIGHT else load_encoder(folder(name), settings=settings)
        return made[name]

    return encoder


@pytest.fixture(params=EVERY)
def encoder(request: pytest.FixtureRequest, make: Callable[[str], Encoder]) -> Encoder:
    return make(request.param)


def test_is_an_encoder_of_unit_vectors(encoder: Encoder):
    vectors = encoder.encode(TEXTS)
    assert isinstance(encoder, Encoder)
    assert vectors.shape == (len(TEXTS), encoder.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_same_text_same_vector_and_different_texts_differ(encoder: Encoder):
    twice = encoder.encode([TEXTS[0], TEXTS[1], TEXTS[0]])
    np.testing.assert_array_equal(twice[0], twice[2])
    np.testing.assert_array_equal(encoder.encode([TEXTS[0]]), encoder.encode([TEXTS[0]]))
    assert twice[0] @ twice[1] < 0.9999


def test_what_a_text_is_encoded_with_does_not_matter(encoder: Encoder):
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    filler = [f"{text} {word}" for text in TEXTS for word in ("north", "x y z " * 9)]
    together = encoder.encode([*filler, *TEXTS, *filler[::-1]])[len(filler) : len(filler) + len(TEXTS)]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_order_is_kept(encoder: Encoder):
    order = [5, 2, 7, 0, 3, 6, 1, 4]
    np.testing.assert_allclose(encoder.encode([TEXTS[i] for i in order]), encoder.encode(TEXTS)[order], atol=1e-5)


@pytest.mark.parametrize("empty", ["", "   ", "\n\t"])
def test_a_text_with_nothing_to_read_is_zero(encoder: Encoder, empty: str):
    vectors = encoder.encode(["red", empty, "north"])
    assert not vectors[1].any()
    assert vectors[[0, 2]].any(axis=1).all()
    assert not encoder.encode([empty]).any()


def test_no_texts(encoder: Encoder):
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_one_text_instead_of_several_is_refused(encoder: Encoder):
    with pytest.raises(ConfigError, match="several texts"):
        encoder.encode("a red nail polish")


def test_long_texts_are_cut(encoder: Encoder):
    long = "dragon " * 3000
    vectors = encoder.encode([long, long + "polish", "dragon"])
    if getattr(encoder, "max_length", None):  # light encoders read to the end
        np.testing.assert_allclose(vectors[0], vectors[1], rtol=0, atol=1e-6)
    assert np.isfinite(vectors).all()


@pytest.mark.parametrize("text", ["\ud83d half a pair", "\x00\x01", "\u200b", "[PAD] <pad>", "ﷺ", "é" * 400])
def test_strange_texts_get_a_finite_vector(encoder: Encoder, text: str):
    vectors = encoder.encode([text, "red"])
    norm = np.linalg.norm(vectors[0])
    assert norm == pytest.approx(1, abs=1e-5) or norm == 0
    assert vectors[1].any()


def test_identity_is_stable(encoder: Encoder):
    assert encoder.identity == encoder.identity
    assert "/" not in encoder.identity


def test_threads_are_left_as_they_were(encoder: Encoder):
    before, seen = torch.get_num_threads(), []
    encoder.encode([f"{text} {i}" for text in TEXTS for i in range(12)])
    assert torch.get_num_threads() == before
    other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert seen == [before]


def test_several_threads_may_encode_at_once(encoder: Encoder):
    texts = [f"{text} {i}" for text in TEXTS[:3] for i in range(10)]
    expected, found = encoder.encode(texts), []
    threads = [threading.Thread(target=lambda: found.append(encoder.encode(texts))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    for vectors in found:
        np.testing.assert_allclose(vectors, expected, atol=1e-5)

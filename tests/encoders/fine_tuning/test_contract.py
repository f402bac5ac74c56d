"""One suite over every method, on a BERT-like and on two GPT-like models."""

from pathlib import Path

import numpy as np
import pytest
import torch

from penchant.encoders import load_encoder
from penchant.encoders.fine_tuning import METHODS

from ..conftest import MakeEncoder
from .conftest import Make
from .toy import SINGLE, TEXTS, Trained, learn, vectors

FAMILIES = ("bert", "gpt", "llama")
VIRTUAL = ("p_tuning", "prefix_tuning", "prompt_tuning")
EVERY = [*METHODS, "dora"]
# By hand: (in, out) of the linear layers of one of the two layers, the width of keys, one layer's weights in all.
MATRICES = {
    "bert": [(32, 32)] * 4 + [(32, 48), (48, 32)],
    "gpt": [(32, 96), (32, 32), (32, 128), (128, 32)],
    "llama": [(32, 32), (32, 16), (32, 16), (32, 32), (32, 48), (32, 48), (48, 32)],
}
KEYS = {"bert": 32, "gpt": 32, "llama": 16}
SCALED = {"bert": 32 + 32 + 48, "gpt": 96 + 128, "llama": 16 + 16 + 48}
NORMS = {"bert": 2 * 64, "gpt": 2 * 64, "llama": 2 * 32}
BIASED = {"bert": True, "gpt": True, "llama": False}


def layer_size(family: str) -> int:
    biases = sum(out for _, out in MATRICES[family]) if BIASED[family] else 0
    return sum(a * b for a, b in MATRICES[family]) + biases + NORMS[family]


def counted(family: str, method: str) -> int:
    """How many numbers the method trains, from its formula."""
    matrices, keys = MATRICES[family], KEYS[family]
    lora = 2 * sum(8 * (a + b) for a, b in matrices)
    return {
        "adalora": 2 * sum(12 * (a + b + 1) for a, b in matrices),
        "adapter": 2 * 2 * (2 * 32 * 32 + 32 + 32),
        "dora": lora + 2 * sum(b for _, b in matrices),
        "head_only": 0,
        "ia3": 2 * SCALED[family],
        "lora": lora,
        "p_tuning": 20 * 32 + (32 * 128 + 128) + (128 * 128 + 128) + (128 * 32 + 32),
        "prefix_tuning": 20 * 2 * 2 * keys,
        "prompt_tuning": 20 * 32,
        "top_layers": layer_size(family),
        # embeddings: words, positions, segments and a norm; words, positions, a last norm; words, a last norm
        "full": 2 * layer_size(family)
        + {"bert": 200 * 32 + 64 * 32 + 2 * 32 + 64, "gpt": 400 * 32 + 64 * 32 + 64, "llama": 400 * 32 + 32}[family],
    }[method]


def settings_of(method: str):
    return {"name": "lora", "dora": True} if method == "dora" else method


@pytest.fixture(scope="module", params=[f"{family} {method}" for family in FAMILIES for method in EVERY])
def case(request, make: Make) -> tuple[str, str, Trained]:
    """Trained once for all tests below."""
    family, method = request.param.split()
    return family, method, learn(make(family, settings_of(method)))


def test_the_suite_covers_every_method():
    assert list(METHODS) == sorted([
        "full", "head_only", "top_layers", "lora", "adalora", "adapter", "prefix_tuning", "prompt_tuning", "p_tuning",
        "ia3",
    ])  # fmt: skip


def test_it_begins_as_the_base_where_nothing_is_put_before_the_text(case, tiny_encoder: MakeEncoder):
    family, method, trained = case
    base = tiny_encoder(family).encode(SINGLE)
    start = trained.start / np.linalg.norm(trained.start, axis=1, keepdims=True)
    if method in VIRTUAL:
        assert np.abs(start - base).max() > 1e-3
    else:
        np.testing.assert_allclose(start, base, atol=2e-6)


def test_only_what_the_formula_says_is_trained(case):
    family, method, trained = case
    encoder = trained.encoder
    assert encoder.trainable_count == counted(family, method)
    open_ = [p for p in encoder.method.model.parameters() if p.requires_grad]
    assert {id(p) for p in open_} <= {id(p) for p in encoder.parameters()}
    assert encoder.trainable_count == sum(p.numel() for p in encoder.parameters() if p.requires_grad)
    assert (
        encoder.base_count
        <= encoder.total_count
        <= encoder.base_count + encoder.trainable_count + len(2 * MATRICES[family])
    )


def test_frozen_weights_are_the_same_bit_for_bit_and_trained_ones_are_not(case):
    _, _, trained = case
    names = {name for name, p in trained.encoder.method.model.named_parameters() if p.requires_grad}
    now = trained.encoder.method.model.state_dict()
    assert now.keys() == trained.weights.keys()
    changed = {name for name, value in trained.weights.items() if not torch.equal(value, now[name])}
    assert changed <= names
    if names:
        assert changed


def test_gradients_are_finite_where_it_is_trained_and_there_are_none_elsewhere(case):
    _, _, trained = case
    encoder = trained.encoder
    own = {id(p) for p in encoder.parameters()}
    for name, parameter in [*encoder.method.model.named_parameters(), *encoder.named_parameters()]:
        gradient = trained.gradients[name]
        if id(parameter) in own:
            assert gradient is not None, name
            assert torch.isfinite(gradient).all(), name
        else:
            assert gradient is None, name


def test_the_loss_falls(case):
    _, method, trained = case
    last = trained.record.epochs[-1].loss
    assert last < {"head_only": 0.98, "adalora": 1.0}.get(method, 0.9) * trained.first_loss


def test_what_is_read_together_does_not_matter(case):
    encoder = case[2].encoder
    alone = np.concatenate([encoder([text]).detach().numpy() for text in TEXTS])
    np.testing.assert_allclose(vectors(encoder), alone, atol=5e-5)


def test_training_mode_is_the_same_without_dropout_and_not_with_it(case, make: Make):
    family, method, trained = case
    served = vectors(trained.encoder.eval())
    np.testing.assert_array_equal(vectors(trained.encoder.train()), served)
    trained.encoder.eval()
    if family == "bert":
        dropped = make(family, settings_of(method), dropout=0.5).train()
        assert np.abs(vectors(dropped) - vectors(dropped)).max() > 1e-3
        assert not np.abs(vectors(dropped.eval()) - vectors(dropped)).any()


def test_its_state_is_what_was_trained_and_gives_the_same_vectors_bit_for_bit(case, make: Make):
    family, method, trained = case
    again = make(family, settings_of(method), seed=1)
    again.load_state_dict(trained.encoder.state_dict())
    np.testing.assert_array_equal(vectors(again.eval()), vectors(trained.encoder.eval()))


def test_saved_it_is_an_encoder_with_the_same_vectors(case, tmp_path: Path, tiny_encoder: MakeEncoder):
    family, method, trained = case
    expected = vectors(trained.encoder.eval())
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    trained.encoder.save(tmp_path / "encoder")
    after = vectors(trained.encoder)
    np.testing.assert_array_equal(after / np.linalg.norm(after, axis=1, keepdims=True), expected)  # as it was
    found = load_encoder(tmp_path / "encoder", settings={"precision": "float32"})
    np.testing.assert_allclose(found.encode(SINGLE), expected, atol=1e-5)
    with torch.inference_mode():  # a server may well load it where no gradients are made
        again = load_encoder(tmp_path / "encoder", settings={"precision": "float32"})
    assert again.identity == found.identity != tiny_encoder(family).identity
    np.testing.assert_array_equal(again.encode(SINGLE), found.encode(SINGLE))
    if method != "head_only":
        assert np.abs(expected - tiny_encoder(family).encode(SINGLE)).max() > 1e-4

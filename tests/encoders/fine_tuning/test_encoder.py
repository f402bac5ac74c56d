"""What a fine-tuned encoder is for those who use it: families, files, devices, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

from penchant.encoders import load_encoder
from penchant.encoders.checkpoint import ADAPTATION, read_checkpoint
from penchant.encoders.fine_tuning import METHODS, FineTunedEncoder, FineTunedEncoderConfig
from penchant.encoders.fine_tuning.architecture import linear_layers, role_of
from penchant.encoders.huggingface import HuggingFaceEncoder, HuggingFaceEncoderConfig
from penchant.errors import BundleError, ConfigError, UnsupportedError
from penchant.pipeline.pretraining import MANIFEST
from penchant.training.model_card import FACTS
from tests.full_disk import files_up_to, room_again

from ..conftest import MakeEncoder
from ..tiny_models import save_sentence_transformer
from .conftest import Make
from .test_low_rank import disturbed
from .toy import SINGLE, TEXTS, vectors

Checkpoints = Callable[[str], Path]


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("family", ["distilbert", "multilingual", "t5", "t5 with its decoder", "bart"])
@pytest.mark.parametrize("method", ["full", "lora", "adapter", "prompt_tuning"])
def test_other_families_are_saved_and_read_too(make: Make, tmp_path: Path, family: str, method: str):
    encoder = disturbed(make(family, method))
    encoder.save(tmp_path / "encoder")
    found = load_encoder(tmp_path / "encoder", settings={"precision": "float32"})
    np.testing.assert_allclose(found.encode(SINGLE), unit(vectors(encoder)), atol=1e-5)


@pytest.mark.parametrize("family", ["bert", "distilbert", "gpt", "llama", "multilingual", "t5"])
def test_every_linear_layer_of_every_family_has_a_role(make: Make, family: str):
    model = make(family, "head_only").method.model
    roles = {name: role_of(name) for name in linear_layers(model)}
    assert None not in roles.values()
    assert {"attention_output", "up", "down"} <= set(roles.values())
    assert ("query_key_value" in roles.values()) == (family == "gpt")


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_sentence_transformers_reads_what_merges(make: Make, tmp_path: Path, family: str):
    encoder = disturbed(make(family, "lora", max_length=20))
    encoder.save(tmp_path / "encoder")
    other = SentenceTransformer(str(tmp_path / "encoder"), device="cpu", local_files_only=True)
    assert other.max_seq_length == 20
    np.testing.assert_allclose(other.encode(SINGLE), unit(vectors(encoder)), atol=1e-5)


def test_pooling_prompt_and_further_layers_go_along(tmp_path: Path):
    base = save_sentence_transformer(
        tmp_path / "base", pooling={"word_embedding_dimension": 32, "pooling_mode_cls_token": True}
    )
    modules = json.loads((base / "modules.json").read_text())
    modules.insert(2, {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    (base / "modules.json").write_text(json.dumps(modules))
    (base / "2_Dense").mkdir()
    (base / "2_Dense" / "config.json").write_text(
        json.dumps({"in_features": 32, "out_features": 7, "bias": True, "activation_function": "torch.nn.Tanh"})
    )
    generator = torch.Generator().manual_seed(0)
    save_file(
        {
            "linear.weight": torch.randn(7, 32, generator=generator) / 6,
            "linear.bias": torch.randn(7, generator=generator),
        },
        base / "2_Dense" / "model.safetensors",
    )
    (base / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"item": "the book: "}, "default_prompt_name": "item"})
    )
    for method in ("lora", "adapter"):
        encoder = FineTunedEncoder(FineTunedEncoderConfig.of({"path": str(base), "method": method}), seed=0).eval()
        assert encoder.dim == 7
        assert encoder.pooling == "first"
        before = load_encoder(base, settings={"precision": "float32"}).encode(SINGLE)
        np.testing.assert_allclose(unit(vectors(encoder)), before, atol=2e-6)
        disturbed(encoder).save(tmp_path / method)
        found = load_encoder(tmp_path / method, settings={"precision": "float32"})
        np.testing.assert_allclose(found.encode(SINGLE), unit(vectors(encoder)), atol=1e-5)
        assert np.abs(found.encode(SINGLE) - before).max() > 1e-3


def test_texts_with_nothing_to_read_are_zero(make: Make):
    encoder = make("gpt", "lora").eval()
    found = encoder([("", None), ("red", None), (" \n", None)])
    assert not found[0].any()
    assert not found[2].any()
    torch.testing.assert_close(found[1:2], encoder([("red", None)]))
    assert encoder([("", None)]).shape == (1, 32)
    assert encoder.encode([]).shape == (0, 32)


def test_pairs_have_their_segments_with_virtual_tokens_too(make: Make):
    encoder = disturbed(make("bert", "prompt_tuning"))
    both, swapped = encoder([("red", "a book"), ("a book", "red")])
    (tokens,) = encoder.tokenize([("red", "a book")])
    assert set(tokens.segments) == {0, 1}
    tokens.segments[:] = [0] * len(tokens.ids)
    assert not torch.allclose(encoder.encode([tokens])[0], both, atol=1e-4)
    assert not torch.allclose(both, swapped, atol=1e-4)


def test_lower_layers_run_without_gradients_where_only_the_last_is_trained(make: Make):
    encoder = make("bert", "top_layers").train()
    layers = encoder.method.model.encoder.layer
    seen = []
    for layer in layers:
        layer.register_forward_hook(lambda *given: seen.append(given[-1].requires_grad))
    encoder(TEXTS)
    assert seen == [False, True]


def test_number_formats_and_devices_reach_the_hidden_base(make: Make):
    encoder = make("bert", "lora").double()
    assert {p.dtype for p in encoder.method.model.parameters()} == {torch.float64}
    assert {p.dtype for p in encoder.parameters()} == {torch.float64}
    assert all(any(p is q for q in encoder.method.model.parameters()) for p in encoder.parameters())
    meta = make("bert", "adapter").to("meta")
    assert {p.device.type for p in meta.method.model.parameters()} == {"meta"}


@pytest.mark.parametrize("name", [name for name in METHODS if name != "head_only"])
@pytest.mark.parametrize("family", ["bert", "gpt"])
def test_gradient_checkpointing_gives_the_same_gradients_or_is_refused(make: Make, family: str, name: str):
    def gradients(*, checkpointing: bool):
        encoder = make(family, name).train()
        if checkpointing:
            encoder.activation_checkpointing_enable()
        encoder(TEXTS).pow(2).sum().backward()
        return [p.grad for p in encoder.parameters()]

    plain = gradients(checkpointing=False)
    if name == "prefix_tuning":
        with pytest.raises(ConfigError, match="prefix_tuning cannot"):
            gradients(checkpointing=True)
        return
    torch.testing.assert_close(plain, gradients(checkpointing=True))


def test_the_callers_randomness_is_left_alone_and_the_seed_decides(make: Make):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, same, other = (make("bert", "lora", seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_saving_replaces_what_was_saved_and_nothing_else(make: Make, tmp_path: Path):
    encoder = make("bert", "adapter")
    encoder.save(tmp_path / "encoder")
    encoder.save(tmp_path / "encoder")
    (tmp_path / "encoder" / "notes.txt").write_text("mine")
    with pytest.raises(BundleError, match=r"holds notes\.txt"):
        encoder.save(tmp_path / "encoder")


@pytest.mark.parametrize("method", ["full", "head_only", "prompt_tuning", "p_tuning"])
@pytest.mark.parametrize(("family", "width"), [("albert", 32), ("opt", 16)])
def test_models_whose_embeddings_or_states_have_another_width_than_their_layers(
    make: Make, tmp_path: Path, family: str, width: int, method: str
):
    encoder = make(family, method)
    with torch.inference_mode():
        expected = encoder([("a red one", None), ("", None), ("two dragons of the north", None)]).numpy()
    assert (encoder.dim, expected.shape) == (width, (3, width))
    encoder.save(tmp_path / "saved")
    loaded = load_encoder(tmp_path / "saved", settings={"precision": "float32"})
    found = loaded.encode(["a red one", "", "two dragons of the north"])
    np.testing.assert_allclose(found[[0, 2]], unit(expected[[0, 2]]), atol=1e-5)
    assert not found[1].any()
    pooling = json.loads(next((tmp_path / "saved").rglob("1_Pooling/config.json")).read_text())
    assert pooling["word_embedding_dimension"] == width


@pytest.mark.parametrize("method", ["full", "adapter"])
def test_a_full_disk_leaves_what_was_saved(make: Make, tmp_path: Path, method: str):
    encoder = make("bert", method)
    encoder.save(tmp_path / "encoder")
    before = load_encoder(tmp_path / "encoder").identity
    with room_again():
        files_up_to(20_000)
        with pytest.raises(BundleError, match=r"cannot be written.*too large"):
            encoder.save(tmp_path / "encoder")
    assert load_encoder(tmp_path / "encoder").identity == before
    assert [path.name for path in tmp_path.iterdir()] == ["encoder"]


def test_what_stands_beside_its_model_says_what_it_cannot_do(make: Make, tmp_path: Path):
    make("bert", "prefix_tuning").save(tmp_path / "encoder")
    config = HuggingFaceEncoderConfig(path=str(tmp_path / "encoder"), precision="float32")
    with pytest.raises(UnsupportedError, match="its attention cannot be read"):
        HuggingFaceEncoder(config).attention("red")
    with pytest.raises(ConfigError, match="does not merge, and cannot be fine-tuned further"):
        FineTunedEncoder(FineTunedEncoderConfig(path=str(tmp_path / "encoder")), seed=0)


def test_a_merged_encoder_can_be_fine_tuned_further(make: Make, tmp_path: Path):
    encoder = disturbed(make("gpt", "lora"))
    encoder.save(tmp_path / "encoder")
    config = FineTunedEncoderConfig.of({"path": str(tmp_path / "encoder"), "method": "ia3"})
    further = FineTunedEncoder(config, seed=0).eval()
    assert further.pooling == "last"
    np.testing.assert_allclose(unit(vectors(further)), unit(vectors(encoder)), atol=2e-5)


@pytest.mark.parametrize("method", ["full", "prefix_tuning"])
def test_what_is_told_of_an_encoder_is_no_part_of_what_it_is(make: Make, tmp_path: Path, method: str):
    place = tmp_path / "encoder"
    make("bert", method).save(place)
    before = read_checkpoint(place).fingerprint
    for name in (FACTS, MANIFEST):
        (place / name).write_text('{"licence": "MIT", "seconds": 3}')
    told = orjson.loads((place / ADAPTATION).read_bytes())
    (place / ADAPTATION).write_bytes(orjson.dumps(told | {"files": {}}))
    assert read_checkpoint(place).fingerprint == before
    if method == "full":  # and another encoder's card is not that of what is made of it
        further = FineTunedEncoder(FineTunedEncoderConfig.of({"path": str(place), "method": "full"}), seed=0)
        further.save(tmp_path / "further")
        assert not {FACTS, MANIFEST} & {file.name for file in (tmp_path / "further").iterdir()}
    else:
        other = told | {"method": told["method"] | {"tokens": 3}}
        (place / ADAPTATION).write_bytes(orjson.dumps(other))
        assert read_checkpoint(place).fingerprint != before


def test_virtual_tokens_leave_fewer_places_to_a_text(make: Make, tmp_path: Path, tiny_encoder: MakeEncoder):
    long = "dragon " * 200
    for method in ("prefix_tuning", "prompt_tuning", "p_tuning"):
        encoder = disturbed(make("bert", {"name": method, "tokens": 24}))
        assert encoder.max_length == 64 - 24
        (tokens,) = encoder.tokenize([(long, None)])
        assert len(tokens.ids) == 40
        with torch.no_grad():
            expected = unit(encoder([(long, None)]).numpy())
        encoder.save(tmp_path / method)
        found = load_encoder(tmp_path / method, settings={"precision": "float32"})
        np.testing.assert_allclose(found.encode([long]), expected, atol=1e-5)


def test_settings_come_back_as_they_went():
    asked: list[tuple[str, dict[str, Any]]]
    asked = [("lora", {"rank": 3, "targets": ["q_proj"]}), ("adapter", {"width": 2}), ("full", {})]
    for name, settings in asked:
        config = FineTunedEncoderConfig.of({"method": {"name": name, **settings}})
        again = FineTunedEncoderConfig.of(json.loads(json.dumps(config.model_dump(mode="json"))))
        assert again == config
        assert type(again.method) is METHODS[name].config

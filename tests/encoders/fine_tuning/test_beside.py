"""Adapters and virtual tokens against their formulas by hand, and against peft's own models."""

import numpy as np
import peft
import pytest
import torch

from penchant.encoders.fine_tuning.adapter import Bottleneck
from penchant.encoders.fine_tuning.architecture import role_of

from .conftest import Make
from .test_low_rank import disturbed
from .toy import TEXTS


def tokens_of(encoder) -> list[dict[str, torch.Tensor]]:
    """Each text by itself, as transformers wants it."""
    return [
        {"input_ids": torch.tensor([one.ids]), "attention_mask": torch.ones(1, len(one.ids), dtype=torch.int64)}
        for one in encoder.tokenize(TEXTS)
    ]


def test_a_bottleneck_is_its_formula(make: Make):
    encoder = disturbed(make("bert", {"name": "adapter", "width": 5, "activation": "relu"}))
    bottleneck = encoder.method.bottlenecks[0]
    assert isinstance(bottleneck, Bottleneck)
    h = np.random.default_rng(0).normal(size=(3, 32)).astype(np.float32)
    w1, b1, w2, b2 = (p.detach().numpy() for p in bottleneck.parameters())
    assert w1.shape == (5, 32)
    expected = h + np.maximum(h @ w1.T + b1, 0) @ w2.T + b2
    np.testing.assert_allclose(bottleneck(torch.from_numpy(h)).detach().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(("places", "roles"), [("both", {"attention_output", "down"}), ("feed_forward", {"down"})])
def test_adapters_stand_after_the_sub_layers(make: Make, places: str, roles: set[str]):
    encoder = make("gpt", {"name": "adapter", "places": places})
    hooked = [name for name, part in encoder.method.model.named_modules() if part._forward_hooks]
    assert {role_of(name) for name in hooked} == roles
    assert len(hooked) == 2 * len(roles)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft's own, of transformers
@pytest.mark.parametrize("method", ["prefix_tuning", "prompt_tuning", "p_tuning"])
@pytest.mark.parametrize("family", ["gpt", "llama"])
def test_virtual_tokens_are_those_of_peft(make: Make, family: str, method: str):
    """A second implementation: peft's own model around another copy of the base, with our weights."""
    encoder = disturbed(make(family, {"name": method, "tokens": 3}))
    base = make(family, "head_only").method.model.eval()
    kinds = {
        "prefix_tuning": peft.PrefixTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=3),
        "prompt_tuning": peft.PromptTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=3),
        "p_tuning": peft.PromptEncoderConfig(
            task_type="FEATURE_EXTRACTION", num_virtual_tokens=3, encoder_hidden_size=128
        ),
    }
    other = peft.get_peft_model(base, kinds[method]).eval()
    ours = {name.split(".", 1)[1]: value for name, value in encoder.method.state_dict().items()}
    other.prompt_encoder["default"].load_state_dict(ours)
    for inputs in tokens_of(encoder):
        with torch.no_grad():
            expected = other(**inputs).last_hidden_state[:, -inputs["input_ids"].shape[1] :]
            found = encoder.method.states(inputs)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_a_prefix_is_attended_to_like_words_by_a_two_sided_model(make: Make):
    """One layer by hand: softmax(Q [P_k ; K]ᵀ/√d) [P_v ; V], with the words' places after the prefix's."""
    encoder = disturbed(make("bert", {"name": "prefix_tuning", "tokens": 3}))
    model = encoder.method.model
    inputs = tokens_of(encoder)[1]
    length = inputs["input_ids"].shape[1]
    attention = model.encoder.layer[0].attention.self
    caught: dict[str, torch.Tensor] = {}
    handle = attention.register_forward_hook(lambda _, args, output: caught.update(h=args[0], out=output[0]))
    with torch.no_grad():
        encoder.method.states(inputs)
        handle.remove()
        places = model.embeddings(inputs["input_ids"], position_ids=torch.arange(3, 3 + length)[None])
        torch.testing.assert_close(caught["h"], places)
        made = encoder.method.prefix.embedding.weight.view(3, 2, 2, 4, 8)  # P, layers, key and value, heads, d
        h = caught["h"][0]
        parts = []
        for head in range(4):
            columns = slice(8 * head, 8 * head + 8)
            query, key, value = (f(h)[:, columns] for f in (attention.query, attention.key, attention.value))
            key = torch.cat([made[:, 0, 0, head], key])
            value = torch.cat([made[:, 0, 1, head], value])
            parts.append(torch.softmax(query @ key.T / 8**0.5, dim=1) @ value)
    torch.testing.assert_close(caught["out"][0], torch.cat(parts, dim=1), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("method", ["prefix_tuning", "prompt_tuning", "p_tuning"])
def test_without_what_is_put_before_it_is_the_base(make: Make, method: str):
    encoder, base = disturbed(make("bert", method)), make("bert", "head_only").eval()
    for inputs in tokens_of(encoder):
        with torch.no_grad():
            torch.testing.assert_close(
                encoder.method.model(**inputs).last_hidden_state, base.method.states(inputs), atol=0, rtol=0
            )


def test_a_prefix_made_by_a_network_and_an_lstm_prompt_are_counted_by_their_formulas(make: Make):
    projected = make("bert", {"name": "prefix_tuning", "tokens": 4, "projected": True, "hidden": 10})
    assert projected.trainable_count == 4 * 32 + (32 * 10 + 10) + (10 + 1) * 2 * 2 * 32
    lstm = make("bert", {"name": "p_tuning", "tokens": 4, "network": "lstm", "hidden": 6})
    one = 4 * 6 * (32 + 6 + 2)  # a direction of the first layer; the second reads both
    two = 4 * 6 * (12 + 6 + 2)
    assert lstm.trainable_count == 4 * 32 + 2 * one + 2 * two + (12 * 12 + 12) + (12 * 32 + 32)
    with torch.no_grad():
        assert torch.isfinite(lstm(TEXTS)).all()
        assert torch.isfinite(projected(TEXTS)).all()

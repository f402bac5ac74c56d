"""LoRA, DoRA, AdaLoRA and (IA)³ against their formulas by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from penchant.encoders.fine_tuning.adalora import AdaLora
from penchant.encoders.fine_tuning.architecture import linear_layers, role_of

from .conftest import Make
from .toy import PAIRS, Classifier, learn, vectors


def disturbed(encoder, *, seed: int = 0):
    """What is trained moved away from where it begins."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return encoder.eval()


def _layers(encoder: Any) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = encoder.method.layers()
    return found


def matrices(encoder) -> dict[str, tuple[Tensor, dict[str, Tensor]]]:
    """Name → the base's matrix (N, K), and what stands beside it, by the last word of peft's name."""
    found = {}
    for name, layer in encoder.method.layers():
        base = layer.get_base_layer()
        weight = base.weight if isinstance(base, torch.nn.Linear) else base.weight.T
        beside = {
            key.removesuffix(".weight").removesuffix(".default"): p for key, p in layer.named_parameters()
            if not key.startswith("base_layer.")
        }  # fmt: skip
        found[name] = (weight.detach(), {key: value.detach() for key, value in beside.items()})
    return found


@pytest.mark.parametrize("family", ["bert", "gpt"])
@pytest.mark.parametrize("method", ["lora", "dora", "adalora", "ia3"])
def test_merged_is_the_base_and_what_the_formula_adds(make: Make, family: str, method: str):
    settings = {
        "lora": {"name": "lora", "rank": 4, "alpha": 6.0},
        "dora": {"name": "lora", "rank": 4, "alpha": 6.0, "dora": True},
        "adalora": {"name": "adalora", "initial_rank": 5, "rank": 2, "alpha": 6.0},
        "ia3": "ia3",
    }[method]
    encoder = disturbed(make(family, settings))
    merged = encoder.method.merged_weights()
    for name, (w_NK, beside) in matrices(encoder).items():
        if method == "adalora":
            p_NR, q_RK, e_R1 = beside["lora_B"], beside["lora_A"], beside["lora_E"]
            expected = w_NK + 6.0 / (5 + 1e-5) * p_NR @ (e_R1 * q_RK)
        elif method == "ia3":
            scale = beside["ia3_l"]
            expected = w_NK * (scale.reshape(1, -1) if role_of(name) == "down" else scale.reshape(-1, 1))
        else:
            expected = w_NK + 6.0 / 4 * beside["lora_B"] @ beside["lora_A"]
            if method == "dora":
                expected = beside["lora_magnitude_vector"][:, None] * expected / expected.norm(dim=1, keepdim=True)
        found = merged[f"{name}.weight"]
        torch.testing.assert_close(found if family == "bert" else found.T, expected, atol=1e-6, rtol=1e-5)


def test_ia3_scales_what_the_paper_scales(make: Make):
    roles = {role_of(name) for name, _ in _layers(make("bert", "ia3"))}
    assert roles == {"key", "value", "down"}


def test_a_part_of_the_layers_can_be_chosen(make: Make):
    def roles(targets):
        return {role_of(name) for name, _ in _layers(make("bert", {"name": "lora", "targets": targets}))}

    assert roles("query_value") == {"query", "value"}
    assert roles("feed_forward") == {"up", "down"}
    assert roles("attention") == {"query", "key", "value", "attention_output"}
    assert roles(["self.query", "intermediate.dense"]) == {"query", "up"}


def adalora(make: Make, **settings):
    encoder = make("bert", {"name": "adalora", "initial_rank": 6, "rank": 3, "every": 2, **settings})
    assert isinstance(encoder.method, AdaLora)
    return encoder, encoder.method


def test_the_budget_falls_to_the_target_and_ranks_differ_between_matrices(make: Make):
    encoder, method = adalora(make)
    n = len(linear_layers(method.model))
    budgets = [method.budget(step=step, total=40) for step in range(41)]
    assert budgets[:9] == [6 * n] * 9  # 0.2 of 40 steps
    assert budgets[24:] == [3 * n] * 17  # 0.6 of them
    assert budgets == sorted(budgets, reverse=True)
    assert budgets[16] == int(3 * n + 3 * n * 0.5**3)  # half-way
    seen = []
    share_out = method._share_out
    method._share_out = lambda budget: (seen.append(budget), share_out(budget))[1]  # type: ignore[func-returns-value]
    learn(encoder, epochs=40)
    assert seen == [budgets[step] for step in (10, 12, 14, 16, 18, 20, 22, 24)]
    assert sum(method.ranks.values()) == 3 * n
    assert len(set(method.ranks.values())) > 1
    assert max(method.ranks.values()) <= 6


def test_importance_is_the_papers(make: Make):
    """A second implementation, of running means and of a rank's score."""
    encoder, method = adalora(make, smoothing=0.7)
    module = Classifier(encoder)
    optimiser = torch.optim.AdamW(module.parameters(), lr=0.02)
    mean: dict[str, Any] = {}
    spread: dict[str, Any] = {}
    for step in range(1, 7):
        optimiser.zero_grad()
        module.loss().backward()
        optimiser.step()
        for name, p in method.model.named_parameters():
            if p.requires_grad:
                now = (p.grad * p).abs().detach().numpy()
                mean[name] = 0.7 * mean.get(name, 0.0) + 0.3 * now
                spread[name] = 0.7 * spread.get(name, 0.0) + 0.3 * np.abs(now - mean[name])
        scores = {}
        for name in method.ranks:
            score = {part: mean[key] * spread[key] for part in "ABE"
                     for key in [f"{name}.lora_{part}.default"]}  # fmt: skip
            scores[name] = score["E"][:, 0] + score["A"].mean(1) + score["B"].mean(0)
        method.after_step(step=step, total=20)
    budget = method.budget(step=6, total=20)
    assert budget < 6 * len(scores)  # steps 5 to 12 share out, every second one: the last was step 6
    least = np.sort(np.concatenate(list(scores.values())))[::-1][budget - 1]
    for name, layer in method.layers():
        kept = scores[name] >= least
        np.testing.assert_array_equal(layer.lora_E["default"].detach().numpy()[:, 0] != 0, kept)


def test_adalora_stopped_and_gone_on_with_ends_the_same_bit_for_bit(make: Make):
    def run(encoder, state, steps):
        module = Classifier(encoder)
        optimiser = torch.optim.SGD(module.parameters(), lr=0.3)
        if state is not None:
            module.load_state_dict(state)
        for step in steps:
            optimiser.zero_grad()
            (module.loss() + encoder.method.penalty()).backward()
            optimiser.step()
            encoder.method.after_step(step=step, total=20)
        return {name: value.clone() for name, value in module.state_dict().items()}

    whole = run(adalora(make)[0], None, range(1, 21))
    for stop in (7, 14):
        half = run(adalora(make)[0], None, range(1, stop + 1))
        rest = run(adalora(make)[0], half, range(stop + 1, 21))
        assert whole.keys() == rest.keys()
        assert all(torch.equal(whole[name], rest[name]) for name in whole)


def test_the_penalty_is_how_far_from_orthogonal(make: Make):
    _, method = adalora(make, orthogonality=0.25)
    norms = []
    for _, layer in method.layers():
        p_NR, q_RK = layer.lora_B["default"].detach().numpy(), layer.lora_A["default"].detach().numpy()
        norms += [np.linalg.norm(p_NR.T @ p_NR - np.eye(6)), np.linalg.norm(q_RK @ q_RK.T - np.eye(6))]
    penalty = method.penalty()
    assert penalty is not None
    assert float(penalty.detach()) == pytest.approx(0.25 * np.mean(norms), rel=1e-5)
    assert adalora(make, orthogonality=0.0)[1].penalty() is None


def test_one_backbone_serves_two_tasks_by_two_small_sets_of_weights(make: Make, tiny_checkpoint: Callable[[str], Path]):
    encoder = make("bert", "lora")
    start = {name: value.clone() for name, value in encoder.state_dict().items()}
    first = {name: value.clone() for name, value in learn(encoder).encoder.state_dict().items()}
    told_first = vectors(encoder)
    encoder.load_state_dict(start)
    PAIRS.reverse()  # another task: the labels stay
    try:
        second = {name: value.clone() for name, value in learn(encoder).encoder.state_dict().items()}
    finally:
        PAIRS.reverse()
    told_second = vectors(encoder)
    encoder.load_state_dict(first)
    np.testing.assert_array_equal(vectors(encoder), told_first)
    encoder.load_state_dict(second)
    np.testing.assert_array_equal(vectors(encoder), told_second)
    assert np.abs(told_first - told_second).max() > 1e-2
    assert encoder.trainable_count < 0.3 * encoder.base_count

"""Each network against its formula written out a second time."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from penchant.models.sequential.caser import Convolutions
from penchant.models.sequential.gru4rec import GatedRecurrence
from penchant.models.sequential.positioned_transformer import PositionedTransformer


def events(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def built(cls, *args, **settings):
    torch.manual_seed(1)
    return cls(*args, **settings).eval()


def test_the_recurrence_is_that_of_its_formula():
    network = built(GatedRecurrence, 4, layers=1, dropout=0.3)
    z = events(1, 6, 4)
    W, U, b, c = (p.detach().numpy() for p in network.gru.parameters())
    state = np.zeros(4)
    for place, x in enumerate(z[0].numpy()):
        (wr, wg, wn), (ur, ug, un) = np.split(W @ x + b, 3), np.split(U @ state + c, 3)
        reset, keep = 1 / (1 + np.exp(-(wr + ur))), 1 / (1 + np.exp(-(wg + ug)))
        state = keep * state + (1 - keep) * np.tanh(wn + reset * un)
        np.testing.assert_allclose(network(z, torch.tensor([6]))[0, place].detach().numpy(), state, atol=1e-5)


def test_the_convolutions_are_those_of_every_window_by_itself():
    window, dim = 4, 5
    network = built(Convolutions, dim, window=window, horizontal=3, vertical=2, dropout=0.5)
    z = events(2, 6, dim)
    found = network(z, torch.tensor([6, 6]))
    for b in range(2):
        for place in range(6):
            image = torch.zeros(window, dim)
            seen = z[b, max(0, place - window + 1) : place + 1]
            image[window - len(seen) :] = seen
            parts = []
            for height, filters in enumerate(network.horizontal, start=1):
                kernel = filters.weight.transpose(1, 2)[:, None]  # (filters, 1, height, D)
                slid = functional.conv2d(image[None, None], kernel, filters.bias).relu()
                assert slid.shape == (1, 3, window - height + 1, 1)
                parts.append(slid.amax(dim=2).flatten())
            parts.append((network.vertical.weight @ image).T.flatten())
            recent = network.mix(torch.cat(parts)).relu()
            torch.testing.assert_close(found[b, place], torch.cat([recent, z[b, : place + 1].mean(dim=0)]))


def norm(x: np.ndarray, layer: torch.nn.LayerNorm) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + layer.eps)
    return np.asarray(scaled * layer.weight.detach().numpy() + layer.bias.detach().numpy())


def attend(x: np.ndarray, block, heads: int, *, causal: bool) -> np.ndarray:
    attention = block.self_attn
    packed = x @ attention.in_proj_weight.detach().numpy().T + attention.in_proj_bias.detach().numpy()
    length, width = x.shape
    mixed = np.zeros_like(x)
    for h in range(heads):
        part = slice(h * width // heads, (h + 1) * width // heads)
        q, k, v = (packed[:, n * width : (n + 1) * width][:, part] for n in range(3))
        logits = q @ k.T / math.sqrt(width // heads)
        if causal:
            logits[np.triu_indices(length, 1)] = -np.inf
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        mixed[:, part] = weights / weights.sum(axis=1, keepdims=True) @ v
    return np.asarray(mixed @ attention.out_proj.weight.detach().numpy().T + attention.out_proj.bias.detach().numpy())


def feed(x: np.ndarray, block, activation) -> np.ndarray:
    wide = x @ block.linear1.weight.detach().numpy().T + block.linear1.bias.detach().numpy()
    inner = activation(torch.from_numpy(wide)).numpy()
    return np.asarray(inner @ block.linear2.weight.detach().numpy().T + block.linear2.bias.detach().numpy())


@pytest.mark.parametrize("causal", [True, False])
def test_the_transformer_is_that_of_its_paper(causal):
    activation = "relu" if causal else "gelu"
    network = built(
        PositionedTransformer,
        6,
        layers=2,
        heads=2,
        places=9,
        dropout=0.4,
        causal=causal,
        norm_first=causal,
        activation=activation,
        expansion=1 if causal else 4,
    )
    z = events(2, 7, 6)
    lengths = [7, 4]
    found = network(z, torch.tensor(lengths)).detach().numpy()
    with torch.inference_mode():  # where torch takes a faster way
        np.testing.assert_allclose(network(z, torch.tensor(lengths)).numpy()[0], found[0], atol=1e-5)
    act = functional.relu if causal else functional.gelu
    for b, length in enumerate(lengths):
        places = network.places.weight.detach().numpy()[length - 1 :: -1]
        x = z[b, :length].numpy() * (math.sqrt(6) if causal else 1.0) + places
        if not causal:
            x = norm(x, network.norm)
        for block in network.blocks:
            if causal:  # SASRec: norm before each part
                x = x + attend(norm(x, block.norm1), block, 2, causal=True)
                x = x + feed(norm(x, block.norm2), block, act)
            else:  # BERT4Rec: after
                x = norm(x + attend(x, block, 2, causal=False), block.norm1)
                x = norm(x + feed(x, block, act), block.norm2)
        if causal:
            x = norm(x, network.norm)
        np.testing.assert_allclose(found[b, :length], x, atol=1e-5)


@pytest.mark.parametrize("name", ["recurrence", "convolutions", "transformer"])
def test_a_later_event_changes_no_earlier_state(name):
    network = {
        "recurrence": lambda: built(GatedRecurrence, 6, layers=2, dropout=0.1),
        "convolutions": lambda: built(Convolutions, 6, window=3, horizontal=2, vertical=1, dropout=0.1),
        "transformer": lambda: built(
            PositionedTransformer,
            6,
            layers=1,
            heads=2,
            places=8,
            dropout=0.1,
            causal=True,
            norm_first=True,
            activation="relu",
            expansion=1,
        ),
    }[name]()
    z = events(1, 5, 6)
    changed = z.clone()
    changed[0, 3] = events(6, seed=9)
    before, after = network(z, torch.tensor([5])), network(changed, torch.tensor([5]))
    torch.testing.assert_close(before[0, :3], after[0, :3])
    assert not torch.allclose(before[0, 3], after[0, 3])

"""BERT's forward pass over texts laid end to end.

Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2019), and RoBERTa's family, which differs in
where positions start. The same arithmetic as `transformers`' `BertModel` in evaluation mode, arranged for throughput:
query, key and value in one product, weights transposed once, element-wise steps in place, and no padding, since every
step but attention works on single tokens and attention runs on texts of equal length side by side.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import layer_norm, scaled_dot_product_attention

from penchant.encoders.int8 import Int8AfterGelu, Int8Linear

_KINDS = {"bert", "roberta", "xlm-roberta", "camembert"}
_ACTIVATIONS = {"gelu": "none", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh", "gelu_fast": "tanh"}

KEPT_OF_INPUTS = 8
"""Columns of a layer's inputs that its projections keep in float32 in int8."""
SHORT = 8
"""Tokens from which a text is computed in int8 where that was chosen."""

Weights = Mapping[str, Tensor]


class Linear(Protocol):
    """x W + b with W (K, N)."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor, /) -> Tensor: ...  # noqa: D102


class _Float:
    """A layer's own format; weights are transposed once, and several layers that read the same x are one."""

    def __init__(self, weights: Weights, *names: str, dtype: torch.dtype) -> None:
        self.weight = torch.cat([weights[f"{name}.weight"] for name in names]).t().to(dtype).contiguous()
        self.bias = torch.cat([weights[f"{name}.bias"] for name in names]).to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x.to(self.weight.dtype), self.weight)

    def to(self, device: torch.device | str) -> None:
        """Move it."""
        self.weight, self.bias = self.weight.to(device), self.bias.to(device)


class _LayerNorm:
    def __init__(self, weights: Weights, name: str, *, eps: float) -> None:
        self.weight, self.bias, self.eps = weights[f"{name}.weight"].float(), weights[f"{name}.bias"].float(), eps

    @property
    def reach(self) -> Tensor:
        """(D,) how large each column of the result gets, at four standard deviations."""
        return 4 * self.weight.abs() + self.bias.abs()

    def __call__(self, x: Tensor) -> Tensor:
        return layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)

    def to(self, device: torch.device | str) -> None:
        """Move it."""
        self.weight, self.bias = self.weight.to(device), self.bias.to(device)


class _Layer:
    """One transformer block, normalised after each of its two residual sums."""

    def __init__(self, weights: Weights, name: str, config: Mapping[str, Any], *, dtype: torch.dtype) -> None:
        self.heads, self.approximate = int(config["num_attention_heads"]), _ACTIVATIONS[config["hidden_act"]]
        eps, own = float(config["layer_norm_eps"]), f"{name}.attention.self"
        self.projections: Linear = _Float(weights, f"{own}.query", f"{own}.key", f"{own}.value", dtype=dtype)
        self.out: Linear = _Float(weights, f"{name}.attention.output.dense", dtype=dtype)
        self.norm_attention = _LayerNorm(weights, f"{name}.attention.output.LayerNorm", eps=eps)
        self.up: Linear = _Float(weights, f"{name}.intermediate.dense", dtype=dtype)
        self.down: Linear = _Float(weights, f"{name}.output.dense", dtype=dtype)
        self.norm_output = _LayerNorm(weights, f"{name}.output.LayerNorm", eps=eps)

    def in_int8(self, h_TD: Tensor) -> "_Layer":
        """Its products but attention's in 8-bit integers; `h_TD` are inputs as they come, for their sizes."""
        layer, own = copy(self), self.projections
        layer.projections = Int8Linear(own.weight, own.bias, sizes=h_TD.abs().amax(0), keep=KEPT_OF_INPUTS)
        layer.out = Int8Linear(self.out.weight, self.out.bias)
        layer.up = Int8Linear(self.up.weight, self.up.bias, sizes=self.norm_attention.reach)
        layer.down = Int8AfterGelu(self.down.weight, self.down.bias)
        return layer

    def to(self, device: torch.device | str) -> None:
        """Move it; not what is in 8-bit integers, which is the processor's alone."""
        for part in (self.projections, self.out, self.norm_attention, self.up, self.down, self.norm_output):
            if isinstance(part, _Float | _LayerNorm):
                part.to(device)

    def __call__(self, h_TD: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
        # The residual stream and both norms stay in float32; only the products are in the weights' precision.
        h_TD = self.norm_attention(h_TD + self.out(self._attend(self.projections(h_TD), shapes)))
        inner = torch.ops.aten.gelu_(self.up(h_TD), approximate=self.approximate)
        return self.norm_output(h_TD.add_(self.down(inner)))

    def _attend(self, projected_TE: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
        """softmax(QKᵀ/√d) V within each text, E = 3 D; `shapes` are (texts, length) of consecutive runs of T tokens."""
        mixed = projected_TE.new_empty(len(projected_TE), projected_TE.shape[1] // 3)
        start = 0
        for texts, length in shapes:
            run = slice(start, start + texts * length)
            split = projected_TE[run].view(texts, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            attended = scaled_dot_product_attention(split[0], split[1], split[2])
            mixed[run].view(texts, length, self.heads, -1).copy_(attended.transpose(1, 2))
            start = run.stop
        return mixed


class PackedBert:
    """The forward pass of a BERT-like model, from its config.json and its weights as `BertModel` names them.

    A weight that is missing is a `KeyError`. Products are in `dtype`, the rest in float32.
    """

    def __init__(self, config: Mapping[str, Any], weights: Weights, *, dtype: torch.dtype = torch.float32) -> None:
        config = {"pad_token_id": 0, "layer_norm_eps": 1e-12, "hidden_act": "gelu", **config}
        self.first_position = 0 if config["model_type"] == "bert" else int(config["pad_token_id"]) + 1
        self.words = weights["embeddings.word_embeddings.weight"].float()
        # Single texts are all of type 0, so its vector is part of every position's.
        types = weights["embeddings.token_type_embeddings.weight"][0].float()
        self.positions = weights["embeddings.position_embeddings.weight"].float() + types
        self.norm = _LayerNorm(weights, "embeddings.LayerNorm", eps=float(config["layer_norm_eps"]))
        self.layers = [
            _Layer(weights, f"encoder.layer.{i}", config, dtype=dtype) for i in range(config["num_hidden_layers"])
        ]

    def to(self, device: torch.device | str) -> "PackedBert":
        """The same, its weights moved to the device; token ids are to come from there too."""
        self.words, self.positions = self.words.to(device), self.positions.to(device)
        self.norm.to(device)
        for layer in self.layers:
            layer.to(device)
        return self

    @staticmethod
    def fits(config: Mapping[str, Any]) -> bool:
        """Whether a config.json describes a model that this class reproduces."""
        return (
            config.get("model_type") in _KINDS
            and config.get("hidden_act", "gelu") in _ACTIVATIONS
            and not config.get("is_decoder")
            and config.get("position_embedding_type") in {None, "absolute"}
        )

    def __call__(self, groups: Sequence[Tensor]) -> list[Tensor]:
        """Last hidden states, (n, L, D) for each group of n texts of L token ids, (n, L)."""
        h_TD, shapes = self.embedded(groups)
        for layer in self.layers:
            h_TD = layer(h_TD, shapes)
        runs = torch.split(h_TD, [texts * length for texts, length in shapes])
        return [run.view(texts, length, -1) for run, (texts, length) in zip(runs, shapes, strict=True)]

    def embedded(self, groups: Sequence[Tensor]) -> tuple[Tensor, list[tuple[int, int]]]:
        """What the first layer gets, (T, D), and (texts, length) of each group."""
        shapes = [(len(group), group.shape[1]) for group in groups]
        ids_T = torch.cat([group.reshape(-1) for group in groups])
        places = [torch.arange(length, device=ids_T.device).repeat(texts) for texts, length in shapes]
        positions_T = torch.cat(places) + self.first_position
        return self.norm(self.words[ids_T].add_(self.positions[positions_T])), shapes


class RoundedBert:
    """A `PackedBert` in float32 with most of its products in 8-bit integers, but for texts below `SHORT` tokens.

    In so few tokens rounding does not average out, and they cost little: names and search terms come exact.
    """

    def __init__(self, exact: PackedBert, examples: Sequence[Tensor]) -> None:
        """`examples` are groups of texts' token ids, by which it finds the columns of inputs that are out of scale."""
        self.exact, self.rounded = exact, copy(exact)
        self.rounded.layers = []
        h_TD, shapes = exact.embedded(examples)
        for layer in exact.layers:
            self.rounded.layers.append(layer.in_int8(h_TD))
            h_TD = layer(h_TD, shapes)

    def __call__(self, groups: Sequence[Tensor]) -> list[Tensor]:
        """As `PackedBert`'s."""
        found: list[Tensor | None] = [None] * len(groups)
        short = [group.shape[1] < SHORT for group in groups]
        for run, of_it in ((self.exact, True), (self.rounded, False)):
            places = [place for place, is_short in enumerate(short) if is_short is of_it]
            if places:
                for place, states in zip(places, run([groups[place] for place in places]), strict=True):
                    found[place] = states
        return [states for states in found if states is not None]

"""BERT's forward pass over texts laid end to end.

Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2019), and RoBERTa's family, which differs in
where positions start. The same arithmetic as `transformers`' `BertModel` in evaluation mode, arranged for throughput:
query, key and value in one product, weights transposed once, element-wise steps in place, and no padding, since every
step but attention works on single tokens and attention runs on texts of equal length side by side.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, scaled_dot_product_attention

_KINDS = {"bert", "roberta", "xlm-roberta", "camembert"}
_ACTIVATIONS = {"gelu": "none", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh", "gelu_fast": "tanh"}


class _Linear:
    """x W + b with W (K, N), transposed once."""

    def __init__(self, *layers: nn.Linear, dtype: torch.dtype) -> None:
        self.weight = torch.cat([layer.weight.detach() for layer in layers]).t().to(dtype).contiguous()
        self.bias = torch.cat([layer.bias.detach() for layer in layers]).to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x.to(self.weight.dtype), self.weight)


class _LayerNorm:
    def __init__(self, layer: nn.LayerNorm) -> None:
        self.weight, self.bias, self.eps = layer.weight.detach(), layer.bias.detach(), layer.eps

    def __call__(self, x: Tensor) -> Tensor:
        return layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


class _Layer:
    """One transformer block, normalised after each of its two residual sums."""

    def __init__(self, layer: Any, *, heads: int, approximate: str, dtype: torch.dtype) -> None:
        attention, output = layer.attention.self, layer.attention.output
        self.heads, self.approximate = heads, approximate
        self.qkv = _Linear(attention.query, attention.key, attention.value, dtype=dtype)
        self.out, self.norm_attention = _Linear(output.dense, dtype=dtype), _LayerNorm(output.LayerNorm)
        self.up, self.down = _Linear(layer.intermediate.dense, dtype=dtype), _Linear(layer.output.dense, dtype=dtype)
        self.norm_output = _LayerNorm(layer.output.LayerNorm)

    def __call__(self, h_TD: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
        # The residual stream and both norms stay in float32; only the products are in the weights' precision.
        h_TD = self.norm_attention(h_TD + self.out(self._attend(self.qkv(h_TD), shapes)))
        inner = torch.ops.aten.gelu_(self.up(h_TD), approximate=self.approximate)
        return self.norm_output(h_TD.add_(self.down(inner)))

    def _attend(self, qkv_TE: Tensor, shapes: Sequence[tuple[int, int]]) -> Tensor:
        """softmax(QKᵀ/√d) V within each text; `shapes` are (texts, length) of consecutive runs of the T tokens."""
        tokens, width = qkv_TE.shape[0], qkv_TE.shape[1] // 3
        mixed = qkv_TE.new_empty(tokens, width)
        start = 0
        for texts, length in shapes:
            run = slice(start, start + texts * length)
            packed = qkv_TE[run].view(texts, length, 3, self.heads, width // self.heads)
            query, key, value = packed.permute(2, 0, 3, 1, 4).unbind(0)
            attended = scaled_dot_product_attention(query, key, value)
            mixed[run].view(texts, length, self.heads, -1).copy_(attended.transpose(1, 2))
            start = run.stop
        return mixed


class PackedBert:
    """The forward pass of a loaded BERT-like model; keeps its own copy of the weights."""

    def __init__(self, model: Any, *, dtype: torch.dtype = torch.float32) -> None:
        config, embeddings = model.config, model.embeddings
        self.first_position = 0 if config.model_type == "bert" else int(config.pad_token_id) + 1
        self.words = embeddings.word_embeddings.weight.detach()
        # Single texts are all of type 0, so its vector is part of every position's.
        types = embeddings.token_type_embeddings.weight.detach()[0]
        self.positions = embeddings.position_embeddings.weight.detach() + types
        self.norm = _LayerNorm(embeddings.LayerNorm)
        self.layers = [
            _Layer(layer, heads=config.num_attention_heads, approximate=_ACTIVATIONS[config.hidden_act], dtype=dtype)
            for layer in model.encoder.layer
        ]

    @staticmethod
    def fits(config: Any) -> bool:
        """Whether a `transformers` config describes a model that this class reproduces."""
        return (
            config.model_type in _KINDS
            and config.hidden_act in _ACTIVATIONS
            and not getattr(config, "is_decoder", False)
            and getattr(config, "position_embedding_type", "absolute") in {None, "absolute"}
        )

    def __call__(self, groups: Sequence[Tensor]) -> list[Tensor]:
        """Last hidden states, (n, L, D) for each group of n texts of L token ids, (n, L)."""
        shapes = [(len(group), group.shape[1]) for group in groups]
        ids_T = torch.cat([group.reshape(-1) for group in groups])
        places = [torch.arange(length).repeat(texts) for texts, length in shapes]
        positions_T = torch.cat(places) + self.first_position
        h_TD = self.norm(self.words[ids_T].add_(self.positions[positions_T]))
        for layer in self.layers:
            h_TD = layer(h_TD, shapes)
        runs = torch.split(h_TD, [texts * length for texts, length in shapes])
        return [run.view(texts, length, -1) for run, (texts, length) in zip(runs, shapes, strict=True)]

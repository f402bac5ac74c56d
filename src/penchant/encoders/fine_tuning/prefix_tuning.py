"""Prefix tuning: learned keys and values before those of the words, in every layer."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from penchant.encoders.fine_tuning.architecture import layers_of
from penchant.encoders.fine_tuning.virtual_tokens import VirtualTokens, VirtualTokensConfig
from penchant.errors import ConfigError


class PrefixTuningConfig(VirtualTokensConfig):
    """Settings of `PrefixTuning`."""

    name: Literal["prefix_tuning"] = "prefix_tuning"
    projected: bool = False
    """Whether keys and values are made by a network of two layers from P vectors (Li and Liang's reparametrisation)."""
    hidden: int = Field(default=128, ge=1)
    """Its width."""


class PrefixTuning(VirtualTokens):
    """In every layer ``softmax(Q [P_k ; K]ᵀ/√d) [P_v ; V]`` with P_k and P_v (P, width of keys) trained.

    Li and Liang (2021), "Prefix-tuning: Optimizing continuous prompts for generation". Trained: 2 P times the width of
    keys for each layer; projected: P W + W H + H + (H + 1) 2 W n for n layers of keys W wide. The words' positions
    begin after the prefix's. By peft; `ConfigError` for a model that takes no keys and values from outside, such as
    DistilBERT or T5's encoder.
    """

    config: PrefixTuningConfig
    recomputes = False  # transformers leaves out keys and values from outside when it works a layer out again

    def attach(self, model: Any) -> Iterable[tuple[str, nn.Parameter]]:
        """Keys and values."""
        import peft

        refused = ConfigError(
            f"A {type(model).__name__} takes no keys and values from outside, which prefix_tuning needs.",
            hint="Use prompt_tuning, or lora.",
        )
        if "past_key_values" not in inspect.signature(model.forward).parameters:
            raise refused
        config = model.config
        self.heads = int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
        self.head_width = int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
        self.depth = len(layers_of(model))
        settings = peft.PrefixTuningConfig(
            num_virtual_tokens=self.config.tokens,
            token_dim=self.heads * self.head_width,
            num_layers=self.depth,
            num_transformer_submodules=1,
            encoder_hidden_size=self.config.hidden,
            prefix_projection=self.config.projected,
        )
        self.prefix = peft.PrefixEncoder(settings)  # type: ignore[no-untyped-call]
        if not self.config.projected:
            nn.init.normal_(self.prefix.embedding.weight, std=0.02)  # of unit size it would drown the words
        if not self._is_read():
            raise refused
        return ()

    def states(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The words' states, (B, L, D)."""
        from transformers import DynamicCache

        mask_BL = inputs["attention_mask"]
        texts, length, tokens = *mask_BL.shape, self.config.tokens
        made: Tensor = self.prefix(self.places()).view(tokens, self.depth, 2, self.heads, self.head_width)
        cache = DynamicCache()
        for layer, both in enumerate(made.permute(1, 2, 3, 0, 4)):
            key, value = both.expand(texts, -1, -1, -1, -1).unbind(1)  # (B, H, P, d)
            cache.update(key, value, layer)
        mask = torch.cat([mask_BL.new_ones(texts, tokens), mask_BL], dim=1)
        if not self._one_sided:  # such a model makes no room for a prefix in a mask of its own
            lowest = torch.finfo(made.dtype).min
            mask = ((1 - mask) * lowest).to(made.dtype)[:, None, None, :].expand(-1, -1, length, -1)
        states: Tensor = self.model(**{**inputs, "attention_mask": mask}, past_key_values=cache).last_hidden_state
        return states

    def _is_read(self) -> bool:
        """Whether the model's states depend on the prefix; some take one and leave it aside."""
        probe = torch.zeros(1, 2, dtype=torch.int64, device=self.model.device)
        inputs = {"input_ids": probe, "attention_mask": torch.ones_like(probe)}
        weights = [weight for weight in self.prefix.parameters() if weight.dim() > 1]
        kept = [weight.detach().clone() for weight in weights]
        try:
            with torch.no_grad():  # and not by its gradients: a model may be loaded where none are made
                first = self.states(inputs)
                for weight in weights:
                    weight.add_(torch.linspace(-1.0, 1.0, weight.numel()).to(weight).view_as(weight))
                changed = not torch.equal(self.states(inputs), first)
                for weight, before in zip(weights, kept, strict=True):
                    weight.copy_(before)
                return changed
        except (RuntimeError, TypeError, ValueError, AttributeError):
            return False

    @property
    def _one_sided(self) -> bool:
        """Whether the model reads from left to right, and its mask is made as long as its cache."""
        return any(getattr(part, "is_causal", False) for part in self.model.modules())

"""Tokens that stand for no word: what prefix, prompt and P-tuning put before a text."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from penchant.encoders.fine_tuning.method import FineTuningMethod, MethodConfig


class VirtualTokensConfig(MethodConfig):
    """Settings of every method with virtual tokens."""

    tokens: int = Field(default=20, ge=1)
    """P, how many virtual tokens."""


class VirtualTokens(FineTuningMethod):
    """A method whose virtual tokens take positions of the model's, before those of the text. None merges."""

    merges = False
    config: VirtualTokensConfig

    @property
    def positions(self) -> int:  # type: ignore[override]
        """P"""
        return self.config.tokens

    def places(self) -> Tensor:
        """0 … P − 1, on the model's device."""
        return torch.arange(self.config.tokens, device=self.model.device)


class PromptMethod(VirtualTokens):
    """Virtual tokens at the input: P vectors before the text's own, read like words.

    ``h = model( [ p_1 … p_P ; E(text) ] )``, states of the P left out. The p are as wide as its input embeddings, W.
    """

    @abstractmethod
    def prompt(self) -> Tensor:
        """(P, W)"""

    def states(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The text's own states, (B, L, D)."""
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        texts, tokens = len(ids), self.config.tokens
        words_BLD = self.model.get_input_embeddings()(ids)
        given: dict[str, Tensor] = {
            "inputs_embeds": torch.cat([self.prompt().expand(texts, -1, -1), words_BLD], dim=1),
            "attention_mask": torch.cat([mask.new_ones(texts, tokens), mask], dim=1),
        }
        if "token_type_ids" in inputs:
            segments = inputs["token_type_ids"]
            given["token_type_ids"] = torch.cat([segments.new_zeros(texts, tokens), segments], dim=1)
        states: Tensor = self.model(**given).last_hidden_state[:, tokens:]
        return states

    def _peft_settings(self, model: Any) -> dict[str, Any]:
        return {
            "num_virtual_tokens": self.config.tokens,
            "token_dim": int(model.get_input_embeddings().embedding_dim),
            "num_transformer_submodules": 1,
        }

"""One pretrained language model that several tasks read: its last layers are trained, the others stay as they came."""

import inspect
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from penchant.config import Config
from penchant.encoders.checkpoint import locate, pooling_of, read_checkpoint
from penchant.encoders.pair_input import Texts, Tokens, has_segments, pair_tokenization
from penchant.encoders.pooling import pool
from penchant.errors import BundleError, ConfigError


class LanguageModelConfig(Config):
    """Which language model, and how much of it is trained."""

    path: str | None = None
    """A checkpoint's folder or its hub id. None: the embedded all-MiniLM-L6-v2."""
    revision: str | None = None
    """A hub model's branch, tag or commit."""
    pooling: Literal["auto", "mean", "first", "last"] = "auto"
    """How token states become one vector. ``auto``: as the model's files say, else by its architecture."""
    max_length: int = Field(default=128, ge=1)
    """Tokens of an item and a user together; the model's own limit where that is lower."""
    trainable_layers: int = Field(default=1, ge=0)
    """The last layers, which are trained; 0: the language model stays as it is."""


class SharedEncoder(nn.Module):
    """Texts, or pairs of texts, to vectors (N, D).

    Only the trained layers are parameters of this module: they alone are optimised, kept in a training's state and
    saved. The rest belongs to the checkpoint and is found there again by its fingerprint. It runs without dropout and
    without gradients.

    Raises `NotFoundError` where there is no such model, `ConfigError` where it cannot be used or has fewer layers.
    """

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        # transformers takes seconds to import
        from penchant.encoders.transformer import load_model, load_tokenizer

        checkpoint = read_checkpoint(locate(config.path, revision=config.revision))
        self.fingerprint = checkpoint.fingerprint
        self.pooling = checkpoint.pooling or pooling_of(checkpoint.architecture)
        if config.pooling != "auto":
            self.pooling = config.pooling
        tokenizer, model = load_tokenizer(checkpoint), load_model(checkpoint)
        model.config.use_cache = False  # what left-to-right models keep for writing on is of no use here
        self.tokenize = pair_tokenization(checkpoint, tokenizer, max_length=config.max_length)
        self.layers = nn.ModuleList(_last_layers(model, config.trainable_layers)).requires_grad_(requires_grad=True)
        self.dim = int(model.config.hidden_size)
        self._whole = (model,)  # in a tuple, where torch does not take it for a part of this module
        self._segments = has_segments(checkpoint) and "token_type_ids" in inspect.signature(model.forward).parameters
        padding = tokenizer.pad_token_id
        self._padding = 0 if padding is None else int(padding)  # masked, so that any token will do

    def forward(self, texts: Sequence[Texts]) -> Tensor:
        """One vector for each single text or pair, (N, D)."""
        return self.encode(self.tokenize(texts))

    def encode(self, tokens: Sequence[Tokens]) -> Tensor:
        """The same of what is tokenised; at least one sequence."""
        lengths = [len(one.ids) for one in tokens]
        ids = np.full((len(tokens), max(lengths)), self._padding, dtype=np.int64)
        mask, segments = np.zeros_like(ids), np.zeros_like(ids)
        for n, one in enumerate(tokens):
            ids[n, : lengths[n]], segments[n, : lengths[n]], mask[n, : lengths[n]] = one.ids, one.segments, 1
        inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if self._segments:
            inputs["token_type_ids"] = torch.from_numpy(segments)
        states = self._whole[0](**inputs).last_hidden_state.float()
        if min(lengths) == max(lengths):
            return pool(states, self.pooling)
        return torch.cat([pool(states[n : n + 1, :length], self.pooling) for n, length in enumerate(lengths)])

    def check(self, fingerprint: str) -> None:
        """`BundleError` where the trained layers belong to another checkpoint than the one that was found."""
        if fingerprint != self.fingerprint:
            raise BundleError(
                f"The trained layers belong to the language model {fingerprint[:12]}…, and in its place is "
                f"{self.fingerprint[:12]}….",
                hint="Put the checkpoint back that the model was fitted with, or fit the model again.",
            )


def _last_layers(model: Any, n: int) -> list[nn.Module]:
    """The last n of the transformer's layers, in order."""
    if n == 0:
        return []
    depth = int(model.config.num_hidden_layers)
    lists = [part for part in model.modules() if isinstance(part, nn.ModuleList) and len(part) == depth]
    if not lists:
        raise ConfigError(
            f"The layers of a {type(model).__name__} cannot be told apart.", hint="Set trainable_layers to 0."
        )
    if n > depth:
        raise ConfigError(f"trainable_layers is {n}, and the model has {depth}.", hint=f"Choose 0 to {depth}.")
    return list(lists[0][depth - n :])

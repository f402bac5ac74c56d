"""A transformer with its language-modelling head and its tokenizer, as pre-training trains and saves it."""

import inspect
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import normalize

from penchant.config import Config
from penchant.encoders.checkpoint import is_causal, locate, pooling_of, positions_of, read_checkpoint
from penchant.encoders.fine_tuning.catalogue import METHODS, Method
from penchant.encoders.fine_tuning.encoder import set_dropout
from penchant.encoders.fine_tuning.full import FullConfig
from penchant.encoders.pair_input import Tokens, has_segments, pair_tokenization
from penchant.encoders.pooling import pool_padded
from penchant.encoders.sentence_files import write_sentence_files
from penchant.encoders.tokenization import Tokenization, check_size, check_vocabulary
from penchant.encoders.transformer import has_language_head, load_language_model, load_tokenizer, quiet, width_of
from penchant.errors import ConfigError, UnsupportedError
from penchant.progress import SILENT, Progress
from penchant.seeding import derive
from penchant.training.devices import device_of
from penchant.types import FloatArray

ENCODED = 64
"""Texts encoded at once."""
_TOKENIZER = ("tokenizer*", "vocab.*", "merges.txt", "special_tokens_map.json", "added_tokens.json", "*.model")
_KEPT = (*_TOKENIZER, "config_sentence_transformers.json")


@dataclass(frozen=True, slots=True)
class Padded:
    """B sequences of at most L tokens, the pads behind."""

    ids_BL: Tensor
    mask_BL: Tensor
    """1 at tokens, 0 at pads"""
    segments_BL: Tensor


class LanguageModelConfig(Config):
    """Which language model is trained further, and how much of it."""

    path: str | None = None
    """A checkpoint's folder or its hub id. None: the embedded all-MiniLM-L6-v2."""
    revision: str | None = None
    """A hub model's branch, tag or commit."""
    max_length: int = Field(default=128, ge=8)
    """Tokens of a text, or of two together; the model's own limit where that is lower."""
    method: Method = FullConfig()
    """What of it is trained: a method of `METHODS` that merges, by name, or a table of its name and settings."""
    dropout: float | None = Field(default=None, ge=0, lt=1)
    """Wherever the model drops anything in training. None: as its own files say."""


class LanguageModel(nn.Module):
    """A checkpoint that is to be trained further on plain texts.

    A model that reads both ways has a masked-word head, one that reads on a next-word head: the checkpoint's own, or a
    fresh one tied to its embeddings where its files have none (all-MiniLM-L6-v2's). `method` holds what is trained of
    the model itself, `head` what the head has besides.

    Raises `NotFoundError` where there is no such model, `ConfigError` where it cannot be loaded, has no tokenizer or
    the method does not merge, and `UnsupportedError` for an architecture that has no such head, or layers after its
    pooling.
    """

    def __init__(self, config: LanguageModelConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        entry, max_length = METHODS[config.method.name], config.max_length
        if not entry.cls.merges:
            merging = ", ".join(name for name in METHODS if METHODS[name].cls.merges)
            raise ConfigError(
                f"{config.method.name} leaves no plain model behind, and pre-training saves one.",
                hint=f"Methods that merge: {merging}.",
            )
        path, revision = config.path, config.revision
        checkpoint = read_checkpoint(locate(path, revision=revision))
        if checkpoint.after or not has_language_head(checkpoint.architecture):
            kind = "has layers after its pooling" if checkpoint.after else "is of a kind without a head for words"
            raise UnsupportedError(
                f"{checkpoint.folder} {kind}, which pre-training does not train.",
                hint="Give a plain BERT-like or GPT-like checkpoint.",
            )
        check_vocabulary(checkpoint)
        self.checkpoint = checkpoint
        self.causal = is_causal(checkpoint.architecture)
        self.pooling = checkpoint.pooling or pooling_of(checkpoint.architecture)
        self.tokenizer = load_tokenizer(checkpoint)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "language head"))
            network, self.own_head = load_language_model(checkpoint, causal=self.causal)
            self._whole = (network,)  # in a tuple, where torch does not take it for a part of this module
            if config.dropout is not None:
                set_dropout(network, config.dropout)
            own = {id(weight) for weight in network.base_model.parameters()}
            self.method = entry.cls(config.method)
            self.method.take(network.base_model)
        self.head = nn.ParameterList(weight for weight in network.parameters() if id(weight) not in own)
        self.network.config.use_cache = False  # what is kept for writing on is of no use here
        self.rows = int(self.network.get_input_embeddings().num_embeddings)
        check_size(checkpoint, tokens=self.tokenizer.vocab_size, rows=self.rows)
        self.dim = width_of(self.network)
        self._logits = _head_of(self.network)
        body = self.network.base_model
        self._segments = has_segments(checkpoint) and "token_type_ids" in inspect.signature(body.forward).parameters
        limits = (max_length, checkpoint.max_length, self.tokenizer.model_max_length, self._positions)
        self.max_length = min(int(limit) for limit in limits if limit and limit > 0)
        special = int(self.tokenizer.num_special_tokens_to_add())
        self.singles = Tokenization(
            self.tokenizer,
            special=special,
            max_length=self.max_length,
            lower_case=checkpoint.lower_case,
            prompt=checkpoint.prompt,
            names=self.tokenizer.convert_ids_to_tokens,
        )
        # A tokenizer of its own: the one above is set to cut what it reads.
        self.pairs = pair_tokenization(checkpoint, load_tokenizer(checkpoint), max_length=max_length)
        padding = self.tokenizer.pad_token_id
        self.padding = 0 if padding is None else int(padding)  # masked, so that any token will do

    @property
    def network(self) -> Any:
        """The model with its head, as transformers has it."""
        return self._whole[0]

    @property
    def device(self) -> torch.device:
        """Where the model is, and where what it reads is put."""
        return device_of(self.method.model)

    @property
    def _positions(self) -> int | None:
        return positions_of(self.network.config.to_dict())

    def padded(self, ids: Sequence[Sequence[int]], segments: Sequence[Sequence[int]] | None = None) -> Padded:
        """Token ids in one batch."""
        shape = (len(ids), max(map(len, ids)))
        ids_BL = torch.full(shape, self.padding)
        mask_BL, segments_BL = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
        for n, one in enumerate(ids):
            ids_BL[n, : len(one)], mask_BL[n, : len(one)] = torch.tensor(one), 1
            if segments is not None:
                segments_BL[n, : len(one)] = torch.tensor(segments[n])
        return Padded(ids_BL, mask_BL, segments_BL)

    def padded_pairs(self, tokens: Sequence[Tokens]) -> Padded:
        """Sequences of two texts in one batch."""
        return self.padded([one.ids for one in tokens], [one.segments for one in tokens])

    def states(self, batch: Padded) -> Tensor:
        """Last hidden states, (B, L, D)."""
        inputs = {"input_ids": batch.ids_BL, "attention_mask": batch.mask_BL}
        if self._segments:
            inputs["token_type_ids"] = batch.segments_BL
        return self.method.states({name: value.to(self.device) for name, value in inputs.items()}).float()

    def pooled(self, batch: Padded) -> Tensor:
        """One vector a text, (B, D), before normalisation."""
        return pool_padded(self.states(batch), batch.mask_BL.to(self.device), self.pooling)

    def logits(self, states_ND: Tensor) -> Tensor:
        """What the head makes of single states: (N, V), log probabilities up to a constant."""
        return self._logits(states_ND)

    def vectors(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:
        """Unit vectors as an encoder of these weights gives them, (len(texts), D); zero for a text with no tokens."""
        ids = self.singles(texts)
        vectors = torch.zeros(len(texts), self.dim)
        order = sorted((n for n in range(len(ids)) if ids[n]), key=lambda n: len(ids[n]))
        training = self.method.training
        self.method.eval()
        with torch.inference_mode(), progress.task("Encoding texts", total=len(order)) as advance:
            for start in range(0, len(order), ENCODED):
                places = order[start : start + ENCODED]
                vectors[places] = normalize(self.pooled(self.padded([ids[n] for n in places])), dim=1).cpu()
                advance(len(places))
        self.method.train(training)
        found: FloatArray = vectors.numpy()
        return found

    def save(self, folder: Path) -> None:
        """Write a checkpoint with head, tokenizer and pooling into an existing folder, which `load_encoder` reads."""
        before = self.checkpoint.folder
        for file in {file for pattern in _KEPT for file in before.glob(pattern)}:  # as they are, to be read as before
            shutil.copyfile(file, folder / file.name)
        with quiet():
            self.network.config.save_pretrained(folder)
        save_file(self._merged(), folder / "model.safetensors", metadata={"format": "pt"})
        length = self.checkpoint.max_length or self._positions or self.max_length
        write_sentence_files(folder, pooling=self.pooling, dim=self.dim, max_length=length)

    def _merged(self) -> dict[str, Tensor]:
        """The weights of the plain model by transformers' names; what is tied to the embeddings once."""
        network = self.network
        prefix = f"{network.base_model_prefix}."
        merged = {prefix + name: weight for name, weight in self.method.merged_weights().items()}
        told = {network.get_input_embeddings().weight.data_ptr()}
        for name, weight in network.state_dict().items():
            if not name.startswith(prefix) and weight.data_ptr() not in told:
                merged[name] = weight
                told.add(weight.data_ptr())
        # Tensors that share memory are written apart: the format has no ties.
        return {name: weight.detach().cpu().clone().contiguous() for name, weight in merged.items()}


def _head_of(network: Any) -> Callable[[Tensor], Tensor]:
    """The layers between the last hidden states and the logits, to be run on single states."""
    for name in ("cls", "lm_head"):
        if hasattr(network, name):
            head: Callable[[Tensor], Tensor] = getattr(network, name)
            return head
    if hasattr(network, "vocab_projector"):  # DistilBERT
        return lambda states: network.vocab_projector(
            network.vocab_layer_norm(network.activation(network.vocab_transform(states)))
        )
    raise UnsupportedError(
        f"The head of a {type(network).__name__} is not known.", hint="BERT-, RoBERTa- and GPT-like models are."
    )


def check_direction(model: LanguageModel, *, causal: bool, objective: str) -> None:
    """`ConfigError` where the objective asks for a model that reads the other way."""
    if model.causal != causal:
        reads = ("from left to right", "both ways")
        raise ConfigError(
            f"{objective} needs a model that reads {reads[not causal]}; {model.checkpoint.folder.name} reads "
            f"{reads[not model.causal]}.",
            hint="Use mlm for BERT-like models and clm for GPT-like ones.",
        )

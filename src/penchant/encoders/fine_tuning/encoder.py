"""A pretrained encoder under training: texts, or pairs of texts, to vectors, with the chosen weights trained."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import embedding, embedding_bag

from penchant.config import Config
from penchant.encoders.checkpoint import After, Pooling, locate, pooling_of, read_checkpoint
from penchant.encoders.fine_tuning.catalogue import METHODS, Method
from penchant.encoders.fine_tuning.top_layers import TopLayersConfig
from penchant.encoders.pair_input import Texts, Tokens, has_segments, pair_tokenization
from penchant.encoders.pooling import AfterStep, Dense, after_pooling, load_after, pool, pool_padded
from penchant.errors import BundleError, ConfigError
from penchant.seeding import derive
from penchant.types import FloatArray

_DROPOUTS = ("dropout", "attention_dropout", "activation_dropout", "layerdrop")
"""Shares that some models keep as plain numbers."""


RUN = 32
"""Texts run at a time."""


class FineTunedEncoderConfig(Config):
    """Which language model, how its vectors are made, and what of it is trained."""

    path: str | None = None
    """A checkpoint's folder or its hub id. None: the embedded all-MiniLM-L6-v2."""
    revision: str | None = None
    """A hub model's branch, tag or commit."""
    pooling: Literal["auto", "mean", "first", "last"] = "auto"
    """How token states become one vector. ``auto``: as the model's files say, else by its architecture."""
    max_length: int = Field(default=128, ge=1)
    """Tokens of a text, or of two together; the model's own limit where that is lower."""
    words: bool = False
    """Whether the mean of the tokens' input embeddings stands beside the vector, before the trained last layer: which
    words a text has, such as a brand's, and not only what they mean together. Sentence Transformers does not read such
    an encoder. A model that has them already gets no more."""
    method: Method = TopLayersConfig()
    """A method of `METHODS` by its name, or a table of its name and settings."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Of the model itself in training, wherever it has any; its own setting is not used."""


class FineTunedEncoder(nn.Module):
    """Texts, or pairs of texts, to vectors (N, D), before normalisation.

    Its parameters are those that the method trains, and so is its state: the rest belongs to the checkpoint and is
    found there again by its fingerprint. A single text is read as `load_encoder` of the same checkpoint reads it; so
    are those that `save` writes, within 1e-5.

    Caveat: where the trained weights are few and high up, as in ``top_layers``, what lies below runs without gradients;
    an adapter in the first layer needs them through all layers.

    Raises `NotFoundError` where there is no such model or method, `ConfigError` where the model cannot be used or the
    method does not fit it.
    """

    def __init__(self, config: FineTunedEncoderConfig, *, seed: int) -> None:
        super().__init__()
        # transformers takes seconds to import
        from penchant.encoders.transformer import load_model, load_tokenizer, width_of

        self.config = config
        self._root = locate(config.path, revision=config.revision)
        self._checkpoint = read_checkpoint(self._root)
        if self._checkpoint.adaptation is not None:
            raise ConfigError(
                f"{self._root} was fine-tuned by a method that does not merge, and cannot be fine-tuned further.",
                hint="Fine-tune its base, or use a method that merges first.",
            )
        stated = self._checkpoint.pooling or pooling_of(self._checkpoint.architecture)
        self.pooling: Pooling = stated if config.pooling == "auto" else config.pooling
        tokenizer, model = load_tokenizer(self._checkpoint), load_model(self._checkpoint)
        model.config.use_cache = False  # what left-to-right models keep for writing on is of no use here
        self._after = load_after(self._checkpoint)
        set_dropout(model, config.dropout)
        self.base_count = sum(p.numel() for p in model.parameters())
        self.method = METHODS[config.method.name].cls(config.method)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "fine-tuning", config.method.name))
            self.method.take(model)
        self.pairs = pair_tokenization(
            self._checkpoint, tokenizer, max_length=config.max_length, taken=self.method.positions
        )
        width = int(model.get_input_embeddings().embedding_dim)
        self.word_width = width if config.words and "Words" not in self._after else 0
        """Numbers at the end of a vector before the trained last layer that are the words'; 0: none stand there."""
        self.pooled_width = self.dim = width_of(model)
        for step in self._after:
            self.dim = len(step.weight) if isinstance(step, Dense) else self.dim + width * (step == "Words")
        self.dim += self.word_width
        self._pooled_dim = self.dim
        self.head: nn.Linear | None = None
        """A trained layer after the pooling, where one was put there."""
        self.unit: Tensor | None
        """Of any value where that layer reads unit vectors: a part of the state as the layer is."""
        self.register_buffer("unit", None)
        self._segments = (
            has_segments(self._checkpoint) and "token_type_ids" in inspect.signature(model.forward).parameters
        )
        padding = tokenizer.pad_token_id
        self._padding = 0 if padding is None else int(padding)  # masked, so that any token will do

    @property
    def fingerprint(self) -> str:
        """Of the checkpoint that is fine-tuned."""
        return self._checkpoint.fingerprint

    @property
    def max_length(self) -> int:
        """Tokens that a text is cut to."""
        return self.pairs.max_length

    @property
    def trainable_count(self) -> int:
        """Numbers that are trained."""
        return sum(p.numel() for p in self.parameters())

    @property
    def total_count(self) -> int:
        """Numbers of the base model and of what the method added."""
        return sum(p.numel() for p in {*self.method.model.parameters(), *self.parameters()})

    def tokenize(self, texts: Sequence[Texts]) -> list[Tokens]:
        """Token ids of each single text or pair, cut to `max_length`; of a text with nothing to read none."""
        prompt = self._checkpoint.prompt
        return self.pairs([(prompt + a if a.strip() else "", b) for a, b in texts])

    def forward(self, texts: Sequence[Texts]) -> Tensor:
        """One vector for each single text or pair, (N, D)."""
        return self.encode(self.tokenize(texts))

    def encode(self, tokens: Sequence[Tokens]) -> Tensor:
        """The same of what is tokenised; zero where there are no tokens.

        Many are run a few at a time beside others of nearly their length, so that there is little padding.
        """
        if len(tokens) <= RUN:
            return self._encode(tokens)
        order = sorted(range(len(tokens)), key=lambda n: len(tokens[n].ids))
        runs = [order[start : start + RUN] for start in range(0, len(order), RUN)]
        vectors_ND = torch.cat([self._encode([tokens[n] for n in run]) for run in runs])
        return vectors_ND[torch.tensor(order, device=vectors_ND.device).argsort()]

    def _encode(self, tokens: Sequence[Tokens]) -> Tensor:
        """All in one batch."""
        device = self.method.model.device
        read = [n for n, one in enumerate(tokens) if one.ids]
        if len(read) < len(tokens) or not read:
            vectors_ND = torch.zeros(len(tokens), self.dim, device=device)
            if not read:
                return vectors_ND
            return vectors_ND.index_copy(0, torch.tensor(read, device=device), self._encode([tokens[n] for n in read]))
        lengths = [len(one.ids) for one in tokens]
        ids = np.full((len(tokens), max(lengths)), self._padding, dtype=np.int64)
        mask, segments = np.zeros_like(ids), np.zeros_like(ids)
        for n, one in enumerate(tokens):
            ids[n, : lengths[n]], segments[n, : lengths[n]], mask[n, : lengths[n]] = one.ids, one.segments, 1
        inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if self._segments:
            inputs["token_type_ids"] = torch.from_numpy(segments)
        states = self.method.states({name: value.to(device) for name, value in inputs.items()}).float()
        if min(lengths) == max(lengths):
            pooled = pool(states, self.pooling)
        else:
            pooled = pool_padded(states, inputs["attention_mask"].to(device), self.pooling)
        own: list[AfterStep] = [kind for kind, _ in self.own_steps if kind != "Dense"]
        vectors_ND = after_pooling(
            pooled,
            [*self._after, *own],
            words_BW=lambda: self._mean_embeddings(inputs["input_ids"], inputs["attention_mask"]),
        )
        return vectors_ND if self.head is None else self.head(vectors_ND)

    @property
    def own_steps(self) -> "list[tuple[After, nn.Linear | None]]":
        """What comes after the checkpoint's own steps: to length 1, the words beside it, the trained last layer."""
        steps: list[tuple[After, nn.Linear | None]] = [] if self.unit is None else [("Normalize", None)]
        steps += [("Words", None)] if self.word_width else []
        return steps + ([("Dense", self.head)] if self.head is not None else [])

    def _mean_embeddings(self, ids_NL: Tensor, mask_NL: Tensor) -> Tensor:
        """The mean of the tokens' input embeddings, pads left out, (N, W); trained where the model's are.

        Rows of the table: some models multiply what they take from it, and a served encoder has the table alone.
        """
        table_VW = self.method.model.get_input_embeddings().weight
        embedded_NLW = embedding(ids_NL.to(table_VW.device), table_VW).float()
        return pool_padded(embedded_NLW, mask_NL.to(table_VW.device), "mean")

    def mean_embeddings(self, tokens: Sequence[Tokens]) -> FloatArray:
        """The mean of each text's input embeddings, (N, W), zero where there are no tokens."""
        table_VW = self.method.model.get_input_embeddings().weight.detach()
        ids = torch.tensor([token for one in tokens for token in one.ids], dtype=torch.int64)
        starts = np.cumsum([0, *(len(one.ids) for one in tokens)])[:-1]
        bags = ids.to(table_VW.device), table_VW, torch.from_numpy(starts).to(table_VW.device)
        found: FloatArray = embedding_bag(*bags, mode="mean").float().cpu().numpy()
        return found

    def put_head(self, weight_DD: Tensor, bias_D: Tensor, *, unit: bool = False) -> None:
        """Put a linear layer after the pooling; it is trained and saved with the rest. `unit`: what it reads of the
        model, before any words beside it, is made a unit vector first.
        """
        head = nn.Linear(weight_DD.shape[1], weight_DD.shape[0])
        with torch.no_grad():
            head.weight.copy_(weight_DD)
            head.bias.copy_(bias_D)
        self.head, self.dim = head.to(self.method.model.device), len(bias_D)
        self.unit = torch.ones(1, device=self.method.model.device) if unit else None

    def take_head_off(self) -> None:
        """Vectors are those of the pooling again."""
        self.head, self.dim, self.unit = None, self._pooled_dim, None

    def check(self, fingerprint: str) -> None:
        """`BundleError` where the trained weights belong to another checkpoint than the one that was found."""
        if fingerprint != self.fingerprint:
            raise BundleError(
                f"The trained weights belong to the language model {fingerprint[:12]}…, and in its place is "
                f"{self.fingerprint[:12]}….",
                hint="Put the checkpoint back that the model was fitted with, or fit the model again.",
            )

    def save(self, folder: Path) -> None:
        """Write an encoder's folder that `load_encoder` reads and that gives the same vectors within 1e-5.

        A method that merges leaves a plain checkpoint, for sentence-transformers too where no words are beside its
        vectors; another leaves the base in ``base/`` with what was trained beside it. `BundleError` for a place that
        cannot be written to or holds anything else; a folder that was saved here before is replaced.
        """
        from penchant.encoders.fine_tuning.saving import save_encoder

        save_encoder(self, self._root, self._checkpoint, folder)

    def activation_checkpointing_enable(self, **settings: Any) -> None:
        """Keep less for the backward pass and compute it again there: less memory, a third more time.

        `settings` are those of the method of the same name that every model of Transformers has. `ConfigError` for a
        method that cannot.
        """
        if not self.method.recomputes:
            raise ConfigError(
                f"gradient_checkpointing is set, and {self.config.method.name} cannot work layers out again.",
                hint="Leave the setting out, or use prompt_tuning or lora.",
            )
        self.method.model.activation_checkpointing_enable(**settings)

    def activation_checkpointing_disable(self) -> None:
        """Keep everything again."""
        self.method.model.activation_checkpointing_disable()

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for step in self._after:
            if isinstance(step, Dense):
                step.weight, step.bias = fn(step.weight), None if step.bias is None else fn(step.bias)
        return self


def set_dropout(model: nn.Module, share: float) -> None:
    """The same share wherever the model drops anything in training."""
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = share
        for name in _DROPOUTS:
            if isinstance(getattr(part, name, None), float):
                setattr(part, name, share)

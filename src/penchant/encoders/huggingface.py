"""Any Transformers checkpoint as an encoder: BERT-like, GPT-like or a Sentence Transformers folder."""

import hashlib
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from penchant.config import Config
from penchant.encoders.batching import batches, equal_lengths, spread
from penchant.encoders.bert_files import read_bert, read_tokenizer
from penchant.encoders.checkpoint import EMBEDDED, Pooling, locate, pooling_of, positions_of, read_checkpoint
from penchant.encoders.licence import licence_of
from penchant.encoders.packed_bert import PackedBert, RoundedBert
from penchant.encoders.pooling import AfterStep, Dense, after_pooling, load_after, mean_embedding, pool
from penchant.encoders.tokenization import Tokenization, check_size, check_vocabulary
from penchant.encoders.transformer import Forward, fast_forward, load_model, load_tokenizer, reference_forward
from penchant.errors import ConfigError, UnsupportedError
from penchant.progress import SILENT, Progress
from penchant.training.devices import chosen_device
from penchant.training.precision import EncodedIn, Precision, fastest_precision, int8_is_exact, int8_pays
from penchant.types import FloatArray, IntArray

GPU_TOKENS = 16_384
"""Tokens in a batch on a GPU, where small ones leave most of it idle; not tuned."""
_PROBES = (
    "The first text, and then 2 more.",
    "Moisturizing Shampoo, 12 oz by Naturals; Beauty, Hair Care",
    "A history of the city in three volumes, from its founding by fishermen until the railway came. Illustrated.",
)
_AGREEMENT = 0.999
_FLOATING: dict[str, Precision] = {"auto": "float32", "float32": "float32", "bfloat16": "bfloat16", "int8": "float32"}
"""What a model is loaded in before it is rounded."""


class HuggingFaceEncoderConfig(Config):
    """What to load and how to run it."""

    path: str | None = None
    """A checkpoint's folder or its hub id. None: the embedded all-MiniLM-L6-v2."""
    revision: str | None = None
    """A hub model's branch, tag or commit."""
    pooling: Literal["auto", "mean", "first", "last"] = "auto"
    """How token vectors become a text's. ``auto``: as the model's files say, else by its architecture."""
    max_length: int = Field(default=128, ge=1)
    """Tokens a text is cut to, special ones included; the model's own limit where that is lower."""
    prompt: str | None = None
    """Put before every text. None: the checkpoint's default prompt, mostly nothing."""
    batch_tokens: int | None = Field(default=None, ge=1)
    """Tokens in a batch. None: 1024, and 512 in int8, at which a layer's intermediate results stay in the processor's
    cache; 16,384 on a GPU."""
    precision: Literal["auto", "float32", "bfloat16", "int8"] = "auto"
    """Of the matrix products. ``auto``: whichever this machine is fastest in, bfloat16 by a trial, int8 by the
    processor's flags (VNNI) and where some texts' vectors agree with float32's to a cosine of 0.999. int8 is for
    BERT-like models and texts of eight tokens or more; shorter ones are computed in float32."""
    threads: int | None = Field(default=None, ge=1)
    """Batches encoded at a time on the processor. None: as many as torch uses threads."""
    device: str = "cpu"
    """Where texts are encoded: ``cpu``, ``cuda``, ``cuda:1``; ``auto`` is a GPU where there is one. There products are
    in float32, or in bfloat16 where that is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """What each token of a text looked at."""

    tokens: tuple[str, ...]
    """L tokens"""
    weights: FloatArray
    """(layers, H, L, L): row l is how token l spreads its attention; it sums to 1, zero at tokens it may not see."""


class HuggingFaceEncoder:
    """Texts to unit vectors: tokenise, run the transformer, pool, normalise.

    Texts of equal length share a batch, so there is no padding anywhere: pads cannot enter a mean, the last state is
    the last token's on whichever side a tokenizer would pad, and a model without a padding token works as well. In
    float32 a text's vector is the same within 1e-5 whatever it is encoded with; in bfloat16 and int8 within rounding.

    Raises `NotFoundError` where there is no such model, `ConfigError` where it cannot be used.
    """

    def __init__(self, config: HuggingFaceEncoderConfig | None = None) -> None:
        self.config = config or HuggingFaceEncoderConfig()
        self._folder = locate(self.config.path, revision=self.config.revision)
        self._checkpoint = read_checkpoint(self._folder)
        stated = self._checkpoint.pooling or pooling_of(self._checkpoint.architecture)
        self.pooling: Pooling = stated if self.config.pooling == "auto" else self.config.pooling
        self.prompt = self._checkpoint.prompt if self.config.prompt is None else self.config.prompt
        self.device = chosen_device(self.config.device)
        steps = load_after(self._checkpoint)
        self._after = [step.to(self.device) if isinstance(step, Dense) else step for step in steps]
        self._plain_after = self._after[: len(steps) - (self._checkpoint.own_steps or 0)]
        wanted, here = self.config.precision, self.device.type == "cpu"
        self._floating: Precision = fastest_precision() if wanted == "auto" and here else _FLOATING[wanted]
        self._in_int8 = False
        self._tokenization, self._forward, self._words = self._load()
        vectors = self._probe()
        if not all(torch.isfinite(one).all() for one in vectors):
            raise ConfigError(
                f"{self._checkpoint.folder}: its weights give vectors that are not finite.",
                hint="Use another checkpoint.",
            )
        self._dim, self._plain_dim = (one.shape[1] for one in vectors)
        if wanted == "int8" or (wanted == "auto" and here and self._floating == "float32" and int8_pays()):
            self._round(vectors)

    def _probe(self) -> list[torch.Tensor]:
        """Vectors of the probes, of this reading and of `plain`."""
        with torch.inference_mode():
            return self._pooled(self._probes(), (self._after, self._plain_after))

    def _probes(self) -> list[torch.Tensor]:
        return [torch.tensor([ids], device=self.device) for ids in self._tokenization(_PROBES)]

    def _round(self, exact: Sequence[torch.Tensor]) -> None:
        """Go over to int8: where it was asked for, or where the vectors of the probes stay near the `exact` ones."""
        asked = self.config.precision == "int8"
        here = self.device.type == "cpu"
        if here and isinstance(self._forward, PackedBert) and int8_is_exact():
            with torch.inference_mode():
                floating, self._forward = self._forward, RoundedBert(self._forward, self._probes())
            cosines = [(one * other).sum(1).min() for one, other in zip(self._probe(), exact, strict=True)]
            self._in_int8 = asked or bool(min(cosines) >= _AGREEMENT)
            if not self._in_int8:
                self._forward = floating
        elif asked:
            why = "only BERT-like models whose weights are all their own do"
            if not here:
                why = f"8-bit products are made on the processor, and it is on {self.device}"
            elif not int8_is_exact():
                why = "this processor's sums of 8-bit products overflow"
            raise ConfigError(f"{self.name} has no int8: {why}.", hint="Use another precision.")

    @property
    def precision(self) -> EncodedIn:
        """Of the matrix products."""
        return "int8" if self._in_int8 else self._floating

    @property
    def max_length(self) -> int:
        """Tokens a text is cut to: the least of the setting and every limit that the checkpoint's files name."""
        return self._tokenization.max_length

    @property
    def name(self) -> str:
        """The embedded model's name, or the folder's or hub id's last part."""
        return "all-MiniLM-L6-v2" if self._embedded else str(self.config.path).rstrip("/").rsplit("/", 1)[-1]

    @property
    def licence(self) -> str:
        """See `penchant.encoders.licence`."""
        return licence_of(self.config.path)

    @property
    def folder(self) -> Path | None:
        """The checkpoint's, where a hub id was had from the hub too; None for the embedded model."""
        return None if self._embedded else self._folder

    @property
    def _embedded(self) -> bool:
        return self.config.path in {None, EMBEDDED}

    @property
    def identity(self) -> str:
        """Changes when the weights, the tokenizer, pooling, maximum length, prompt or precision do."""
        prompt = hashlib.blake2b(self.prompt.encode(), digest_size=4).hexdigest() if self.prompt else "none"
        return f"{self._checkpoint.fingerprint}-{self.pooling}-{self.max_length}-{self.precision}-{prompt}"

    @property
    def dim(self) -> int:
        """D"""
        return self._dim

    @property
    def plain(self) -> "HuggingFaceEncoder":
        """See `penchant.interfaces.TunedEncoder`; it encodes with the same model in memory."""
        return self._plain if self._checkpoint.own_steps else self

    @cached_property
    def _plain(self) -> "HuggingFaceEncoder":
        found = copy(self)
        found._checkpoint, found._after, found._dim = self._checkpoint.plain(), self._plain_after, self._plain_dim
        return found

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:
        """Unit vectors, (len(texts), D), in the order given; zero for a text with nothing to read.

        Equal texts are encoded once. A text is cut at `max_length` tokens.
        """
        return self._read(texts, ((self._after, self._dim),), progress)[0]

    def encode_both(self, texts: Sequence[str], *, progress: Progress = SILENT) -> tuple[FloatArray, FloatArray]:
        """See `penchant.interfaces.TunedEncoder`."""
        readings = (self._after, self._dim), (self._plain_after, self._plain_dim)
        tuned, plain = self._read(texts, readings, progress)
        return tuned, plain

    def _read(
        self, texts: Sequence[str], readings: Sequence[tuple[Sequence[AfterStep], int]], progress: Progress
    ) -> list[FloatArray]:
        """For each reading, steps after the pooling and D, its vectors, (len(texts), D)."""
        if isinstance(texts, str):
            raise ConfigError("encode takes several texts; one came.", hint="Put it in a list.")
        places: dict[str, int] = {}
        rows = np.fromiter((places.setdefault(text, len(places)) for text in texts), dtype=np.int64, count=len(texts))
        ids = self._tokenization(list(places))
        lengths = np.fromiter((len(i) for i in ids), dtype=np.int64, count=len(ids))
        kept = np.flatnonzero(lengths)
        vectors = [np.zeros((len(ids), dim), dtype=np.float32) for _, dim in readings]
        steps = [after for after, _ in readings]
        workers = (self.config.threads or torch.get_num_threads()) if self.device.type == "cpu" else 0
        budget = self.config.batch_tokens or (512 if self._in_int8 else 1024 if workers else GPU_TOKENS)
        parts = batches(lengths[kept], budget=budget, workers=max(workers, 1))
        with progress.task("Encoding texts", total=len(ids)) as advance:
            if len(kept) < len(ids):
                advance(len(ids) - len(kept))
            for part, found in spread(lambda part: self._batch(ids, kept[part], steps), parts, workers=workers):
                for one, of_part in zip(vectors, found, strict=True):
                    one[kept[part]] = of_part
                advance(len(part))
        return [one[rows] for one in vectors]

    def attention(self, text: str) -> Attention:
        """Attention weights of every layer and head for one text.

        Raises `UnsupportedError` where the architecture has no attention to read, or the text has no tokens.
        """
        ids = self._tokenization([text])[0]
        if not ids:
            raise UnsupportedError("A text without tokens has no attention.", hint="Give a text with words.")
        if self._checkpoint.adaptation is not None:
            raise UnsupportedError(
                f"{self.name} was fine-tuned by a method that stands beside the model; its attention cannot be read.",
                hint="Fine-tune with a method that merges, such as lora.",
            )
        row = torch.tensor([ids])
        with torch.inference_mode():
            output = self._attentive(input_ids=row, attention_mask=torch.ones_like(row), output_attentions=True)
        read = getattr(output, "attentions", None)
        if not read or any(layer is None for layer in read):
            raise UnsupportedError(
                f"A {self._checkpoint.architecture.get('model_type')} model gives no attention weights.",
                hint="BERT-like and GPT-like models do.",
            )
        return Attention(tokens=self._tokenization.names(ids), weights=torch.stack(list(read))[:, 0].float().numpy())

    @cached_property
    def _attentive(self) -> Any:
        """The model with attention that can be read; loaded when it is asked for, since encoding does not need it."""
        return load_model(self._checkpoint, attentions=True)

    def _batch(
        self, ids: list[list[int]], places: IntArray, readings: Sequence[Sequence[AfterStep]]
    ) -> list[FloatArray]:
        """For each reading (len(places), D) vectors of texts that are sorted by length."""
        runs = equal_lengths([len(ids[i]) for i in places])
        groups = [torch.tensor([ids[i] for i in places[run]], device=self.device) for run in runs]
        return [vectors.cpu().numpy() for vectors in self._pooled(groups, readings)]

    def _pooled(self, groups: Sequence[torch.Tensor], readings: Sequence[Sequence[AfterStep]]) -> list[torch.Tensor]:
        """Unit vectors of groups of texts of equal length, for each reading."""
        pooled = torch.cat([pool(states, self.pooling) for states in self._forward(groups)])

        def words() -> torch.Tensor:
            return torch.cat([mean_embedding(self._words, ids) for ids in groups])

        read = [after_pooling(pooled, steps, words_BW=words) for steps in readings]
        return [torch.nn.functional.normalize(vectors, dim=1) for vectors in read]

    def _load(self) -> tuple[Tokenization, Forward, torch.Tensor]:
        """The tokenizer, the forward pass and the words' input embeddings, (V, W), from the files alone where they are
        a plain BERT's.
        """
        check_vocabulary(self._checkpoint)
        if self._checkpoint.adaptation is not None:
            return self._load_adapted(self._checkpoint.adaptation)
        read = read_tokenizer(self._checkpoint)
        packed = read_bert(self._checkpoint, precision=self._floating) if read else None
        if read and packed:
            tokenizer, limit = read
            size = tokenizer.get_vocab_size(with_added_tokens=False)
            check_size(self._checkpoint, tokens=size, rows=len(packed.words))
            tokenization = self._tokenize_with(
                tokenizer,
                special=tokenizer.num_special_tokens_to_add(is_pair=False),
                limits=(limit, len(packed.positions)),
                names=lambda ids: [tokenizer.id_to_token(i) for i in ids],
            )
            return tokenization, packed.to(self.device), packed.words
        loaded, model = load_tokenizer(self._checkpoint), load_model(self._checkpoint)
        check_size(self._checkpoint, tokens=loaded.vocab_size, rows=model.get_input_embeddings().num_embeddings)
        tokenization = self._tokenize_with(
            loaded,
            special=int(loaded.num_special_tokens_to_add()),
            limits=(loaded.model_max_length, positions_of(model.config.to_dict())),
            names=loaded.convert_ids_to_tokens,
        )
        probe = torch.tensor(tokenization(_PROBES[:1]))
        forward = fast_forward(model, probe, precision=self._floating, device=self.device)
        return tokenization, forward, self._table(model)

    def _load_adapted(self, folder: Path) -> tuple[Tokenization, Forward, torch.Tensor]:
        """A base with something trained beside its weights, which transformers itself has to run."""
        from penchant.encoders.fine_tuning.adapted import adapted  # peft takes seconds to import

        loaded = load_tokenizer(self._checkpoint)
        method = adapted(load_model(self._checkpoint), folder)
        method.to(self.device)
        positions = positions_of(self._checkpoint.architecture)
        tokenization = self._tokenize_with(
            loaded,
            special=int(loaded.num_special_tokens_to_add()),
            limits=(loaded.model_max_length, positions and positions - method.positions),
            names=loaded.convert_ids_to_tokens,
        )
        return tokenization, reference_forward(method.states, precision=self._floating), self._table(method.model)

    def _table(self, model: Any) -> torch.Tensor:
        table: torch.Tensor = model.get_input_embeddings().weight.detach()
        return table.to(self.device)

    def _tokenize_with(
        self,
        tokenizer: Any,
        *,
        special: int,
        limits: tuple[float | None, ...],
        names: Callable[[Sequence[int]], Sequence[Any]],
    ) -> Tokenization:
        stated = (self.config.max_length, self._checkpoint.max_length, *limits)
        return Tokenization(
            tokenizer,
            special=special,
            max_length=min(int(limit) for limit in stated if limit and limit > 0),
            lower_case=self._checkpoint.lower_case,
            prompt=self.prompt,
            names=names,
        )

"""Words told from their neighbours: hidden ones (masked language modelling), and each from those before it (causal).

Both losses are the mean negative log likelihood of the words to be told, the cross-entropy with the true word,

    ``ℓ = −(1/N) Σ_n log softmax(logits_n)_{w_n}``

and ``exp ℓ`` is the perplexity. Both are measured against the unigram model, which
knows how frequent each token is in the texts learned from (one added to each count) and nothing else.
"""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import cross_entropy

from penchant.encoders.pretraining.corpus import Corpus
from penchant.encoders.pretraining.language_model import LanguageModel, Padded, check_direction
from penchant.encoders.pretraining.objective import Objective, ObjectiveConfig, batch_rng, mean_over, order_of
from penchant.errors import ConfigError, DataError
from penchant.seeding import numpy_rng
from penchant.training.batch_sizes import on_device
from penchant.training.minibatches import Minibatches
from penchant.types import DoubleArray, IntArray

HELD_OUT = 0
"""The epoch whose masks are those of what is held out."""


class MaskedConfig(ObjectiveConfig):
    """Settings of `MaskedWords`."""

    share: float = Field(default=0.15, gt=0, lt=1)
    """Of a text's tokens that are to be told, at least one"""
    masked: float = Field(default=0.8, ge=0, le=1)
    """Of those: written as the mask token"""
    random: float = Field(default=0.1, ge=0, le=1)
    """Of those: written as another token. The rest stay as they are."""


@dataclass(frozen=True, slots=True)
class WordBatch:
    """Texts as the model is to read them, and the N words it is to tell."""

    texts: Padded
    rows_N: Tensor
    """Text in the batch"""
    places_N: Tensor
    """Position whose state tells the word"""
    words_N: Tensor
    """The token to be told"""


class WordsObjective(Objective):
    """What the two have in common."""

    causal: ClassVar[bool]
    config: ObjectiveConfig

    def prepare(self, model: LanguageModel, corpus: Corpus, *, seed: int) -> None:
        """Tokenise the texts and count the words of those learned from."""
        check_direction(model, causal=self.causal, objective=self.name)
        self.model, self.seed, self.head = model, seed, model.head
        self.special = np.array(sorted(model.tokenizer.all_special_ids), dtype=np.int64)
        learned, held = (
            [ids for ids in model.singles(texts) if len(self.tellable(ids)) > 0] for texts in corpus.divided
        )
        if len(learned) < 2 or not held:
            raise DataError(
                f"{self.name} has {len(learned)} texts to learn from and {len(held)} to measure on that have tokens.",
                hint="Give more texts, or texts that are not stop words alone.",
            )
        self.texts, self.held = learned, held[: max(self.config.max_examples // 10, 1)]
        self.lengths = np.array([len(ids) for ids in learned], dtype=np.int64)
        counts = np.bincount(np.concatenate([ids[self.tellable(ids)] for ids in map(np.array, learned)]), minlength=1)
        counts = np.pad(counts, (0, model.rows - len(counts))).astype(np.float64)
        self.unigram: DoubleArray = (counts + 1) / (counts.sum() + len(counts))

    def tellable(self, ids: Sequence[int] | IntArray) -> IntArray:
        """Positions of a text whose token can be asked for."""
        return np.flatnonzero(~np.isin(np.asarray(ids), self.special))

    def batches(self, epoch: int) -> Sequence[WordBatch]:
        """Texts of like length side by side."""
        rng = numpy_rng(self.seed, self.name, str(epoch))
        size = self.config.batch
        order = order_of(self.lengths, size=size, at_most=self.config.max_examples, rng=rng)
        return Minibatches(order, size=size, make=lambda places: self._batch(self.texts, places, epoch))

    def loss(self, batch: WordBatch) -> Tensor:
        """Mean negative log likelihood of the words to be told; no other position counts."""
        return cross_entropy(self.logits(batch), batch.words_N)

    def logits(self, batch: WordBatch) -> Tensor:
        """(N, V) of the words to be told; the head is run where it is asked for alone."""
        return self.model.logits(self.model.states(batch.texts)[batch.rows_N, batch.places_N])

    def held_out(self) -> Mapping[str, float]:
        """``loss``, ``perplexity``, ``accuracy``; those of the unigram model on the same words, and ``words``."""
        figures, words = [], 0
        for batch in self._held_batches():
            logits, told = self.logits(batch), batch.words_N
            known = torch.from_numpy(self.unigram)[told.cpu()]
            right = (logits.argmax(dim=1) == told).double().mean()
            by_frequency = (told == int(self.unigram.argmax())).double().mean()
            words += len(told)
            one = {
                "loss": float(cross_entropy(logits, told)),
                "accuracy": float(right),
                "unigram_loss": float(-known.log().mean()),
                "unigram_accuracy": float(by_frequency),
            }
            figures.append((len(told), one))
        means = mean_over(figures)
        means["perplexity"] = _exp(means["loss"])
        means["unigram_perplexity"] = _exp(means["unigram_loss"])
        return {**means, "words": words}

    def _held_batches(self) -> Iterator[WordBatch]:
        order = np.argsort([len(ids) for ids in self.held], kind="stable")
        for start in range(0, len(order), self.config.batch):
            batch = self._batch(self.held, order[start : start + self.config.batch], HELD_OUT)
            yield on_device(batch, self.model.device)

    @abstractmethod
    def _batch(self, texts: Sequence[Sequence[int]], places: IntArray, epoch: int) -> WordBatch:
        """The texts at these places with what is asked for."""


class MaskedWords(WordsObjective):
    """Hidden words told from both sides: masked language modelling (Devlin et al. 2019).

    Of each text ``max(1, round(share L))`` tokens are drawn anew every epoch (Liu et al. 2019). Eight of ten of them
    are written as the mask, one as a random token, one stays, so that a state has to mean something at every token and
    not at masks alone. Special tokens are never drawn. For models that read both ways.
    """

    name = "mlm"
    causal = False
    config: MaskedConfig

    def __init__(self, config: MaskedConfig) -> None:
        super().__init__(config)
        if config.masked + config.random > 1:
            raise ConfigError(
                f"masked + random is {config.masked + config.random:g}, more than all the words drawn.",
                hint="0.8 and 0.1 are usual.",
            )

    def prepare(self, model: LanguageModel, corpus: Corpus, *, seed: int) -> None:
        """Besides: `ConfigError` for a tokenizer without a mask."""
        super().prepare(model, corpus, seed=seed)
        if model.tokenizer.mask_token_id is None:
            raise ConfigError("The tokenizer has no mask token.", hint="Pre-train with dropout pairs or item pairs.")
        self.mask = int(model.tokenizer.mask_token_id)
        self.plain = np.setdiff1d(np.arange(model.tokenizer.vocab_size), self.special)

    def _batch(self, texts: Sequence[Sequence[int]], places: IntArray, epoch: int) -> WordBatch:
        rng = batch_rng(self.seed, self.name, epoch, places)
        written, rows, asked, words = [], [], [], []
        for row, place in enumerate(places):
            ids = np.array(texts[place], dtype=np.int64)
            free = self.tellable(ids)
            drawn = np.sort(rng.choice(free, max(1, round(self.config.share * len(free))), replace=False))
            rows.append(np.full(len(drawn), row))
            asked.append(drawn)
            words.append(ids[drawn])
            fate = rng.random(len(drawn))
            ids[drawn[fate < self.config.masked]] = self.mask
            swapped = drawn[(fate >= self.config.masked) & (fate < self.config.masked + self.config.random)]
            ids[swapped] = rng.choice(self.plain, len(swapped))
            written.append(ids.tolist())
        return _word_batch(self.model.padded(written), rows, asked, words)


class NextWord(WordsObjective):
    """Each word told from those before it: p(w_{t+1} | w_1 … w_t) (Radford et al. 2019).

    The first token of a text is told by nothing and not asked for; its end is, where the tokenizer writes one. For
    models that read from left to right.
    """

    name = "clm"
    causal = True

    def tellable(self, ids: Sequence[int] | IntArray) -> IntArray:
        """Every token but the first."""
        return np.arange(1, len(ids))

    def probabilities(self, text: str) -> tuple[tuple[str, ...], DoubleArray]:
        """The L tokens of a text, and for each but the last the distribution of the next, (L − 1, V) with rows that sum
        to 1.
        """
        ids = self.model.singles([text])[0]
        with torch.inference_mode():
            logits = self.model.logits(self.model.states(self.model.padded([ids]))[0, :-1])
        return self.model.singles.names(ids), logits.double().softmax(dim=1).cpu().numpy()

    def _batch(self, texts: Sequence[Sequence[int]], places: IntArray, epoch: int) -> WordBatch:  # noqa: ARG002
        ids = [texts[place] for place in places]
        rows = [np.full(len(one) - 1, row) for row, one in enumerate(ids)]
        words = [np.array(one[1:], dtype=np.int64) for one in ids]
        return _word_batch(self.model.padded(ids), rows, [np.arange(len(one) - 1) for one in ids], words)


def _word_batch(texts: Padded, rows: Sequence[Any], places: Sequence[Any], words: Sequence[Any]) -> WordBatch:
    return WordBatch(texts, *(torch.from_numpy(np.concatenate(part)) for part in (rows, places, words)))


def _exp(loss: float) -> float:
    return math.exp(min(loss, 700.0))

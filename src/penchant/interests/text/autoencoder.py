"""What texts have in common, learned without a label: squeeze their words through a few numbers, see what comes back.

A denoising autoencoder (Vincent et al. 2010) over bags of words: with x the shares of a text's words and x̃ the same
with some words left out at random,

    code = tanh( W x̃' + b ),   loss = − Σ_w x_w log softmax( V code + c )_w

x̃' weighs each word by its inverse document frequency and is brought to length 1. The loss is the cross-entropy of the
words, at least the entropy of x. Codes are what to learn from where few texts are labelled and many are not.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import scipy.sparse as sp
import torch
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from penchant.artifacts import write_json
from penchant.config import Config
from penchant.errors import BundleError, DataError
from penchant.interests.text.cleaning import cleaned
from penchant.interests.text.tokens import longest_match, tokens
from penchant.progress import SILENT, Progress
from penchant.seeding import derive, numpy_rng
from penchant.training.loop import TrainingConfig, train
from penchant.training.minibatches import Minibatches
from penchant.types import DoubleArray, FloatArray, IntArray

WEIGHTS, DESCRIPTION = "text_autoencoder.safetensors", "text_autoencoder.json"
SEGMENT = longest_match(())
RUN = 1024
"""Texts encoded at a time."""


class TextAutoencoderConfig(Config):
    """Settings of `TextAutoencoder`."""

    dim: int = Field(default=32, ge=1)
    min_texts: int = Field(default=3, ge=1)
    """A word counts where so many texts have it."""
    max_words: int = Field(default=5000, ge=2)
    """The words of most texts, at most so many."""
    hidden_share: float = Field(default=0.5, ge=0, lt=1)
    """Share of a text's words that a training step hides and asks back."""
    held_out: float = Field(default=0.1, gt=0, lt=1)
    """Share of the texts that decide when to stop."""
    most_characters: int = Field(default=100_000, ge=1)
    batch_texts: int = Field(default=64, ge=1)
    training: TrainingConfig = TrainingConfig(learning_rate=1e-2, max_epochs=40, evaluate_every=1, warmup_steps=10)
    seed: int = 0


class _Module(nn.Module):
    """Encoder and decoder."""

    def __init__(self, n_words: int, dim: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_words, dim), nn.Tanh())
        self.decoder = nn.Linear(dim, n_words)


class TextAutoencoder:
    """See the module. Immutable once fitted."""

    def __init__(self, config: TextAutoencoderConfig, words: Sequence[str], rarity_V: FloatArray, module: nn.Module):
        self.config, self.words, self.rarity_V, self._module = config, tuple(words), rarity_V, module
        self._rows = {word: row for row, word in enumerate(self.words)}

    @classmethod
    def fit(
        cls, texts: Sequence[Any], config: TextAutoencoderConfig | None = None, *, progress: Progress = SILENT
    ) -> "TextAutoencoder":
        """Learn from plain texts. `DataError` where fewer than two words are on `min_texts` of them, or fewer than two
        texts have such a word.
        """
        config = config or TextAutoencoderConfig()
        counted = [Counter(_words(text, config)) for text in texts]
        on = Counter(word for words in counted for word in words)
        known = [word for word, n in on.most_common(config.max_words) if n >= config.min_texts]
        kept = frozenset(known)
        rarity = np.log((1 + len(texts)) / (1 + np.array([on[word] for word in known]))) + 1
        told = np.array([n for n, words in enumerate(counted) if not words.keys().isdisjoint(kept)], dtype=np.int64)
        if len(known) < 2 or len(told) < 2:
            raise DataError(
                f"{len(known)} words are on {config.min_texts} texts or more; {len(told)} texts have one.",
                hint="Give more texts, or lower min_texts.",
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(config.seed, "text autoencoder"))
            one = cls(config, known, rarity.astype(np.float32), _Module(len(known), config.dim))
            bags = one._bags(counted)
            one._train(bags[numpy_rng(config.seed, "text autoencoder", "held out").permutation(told)], progress)
        return one

    def codes(self, texts: Sequence[Any]) -> FloatArray:
        """Unit vectors, (len(texts), D); zero for a text without a known word."""
        bags = self._bags([Counter(_words(text, self.config)) for text in texts])
        found = np.zeros((len(texts), self.config.dim), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(texts), RUN):
                shares = _dense(bags, np.arange(start, min(start + RUN, len(texts))))
                found[start : start + RUN] = self._code(shares).numpy()
        found[np.diff(bags.indptr) == 0] = 0
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        unit: FloatArray = np.divide(found, norms, out=np.zeros_like(found), where=norms > 0)
        return unit

    def reconstruction_loss(self, texts: Sequence[Any]) -> float:
        """Mean cross-entropy of the known words of texts, in nats; NaN where none has any."""
        bags = self._bags([Counter(_words(text, self.config)) for text in texts])
        with torch.inference_mode():
            return self._loss_of(bags[np.flatnonzero(np.diff(bags.indptr))])

    def save(self, folder: Path) -> None:
        """Write what was learned into an existing folder."""
        save_file({**self._module.state_dict(), "rarity": torch.from_numpy(self.rarity_V)}, folder / WEIGHTS)
        write_json(folder / DESCRIPTION, {"config": self.config.model_dump(), "words": list(self.words)})

    @classmethod
    def load(cls, folder: Path) -> "TextAutoencoder":
        """Read what `save` wrote; `BundleError` where it is missing or damaged."""
        try:
            said = orjson.loads((folder / DESCRIPTION).read_bytes())
            config, words, weights = (
                TextAutoencoderConfig.of(said["config"]),
                said["words"],
                load_file(folder / WEIGHTS),
            )
            rarity = weights.pop("rarity").numpy()
            module = _Module(len(words), config.dim)
            module.load_state_dict(weights)
        except (OSError, orjson.JSONDecodeError, SafetensorError, KeyError, TypeError, RuntimeError):
            raise BundleError(f"{folder} holds no whole text autoencoder.", hint="Fit it again.") from None
        return cls(config, words, rarity, module.eval())

    def _train(self, bags: sp.csr_array, progress: Progress) -> None:
        config, n_held = self.config, max(1, int(bags.shape[0] * self.config.held_out))
        held, learned = bags[:n_held], bags[n_held:]

        def batches(epoch: int) -> Sequence[Tensor]:
            order = numpy_rng(config.seed, "text autoencoder", str(epoch)).permutation(learned.shape[0])
            return Minibatches(order, size=config.batch_texts, make=lambda rows: _dense(learned, rows))

        def loss(shares_BV: Tensor) -> Tensor:
            shown = shares_BV * (torch.rand_like(shares_BV) >= config.hidden_share)
            return self._loss(shares_BV, shown).mean()

        train(
            self._module,
            batches=batches,
            loss=loss,
            evaluate=lambda: -self._loss_of(held),
            config=config.training,
            progress=progress,
            name="Text autoencoder",
        )

    def _loss(self, shares_BV: Tensor, shown_BV: Tensor) -> Tensor:
        logits = self._module.get_submodule("decoder")(self._code(shown_BV))
        loss: Tensor = -(shares_BV * logits.log_softmax(dim=1)).sum(dim=1)
        return loss

    def _loss_of(self, bags: sp.csr_array) -> float:
        parts = [_dense(bags, np.arange(s, min(s + RUN, bags.shape[0]))) for s in range(0, bags.shape[0], RUN)]
        return float(torch.cat([self._loss(part, part) for part in parts]).mean()) if parts else float("nan")

    def _code(self, shares_BV: Tensor) -> Tensor:
        weighed = nn.functional.normalize(shares_BV * torch.from_numpy(self.rarity_V), dim=1)
        code: Tensor = self._module.get_submodule("encoder")(weighed)
        return code

    def _bags(self, counted: Sequence[Counter[str]]) -> sp.csr_array:
        """Shares of the known words, (N, V); rows add up to 1, or are empty."""
        rows: list[list[int]] = []
        shares: list[DoubleArray] = []
        for words in counted:
            kept = {self._rows[word]: n for word, n in words.items() if word in self._rows}
            counts = np.fromiter(kept.values(), dtype=np.float64, count=len(kept))
            rows.append(list(kept))
            shares.append(counts / max(counts.sum(), 1))
        bounds = np.concatenate([[0], np.cumsum([len(r) for r in rows], dtype=np.int64)]).astype(np.int64)
        columns = np.fromiter((c for r in rows for c in r), dtype=np.int64, count=int(bounds[-1]))
        values = np.concatenate([np.zeros(0), *shares])
        return sp.csr_array((values, columns, bounds), shape=(len(counted), len(self.words)))


def _words(text: Any, config: TextAutoencoderConfig) -> list[str]:
    read = tokens(cleaned(text, at_most=config.most_characters).text, SEGMENT)
    return [token.folded for token in read if token.kind in ("word", "han", "emoji")]


def _dense(bags: sp.csr_array, rows: IntArray) -> Tensor:
    return torch.from_numpy(bags[rows].toarray().astype(np.float32))

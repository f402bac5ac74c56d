"""Whether two texts belong together: the next sentence, or the next item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from penchant.encoders.pair_input import Tokens
from penchant.encoders.pretraining.corpus import Corpus, PairKind, TextPairs
from penchant.encoders.pretraining.language_model import LanguageModel, Padded
from penchant.encoders.pretraining.objective import Objective, ObjectiveConfig, batch_rng, mean_over, order_of
from penchant.seeding import derive, numpy_rng
from penchant.training.batch_sizes import on_device
from penchant.training.minibatches import Minibatches
from penchant.types import AnyArray, IntArray

REDRAWS = 20
"""How often a right side that is the true one is drawn again."""


class PairConfig(ObjectiveConfig):
    """Settings of `NextText` and `NextItem`."""

    window: int = Field(default=1, ge=1)
    """Items taken at most this many places later belong together; of no meaning for sentences"""


@dataclass(frozen=True, slots=True)
class PairBatch:
    """B pairs of texts, and which are true."""

    texts: Padded
    true_B: Tensor


class NextText(Objective):
    """A pair of texts read as one: true, or its second half another pair's (Devlin et al. 2019).

    ``ℓ = −(1/B) Σ_b [ y_b log σ(s_b) + (1 − y_b) log(1 − σ(s_b)) ]``,  s a tanh layer and a logit on the pair's vector

    Half of the pairs of an epoch are true. A false second half is drawn from all second halves, so a frequent item is
    as frequent among the false, and being popular tells nothing. Held out, each pair is asked once as it is and once
    false.
    """

    name = "next_sentence"
    kind: ClassVar[PairKind] = "sentences"
    config: PairConfig

    def prepare(self, model: LanguageModel, corpus: Corpus, *, seed: int) -> None:
        """Pairs of sentences or items."""
        self.model, self.seed = model, seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, self.name, "head"))
            self.head = nn.Sequential(nn.Linear(model.dim, model.dim), nn.Tanh(), nn.Linear(model.dim, 1))
        config = self.config
        self.pairs, self.held = corpus.pairs(self.kind, at_most=config.max_examples, window=config.window)
        self.lengths = np.array([len(a) + len(b) for a, b in zip(self.pairs.left, self.pairs.right, strict=True)])

    def batches(self, epoch: int) -> Sequence[PairBatch]:
        """Half of the pairs true, in a new draw every epoch."""
        size = self.config.batch
        order = order_of(
            self.lengths,
            size=size,
            at_most=self.config.max_examples,
            rng=numpy_rng(self.seed, self.name, str(epoch)),
        )
        return Minibatches(order, size=size, make=lambda places: self._drawn(places, epoch))

    def logits(self, batch: PairBatch) -> Tensor:
        """(B,) how much speaks for a pair, before the sigmoid."""
        found: Tensor = self.head(self.model.pooled(batch.texts))[:, 0]
        return found

    def loss(self, batch: PairBatch) -> Tensor:
        """Binary cross-entropy."""
        return binary_cross_entropy_with_logits(self.logits(batch), batch.true_B)

    def held_out(self) -> Mapping[str, float]:
        """``loss`` and ``accuracy``, which is 0.5 for who cannot tell."""
        figures = []
        rng = numpy_rng(self.seed, self.name, "held out")
        for start in range(0, len(self.held), self.config.batch):
            places = np.arange(start, min(start + self.config.batch, len(self.held)))
            others = _others(self.held, places, rng)
            true = np.repeat([True, False], len(places))
            batch = self._batch(self.held, np.tile(places, 2), np.concatenate([places, others]), true)
            batch = on_device(batch, self.model.device)
            logits = self.logits(batch)
            one = {
                "loss": float(binary_cross_entropy_with_logits(logits, batch.true_B)),
                "accuracy": float(((logits > 0) == batch.true_B.bool()).double().mean()),
            }
            figures.append((len(true), one))
        return {**mean_over(figures), "chance": 0.5, "pairs": float(2 * len(self.held))}

    def _drawn(self, places: IntArray, epoch: int) -> PairBatch:
        rng = batch_rng(self.seed, self.name, epoch, places)
        true = rng.permutation(len(places)) < (len(places) + 1) // 2
        return self._batch(self.pairs, places, np.where(true, places, _others(self.pairs, places, rng)), true)

    def _batch(self, pairs: TextPairs, left: IntArray, right: IntArray, true: AnyArray) -> PairBatch:
        texts = [(pairs.left[a], pairs.right[b]) for a, b in zip(left, right, strict=True)]
        tokens: list[Tokens] = self.model.pairs(texts)
        return PairBatch(self.model.padded_pairs(tokens), torch.from_numpy(true).float())


class NextItem(NextText):
    """The same of items: what a user took next."""

    name = "next_item"
    kind = "items"


def _others(pairs: TextPairs, places: IntArray, rng: np.random.Generator) -> IntArray:
    """For each place another pair, whose second text is not its own second or first; after some tries any other."""
    drawn = rng.integers(len(pairs), size=len(places))
    for _ in range(REDRAWS):
        again = np.flatnonzero(
            (pairs.right_keys[drawn] == pairs.right_keys[places]) | (pairs.right_keys[drawn] == pairs.left_keys[places])
        )
        if not len(again):
            break
        drawn[again] = rng.integers(len(pairs), size=len(again))
    return drawn

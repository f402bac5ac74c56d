"""Texts that belong together brought near, all others of the batch kept away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from penchant.encoders.pretraining.corpus import Corpus, PairKind, TextPairs
from penchant.encoders.pretraining.language_model import LanguageModel, Padded
from penchant.encoders.pretraining.objective import Objective, ObjectiveConfig, order_of
from penchant.errors import DataError
from penchant.seeding import derive, numpy_rng
from penchant.training.minibatches import Minibatches
from penchant.types import IntArray

MEASURED = 1_000
"""Held-out pairs, at most: each is looked for among the second halves of all."""


class ContrastConfig(ObjectiveConfig):
    """Settings of `Contrast` and its kinds."""

    temperature: float = Field(default=0.05, gt=0)
    """τ"""
    window: int = Field(default=3, ge=1)
    """Items taken at most this many places later belong together"""
    history: int = Field(default=5, ge=1)
    """Items that tell a user"""


@dataclass(frozen=True, slots=True)
class ContrastBatch:
    """B pairs of texts."""

    left: Padded
    right: Padded
    same_BB: Tensor
    """Where the right text of another pair is the left or the right text of this one: no negative"""


def contrastive_loss(left_BD: Tensor, right_BD: Tensor, same_BB: Tensor, *, temperature: float) -> Tensor:
    """Each left vector finds its right one among the batch's, a scalar in nats.

    ``ℓ = −(1/B) Σ_b log ( e^{cos(a_b, z_b)/τ} / Σ_{c not same as b} e^{cos(a_b, z_c)/τ} )``

    (van den Oord et al. 2018, Gao, Yao and Chen 2021). A right text that comes twice in a batch is no negative of
    itself.

    Worked: ``a = (1, 0), (0, 1)``, ``z`` the same, τ = 1: each cosine with its own is 1, with the other 0, so
    ``ℓ = ln(1 + e^{−1}) = 0.31326``.
    """
    cosines_BB = normalize(left_BD, dim=1) @ normalize(right_BD, dim=1).T / temperature
    device = cosines_BB.device
    others_BB = same_BB & ~torch.eye(len(same_BB), dtype=torch.bool, device=device)
    return cross_entropy(cosines_BB.masked_fill(others_BB, float("-inf")), torch.arange(len(cosines_BB), device=device))


class Contrast(Objective):
    """Pairs near, in-batch negatives far.

    ``copies``: a text and itself, read twice with other dropout (SimCSE, Gao, Yao and Chen 2021); ``items``: two items
    that a user took near each other; ``users``: a user's last items as one text, and the item he took next. The vectors
    compared are those that an encoder of this model gives.

    Measured on held-out pairs by alignment, ``mean ‖a − z‖²``, uniformity, ``log mean e^{−2‖z − z'‖²}`` over different
    right texts (Wang and Isola 2020; lower is better in both), and by the share of lefts whose right one is the nearest
    of all held-out rights (``nearest``) or among the ten nearest (``among_ten``). Copies are measured with dropout too:
    without, both are one vector.
    """

    name = "simcse"
    kind: ClassVar[Literal["copies"] | PairKind] = "copies"
    config: ContrastConfig

    def prepare(self, model: LanguageModel, corpus: Corpus, *, seed: int) -> None:
        """Pairs of texts."""
        self.model, self.seed = model, seed
        config = self.config
        if self.kind == "copies":
            learned, held = (_copies(model, texts) for texts in corpus.divided)
            if len(learned) < 2 or len(held) < 2:
                raise DataError(
                    f"{self.name} has {len(learned)} texts to learn from and {len(held)} to measure on that have "
                    "tokens; two of each are needed.",
                    hint="Give more texts.",
                )
        else:
            learned, held = corpus.pairs(
                self.kind, at_most=config.max_examples, window=config.window, history=config.history
            )
        self.pairs = learned
        self.held = held.take(np.arange(min(len(held), MEASURED)))
        ids = dict(zip(texts := sorted({*learned.left, *learned.right}), model.singles(texts), strict=True))
        self.ids = {text: one for text, one in ids.items() if one}
        both = zip(learned.left, learned.right, strict=True)
        self.places = np.flatnonzero([left in self.ids and right in self.ids for left, right in both])
        if len(self.places) < 2:
            raise DataError(f"{self.name} has no two pairs with tokens.", hint="Give more texts.")
        self.lengths = np.array([len(self.ids[learned.left[n]]) for n in self.places], dtype=np.int64)

    def batches(self, epoch: int) -> Sequence[ContrastBatch]:
        """Pairs in a new order every epoch."""
        rng = numpy_rng(self.seed, self.name, str(epoch))
        size = self.config.batch
        order = order_of(self.lengths, size=size, at_most=self.config.max_examples, rng=rng)
        return Minibatches(self.places[order], size=size, make=self._batch)

    def loss(self, batch: ContrastBatch) -> Tensor:
        """See `contrastive_loss`."""
        left, right = self.model.pooled(batch.left), self.model.pooled(batch.right)
        return contrastive_loss(left, right, batch.same_BB, temperature=self.config.temperature)

    def held_out(self) -> Mapping[str, float]:
        """``loss`` over batches of the training's size, ``alignment``, ``uniformity``, ``nearest``, ``among_ten``."""
        held, size = self.held, self.config.batch
        left, right = self._held_vectors()
        same = _same(held, np.arange(len(held)))
        total = 0.0
        for start in range(0, len(held), size):
            part = slice(start, start + size)
            loss = contrastive_loss(left[part], right[part], same[part, part], temperature=self.config.temperature)
            total += float(loss) * len(left[part])
        cosines = (left @ right.T).masked_fill(same & ~torch.eye(len(held), dtype=torch.bool), -2.0)
        own = cosines.diagonal()[:, None]
        better = (cosines > own).sum(dim=1) + ((cosines == own).sum(dim=1) - 1) / 2  # of equals half are before
        first = np.unique(held.right_keys, return_index=True)[1]
        apart = torch.pdist(right[first]).square()
        return {
            "loss": total / len(held),
            "alignment": float((left - right).square().sum(dim=1).mean()),
            "uniformity": float((-2 * apart).exp().mean().log()) if len(apart) else 0.0,
            "nearest": float((better < 1).double().mean()),
            "among_ten": float((better < 10).double().mean()),
            "pairs": float(len(held)),
        }

    def _held_vectors(self) -> tuple[Tensor, Tensor]:
        """(n, D) unit vectors of both halves."""
        if self.kind != "copies":
            left, right = (torch.from_numpy(self.model.vectors(texts)) for texts in (self.held.left, self.held.right))
            return left, right
        ids = self.model.singles(self.held.left)
        views, device = [], self.model.device
        # A GPU's randomness too is put back: else every epoch of the training would drop what the last one dropped.
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(derive(self.seed, self.name, "held out"))
            self.model.method.train()
            for _ in range(2):
                parts = [
                    self.model.pooled(self.model.padded(ids[start : start + self.config.batch]))
                    for start in range(0, len(ids), self.config.batch)
                ]
                views.append(normalize(torch.cat(parts), dim=1).cpu())
            self.model.method.eval()
        return views[0], views[1]

    def _batch(self, places: IntArray) -> ContrastBatch:
        left, right = (
            self.model.padded([self.ids[side[n]] for n in places]) for side in (self.pairs.left, self.pairs.right)
        )
        return ContrastBatch(left, right, _same(self.pairs, places))


class ItemContrast(Contrast):
    """Items that users took near each other."""

    name = "item_item"
    kind = "items"


class UserContrast(Contrast):
    """A user's last items and the next one."""

    name = "user_item"
    kind = "users"


def _copies(model: LanguageModel, texts: Sequence[str]) -> TextPairs:
    """Each text that has tokens, with itself."""
    kept = tuple(text for text, ids in zip(texts, model.singles(texts), strict=True) if ids)
    keys = np.arange(len(kept))
    return TextPairs(left=kept, right=kept, left_keys=keys, right_keys=keys)


def _same(pairs: TextPairs, places: IntArray) -> Tensor:
    """(B, B) where the right text of pair c is the right or the left text of pair b."""
    right, left = pairs.right_keys[places], pairs.left_keys[places]
    return torch.from_numpy((right[:, None] == right[None, :]) | (left[:, None] == right[None, :]))

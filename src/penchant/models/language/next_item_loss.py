"""What pulls the text of the next item near those that came before it."""

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from penchant.config import Config
from penchant.models.language.consumed_together import Contexts
from penchant.models.language.item_spaces import ItemSpace
from penchant.training.losses import bpr_loss, sampled_binary_loss
from penchant.types import AnyArray, FloatArray, RowArray

NOWHERE = -1e4
"""The score of a candidate that does not count."""


class NextItemLossConfig(Config):
    """Settings of `NextItemLoss`."""

    loss: Literal["softmax", "pairwise", "binary"] = "softmax"
    """What pulls the next item near: a softmax over the batch's items, one pair, or yes and no."""
    temperature: float = Field(default=0.012, gt=0)
    """τ"""
    prior: float = Field(default=0.0, ge=0)
    """How much of an item's log popularity the score is spared to say; 1: none of it is learned from text."""
    max_cases: int = Field(default=1500, ge=1)
    """Events a step, of those of the batch's items."""


class NextItemLoss(nn.Module):
    """The loss of a batch of items; see `penchant.models.language.next_item_tuning.NextItemTuning`."""

    def __init__(
        self, space: ItemSpace, contexts: Contexts, config: NextItemLossConfig, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.space, self.rng = space, rng
        self._contexts, self._config = contexts, config
        counts = np.bincount(contexts.targets, minlength=contexts.before.shape[1])
        self._log_counts = np.log(np.maximum(counts, 1)).astype(np.float32)
        if config.loss == "binary":
            # At first a cosine of one half is even odds: at none every pair would be a sure yes (Zhai et al. 2023).
            self.slope = nn.Parameter(torch.ones(()))
            self.intercept = nn.Parameter(torch.tensor(-0.5 / config.temperature))

    def forward(self, items: RowArray) -> Tensor:
        """The mean over the events on these items, a scalar; their vectors go into the bank."""
        fresh = self.space(items)
        # A cosine over τ is to be told exactly: with mixed precision the language model alone is in the shorter format.
        with torch.autocast(fresh.device.type, enabled=False):
            return self._loss(items, fresh)

    def _loss(self, items: RowArray, fresh: Tensor) -> Tensor:
        cases = self._contexts.cases_of(items)
        if len(cases) > self._config.max_cases:
            cases = self.rng.choice(cases, self._config.max_cases, replace=False)
        place = np.full(len(self._log_counts), -1)
        place[items] = np.arange(len(items))
        with torch.no_grad():
            self.space.bank.index_copy_(0, _tensor(items, fresh.device), fresh.detach())
        if not len(cases):
            nothing: Tensor = 0.0 * fresh.sum()
            return nothing
        read = self._contexts.before[cases].tocoo()
        met, column = np.unique(read.col, return_inverse=True)
        vectors = self.space.bank[_tensor(met, fresh.device)]
        run = np.flatnonzero(place[met] >= 0)
        own_rows = fresh[_tensor(place[met[run]], fresh.device)]
        vectors = vectors.index_copy(0, _tensor(run, fresh.device), own_rows)
        states = functional.normalize(_weighted_sums(vectors, read.row, column, read.data, len(cases)), dim=1)
        scores = states @ fresh.T / self._config.temperature
        scores = scores + self._config.prior * torch.from_numpy(self._log_counts[items]).to(fresh.device)
        counted = torch.ones(scores.shape, dtype=torch.bool)
        seen = place[read.col]
        counted[read.row[seen >= 0], seen[seen >= 0]] = False
        own = torch.from_numpy(place[self._contexts.targets[cases]])
        counted[torch.arange(len(cases)), own] = True
        return self._of(scores, counted.to(fresh.device), own.to(fresh.device))

    def _of(self, scores_Cm: Tensor, counted_Cm: Tensor, own_C: Tensor) -> Tensor:
        if self._config.loss == "softmax":
            return functional.cross_entropy(scores_Cm.masked_fill(~counted_Cm, NOWHERE), own_C)
        wanted = scores_Cm.gather(1, own_C[:, None])[:, 0]
        others = counted_Cm.scatter(1, own_C[:, None], value=False)
        if self._config.loss == "pairwise":
            some = others.any(dim=1)
            if not some.any():  # every other item of the batch is in the histories
                return 0.0 * scores_Cm.sum()
            drawn = torch.multinomial(others[some].float(), 1)
            return bpr_loss(wanted[some], scores_Cm[some].gather(1, drawn)[:, 0])
        # As many unwanted items as were drawn weigh as much as the wanted one.
        share = others.float() / others.float().sum(dim=1, keepdim=True).clamp(min=1)
        return sampled_binary_loss(self.slope * wanted + self.intercept, self.slope * scores_Cm + self.intercept, share)


def _tensor(rows: AnyArray, device: torch.device) -> Tensor:
    return torch.from_numpy(rows.astype(np.int64)).to(device)


def _weighted_sums(vectors_MD: Tensor, rows: AnyArray, columns: AnyArray, weights: FloatArray, n: int) -> Tensor:
    """``Σ w x`` of each of n cases, (n, D)."""
    device = vectors_MD.device
    terms = vectors_MD[_tensor(columns, device)] * torch.from_numpy(np.asarray(weights)).to(device)[:, None]
    sums = torch.zeros(n, vectors_MD.shape[1], device=device)
    return sums.index_add(0, _tensor(rows, device), terms)

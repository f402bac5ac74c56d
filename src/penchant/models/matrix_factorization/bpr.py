"""Matrix factorisation trained on pairs: what was touched before what was not."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Cases, Histories
from penchant.interfaces import FitOptions, Recommender
from penchant.models.holdout import TRAINING_CASES, catalogue_ties, held_out, sampled, training_cases, validation_ndcg
from penchant.models.interactions import Signal, SignalConfig, faded
from penchant.models.matrix_factorization.pairwise_folding import fold_in
from penchant.models.saving import fitted, read_model, write_model
from penchant.seeding import derive, numpy_rng
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from penchant.training.losses import bpr_loss
from penchant.training.pairs import PairBatch, PairBatches
from penchant.training.runs import training_run
from penchant.types import BoolArray, FloatArray, RowArray

NAME = "bpr"


class BPRConfig(Config):
    """Settings of `BPR`."""

    dim: int = Field(default=64, ge=1)
    """D"""
    regularization: float = Field(default=0.003, gt=0)
    """λ of users' and items' vectors."""
    steps: int = Field(default=100, ge=1)
    """Steps of an epoch, at most: batches grow with the data, so that an epoch's cost grows with it in proportion."""
    smallest_batch: int = Field(default=512, ge=1)
    unwanted: int = Field(default=4, ge=1)
    """Untouched items drawn for each touched one in training."""
    folding_items: int = Field(default=64, ge=1)
    """M: items drawn once, against which a history is compared when it is folded in."""
    decay: float = Field(default=0.8, gt=0, le=1)
    """Weight of an event of the history asked about relative to the one after it; 1 in the paper."""
    validation_users: int = Field(default=2_000, ge=1)
    """Cases that decide when to stop, at most."""
    training: TrainingConfig = TrainingConfig(
        learning_rate=0.01, max_epochs=40, warmup_steps=0, evaluate_every=2, patience=4
    )


class BPR(Recommender):
    """User and item vectors that put each item a user touched before items he did not.

    ::

        s_ui = p_u · q_i + b_i
        L    = mean over (u, i touched, j not touched) of  −ln σ(s_ui − s_uj) + λ (‖p_u‖² + ‖q_i‖² + ‖q_j‖²)

    S. Rendle et al., "BPR: Bayesian personalized ranking from implicit feedback" (2009), by mini-batches of drawn
    triples and Adam instead of single steps, with early stopping on validation NDCG@10. Unit: nats; the difference of
    two scores is the log-odds that one item comes before the other.

    Only Q and b are kept. p is made from the history handed in: the minimum of the same loss for this user with items
    as they are (`fold_in`), which is convex, so it is found exactly, for strangers and trained users alike. There the
    untouched items are M drawn once, and `decay` below 1 lets older events weigh less.

    `fit` raises `DataError` without item events and `TrainingError` where the loss is not finite from the beginning.
    An event against its item counts as none. Caveat: items without training events share each user's lowest score.
    """

    reads_text: ClassVar[bool] = False
    config: BPRConfig

    def __init__(self, config: BPRConfig | None = None) -> None:
        super().__init__(config or BPRConfig())
        self._signal: Signal | None = None
        self._items: FloatArray | None = None
        self._biases: FloatArray | None = None
        self._cold: RowArray | None = None
        self._unwanted: RowArray | None = None
        self.record: TrainingRecord | None = None
        """How the training went; None for a loaded model."""

    @property
    def item_vectors(self) -> FloatArray:
        """Q, (I, D)"""
        return fitted(self._items, NAME)

    @property
    def item_biases(self) -> FloatArray:
        """b, (I,)"""
        return fitted(self._biases, NAME)

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Train until the validation value no longer rises; the best weights stay."""
        options = options or FitOptions()
        training, cases = held_out(dataset, options)
        cases = sampled(cases, self.config.validation_users, options.seed)
        seen = training_cases(training, TRAINING_CASES, options.seed)
        ties = catalogue_ties(dataset, options.seed)
        self._signal = Signal.fit(training, SignalConfig(), model=NAME)
        touched = self._signal.matrix(training.histories(), training.n_items)
        trained = np.diff(touched.indptr) > 0
        self._cold = np.flatnonzero(training.item_counts() == 0).astype(np.int32)
        some = min(self.config.folding_items, dataset.n_items)
        drawn = numpy_rng(options.seed, NAME, "folding").choice(dataset.n_items, size=some, replace=False)
        self._unwanted = np.sort(drawn).astype(np.int32)
        size = max(self.config.smallest_batch, -(-touched.nnz // self.config.steps))

        def batches(epoch: int) -> Sequence[PairBatch]:
            return PairBatches(touched, size=size, unwanted=self.config.unwanted, seed=options.seed, epoch=epoch)

        with torch.random.fork_rng():
            torch.manual_seed(derive(options.seed, NAME))
            module = _Factors(dataset.n_users, dataset.n_items, self.config)

            def ndcg(asked: Cases) -> float:
                self._adopt(module)
                return validation_ndcg(lambda histories: self._quick(module, histories, trained), asked, ties=ties)

            self.record = train(
                module,
                batches=batches,
                loss=module.loss,
                evaluate=(lambda: ndcg(cases)) if len(cases) else None,
                evaluate_training=(lambda: ndcg(seen)) if len(seen) else None,
                config=self.config.training,
                progress=options.progress,
                name=f"Training {NAME}",
                run=training_run(options, dataset=dataset, config=self.config, name=NAME),
            )
        self._adopt(module)
        return self

    def user_vectors(self, histories: Histories) -> FloatArray:
        """p, (B, D): the best for each history; zero for an empty one, which is then answered by the biases."""
        touched = fitted(self._signal, NAME).matrix(histories, len(self.item_vectors))
        return fold_in(
            faded(touched, histories, self.config.decay),
            items_ID=self.item_vectors,
            biases_I=self.item_biases,
            unwanted_M=fitted(self._unwanted, NAME),
            regularization=self.config.regularization,
        )

    def score(self, histories: Histories) -> FloatArray:
        """The scores s_bi, (B, I)."""
        scores = self.user_vectors(histories) @ self.item_vectors.T + self.item_biases
        scores[:, fitted(self._cold, NAME)] = scores.min(axis=1, keepdims=True)
        return scores

    def save(self, folder: Path) -> None:
        """Write item vectors, biases and the items that histories are compared with."""
        rows = {"cold": fitted(self._cold, NAME), "unwanted": fitted(self._unwanted, NAME)}
        arrays = {"items": self.item_vectors, "biases": self.item_biases, **rows}
        facts: dict[str, Any] = {"signal": fitted(self._signal, NAME).facts()}
        if self.record is not None:
            facts["training"] = asdict(self.record)
        write_model(folder, NAME, self.config, arrays=arrays, facts=facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read them."""
        needs = ("items", "biases", "cold", "unwanted", "signal")
        config, facts, arrays = read_model(folder, NAME, BPRConfig, needs=needs)
        model = cls(config)
        model._signal = Signal.of_facts(facts["signal"])
        model._cold, model._unwanted = arrays["cold"], arrays["unwanted"]
        model._items, model._biases = arrays["items"], arrays["biases"]
        return model

    def _quick(self, module: "_Factors", histories: Histories, trained_U: BoolArray) -> FloatArray:
        """Scores between epochs, (B, I): users with touches in training by their trained vectors, which stand in for
        folding them in at a fraction of its cost; all others, whose vectors no step ever moved, as when serving.
        """
        known = (histories.users >= 0) & trained_U[histories.users]
        vectors = module.users.weight.detach().cpu().numpy()[histories.users]
        vectors[~known] = self.user_vectors(histories.take(np.flatnonzero(~known)))
        return np.asarray(vectors @ self.item_vectors.T + self.item_biases, dtype=np.float32)

    def _adopt(self, module: "_Factors") -> None:
        """Serve from a module's present weights."""
        self._items = module.items.weight.detach().cpu().numpy().copy()
        self._biases = module.biases.weight.detach().cpu().numpy()[:, 0].copy()


class _Factors(nn.Module):
    """The vectors in training."""

    def __init__(self, n_users: int, n_items: int, config: BPRConfig) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(n_users, config.dim), nn.Embedding(n_items, config.dim)
        self.biases = nn.Embedding(n_items, 1)
        for vectors in (self.users, self.items):
            nn.init.normal_(vectors.weight, std=0.1 / config.dim**0.5)
        nn.init.zeros_(self.biases.weight)
        self._regularization = config.regularization

    def loss(self, batch: PairBatch) -> Tensor:
        """L of a batch, a scalar."""
        users, wanted = self.users(batch.users_N), self.items(batch.wanted_N)  # (N, D)
        unwanted = self.items(batch.unwanted_NS)  # (N, S, D)
        scores = (users * wanted).sum(dim=-1) + self.biases(batch.wanted_N)[:, 0]
        below = (unwanted @ users[:, :, None] + self.biases(batch.unwanted_NS))[:, :, 0]
        sizes = torch.stack([v.square().sum(dim=-1).mean() for v in (users, wanted, unwanted)]).sum()
        return bpr_loss(scores[:, None].expand_as(below), below) + self._regularization * sizes

"""A language model fine-tuned on behaviour: the text of what comes next comes near the texts of what came before."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from pydantic import Field

from penchant.data.cold_start import HeldOut, cold_items
from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.data.partition import without_last
from penchant.encoders.fine_tuning.encoder import FineTunedEncoder, FineTunedEncoderConfig
from penchant.encoders.fine_tuning.head_only import HeadOnlyConfig
from penchant.encoders.fine_tuning.lora import LoraConfig
from penchant.encoders.huggingface import HuggingFaceEncoder, HuggingFaceEncoderConfig
from penchant.encoders.item_text import ItemTemplate, render_items
from penchant.errors import DataError, UnsupportedError
from penchant.interfaces import FitOptions
from penchant.models.content_based import ContentBased, ContentBasedConfig
from penchant.models.holdout import catalogue_ties, sampled, validation_ndcg
from penchant.models.language.consumed_together import Contexts, neighbour_batches
from penchant.models.language.item_spaces import ItemSpace, LinearSpace, TextSpace
from penchant.models.language.next_item_loss import NextItemLoss, NextItemLossConfig
from penchant.models.saving import fitted
from penchant.seeding import derive, numpy_rng
from penchant.training.devices import chosen_device
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from penchant.training.runs import training_run
from penchant.types import FloatArray, RowArray

NAME = "next_item_tuning"

HEAD = TrainingConfig(
    learning_rate=1e-3,
    weight_decay=0.01,
    warmup_steps=15,
    max_epochs=8,
    evaluate_every=1,
    evaluate_start=True,
    keep_start=True,
    clip_norm=1.0,
)
TUNING = TrainingConfig(
    learning_rate=5e-5,
    weight_decay=0.01,
    warmup_steps=15,
    max_epochs=2,
    evaluate_every=1,
    evaluate_start=True,
    keep_start=True,
    patience=2,
    clip_norm=1.0,
)


class NextItemTuningConfig(NextItemLossConfig):
    """Settings of `NextItemTuning`."""

    encoder: FineTunedEncoderConfig = FineTunedEncoderConfig(method=LoraConfig(), max_length=64, words=True)
    """Which language model, and what of it is trained."""
    items: ItemTemplate = ItemTemplate()
    """How an item is put into words."""
    decay: float = Field(default=0.8, gt=0, le=1)
    """Weight of a history's event relative to the one after it."""
    history: int = Field(default=12, ge=1)
    """Events of a history that are read."""
    batch: int = Field(default=256, ge=2)
    """Items a step."""
    neighbours: int = Field(default=7, ge=0)
    """Items met with an item that come into its batch."""
    new_share: float = Field(default=0.03, ge=0, lt=1)
    """Share of the items that no training event has, to see how the texts of new items are placed; 0: none."""
    max_validation: int = Field(default=2000, ge=1)
    """Validation cases on known items, and as many on new ones."""
    whitening: float | None = Field(default=None, ge=0, le=1)
    """p: how far the directions in which texts differ little are raised before the training; 1: to the level of all, 0:
    not, the vectors as they came. None: 1, or 0 where that is better on validation."""
    head_training: TrainingConfig = HEAD
    """Of the last layer, alone and first."""
    training: TrainingConfig = TUNING
    """Of what the method trains, and the last layer with it."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What decides which epoch stays."""

    known: Cases
    """Asked for a known item"""
    new: Cases | None
    """Asked for an item without training events; None where none were held out."""


class NextItemTuning:
    """Fine-tunes an encoder so that a fading history of texts points to the text of the next item.

    ::

        x_i   = unit( W Z [ unit( pool( language model( text of i ) ) ) ; mean of E(its tokens) ] + b )
        u_c   = unit( Σ_k decay^(k−1) x_{h_k} )        h_k: the item k events before case c
        s_ci  = u_c · x_i / τ + prior · log(events of i)
        ℓ     = (1/C) Σ_c [ log Σ_{i in batch, not in c's history} e^{s_ci} − s_{c y_c} ]

    A step runs the texts of a batch of items once, and takes every event on one of them (up to `max_cases`) as a case:
    an epoch is one pass over the catalogue's texts, however many events there are. Items of a history outside the batch
    count with the vector they had when they were last run, in a step or at the end of an epoch; candidates are the
    batch's own, all fresh, since a stale candidate is pushed by nobody. The other losses are `bpr_loss` against one
    other candidate, and `sampled_binary_loss` of ``a s + c``, a and c learned: the two-tower with BCE.

    Z whitens where that is better on validation (see `LinearSpace`), E are the input embeddings of the language model
    (`encoder.words`: without them the pooled vector stands alone). First W alone is trained, over the vectors of the
    untrained model, which is soon done; then what `encoder.method` trains, W Z and b with it. A model that is changed
    before its last layer fits the task loses what it knew of texts that it is not shown (Kumar et al. 2022,
    "Fine-tuning can distort pretrained features"). The method ``head_only`` ends after the first part.

    Validation is NDCG@10 of `ContentBased` as a multiple of the untrained encoder's, the mean of that on known items
    (each user's last) and on new ones (a share of the items is kept out of training). Of each part the epoch that is
    best stays, what it began with included. `fit` raises `UnsupportedError` without texts, `DataError` without two
    events in a row. In-batch softmax: Yi et al. (2019); item texts for the same end: Recformer (Li et al. 2023).
    """

    def __init__(self, config: NextItemTuningConfig | None = None) -> None:
        self.config = config or NextItemTuningConfig()
        self.records: Mapping[str, TrainingRecord] = {}
        """How the trainings of ``head`` and ``encoder`` went."""
        self.before: Mapping[str, float] = {}
        """NDCG@10 on ``known`` and ``new`` items with the untrained encoder."""
        self.after: Mapping[str, float] = {}
        self._encoder: FineTunedEncoder | None = None

    @property
    def encoder(self) -> FineTunedEncoder:
        """What was trained."""
        return fitted(self._encoder, NAME)

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Train on the events of a dataset; `options.item_vectors` are its texts by the untrained encoder."""
        options, config = options or FitOptions(), self.config
        texts = render_items(dataset.items, template=config.items)
        if not any(texts):
            raise UnsupportedError(
                f"{dataset.name!r} has no item texts to fine-tune on.", hint="Import items with titles or descriptions."
            )
        work = _Work.of(dataset, config, options)
        start = options.item_vectors
        if start is None:
            start = untrained(config.encoder).encode(texts, progress=options.progress)
        with torch.random.fork_rng():
            torch.manual_seed(derive(options.seed, NAME))
            encoder = FineTunedEncoder(config.encoder, seed=options.seed).to(work.device)
            self.before = self.after = work.judge.values(start)
            tokens = encoder.tokenize([(text, None) for text in texts])
            head = work.start(start, encoder.mean_embeddings(tokens) if encoder.word_width else None, self.before)
            records = {"head": work.train(head, config.head_training, "head", self.before)}
            space = TextSpace(encoder, tokens, head)
            if not isinstance(config.encoder.method, HeadOnlyConfig):
                records["encoder"] = work.train(space, config.training, "encoder", self.before)
            self.records, self._encoder = records, encoder
            space.eval().requires_grad_(requires_grad=False)
            if "encoder" not in records:
                with torch.inference_mode():
                    space.bank.copy_(space(np.arange(dataset.n_items, dtype=np.int32)))
            space.cpu()
            self.after = work.judge.values(space.bank.numpy())
        return self

    def save(self, folder: Path) -> None:
        """An encoder's folder; see `FineTunedEncoder.save`."""
        self.encoder.save(folder)


def untrained(config: FineTunedEncoderConfig) -> HuggingFaceEncoder:
    """The encoder before the training, as it serves."""
    return HuggingFaceEncoder(
        HuggingFaceEncoderConfig(
            path=config.path, revision=config.revision, pooling=config.pooling, max_length=config.max_length
        )
    )


@dataclass(frozen=True, kw_only=True)
class _Work:
    """What both parts of a fine-tuning share."""

    dataset: Dataset
    config: NextItemTuningConfig
    options: FitOptions
    contexts: Contexts
    trained: RowArray
    """Items with training events"""
    judge: "_Judge"
    device: torch.device
    """Where both are trained"""

    @classmethod
    def of(cls, dataset: Dataset, config: NextItemTuningConfig, options: FitOptions) -> "_Work":
        training, validation = _divided(dataset, config, options.seed)
        histories = training.histories()
        contexts = Contexts.of(histories, n_items=dataset.n_items, decay=config.decay, most=config.history)
        if not len(contexts.targets):
            raise DataError(f"{dataset.name!r} has no user with two training events.", hint="Import more events.")
        trained = np.flatnonzero(np.bincount(histories.items, minlength=dataset.n_items)).astype(np.int32)
        judge = _Judge(dataset, config, validation, options.seed)
        return cls(
            dataset=dataset,
            config=config,
            options=options,
            contexts=contexts,
            trained=trained,
            judge=judge,
            device=chosen_device(options.device),
        )

    def start(self, start_ID: FloatArray, words_IW: FloatArray | None, before: Mapping[str, float]) -> LinearSpace:
        """The space that the training begins with."""
        chosen = self.config.whitening
        space = LinearSpace(start_ID, words_IW=words_IW, whitening=1.0 if chosen is None else chosen)
        if chosen is None:
            gain, own = (self.judge.gain(of, before) for of in (self.judge.values(space.bank.numpy()), before))
            self.options.progress.note(f"Fine-tuning: validation {gain:.4f} with the vectors whitened, {own:.4f} as is")
            if gain < own:
                space = LinearSpace(start_ID, words_IW=words_IW)
        return space

    def train(
        self, space: ItemSpace, settings: TrainingConfig, name: str, before: Mapping[str, float]
    ) -> TrainingRecord:
        """Train the space; its best epoch stays, and its bank is of that epoch."""
        config, seed, options = self.config, self.options.seed, self.options.part(name)
        loss = NextItemLoss(space, self.contexts, config, numpy_rng(seed, NAME, name, "cases"))
        everything = np.arange(self.dataset.n_items, dtype=np.int32)

        def evaluate() -> float:
            # All items anew: vectors of one step and of another differ by what the model learned between them.
            space.bank.copy_(space(everything))
            return self.judge.gain(self.judge.values(space.bank.cpu().numpy()), before)

        def batches(epoch: int) -> list[RowArray]:
            rng = numpy_rng(seed, NAME, name, str(epoch))
            parts = neighbour_batches(
                self.contexts, self.trained, size=config.batch, neighbours=config.neighbours, rng=rng
            )
            return [part for part in parts if len(part) > 1]

        return train(
            loss,
            batches=batches,
            loss=loss,
            evaluate=evaluate,
            config=settings,
            progress=options.progress,
            name=f"Fine-tuning {name}",
            run=training_run(options, dataset=self.dataset, config=config, name=f"{NAME}/{name}"),
            generators={"cases": loss.rng},
            device=self.device,
        )


class _Judge:
    """NDCG@10 of item vectors in `ContentBased`, on known and on new items."""

    def __init__(self, dataset: Dataset, config: NextItemTuningConfig, validation: Validation, seed: int) -> None:
        self._dataset, self._validation = dataset, validation
        self._settings = ContentBasedConfig(decay=config.decay)
        self._ties = catalogue_ties(dataset, seed)

    def values(self, vectors_ID: FloatArray) -> dict[str, float]:
        """By kind of item."""
        model = ContentBased(self._settings).fit(self._dataset, options=FitOptions(item_vectors=vectors_ID))
        asked = {"known": self._validation.known, "new": self._validation.new}
        return {
            name: validation_ndcg(model.score, cases, ties=self._ties)
            for name, cases in asked.items()
            if cases is not None and len(cases)
        }

    def gain(self, after: Mapping[str, float], before: Mapping[str, float]) -> float:
        """The mean multiple; the mean itself where nothing was found before."""
        return float(np.mean([after[name] / before[name] if before[name] else after[name] for name in after] or [0.0]))


def _divided(dataset: Dataset, config: NextItemTuningConfig, seed: int) -> tuple[Dataset, Validation]:
    """What is trained on, without the last event of each user and the events of some items."""
    if config.new_share:
        held = HeldOut.choose(dataset, share=config.new_share, seed=derive(seed, "new items"))
        parts = cold_items(dataset, held, later_events="keep", max_cases=config.max_validation, seed=seed)
        train, known, new = parts.train, parts.validation, parts.test
    else:
        (train, known), new = without_last(dataset, np.ones(dataset.n_users, dtype=np.bool_)), None
    return train, Validation(known=sampled(known, config.max_validation, seed), new=new)

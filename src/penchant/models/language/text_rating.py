"""Ratings read by a language model: the item's text and what the user did, as one input."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from penchant.config import Config
from penchant.data.histories import Histories
from penchant.data.rating_targets import RatingTargets
from penchant.encoders.fine_tuning import FineTunedEncoderConfig
from penchant.encoders.item_text import ItemTemplate, render_items
from penchant.errors import UnsupportedError
from penchant.interfaces import FitOptions
from penchant.models.holdout import sampled
from penchant.models.language.behaviour_text import BehaviourTemplate, BehaviourWriter
from penchant.models.language.multi_task import FINE_TUNING
from penchant.models.language.pair_reader import PairReader, packed, rated_events, unpacked
from penchant.models.language.platt_scaling import PlattScaling, scaling_that_pays
from penchant.models.language.task_data import without_text
from penchant.models.language.task_network import TaskData, TaskNetwork, train_tasks
from penchant.models.rating.head_choice import HeadConfig, build_head, describe_head
from penchant.models.rating.holdout import rated_targets, validation_value
from penchant.models.rating.means import RatingMeans, RatingMeansConfig
from penchant.models.rating.predictor import RatingModel, Training
from penchant.models.rating.ratings import Scale, rows_of
from penchant.models.saving import fitted
from penchant.seeding import derive
from penchant.training.loop import TrainingConfig, TrainingRecord
from penchant.training.rating_heads import Liked, RatingHead
from penchant.training.runs import training_run
from penchant.types import AnyArray, DoubleArray, IntArray, RowArray

TASK = "rating"
WEIGHTS = "network."


class TextRatingConfig(HeadConfig):
    """Settings of `TextRating`."""

    language_model: FineTunedEncoderConfig = FineTunedEncoderConfig()
    items: ItemTemplate = ItemTemplate()
    """How an item is put into words."""
    behaviour: BehaviourTemplate = BehaviourTemplate()
    """How what a user did is put into words."""
    biases: bool = True
    """Whether the last layer also reads what the bias model says, so that the text is for what that leaves over. If
    not, the text alone decides."""
    means: RatingMeansConfig = RatingMeansConfig()
    """Of the bias model."""
    batch: int = Field(default=16, ge=1)
    """Pairs a step."""
    max_pairs: int | None = Field(default=4000, ge=1)
    """Training pairs an epoch, drawn anew each time; None: all."""
    max_validation: int = Field(default=1000, ge=1)
    """Validation cases that decide which epoch stays."""
    calibrate: bool = True
    """Of the head ``liked``: bring probabilities to what came of the validation cases, where that pays."""
    training: TrainingConfig = FINE_TUNING


class TextRating(RatingModel):
    """A language model reads the item and the user together, and a head says the rating.

    ::

        h  = pool( language model( text of i [SEP] behaviour of b without i ) )
        o  = W [ h ; b_b,−i + b_i ] + c        for a number and ``linear``, W begins with 1 for the bias model
        r̂  = head( o )

    M_θ(s_i, b_j) of item texts s and behaviour texts b in one sequence: every token of either sees the other's, so that
    the answer may depend on whether they match, which no sum of two vectors can say. The behaviour is the last events,
    newest first, told as ``liked …; disliked …`` (`BehaviourWriter`); in training those before the rated one. The item
    that is asked for is left out of it, and out of the user's bias, in training and in serving. For heads see
    `penchant.training.rating_heads`: with ``liked``, `like_probabilities` is the degree of interest from 0 to 1,
    calibrated on the validation cases where that pays. The last layers of the language model are trained with the head
    (Devlin et al. 2019), the others stay, and only what was trained is saved, with the checkpoint's fingerprint.

    With rated validation cases the weights of the best epoch stay; without, those of the last. Whom and what it has
    never seen it reads like anything else. Caveat: each pair is a pass through the language model, so it is for ratings
    that are asked for, or for a short list to be put in order; `score` of a catalogue takes minutes a user.

    `fit` raises `UnsupportedError` where there are no ratings or no texts, `DataError` for the head ``liked`` where all
    is liked or nothing, `ConfigError` and `NotFoundError` where the language model cannot be used. Unit: the rating's.
    """

    name: ClassVar[str] = "text_rating"
    config_class: ClassVar[type[Config]] = TextRatingConfig
    kept: ClassVar[tuple[str, ...]] = (
        "item_biases",
        "item_texts",
        "item_text_ends",
        "head",
        "behaviour",
        "fingerprint",
    )
    config: TextRatingConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._network: TaskNetwork | None = None
        self._reader: PairReader | None = None
        self._head_facts: dict[str, Any] = {}
        self._scaling: PlattScaling | None = None
        self.record: TrainingRecord | None = None
        """How the training went; None for a loaded model."""

    def learn(self, training: Training) -> Mapping[str, AnyArray]:
        """Train on rated pairs, some of them each epoch."""
        dataset, scale, ratings = training.dataset, training.scale, training.ratings
        item_texts = render_items(dataset.items, template=self.config.items)
        if not any(item_texts):
            raise without_text(self.name, dataset)
        biases = RatingMeans(self.config.means).biases(scale.standardised(ratings))[1]
        writer = BehaviourWriter(
            item_texts,
            event_types=dataset.event_types,
            scale=dataset.rating_scale,
            template=self.config.behaviour,
        )
        reader = self._read_with(item_texts, writer, biases, scale)
        self._head_facts = describe_head(self.config, ratings.data, RatingTargets.fit(dataset))
        head = build_head(self.config, self._head_facts, scale)
        histories, events = dataset.histories(), rated_events(dataset)
        options = training.options
        if options.validation is not None:
            cases = sampled(options.validation, self.config.max_validation, options.seed)
            options = replace(options, validation=cases)
        with torch.random.fork_rng():
            torch.manual_seed(derive(options.seed, self.name))
            network = self._build(head, seed=options.seed)

            def predict(asked: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
                outputs = reader.outputs(network, TASK, asked, cases_P, items_P)
                return scale.clipped(head.ratings(outputs).double().numpy())

            data = TaskData(
                head=head,
                size=len(events),
                texts=lambda rows: reader.before(histories, events[rows]),
                targets=head.targets(ratings.data),
                numbers=reader.numbers(histories, rows_of(ratings), ratings.indices.astype(np.int32)),
            )
            self.record = train_tasks(
                network,
                {TASK: data},
                evaluate=validation_value(options, predict),
                batch=self.config.batch,
                most=self.config.max_pairs,
                config=self.config.training,
                seed=options.seed,
                name=self.name,
                progress=options.progress,
                run=training_run(training.options, dataset=dataset, config=self.config, name=self.name),
                device=options.device,
            )
        self._network, self._reader = network, reader
        self._scaling = self._fit_scaling(head, options, network, reader)
        packed_texts, ends = packed(item_texts)
        return {
            "item_biases": biases,
            "item_texts": packed_texts,
            "item_text_ends": ends,
            **{WEIGHTS + name: value.numpy() for name, value in network.state_dict().items()},
        }

    def facts(self) -> dict[str, Any]:
        """The head, how behaviour is told, and which checkpoint the trained layers belong to."""
        return {
            "head": self._head_facts,
            "behaviour": self._read().writer.as_json(),
            "fingerprint": self._trained().encoder.fingerprint,
            "scaling": None if self._scaling is None else self._scaling.as_json(),
        }

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Put the trained layers back into the checkpoint they belong to."""
        item_texts = unpacked(self.arrays["item_texts"], self.arrays["item_text_ends"])
        writer = BehaviourWriter.from_json(facts["behaviour"], item_texts, template=self.config.behaviour)
        self._reader = self._read_with(item_texts, writer, self.arrays["item_biases"], self.scale)
        self._head_facts = facts["head"]
        self._scaling = None if facts["scaling"] is None else PlattScaling.from_json(facts["scaling"])
        with torch.random.fork_rng():
            network = self._build(build_head(self.config, self._head_facts, self.scale))
        network.encoder.check(facts["fingerprint"])
        state = {k.removeprefix(WEIGHTS): torch.from_numpy(v) for k, v in self.arrays.items() if k.startswith(WEIGHTS)}
        network.take(state, what=f"The saved {self.name}")
        self._network = network

    def estimate(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
        """The head's ratings, (P,)."""
        outputs = self._outputs(histories, cases_P, items_P)
        found: DoubleArray = self._trained().heads[TASK].ratings(outputs).double().numpy()
        return found

    def like_probabilities(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
        """P(like) of each pair, (P,): the interest, from 0 to 1. `UnsupportedError` for another head than ``liked``."""
        head = self._trained().heads[TASK]
        if not isinstance(head, Liked):
            raise UnsupportedError(
                f"{self.name} with head = {self.config.head!r} has no probabilities of a like.",
                hint="Fit it with head = 'liked'.",
            )
        found: DoubleArray = head.probabilities(self._outputs(histories, cases_P, items_P)).double().numpy()
        return found

    def _outputs(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> Tensor:
        """What the head reads, calibrated where that paid."""
        outputs = self._read().outputs(self._trained(), TASK, histories, cases_P, items_P)
        return outputs if self._scaling is None else self._scaling.slope * outputs + self._scaling.intercept

    def _trained(self) -> TaskNetwork:
        return fitted(self._network, self.name)

    def _read(self) -> PairReader:
        return fitted(self._reader, self.name)

    def _read_with(
        self, item_texts: Sequence[str], writer: BehaviourWriter, biases: DoubleArray, scale: Scale
    ) -> PairReader:
        return PairReader(
            item_texts,
            writer,
            item_biases=biases,
            scale=scale,
            user_damping=self.config.means.user_damping,
            biases=self.config.biases,
        )

    def _build(self, head: RatingHead, *, seed: int = 0) -> TaskNetwork:
        numbers = {TASK: int(self.config.biases)}
        network = TaskNetwork(self.config.language_model, {TASK: head}, numbers=numbers, seed=seed)
        if self.config.biases and self.config.head == "rating" and self.config.output == "linear":
            with torch.no_grad():
                network.last_layer(TASK).weight[:, -1] = 1.0  # to begin with, the bias model
        return network

    def _fit_scaling(
        self, head: RatingHead, options: FitOptions, network: TaskNetwork, reader: PairReader
    ) -> PlattScaling | None:
        """How the logits of likes are brought to what the validation cases say; None where that does not pay."""
        asked = rated_targets(options.validation)
        if not (self.config.calibrate and isinstance(head, Liked)) or asked is None:
            return None
        logits = reader.outputs(network, TASK, asked.histories, asked.cases, asked.items)[:, 0].double().numpy()
        labels = head.targets(asked.ratings).double().numpy()
        return scaling_that_pays(logits, labels, seed=options.seed)

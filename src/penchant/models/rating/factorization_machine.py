"""The factorization machine: any features of a user, an item and both, and what every two of them add together."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from pydantic import Field

from penchant.config import Config
from penchant.data.features.pipeline import FeatureConfig, FeaturePipeline
from penchant.data.features.select import Select
from penchant.data.features.transform import Transform
from penchant.data.histories import Histories
from penchant.models.rating.design import Design
from penchant.models.rating.holdout import validation_error
from penchant.models.rating.machine import Batch, FoldedMachine, Machine, batch_of
from penchant.models.rating.predictor import RatingModel, Training
from penchant.models.rating.ratings import Scale, rows_of
from penchant.models.saving import fitted
from penchant.seeding import derive, numpy_rng
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from penchant.training.runs import training_run
from penchant.types import AnyArray, DoubleArray, IntArray, RowArray


class FactorizationMachineConfig(Config):
    """Settings of `FactorizationMachine`."""

    dim: int = Field(default=16, ge=1)
    """K"""
    regularization: float = Field(default=0.11, ge=0)
    """λ, of the vectors, for each time a feature occurs."""
    weight_regularization: float = Field(default=4.0, ge=0)
    """λ_w, of the weights, once for each feature."""
    features: FeatureConfig = FeatureConfig(steps=(Select(), Transform()))
    """The steps that make features of attributes."""
    batch: int = Field(default=1_024, ge=1)
    """Ratings a step."""
    training: TrainingConfig = TrainingConfig(learning_rate=0.01, max_epochs=14, evaluate_every=1, warmup_steps=50)


class FactorizationMachine(RatingModel):
    """A weight for every feature and a product of vectors for every two.

    ::

        r̂(x) = μ + σ ( w₀ + Σ_j w_j x_j + Σ_{j<k} (v_j · v_k) x_j x_k )
             = μ + σ ( w₀ + Σ_j w_j x_j + ½ Σ_f [ (Σ_j v_jf x_j)² − Σ_j v_jf² x_j² ] )
        L    = Σ_n [ (r_n − r̂_n)²/σ² + λ Σ_j x_nj² ‖v_j‖² ] + λ_w Σ_j w_j²

    S. Rendle, "Factorization machines" (2010). x holds 1 at the user, 1 at the item, and the features that the steps
    make of the attributes of the user, of the item, and of the two together (see `penchant.data.features`): with ids
    alone it is matrix factorisation with biases. Departures: λ weighs a vector for each time its feature occurs, and a
    combination of a user's word with an item's, which is a product already, has a weight and no vector. Trained by
    AdamW on batches.

    r̂ is linear in one user's own w and v, so these are solved from the history handed in, by ridge regression with the
    same L: a stranger is answered like a trained user with the same history and attributes. Attributes are known of
    users in the dataset only. An item without ratings has what its attributes give. Unit: the rating's.

    With validation cases the weights of the best epoch stay; without, all ratings are learned from for `max_epochs`.
    `fit` raises `UnsupportedError` without ratings, and `TrainingError` where the loss is not finite from the
    beginning.
    """

    name: ClassVar[str] = "factorization_machine"
    config_class: ClassVar[type[Config]] = FactorizationMachineConfig
    kept: ClassVar[tuple[str, ...]] = ("weights", "vectors", "bias")
    config: FactorizationMachineConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._design: Design | None = None
        self._pipeline: FeaturePipeline | None = None
        self.record: TrainingRecord | None = None
        """How the training went; None for a loaded model."""

    @property
    def pipeline(self) -> FeaturePipeline:
        """The fitted feature steps."""
        return fitted(self._pipeline, self.name)

    def learn(self, training: Training) -> Mapping[str, AnyArray]:
        """Make the features, train on the rated pairs."""
        dataset, options = training.dataset, training.options
        self._pipeline = FeaturePipeline.fit(dataset, self.config.features)
        design = self._design = Design.of(self._pipeline, dataset)
        ratings = training.scale.standardised(training.ratings)
        users, items = rows_of(ratings), ratings.indices
        own = sp.coo_array((np.ones(len(users)), (np.arange(len(users)), users)), shape=(len(users), dataset.n_users))
        x = sp.csr_array(sp.hstack([design.of_pairs(users, items), own], format="csr"))
        validation = options.validation if options.validation is not None and len(options.validation) else None
        order = numpy_rng(options.seed, self.name, "batches")
        with torch.random.fork_rng():
            torch.manual_seed(derive(options.seed, self.name))
            machine = Machine(
                x.shape[1],
                self.config.dim,
                penalty=self.config.regularization,
                weight_penalty=self.config.weight_regularization / len(users),
                alone=slice(design.width - design.pairs.width, design.width),
            )

            def batches(epoch: int) -> Sequence[Batch]:  # noqa: ARG001
                places = order.permutation(len(users))
                size = self.config.batch
                return [
                    batch_of(x, ratings.data, places[start : start + size]) for start in range(0, len(places), size)
                ]

            def predict(histories: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
                asked = self._asked(machine.arrays(design.width), design, training.scale)
                return training.scale.clipped(asked.rate(histories, cases_P, items_P))

            self.record = train(
                machine,
                batches=batches,
                loss=machine.loss,
                evaluate=None if validation is None else lambda: -validation_error(predict, validation),
                config=self.config.training,
                progress=options.progress,
                name=f"Training {self.name}",
                run=training_run(options, dataset=dataset, config=self.config, name=self.name),
                generators={"batches": order},
            )
        return {**machine.arrays(design.width), **design.arrays()}

    def facts(self) -> dict[str, Any]:
        """The fitted steps."""
        return {"features": self.pipeline.as_json()}

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Take steps and features back."""
        self._pipeline = FeaturePipeline.from_json(facts["features"])
        self._design = Design.of_arrays(self.arrays)

    def estimate(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
        """μ + σ (…) for each pair, (P,)."""
        return self._asked(self.arrays, fitted(self._design, self.name), self.scale).rate(histories, cases_P, items_P)

    def _asked(self, arrays: Mapping[str, AnyArray], design: Design, scale: Scale) -> FoldedMachine:
        return FoldedMachine(
            bias=float(arrays["bias"][0]),
            weights=arrays["weights"].astype(np.float64),
            vectors=arrays["vectors"].astype(np.float64),
            design=design,
            scale=scale,
            penalty=self.config.regularization,
            weight_penalty=self.config.weight_regularization,
        )

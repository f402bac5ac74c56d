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
from penchant.models.rating.holdout import validation_value
from penchant.models.rating.machine import Batch, Machine, batch_of
from penchant.models.rating.own_parameters import own_parameters
from penchant.models.rating.predictor import FactorModel, Training, dot_products
from penchant.models.rating.ratings import Scale, rating_matrix, rows_of
from penchant.seeding import derive, numpy_rng
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from penchant.training.minibatches import Minibatches
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
    features: FeatureConfig | None = FeatureConfig(steps=(Select(), Transform()))
    """The steps that make features of attributes. None: users and items are known by their ids alone."""
    batch: int = Field(default=1_024, ge=1)
    """Ratings a step."""
    training: TrainingConfig = TrainingConfig(learning_rate=0.01, max_epochs=14, evaluate_every=1, warmup_steps=50)


class FactorizationMachine(FactorModel):
    """A weight for every feature and a product of vectors for every two.

    ::

        r̂(x) = μ + σ ( w₀ + Σ_j w_j x_j + Σ_{j<k} (v_j · v_k) x_j x_k )
             = μ + σ ( w₀ + Σ_j w_j x_j + ½ Σ_f [ (Σ_j v_jf x_j)² − Σ_j v_jf² x_j² ] )
        L    = Σ_n [ (r_n − r̂_n)²/σ² + λ Σ_j x_nj² ‖v_j‖² ] + λ_w Σ_j w_j²

    S. Rendle, "Factorization machines" (2010). x holds 1 at the user, 1 at the item, and the features that the steps
    make of the attributes of the user, of the item, and of the two together (see `penchant.data.features`): with ids
    alone it is matrix factorisation with biases. Departures: λ weighs a vector for each time its feature occurs, and a
    combination of a user's word with an item's, which is a product already, has a weight and no vector. Trained by
    AdamW on batches; answered by one dot product a pair (see `Design.tables`).

    r̂ is linear in one user's own w and v, so these are solved from the history handed in, by ridge regression with the
    same L: a stranger is answered like a trained user with the same history and attributes. Attributes are known of
    users in the dataset only. An item without ratings has what its attributes give. Unit: the rating's.

    With rated validation cases the weights of the best epoch stay; without, all ratings are learned from for
    `max_epochs`. `fit` raises `UnsupportedError` without ratings, and `TrainingError` where the loss is not finite from
    the beginning.
    """

    name: ClassVar[str] = "factorization_machine"
    config_class: ClassVar[type[Config]] = FactorizationMachineConfig
    kept: ClassVar[tuple[str, ...]] = ("bias", "weights", "vectors", "attributes", "items", "features")
    config: FactorizationMachineConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.pipeline: FeaturePipeline | None = None
        """The fitted steps; None before `fit`, and without features."""
        self.record: TrainingRecord | None = None
        """How the training went; None for a loaded model."""

    def learn(self, training: Training) -> Mapping[str, AnyArray]:
        """Make the features, train on the rated pairs.

        Kept are w₀ as `bias`, w and v as `weights` and `vectors` (of items by row, then of the features in the order of
        the pipeline's names: users', items', pairs'), and the tables `attributes` (U, D) and `items` (I, D).
        """
        dataset, options, config = training.dataset, training.options, self.config
        self.pipeline = None if config.features is None else FeaturePipeline.fit(dataset, config.features)
        design = Design.of(self.pipeline, dataset)
        ratings = training.scale.standardised(training.ratings)
        users = rows_of(ratings)
        own = sp.csr_array((np.ones(len(users)), (np.arange(len(users)), users)), shape=(len(users), dataset.n_users))
        x = sp.csr_array(sp.hstack([design.of_pairs(users, ratings.indices), own], format="csr"), dtype=np.float32)
        order = numpy_rng(options.seed, self.name, "batches")
        with torch.random.fork_rng():
            torch.manual_seed(derive(options.seed, self.name))
            machine = Machine(
                x.shape[1],
                config.dim,
                penalty=config.regularization,
                weight_penalty=config.weight_regularization / len(users),
                alone=slice(design.paired, design.width),
            )

            def batches(epoch: int) -> Sequence[Batch]:  # noqa: ARG001
                places = order.permutation(len(users))
                return Minibatches(places, size=config.batch, make=lambda rows: batch_of(x, ratings.data, rows))

            def predict(histories: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
                arrays = self._arrays_of(machine, design)
                found = dot_products(self._fold(histories, arrays, training.scale), arrays["items"], cases_P, items_P)
                return training.scale.clipped(training.scale.mean + training.scale.spread * found)

            self.record = train(
                machine,
                batches=batches,
                loss=machine.loss,
                evaluate=validation_value(options, predict),
                config=config.training,
                progress=options.progress,
                name=f"Training {self.name}",
                run=training_run(options, dataset=dataset, config=config, name=self.name),
                generators={"batches": order},
            )
        return self._arrays_of(machine, design)

    def facts(self) -> dict[str, Any]:
        """The fitted steps."""
        return {"features": None if self.pipeline is None else self.pipeline.as_json()}

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Take the steps back."""
        self.pipeline = None if facts["features"] is None else FeaturePipeline.from_json(facts["features"])

    def user_factors(self, histories: Histories) -> DoubleArray:
        """What a user's attributes give, and his own w and v from his history, (B, 2 + K + T)."""
        return self._fold(histories, self.arrays, self.scale)

    def item_factors(self) -> DoubleArray:
        """(I, 2 + K + T)"""
        items: DoubleArray = self.arrays["items"]
        return items

    def _arrays_of(self, machine: Machine, design: Design) -> dict[str, AnyArray]:
        learned = machine.arrays(design.width)
        users, items = design.tables(float(learned["bias"][0]), learned["weights"], learned["vectors"])
        return {**learned, "attributes": users, "items": items}

    def _fold(self, histories: Histories, arrays: Mapping[str, AnyArray], scale: Scale) -> DoubleArray:
        """a_b, and beside it what the user's own w and v add: ``w + v·(s_i + t_b)``."""
        items, width = arrays["items"], self.config.dim
        users = np.zeros((len(histories), items.shape[1]))
        users[:, 0] = 1.0
        known = histories.users >= 0
        users[known] = arrays["attributes"][histories.users[known]]
        own = own_parameters(
            scale.standardised(rating_matrix(histories, len(items))),
            users,
            items,
            dim=width,
            penalty=self.config.regularization,
            weight_penalty=self.config.weight_regularization,
        )
        sums = slice(2, 2 + width)
        users[:, 1] += own[:, 0] + np.einsum("bk,bk->b", own[:, 1:], users[:, sums])
        users[:, sums] += own[:, 1:]
        return users

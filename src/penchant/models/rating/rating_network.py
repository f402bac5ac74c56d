"""A deep network that rates: fully connected layers over a user's and an item's vector."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from penchant.config import Config
from penchant.data.histories import Histories
from penchant.data.rating_targets import RatingTargets
from penchant.errors import BundleError, UnsupportedError
from penchant.models.rating.head_choice import HeadConfig, build_head, describe_head
from penchant.models.rating.holdout import validation_value
from penchant.models.rating.means import RatingMeans, RatingMeansConfig
from penchant.models.rating.network import Activation, Network, Pairs, pairs_of
from penchant.models.rating.predictor import RatingModel, Training
from penchant.models.rating.ratings import Scale, rating_matrix, rows_of, touched
from penchant.models.saving import fitted
from penchant.seeding import derive, numpy_rng
from penchant.training.batch_sizes import on_device
from penchant.training.devices import chosen_device, device_of
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from penchant.training.minibatches import Minibatches
from penchant.training.rating_heads import Liked, RatingHead
from penchant.training.runs import training_run
from penchant.types import AnyArray, DoubleArray, IntArray, RowArray

PAIRS_AT_ONCE = 50_000


class RatingNetworkConfig(HeadConfig):
    """Settings of `RatingNetwork`."""

    dim: int = Field(default=24, ge=1)
    """D"""
    layers: tuple[Annotated[int, Field(ge=1)], ...] = (48, 24)
    """Widths of the hidden layers; none: a linear model of the inputs."""
    activation: Activation = "relu"
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of the inputs that a training step leaves out; none when serving."""
    means: RatingMeansConfig = RatingMeansConfig()
    """Of the bias model whose estimate is one of the inputs."""
    users: int = Field(default=32, ge=1)
    """Users a step, with all their ratings."""
    training: TrainingConfig = TrainingConfig(
        learning_rate=0.005, weight_decay=0.02, max_epochs=30, evaluate_every=1, warmup_steps=50
    )


class RatingNetwork(RatingModel):
    """Fully connected layers over who rates, what is rated, and what the bias model says.

    ::

        u_b,−i = |H_b − i|^−1/2 Σ_{j ∈ H_b, j ≠ i} (e_bj c_j + y_j),    e_bj = (r_bj − μ)/σ − b_b,−i − b_j
        o_0    = [ u_b,−i ; z_i ; u_b,−i ∘ z_i ; b_b,−i + b_i ]
        o_l    = φ(W_l o_{l−1} + b_l),  l = 1 … L
        r̂      = head( W o_L + b )

    What a user is comes from the items he rated and how (the asymmetric model of Koren 2008), so that the network reads
    a stranger's history like anybody's. The item that is asked for is left out of it, and out of the user's bias b_b
    (that of `RatingMeans`), in training and in serving: what was said of it before does not change the answer. The
    layers are the multi-layer perceptron of He et al. (2017); for the head see `penchant.training.rating_heads`. With
    the head ``rating`` and the output ``linear``, b_b,−i + b_i is added to the last layer, which then predicts what the
    bias model leaves over.

    With rated validation cases the weights of the best epoch stay; without, all ratings are learned from for
    `max_epochs`. `fit` raises `UnsupportedError` without ratings, `DataError` for the head ``liked`` where all is liked
    or nothing, and `TrainingError` where the loss is not finite from the beginning. Unit: the rating's.
    """

    name: ClassVar[str] = "rating_network"
    config_class: ClassVar[type[Config]] = RatingNetworkConfig
    kept: ClassVar[tuple[str, ...]] = ("item_biases", "head")
    config: RatingNetworkConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._network: Network | None = None
        self._head: RatingHead | None = None
        self._head_facts: dict[str, Any] = {}
        self.record: TrainingRecord | None = None
        """How the training went; None for a loaded model."""

    @property
    def head(self) -> RatingHead:
        """What the last layer means."""
        return fitted(self._head, self.name)

    def learn(self, training: Training) -> Mapping[str, AnyArray]:
        """Train on the rated pairs, some users with all their ratings at a time."""
        dataset, options = training.dataset, training.options
        ratings = training.ratings
        biases = RatingMeans(self.config.means).biases(training.scale.standardised(ratings))[1]
        self._head_facts = describe_head(self.config, ratings.data, RatingTargets.fit(dataset))
        head, arrays = build_head(self.config, self._head_facts, training.scale), {"item_biases": biases}
        self._head = head
        histories = dataset.histories()
        order = numpy_rng(options.seed, self.name, "batches")
        active = np.flatnonzero(np.diff(ratings.indptr))
        with torch.random.fork_rng():
            torch.manual_seed(derive(options.seed, self.name))
            network = self._build(dataset.n_items, head)

            def batches(epoch: int) -> Sequence[tuple[Pairs, Tensor]]:  # noqa: ARG001
                def make(users: IntArray) -> tuple[Pairs, Tensor]:
                    """All rated pairs of some users, and what the head learns from."""
                    rated = ratings[users]
                    asked = histories.take(users), rows_of(rated), rated.indices
                    return self._pairs(biases, training.scale, *asked), head.targets(rated.data)

                return Minibatches(order.permutation(active), size=self.config.users, make=make)

            def predict(asked: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
                outputs = self._outputs(network, biases, training.scale, asked, cases_P, items_P)
                return training.scale.clipped(head.ratings(outputs).double().numpy())

            self.record = train(
                network,
                batches=batches,
                loss=lambda batch: head.loss(network(batch[0]), batch[1]),
                evaluate=validation_value(options, predict),
                config=self.config.training,
                progress=options.progress,
                name=f"Training {self.name}",
                run=training_run(options, dataset=dataset, config=self.config, name=self.name),
                generators={"batches": order},
                device=chosen_device(options.device),
            )
        self._network = network.cpu().eval()
        return arrays | {f"network.{name}": value.numpy() for name, value in network.state_dict().items()}

    def facts(self) -> dict[str, Any]:
        """What the head learned of the ratings."""
        return {"head": self._head_facts}

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Build head and network again."""
        self._head_facts = facts["head"]
        self._head = build_head(self.config, self._head_facts, self.scale)
        with torch.random.fork_rng():
            network = self._build(self.n_items, self._head)
        state = {k.removeprefix("network."): v for k, v in self.arrays.items() if k.startswith("network.")}
        try:
            network.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
        except RuntimeError:
            raise BundleError(
                f"The saved {self.name} does not hold the weights that its settings ask for.",
                hint="Copy the folder again whole, or fit the model again.",
            ) from None
        self._network = network.eval()

    def estimate(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
        """The head's ratings, (P,)."""
        found: DoubleArray = self.head.ratings(self._asked(histories, cases_P, items_P)).double().numpy()
        return found

    def like_probabilities(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> DoubleArray:
        """P(like) of each pair, (P,): the interest, from 0 to 1. `UnsupportedError` for another head than ``liked``."""
        head = self.head
        if not isinstance(head, Liked):
            raise UnsupportedError(
                f"{self.name} with head = {self.config.head!r} has no probabilities of a like.",
                hint="Fit it with head = 'liked'.",
            )
        found: DoubleArray = head.probabilities(self._asked(histories, cases_P, items_P)).double().numpy()
        return found

    def _asked(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> Tensor:
        network = fitted(self._network, self.name)
        return self._outputs(network, self.arrays["item_biases"], self.scale, histories, cases_P, items_P)

    def _outputs(
        self,
        network: Network,
        biases: DoubleArray,
        scale: Scale,
        histories: Histories,
        cases_P: IntArray,
        items_P: RowArray,
    ) -> Tensor:
        """What the last layer says of each pair, (P, width); histories are read in the order of the cases."""
        order = np.argsort(cases_P, kind="stable")
        outputs = torch.empty(len(order), network.width)
        with torch.inference_mode():
            for start in range(0, len(order), PAIRS_AT_ONCE):
                part = order[start : start + PAIRS_AT_ONCE]
                asked, cases = np.unique(cases_P[part], return_inverse=True)
                pairs = self._pairs(biases, scale, histories.take(asked), cases.astype(np.int64), items_P[part])
                outputs[torch.from_numpy(part)] = network(on_device(pairs, device_of(network))).cpu()
        return outputs

    def _pairs(
        self, biases: DoubleArray, scale: Scale, histories: Histories, cases_P: IntArray, items_P: RowArray
    ) -> Pairs:
        ratings, seen = scale.standardised(rating_matrix(histories, len(biases))), touched(histories, len(biases))
        return pairs_of(ratings, seen, biases, cases_P, items_P, user_damping=self.config.means.user_damping)

    def _build(self, n_items: int, head: RatingHead) -> Network:
        return Network(
            n_items,
            dim=self.config.dim,
            layers=self.config.layers,
            activation=self.config.activation,
            dropout=self.config.dropout,
            outputs=head.width,
            above_bias=self.config.head == "rating" and self.config.output == "linear",
        )

"""A tracker goes on learning from new events without forgetting: replay of old ones, and a pull to where it was."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.errors import DataError
from penchant.interfaces import FitOptions
from penchant.models.new_items import Inheritance
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.signals import SignalSources
from penchant.models.sequential.training import FurtherModule, SoftmaxLoss, TrackerModule
from penchant.models.sequential.transformer import SequenceEncoder
from penchant.models.sequential.windows import WindowBatch, training_batches
from penchant.seeding import derive, numpy_rng
from penchant.training.devices import chosen_device
from penchant.training.loop import TrainingRecord, train
from penchant.training.runs import training_run
from penchant.types import BoolArray, FloatArray, IntArray

NAME = "continued"
STRATA = 4
"""Users are drawn from quarters by how long their histories are, each in its share of all events."""


class ContinuingConfig(Config):
    """Settings of `InterestTracker.continued`."""

    epochs: int = Field(default=3, ge=1)
    learning_rate: float = Field(default=3e-3, ge=0)
    """Peak rate, which falls from there."""
    replay: float = Field(default=1.0, ge=0)
    """Old events learned again for each new one, drawn anew in every epoch; 0: none."""
    anchor: float = Field(default=1e-2, ge=0)
    """λ, how strongly weights are pulled to where they were; 0: not at all."""
    importance: Literal["uniform", "fisher"] = "fisher"
    """Which weights are pulled: all alike (L2-SP), or each by how much the old events' loss depends on it (EWC)."""
    fisher_batches: int = Field(default=32, ge=1)
    """Batches of old events that importance is estimated from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """The fitted tracker that is gone on from."""

    encoder: SequenceEncoder
    sources: SignalSources
    vectors_ID: FloatArray
    starts_UD: FloatArray | None
    counted_I: IntArray
    """Events of each of its items that it learned from"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued:
    """What came of it."""

    module: FurtherModule
    sources: SignalSources
    record: TrainingRecord


class FreeItemSpace(nn.Module):
    """Item vectors learned as they are, ``z_i = v_i / ‖v_i‖``, from where they lay.

    An item that no step has moved keeps its vector to the last bit.
    """

    began: Tensor

    def __init__(self, vectors_ID: FloatArray) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.from_numpy(vectors_ID.copy()))
        self.register_buffer("began", torch.from_numpy(vectors_ID.copy()), persistent=False)

    def forward(self, rows_N: Tensor | None = None) -> Tensor:
        """Vectors z_i of the given items, (N, D), or of all, (I, D)."""
        vectors = self.vectors if rows_N is None else self.vectors[rows_N]
        unit = functional.normalize(vectors, dim=-1)
        if torch.is_grad_enabled():
            return unit
        began = self.began if rows_N is None else self.began[rows_N]
        return torch.where((vectors == began).all(dim=-1, keepdim=True), began, unit)


class AnchoredLoss:
    """The loss of a batch, and the pull to the weights θ* that were:

    ::

        L(batch) + λ/2 Σ_k F_k (θ_k − θ*_k)²

    ``uniform``: F_k = 1 (L2-SP, Li, Grandvalet and Davoine 2018). ``fisher``: F_k the mean over batches of old events
    of the squared gradient, scaled to mean 1 over each tensor's weights (EWC, Kirkpatrick et al. 2017, with the
    batches' gradients in place of single events': what is large is the same, and the scale is set by λ). The vector of
    an item without old events is pulled nowhere.
    """

    def __init__(self, loss: SoftmaxLoss, anchors: dict[str, tuple[nn.Parameter, Tensor, Tensor]], *, strength: float):
        self._loss, self._anchors, self._strength = loss, anchors, strength

    def __call__(self, batch: WindowBatch) -> Tensor:
        """A scalar, in nats."""
        value = self._loss(batch)
        if not self._strength:
            return value
        for parameter, was, importance in self._anchors.values():
            value = value + 0.5 * self._strength * (importance * (parameter - was).square()).sum()
        return value


def continue_training(
    dataset: Dataset,
    config: InterestTrackerConfig,
    told: ContinuingConfig,
    options: FitOptions,
    began: Began,
    *,
    learned_N: BoolArray,
    replayable_N: BoolArray,
    text: FloatArray | None,
) -> Continued:
    """Go on from a fitted tracker's weights; what is new in the dataset starts where it adds nothing or where its text
    says. `DataError` where no event is to be learned.

    The process's own torch randomness is as before afterwards.
    """
    histories = dataset.histories()
    if not learned_N.any():
        raise DataError("There is no new event to learn from.", hint="Give events that the model has not seen.")
    device = chosen_device(options.device)
    counts = dataset.item_counts()
    sources = _sources(dataset, config, began.sources)
    old_N = replayable_N & ~learned_N
    with torch.random.fork_rng():
        torch.manual_seed(derive(options.seed, NAME))
        vectors = _vectors(dataset, began, text, k=config.new_item_neighbours, seed=options.seed)
        encoder = _widened(config, began, sources)
        module = FurtherModule(FreeItemSpace(vectors), encoder, _starts(dataset, began, options.user_vectors))
        module = module.to(device)
        plain = SoftmaxLoss(module, config, counts, device=device, seed=options.seed)

        def drawn(name: str, epoch: int, learned: BoolArray) -> Sequence[WindowBatch]:
            return training_batches(
                histories,
                max_length=config.max_length,
                batch_tokens=config.batch_tokens,
                rng=numpy_rng(options.seed, NAME, name, str(epoch)),
                signals=sources.any,
                learned_N=learned,
            )

        def batches(epoch: int) -> Sequence[WindowBatch]:
            rng = numpy_rng(options.seed, NAME, "replay", str(epoch))
            again = replayed(histories, old_N, n=round(told.replay * int(learned_N.sum())), rng=rng)
            return drawn("windows", epoch, learned_N | again)

        importance: dict[str, Tensor] | None = None
        if told.anchor and told.importance == "fisher" and old_N.any():
            importance = fisher(module, plain, drawn("fisher", 0, old_N)[: told.fisher_batches])
        loss = AnchoredLoss(plain, _anchors(module, importance, began.counted_I), strength=told.anchor)
        settings = {
            "learning_rate": told.learning_rate,
            "max_epochs": told.epochs,
            "weight_decay": 0.0,
            "warmup_steps": 0,
        }
        record = train(
            module,
            batches=batches,
            loss=loss,
            evaluate=None,
            config=config.training.model_copy(update=settings),
            progress=options.progress,
            name="Learning from new events",
            run=training_run(options, dataset=dataset, config=config, name=NAME),
            generators={"negatives": plain.rng},
        )
    return Continued(module=module, sources=sources, record=record)


def replayed(histories: Histories, old_N: BoolArray, *, n: int, rng: np.random.Generator) -> BoolArray:
    """(N,) about `n` of the old events, those of whole users: users are drawn from strata of history length, from each
    as many events as its share of all.
    """
    chosen = np.zeros(len(old_N), dtype=np.bool_)
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    olds = np.bincount(owners[old_N], minlength=len(histories))
    users = np.flatnonzero(olds)
    if not len(users) or n <= 0:
        return chosen
    if n >= olds.sum():
        return old_N.copy()
    taken = np.zeros(len(histories), dtype=np.bool_)
    for stratum in np.array_split(users[np.argsort(olds[users], kind="stable")], STRATA):
        mixed = rng.permutation(stratum)
        wanted = n * olds[stratum].sum() / olds.sum()
        before = np.cumsum(olds[mixed]) - olds[mixed]
        # A user is in where at least half of his events are: so the strata add up to about n.
        taken[mixed[before + olds[mixed] / 2 <= wanted]] = True
    return np.asarray(old_N & taken[owners])


def fisher(module: nn.Module, loss: SoftmaxLoss, batches: Sequence[WindowBatch]) -> dict[str, Tensor]:
    """How much the loss depends on each weight: the mean squared gradient over batches, mean 1 over each tensor."""
    module.eval()  # without dropout: what is asked is how the model as it serves depends on its weights
    sums = {name: torch.zeros_like(parameter) for name, parameter in module.named_parameters()}
    for batch in batches:
        module.zero_grad(set_to_none=True)
        loss(batch).backward()  # type: ignore[no-untyped-call]
        for name, parameter in module.named_parameters():
            if parameter.grad is not None:
                sums[name] += parameter.grad.square()
    module.zero_grad(set_to_none=True)
    return {name: squares / squares.mean().clamp(min=1e-30) for name, squares in sums.items()}


def _anchors(
    module: FurtherModule, importance: dict[str, Tensor] | None, counted_I: IntArray
) -> dict[str, tuple[nn.Parameter, Tensor, Tensor]]:
    anchors = {}
    for name, parameter in module.named_parameters():
        weights = torch.ones_like(parameter) if importance is None else importance[name]
        if name == "space.vectors":
            known = torch.zeros(len(parameter), 1, device=parameter.device)
            known[: len(counted_I)] = torch.from_numpy((counted_I > 0).astype(np.float32))[:, None].to(known.device)
            weights = weights * known
        anchors[name] = parameter, parameter.detach().clone(), weights
    return anchors


def _vectors(dataset: Dataset, began: Began, text: FloatArray | None, *, k: int, seed: int) -> FloatArray:
    """Where item vectors start: as they were; a new item among those that read like it, or without text anywhere."""
    vectors = np.zeros((dataset.n_items, began.vectors_ID.shape[1]), dtype=np.float32)
    vectors[: len(began.vectors_ID)] = began.vectors_ID
    known = np.pad(began.counted_I, (0, dataset.n_items - len(began.counted_I)))
    placed = Inheritance.of(text, known, k=k)
    if placed is not None:
        there = placed.apply(vectors)
        open_ = ~vectors.any(axis=1)
        vectors[open_] = there[open_]
    lost = np.flatnonzero(~vectors.any(axis=1) & (dataset.item_counts() > 0))
    drawn = numpy_rng(seed, NAME, "items").standard_normal((len(lost), vectors.shape[1]))
    vectors[lost] = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    return vectors


def _sources(dataset: Dataset, config: InterestTrackerConfig, was: SignalSources) -> SignalSources:
    """The signals that were read, and event types that are new; values of a new type are not read."""
    wider = SignalSources.of(dataset, config.signals.model_copy(update={"values": "off", "time": "off"})).types
    new = max(0, wider - len(was.means)) if was.means else 0
    return replace(
        was,
        types=max(wider, was.types),
        means=(*was.means, *(0.0,) * new),
        deviations=(*was.deviations, *(1.0,) * new),
    )


def _widened(config: InterestTrackerConfig, began: Began, sources: SignalSources) -> SequenceEncoder:
    """The same encoder with room for new event types, which add nothing yet."""
    encoder, known = TrackerModule.encoder_of(config, sources), began.encoder.state_dict()
    state = encoder.state_dict()
    for name, tensor in state.items():
        if name not in known:  # a signal that is read from now on
            tensor.zero_()
        elif tensor.shape == known[name].shape:
            tensor.copy_(known[name])
        else:
            tensor.zero_()[: len(known[name])] = known[name]
    encoder.load_state_dict(state)
    return encoder


def _starts(dataset: Dataset, began: Began, attributes_UD: FloatArray | None) -> FloatArray | None:
    """What users' attributes add to the start. It is linear in them, so that what it is for new users follows from
    what it is for the old ones, by least squares; without vectors of the attributes nothing is added for new users.
    """
    if began.starts_UD is None:
        return None
    starts = np.zeros((dataset.n_users, began.starts_UD.shape[1]), dtype=np.float32)
    starts[: len(began.starts_UD)] = began.starts_UD
    if attributes_UD is not None and len(began.starts_UD) < dataset.n_users:
        old = attributes_UD[: len(began.starts_UD)].astype(np.float64)
        linear = np.linalg.lstsq(old, began.starts_UD.astype(np.float64), rcond=1e-6)[0]
        starts[len(began.starts_UD) :] = attributes_UD[len(began.starts_UD) :] @ linear
    return starts

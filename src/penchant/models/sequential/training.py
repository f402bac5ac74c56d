"""How the interest tracker is trained: its module, its batches, its loss."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from penchant.data.dataset import Dataset
from penchant.interfaces import FitOptions
from penchant.models.graph.item_vectors import item_graph_vectors
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.item_space import ItemSpace
from penchant.models.sequential.signals import SignalSources
from penchant.models.sequential.transformer import SequenceEncoder
from penchant.models.sequential.windows import NO_TARGET, WindowBatch, training_batches
from penchant.seeding import derive, numpy_rng, torch_rng
from penchant.training.devices import chosen_device
from penchant.training.loop import TrainingRecord, train
from penchant.training.losses import full_softmax_loss, sampled_softmax_loss
from penchant.training.runs import training_run
from penchant.types import FloatArray, IntArray


class TrackerModule(nn.Module):
    """Item space and sequence encoder, trained together."""

    user_text: Tensor | None

    def __init__(
        self,
        config: InterestTrackerConfig,
        *,
        counts: IntArray,
        item_text: FloatArray | None,
        item_graph: FloatArray | None,
        user_text: FloatArray | None,
        sources: SignalSources,
    ) -> None:
        super().__init__()
        self.space = ItemSpace(
            dim=config.dim,
            counts=counts,
            text=item_text,
            graph=item_graph,
            gate_events=config.gate_events,
            id_dropout=config.id_dropout,
        )
        self.encoder = self.encoder_of(config, sources)
        known = None if user_text is None or not np.any(user_text) else torch.from_numpy(user_text)
        self.register_buffer("user_text", known, persistent=False)
        self.attributes = None if known is None else nn.Linear(known.shape[1], config.dim, bias=False)

    @staticmethod
    def encoder_of(config: InterestTrackerConfig, sources: SignalSources) -> SequenceEncoder:
        """A sequence encoder with fresh weights."""
        return SequenceEncoder(
            dim=config.dim,
            layers=config.layers,
            heads=config.heads,
            max_length=config.max_length,
            dropout=config.dropout,
            attention_dropout=config.attention_dropout,
            temperature=config.temperature,
            sources=sources,
            filter_share=config.filter_share,
        )

    def encoder_copy(self) -> SequenceEncoder:
        """The encoder as it is now, on the CPU, for serving."""
        return copy.deepcopy(self.encoder).cpu().eval()

    def starts(self) -> Tensor | None:
        """What each user's attributes add to the start, (U, D); None without attributes."""
        return None if self.attributes is None else self.attributes(self.user_text)

    def starts_of(self, users_B: Tensor) -> Tensor | None:
        """The same for some users, (B, D); zero for an unknown user (−1)."""
        if self.attributes is None or self.user_text is None:
            return None
        vectors: Tensor = self.attributes(self.user_text[users_B.clamp(min=0)])
        return vectors * (users_B >= 0)[:, None]


class FurtherModule(nn.Module):
    """A trained encoder with an item space of another kind; what users' attributes add to the start stays as it was
    learned.
    """

    space: nn.Module
    starts_UD: Tensor | None

    def __init__(self, space: nn.Module, encoder: SequenceEncoder, starts_UD: FloatArray | None) -> None:
        super().__init__()
        self.space, self.encoder = space, copy.deepcopy(encoder).requires_grad_(requires_grad=True)
        self.register_buffer("starts_UD", None if starts_UD is None else torch.from_numpy(starts_UD), persistent=False)

    def starts(self) -> Tensor | None:
        """What each user's attributes add to the start, (U, D)."""
        return self.starts_UD

    def encoder_copy(self) -> SequenceEncoder:
        """The encoder as it is now, on the CPU, for serving."""
        return copy.deepcopy(self.encoder).cpu().eval()

    def starts_of(self, users_B: Tensor) -> Tensor | None:
        """(B, D), zero for an unknown user (−1)."""
        if self.starts_UD is None:
            return None
        return self.starts_UD[users_B.clamp(min=0)] * (users_B >= 0)[:, None]


def fit_tracker(
    dataset: Dataset,
    config: InterestTrackerConfig,
    options: FitOptions,
    *,
    sources: SignalSources,
    evaluate: Callable[[TrackerModule], float] | None,
    evaluate_training: Callable[[TrackerModule], float] | None = None,
) -> tuple[TrackerModule, TrainingRecord]:
    """Train a tracker module on a dataset. The process's own torch randomness is as before afterwards."""
    device = chosen_device(options.device)
    histories, counts = dataset.histories(), dataset.item_counts()
    graph = None
    if config.graph_dim:
        graph = item_graph_vectors(dataset, config.graph_dim, seed=options.seed, progress=options.progress)
    with torch.random.fork_rng():
        torch.manual_seed(derive(options.seed, "tracker"))
        module = TrackerModule(
            config,
            counts=counts,
            item_text=options.item_vectors if config.text else None,
            item_graph=graph,
            user_text=options.user_vectors,
            sources=sources,
        ).to(device)
        loss = SoftmaxLoss(module, config, counts, device=device, seed=options.seed)

        def batches(epoch: int) -> Sequence[WindowBatch]:
            rng = numpy_rng(options.seed, "windows", str(epoch))
            return training_batches(
                histories,
                max_length=config.max_length,
                batch_tokens=config.batch_tokens,
                rng=rng,
                signals=sources.any,
            )

        record = train(
            module,
            batches=batches,
            loss=loss,
            evaluate=None if evaluate is None else (lambda: evaluate(module)),
            evaluate_training=None if evaluate_training is None else (lambda: evaluate_training(module)),
            config=config.training,
            progress=options.progress,
            name="Training the interest tracker",
            run=training_run(options, dataset=dataset, config=config, name="tracker"),
            generators={"negatives": loss.rng},
        )
    return module, record


class Ranking(Protocol):
    """What a loss needs of a module: item vectors, states of histories, what users' attributes add to the start."""

    @property
    def space(self) -> Callable[..., Tensor]:
        """Rows (N,) or nothing to vectors (N, D) or (I, D)."""

    @property
    def encoder(self) -> Callable[..., Any]:
        """A `SequenceEncoder`."""

    def starts_of(self, users_B: Tensor) -> Tensor | None:
        """(B, D), zero for an unknown user (−1)."""


class SoftmaxLoss:
    """The loss of a batch: each state against the items that have training events, all of them or a sample."""

    def __init__(
        self,
        module: Ranking,
        config: InterestTrackerConfig,
        counts: IntArray,
        *,
        device: torch.device,
        seed: int,
    ) -> None:
        self._module, self._device = module, device
        warm = np.flatnonzero(counts)
        places = np.full(len(counts), NO_TARGET, dtype=np.int64)
        places[warm] = np.arange(len(warm))
        self._warm, self._places = torch.from_numpy(warm).to(device), torch.from_numpy(places).to(device)
        self._negatives = 0 if len(warm) <= config.full_softmax_items else config.negatives
        chances = counts / counts.sum()
        self._chances = torch.from_numpy(chances)
        self._log_q = torch.from_numpy(np.log(np.where(counts > 0, chances, 1.0)).astype(np.float32)).to(device)
        self.rng = torch_rng(seed, "negatives")
        """Draws the negatives."""

    def __call__(self, batch: WindowBatch) -> Tensor:
        """Mean loss in nats, a scalar."""
        batch = batch.to(self._device)
        asked = batch.targets_BS != NO_TARGET
        targets = batch.targets_BS[asked]  # (N,)
        if not self._negatives:
            vectors = self._module.space()  # (I, D)
            states = self._states(batch, vectors[batch.items_BL])[asked]
            return full_softmax_loss(states, vectors[self._warm], self._places[targets])
        drawn = torch.multinomial(self._chances, self._negatives, replacement=True, generator=self.rng)
        # Only the items of this batch are projected: a step costs the same in a catalogue of any size.
        sizes = [batch.items_BL.numel(), len(targets), len(drawn)]
        flat = torch.cat([batch.items_BL.flatten(), targets, drawn.to(self._device)])
        rows, places = torch.unique(flat, return_inverse=True)
        events, wanted, negatives = places.split(sizes)
        vectors = self._module.space(rows)
        states = self._states(batch, vectors[events.view_as(batch.items_BL)])[asked]
        return sampled_softmax_loss(states, vectors, wanted, negatives, self._log_q[rows])

    def _states(self, batch: WindowBatch, events_BLD: Tensor) -> Tensor:
        """(B, S, D)"""
        states: Tensor = self._module.encoder(events_BLD, self._module.starts_of(batch.users_B), batch.signals)[0]
        return states

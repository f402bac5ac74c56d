"""The interest tracker: where a user's interest lies now, read from the order of what he did."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from penchant.data.dataset import Dataset
from penchant.data.histories import Cases, Histories
from penchant.interfaces import FitOptions, Recommender
from penchant.models.holdout import (
    TRAINING_CASES,
    catalogue_ties,
    check_vectors,
    held_out,
    sampled,
    training_cases,
    validation_ndcg,
)
from penchant.models.new_items import Inheritance
from penchant.models.saving import fitted, read_model, write_model
from penchant.models.sequential.concept_space import ConceptVectors
from penchant.models.sequential.concept_training import ConceptModule, train_through_concepts
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.continuing import Began, ContinuingConfig, continue_training
from penchant.models.sequential.signals import EventSignals, SignalSources
from penchant.models.sequential.training import FurtherModule, TrackerModule, fit_tracker
from penchant.models.sequential.transformer import SequenceEncoder
from penchant.models.sequential.windows import input_batch, input_signals, reading_windows
from penchant.training.loop import TrainingRecord
from penchant.types import AnyArray, BoolArray, FloatArray, IntArray

NAME = "tracker"
READ_AT_ONCE = 1024
"""Histories read by the transformer at once, at most."""
CELLS_AT_ONCE = 8_000_000
"""Cells of a layer's attention that are held at once, about: 32 MB each of several times."""


@dataclass(frozen=True, slots=True)
class Attention:
    """How much each state looked at each earlier one. State 0 is the start, state l follows the l-th event read."""

    weights_BHSS: FloatArray
    """(B, H, S, S): rows sum to 1; 0 in the future."""
    mask_BS: BoolArray
    """Which states are real; the others pad shorter histories."""


FEW = 4
"""Histories read on one thread: for one waiting user a second thread costs more than it brings."""


class InterestTracker(Recommender):
    """A causal transformer over item vectors that predicts where the next item vector lies.

    ::

        z_i  = unit( W text_i + γ_i id_i ),   γ_i = n_i / (n_i + gate_events)       items, see `ItemSpace`; those
                                                                                    without events: `Inheritance`
        u_b  = transformer( start_b, z_{h_1} + e_1, …, z_{h_L} + e_L )            users, see `SequenceEncoder`
        s_bi = u_b · z_i

    e_l are the event's type, value and time, where the data have them (`SignalEmbedding`). The vectors z are shared:
    what a history is made of is what it is scored against. Trained to predict every next event from the events before
    it by a softmax over all items (or a popularity-corrected sample), with early stopping on validation NDCG@10. After
    SASRec (Kang and McAuley 2018); text in item vectors after UniSRec (Hou et al. 2022), the gate between text and id
    ours; cosine with a learned temperature after CLIP (Radford et al. 2021).

    A score's unit is nats: softmax over a row is the probability of the next item. A history without events is
    answered by the learned start, moved by the user's own attributes where the dataset had them.

    `fit` raises `DataError` without item events or for vectors that do not fit the dataset, `UnsupportedError` for a
    signal that is ``on`` and that the data do not have, and `TrainingError` where the loss is not finite from the
    beginning.
    """

    folds_in_items: ClassVar[bool] = True
    config: InterestTrackerConfig

    def __init__(self, config: InterestTrackerConfig | None = None) -> None:
        super().__init__(config or InterestTrackerConfig())
        self._encoder: SequenceEncoder | None = None
        self._items: FloatArray | None = None
        self._starts: FloatArray | None = None
        self._sources = SignalSources.none()
        self._inheritance: Inheritance | None = None
        self.concepts: ConceptVectors | None = None
        """What the item vectors are sums of, where they were trained through concepts."""
        self.concept_record: TrainingRecord | None = None
        """How that training went; None without, and for a loaded model."""
        self.record: TrainingRecord | None = None
        """How the training went; None for a loaded model."""

    @property
    def item_vectors(self) -> FloatArray:
        """z, (I, D): unit vectors, or zero for an item with neither text nor events."""
        return fitted(self._items, NAME)

    @property
    def reads_request_time(self) -> bool:
        """Whether the answer depends on when it is asked for (`Histories.asked_at`)."""
        return self._sources.request_time

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Train until the validation value no longer rises; the best weights stay."""
        options = options or FitOptions()
        check_vectors(dataset, options)
        training, cases = held_out(dataset, options)
        cases = sampled(cases, self.config.validation_users, options.seed)
        ties = catalogue_ties(dataset, options.seed)

        seen = training_cases(training, TRAINING_CASES, options.seed)

        def ndcg(module: TrackerModule, asked: Cases) -> float:
            self._adopt(module)
            return validation_ndcg(self.score, asked, ties=ties)

        self._sources = SignalSources.of(training, self.config.signals)
        text = options.item_vectors if self.config.text else None
        self._inheritance = Inheritance.of(text, training.item_counts(), k=self.config.new_item_neighbours)
        module, self.record = fit_tracker(
            training,
            self.config,
            options,
            sources=self._sources,
            evaluate=(lambda module: ndcg(module, cases)) if len(cases) else None,
            evaluate_training=(lambda module: ndcg(module, seen)) if len(seen) else None,
        )
        self._adopt(module)
        return self

    def through_concepts(self, dataset: Dataset, names_IN: sp.csr_array, *, options: FitOptions | None = None) -> Self:
        """Train further so that the item vectors are sums of concepts, ``z_i = μ + Σ_c a_ic d_c + r_i``.

        `names_IN` is above 0 where an item bears the name of a concept: it may have those, and kinds, which with
        `options.item_vectors` are for items that read alike. The ranking stays about as good as it was, and the
        concepts alone come closer to it. Nothing changes where a catalogue is too small for any concept. See
        `ConceptItemSpace` and `penchant.concepts.dictionary`.
        """
        options = options or FitOptions()
        training, cases = held_out(dataset, options)
        cases, ties = sampled(cases, self.config.validation_users, options.seed), catalogue_ties(dataset, options.seed)

        def ndcg(module: ConceptModule) -> float:
            self._adopt(module)
            return validation_ndcg(self.score, cases, ties=ties)

        trained = train_through_concepts(
            training,
            self.config,
            options,
            encoder=fitted(self._encoder, NAME),
            vectors_ID=self.item_vectors,
            starts_UD=self._starts,
            names_IN=names_IN,
            signals=self._sources.any,
            evaluate=ndcg if len(cases) else None,
        )
        if trained is not None:
            module, dictionary, self.concept_record = trained
            self._adopt(module)
            concepts = ConceptVectors.of(module.space, dictionary)
            unplaced = np.flatnonzero(training.item_counts() == 0)
            per_item = self.config.concepts.dictionary.per_item
            self.concepts = concepts.placing(unplaced, self.item_vectors, dictionary.may, per_item=per_item)
        return self

    def continued(
        self,
        dataset: Dataset,
        *,
        learned_N: BoolArray,
        replayable_N: BoolArray,
        counted_I: IntArray,
        config: ContinuingConfig,
        options: FitOptions | None = None,
    ) -> "InterestTracker":
        """The tracker after some more events: a copy, gone on from these weights, see `continue_training`.

        `dataset` begins with the users, items and event types that this tracker was fitted with. Of its item events, in
        the order of its histories, `learned_N` are new and to be learned, and of `replayable_N` some are learned again;
        `counted_I` are the items' events that this tracker was fitted on.
        `options.item_vectors` place items without events, those that are new among them.
        """
        options = options or FitOptions()
        check_vectors(dataset, options)
        text = options.item_vectors if self.config.text else None
        found = continue_training(
            dataset,
            self.config,
            config,
            options,
            Began(
                encoder=fitted(self._encoder, NAME),
                sources=self._sources,
                vectors_ID=self.item_vectors,
                starts_UD=self._starts,
                counted_I=counted_I,
            ),
            learned_N=learned_N,
            replayable_N=replayable_N,
            text=text,
        )
        other = InterestTracker(self.config)
        other._sources, other.record = found.sources, found.record
        other._inheritance = Inheritance.of(text, dataset.item_counts(), k=self.config.new_item_neighbours)
        other._adopt(found.module)
        return other

    def user_vectors(self, histories: Histories) -> FloatArray:
        """u, (B, D): the interest after each history's last event."""
        vectors = np.zeros((len(histories), self.config.dim), dtype=np.float32)
        order = np.argsort(histories.lengths, kind="stable")  # like lengths together: little padding
        longest = min(int(histories.lengths.max(initial=0)), self.config.max_length) + 1
        size = min(READ_AT_ONCE, max(1, CELLS_AT_ONCE // (self.config.heads * longest**2)))
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            vectors[rows] = self._states(histories.take(rows)).numpy()
        return vectors

    def vectors_along(self, histories: Histories) -> FloatArray:
        """U after none of the events of each history, after one, … after all, (N + B, D): what was foreseen each time.

        User b owns the rows from ``indptr[b] + b``. They are read in windows that depend on the number of events alone
        (see `reading_windows`), so that a state is the same whenever it is asked for. Where the tracker reads the time
        of requests, these do not say when they are.
        """
        windows = reading_windows(histories, self.config.max_length)
        whole, encoder = windows.histories, fitted(self._encoder, NAME)
        vectors = np.empty((len(histories.items) + len(histories), self.config.dim), dtype=np.float32)
        # The windows of a user tell his states one after the other, and so do the users.
        place = np.concatenate([[0], np.cumsum(whole.lengths + 1 - windows.first_W)])
        order = np.argsort(whole.lengths, kind="stable")
        longest = int(whole.lengths.max(initial=0)) + 1
        size = min(READ_AT_ONCE, max(1, CELLS_AT_ONCE // (self.config.heads * longest**2)))
        with torch.inference_mode(), _threads(1 if len(whole) <= FEW else None):
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                read = whole.take(rows)
                events, _ = self._events(read)
                states = encoder(events, self._start_of(read), self._signals(read))[0].numpy()
                for row, state in zip(rows.tolist(), states, strict=True):
                    vectors[place[row] : place[row + 1]] = state[windows.first_W[row] : whole.lengths[row] + 1]
        return vectors

    def knows(self, user: int) -> bool:
        """Whether the user of this row, −1 for none, has attributes that his start was learned from."""
        return self._starts is not None and user >= 0 and bool(self._starts[user].any())

    def score(self, histories: Histories) -> FloatArray:
        """The dot products u_b · z_i, (B, I)."""
        return self.similarities(self.user_vectors(histories))

    def similarities(self, users_BD: FloatArray) -> FloatArray:
        """The dot products of user vectors with all item vectors, (B, I)."""
        with _threads(1 if len(users_BD) <= FEW else None):
            return (torch.from_numpy(users_BD) @ torch.from_numpy(self.item_vectors).T).numpy()

    def inheriting(self, inheritance: Inheritance) -> "InterestTracker":
        """The same model with the item vectors of some items put where their neighbours lie."""
        other = copy.copy(self)
        other._items = inheritance.apply(self.item_vectors)
        return other

    def attention(self, histories: Histories, *, layer: int = -1) -> Attention:
        """What each state of the given layer attended to."""
        encoder = fitted(self._encoder, NAME)
        with torch.inference_mode():
            events, lengths = self._events(histories)
            _, attentions = encoder(events, self._start_of(histories), self._signals(histories))
        weights = attentions[layer].numpy()
        return Attention(weights, np.arange(weights.shape[-1])[None, :] <= lengths.numpy()[:, None])

    def reading(self, history: Histories) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """Vectors of the events read of one history (B = 1), (1, L', D), and what makes user vectors of such vectors,
        (n, L', D) to (n, D): `user_vectors` as a function that can be differentiated.
        """
        encoder = fitted(self._encoder, NAME)
        events, _ = self._events(history)

        def read(events_nLD: Tensor) -> Tensor:
            n, length = events_nLD.shape[:2]
            copies = history.take(np.zeros(n, dtype=np.int64))
            states: Tensor = encoder.at(
                events_nLD, torch.full((n,), length), self._start_of(copies), self._signals(copies)
            )
            return states

        return events, read

    def save(self, folder: Path) -> None:
        """Write the transformer's weights and the item vectors."""
        encoder = fitted(self._encoder, NAME)
        arrays: dict[str, AnyArray] = {f"encoder.{k}": v.numpy() for k, v in encoder.state_dict().items()}
        arrays["items"] = self.item_vectors
        if self._starts is not None:
            arrays["starts"] = self._starts
        if self.concepts is not None:
            arrays |= {f"concepts.{name}": array for name, array in self.concepts.arrays().items()}
        facts: dict[str, Any] = {"signals": asdict(self._sources)}
        if self.record:
            facts["training"] = asdict(self.record)
        write_model(folder, NAME, self.config, arrays=arrays, facts=facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read them."""
        needs = ("items", "encoder.start", "signals")
        config, facts, arrays = read_model(folder, NAME, InterestTrackerConfig, needs=needs)
        model = cls(config)
        model._items, model._starts = arrays.pop("items"), arrays.pop("starts", None)
        model._sources = SignalSources.from_json(facts["signals"])
        encoder, parts = TrackerModule.encoder_of(config, model._sources), ("encoder", "concepts")
        found = {p: {k.removeprefix(f"{p}."): v for k, v in arrays.items() if k.startswith(f"{p}.")} for p in parts}
        model.concepts = ConceptVectors.of_arrays(found["concepts"]) if found["concepts"] else None
        encoder.load_state_dict({name: torch.from_numpy(v) for name, v in found["encoder"].items()})
        model._encoder = encoder.eval()
        return model

    def _states(self, histories: Histories) -> Tensor:
        """The state after each history's last event, (B, D)."""
        encoder = fitted(self._encoder, NAME)
        with torch.inference_mode(), _threads(1 if len(histories) <= FEW else None):
            events, lengths = self._events(histories)
            return encoder.at(events, lengths, self._start_of(histories), self._signals(histories))

    def _events(self, histories: Histories) -> tuple[Tensor, Tensor]:
        """Vectors of the events read, (B, L, D), and how many of them are real, (B,)."""
        items, lengths = input_batch(histories, self.config.max_length)
        return torch.from_numpy(self.item_vectors)[items], lengths

    def _signals(self, histories: Histories) -> EventSignals | None:
        """What the events say beside their items, where that is read."""
        return input_signals(histories, self.config.max_length) if self._sources.any else None

    def _start_of(self, histories: Histories) -> Tensor | None:
        """What users' attributes add to the start, (B, D)."""
        if self._starts is None:
            return None
        known = (histories.users >= 0)[:, None]
        return torch.from_numpy(np.where(known, self._starts[np.maximum(histories.users, 0)], np.float32(0.0)))

    def _adopt(self, module: TrackerModule | FurtherModule) -> None:
        """Serve from a module's present weights."""
        with torch.inference_mode():
            items = module.space().cpu().numpy()
            self._items = items if self._inheritance is None else self._inheritance.apply(items)
            starts = module.starts()
            self._starts = None if starts is None else starts.cpu().numpy()
        self._encoder = module.encoder_copy()


@contextmanager
def _threads(n: int | None) -> Iterator[None]:
    """Run the block on `n` threads, None: as many as before."""
    before = torch.get_num_threads()
    if n is None or n == before:
        yield
        return
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""LightGCN: vectors that are passed along the edges of the graph and averaged, nothing else."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
import torch
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Cases, Histories
from penchant.errors import DataError
from penchant.interfaces import FitOptions, Recommender
from penchant.models.graph.interactions import GraphFacts, InteractionGraph, inverse_roots
from penchant.models.graph.propagation import GraphModule
from penchant.models.holdout import TRAINING_CASES, catalogue_ties, held_out, sampled, training_cases, validation_ndcg
from penchant.models.interactions import Signal, SignalConfig, faded
from penchant.models.saving import fitted, read_model, write_model
from penchant.seeding import derive
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from penchant.training.pairs import PairBatch, PairBatches
from penchant.training.runs import training_run
from penchant.types import AnyArray, DoubleArray, FloatArray, RowArray

NAME = "lightgcn"


class LightGCNConfig(Config):
    """Settings of `LightGCN`."""

    dim: int = Field(default=64, ge=1)
    layers: int = Field(default=3, ge=1)
    """How many edges a message travels."""
    user_vectors: bool = True
    """Users have a learned vector of their own at layer 0, as in the paper; without, they are what they touched."""
    links: tuple[str, ...] = ()
    """Relations whose links are edges too: between friends, between related items."""
    regularisation: float = Field(default=1e-4, ge=0)
    """λ of the squared length of the layer-0 vectors in a batch."""
    negatives: int = Field(default=4, ge=1)
    """Unwanted items drawn for each wanted one."""
    batch_pairs: int = Field(default=8192, ge=1)
    """A step costs one propagation over the whole graph, so large batches are cheap ones."""
    decay: float = Field(default=0.9, gt=0, le=1)
    """Weight of an edge of the history asked about relative to the one after it; 1 in the paper."""
    spread: float = Field(default=0.1, gt=0)
    """Standard deviation of the vectors at the start."""
    training: TrainingConfig = TrainingConfig(
        learning_rate=0.02, warmup_steps=0, schedule="constant", max_epochs=100, evaluate_every=5, patience=3
    )
    validation_users: int = Field(default=2_000, ge=1)
    """Cases that decide when to stop, at most."""


class LightGCN(Recommender):
    """Light graph convolution (He et al. 2020).

    ::

        E^(k+1) = D^−½ A D^−½ E^(k)             A: edges of users and items (and links, where asked for)
        e_n     = (1/(K+1)) Σ_{k=0..K} e_n^(k)
        s_ui    = e_u · e_i                      trained by BPR on E^(0)

    Whoever is asked for is folded in from the history, in the dataset or not, with an edge of weight w_i for each of
    its items::

        u_b = (1/√d_b) Σ_i w_i (1/√d_i) (1/(K+1)) Σ_{k<K} e_i^(k) (1 + M)
        w_i = decay^(events after the last on i),     d_b = Σ_i w_i

    With ``decay = 1`` it is what the layers above 0 of a user with these edges receive, the graph being as it was
    fitted. The user's
    own layer-0 vector is not known for a stranger: M (D, D) is the ridge regression of the training users' e_u^(0) on
    the sum of their layers above 0, so a part of it is foreseen. Score unit: BPR's log-odds.

    Departures: users are always folded in, as described, and `decay` prefers what is recent. Caveat: repeats count
    nothing, and the order nothing but by `decay`; an item without events scores 0.
    """

    reads_text: ClassVar[bool] = False
    config: LightGCNConfig

    def __init__(self, config: LightGCNConfig | None = None) -> None:
        super().__init__(config or LightGCNConfig())
        self.graph: GraphFacts | None = None
        """Nodes and edges of the graph learned from; None for a loaded model."""
        self.record: TrainingRecord | None = None
        """How the training went; None for a loaded model."""
        self._signal: Signal | None = None
        self._items: FloatArray | None = None
        self._sources: FloatArray | None = None
        self._friends: sp.csr_array | None = None
        self._friend_sources: FloatArray | None = None

    @property
    def item_vectors(self) -> FloatArray:
        """e_i, (I, D)."""
        return fitted(self._items, NAME)

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Train until the validation value no longer rises; the best weights stay."""
        options = options or FitOptions()
        training, cases = held_out(dataset, options)
        cases = sampled(cases, self.config.validation_users, options.seed)
        seen = training_cases(training, TRAINING_CASES, options.seed)
        ties = catalogue_ties(dataset, options.seed)
        self._signal = Signal.fit(training, SignalConfig(), model=NAME)
        graph = InteractionGraph.of(training, links=self.config.links, model=NAME)
        if not graph.edges_UI.nnz:
            raise DataError(f"{dataset.name!r} has no event that speaks for its item.", hint="Import such events.")
        self.graph = graph.facts
        options.progress.note(f"Graph: {self.graph}")
        self._friends = graph.friends_UU if graph.friends_UU.nnz else None

        def batches(epoch: int) -> Sequence[PairBatch]:
            size, unwanted = self.config.batch_pairs, self.config.negatives
            return PairBatches(graph.edges_UI, size=size, unwanted=unwanted, seed=options.seed, epoch=epoch)

        def ndcg(asked: Cases) -> float:
            self._adopt(module)
            return validation_ndcg(self.score, asked, ties=ties)

        with torch.random.fork_rng():
            torch.manual_seed(derive(options.seed, NAME))
            module = GraphModule(
                graph,
                dim=self.config.dim,
                layers=self.config.layers,
                spread=self.config.spread,
                user_vectors=self.config.user_vectors,
            )
            self.record = train(
                module,
                batches=batches,
                loss=lambda batch: module.loss(batch, self.config.regularisation),
                evaluate=(lambda: ndcg(cases)) if len(cases) else None,
                evaluate_training=(lambda: ndcg(seen)) if len(seen) else None,
                config=self.config.training,
                progress=options.progress,
                name="Training LightGCN",
                run=training_run(options, dataset=dataset, config=self.config, name=NAME),
            )
        self._adopt(module)
        return self

    def user_vectors(self, histories: Histories) -> FloatArray:
        """u_b, (B, D): folded in; zero for an empty history without friends."""
        sums, degrees = self._received(histories)
        return np.asarray(sums * inverse_roots(degrees)[:, None], dtype=np.float32)

    def score(self, histories: Histories) -> FloatArray:
        """The scores u_b · e_i, (B, I)."""
        return np.asarray(self.user_vectors(histories) @ self.item_vectors.T, dtype=np.float32)

    def event_weights(self, history: Histories, items: RowArray) -> DoubleArray:
        """What each event of one user's history adds to the score of the given items, (L, K).

        Columns sum to the score, but for what friends add; the events on one item share its part evenly.
        """
        edges = self._edges(history)
        if not edges.nnz:  # no event, or only such as speak against their items
            return np.zeros((len(history.items), len(items)))
        degree = edges.data.sum() + self._friend_degrees(history)[0]
        shares = np.zeros(len(history.items))
        place = np.searchsorted(edges.indices, history.items)
        inside = (place < edges.nnz) & (edges.indices[np.minimum(place, edges.nnz - 1)] == history.items)
        repeats = np.bincount(place[inside], minlength=edges.nnz + 1)
        shares[inside] = edges.data[place[inside]] / (repeats[place[inside]] * np.sqrt(degree))
        sources = fitted(self._sources, NAME)[history.items].astype(np.float64)
        return np.asarray((shares[:, None] * sources) @ self.item_vectors[items].T.astype(np.float64))

    def save(self, folder: Path) -> None:
        """Write the items' vectors, what histories are folded in from, and the friends where they count."""
        arrays: dict[str, AnyArray] = {"items": self.item_vectors, "sources": fitted(self._sources, NAME)}
        if self._friends is not None and self._friend_sources is not None:
            arrays["friends"] = self._friend_sources
            arrays |= {"friends.indices": self._friends.indices, "friends.indptr": self._friends.indptr}
        facts: dict[str, Any] = {"signal": fitted(self._signal, NAME).facts()}
        if self.record is not None and self.graph is not None:
            facts |= {"graph": asdict(self.graph), "training": asdict(self.record)}
        write_model(folder, NAME, self.config, arrays=arrays, facts=facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read them."""
        config, facts, arrays = read_model(folder, NAME, LightGCNConfig, needs=("items", "sources", "signal"))
        model = cls(config)
        model._signal = Signal.of_facts(facts["signal"])
        model._items, model._sources = arrays["items"], arrays["sources"]
        if "friends" in arrays:
            model._friend_sources = arrays["friends"]
            indices, indptr = arrays["friends.indices"], arrays["friends.indptr"]
            n = len(model._friend_sources)
            model._friends = sp.csr_array((np.ones(len(indices)), indices, indptr), shape=(n, n))
        return model

    def _adopt(self, module: GraphModule) -> None:
        """Serve from a module's present weights."""
        with torch.inference_mode():
            start = module.start()
            sent, arrived = (part.double().numpy() for part in module.propagation.sums(start))
        n_users, layers = module.n_users, self.config.layers + 1
        above = arrived[:n_users] - start[:n_users].numpy()  # what users receive at the layers above 0
        own = start[:n_users].double().numpy()
        known = module.degrees[:n_users] > 0
        foreseen = np.eye(self.config.dim) + _ridge(above[known], own[known])
        folded = (sent * inverse_roots(module.degrees)[:, None]) @ foreseen / layers
        self._sources = folded[n_users:].astype(np.float32)
        self._items = (arrived[n_users:] / layers).astype(np.float32)
        self._friend_sources = None if self._friends is None else folded[:n_users].astype(np.float32)

    def _received(self, histories: Histories) -> tuple[DoubleArray, DoubleArray]:
        """What comes along a history's edges, (B, D), and their number, (B,)."""
        edges = self._edges(histories)
        sums = np.asarray(edges @ fitted(self._sources, NAME).astype(np.float64))
        degrees = np.asarray(edges.sum(axis=1), dtype=np.float64).ravel() + self._friend_degrees(histories)
        if self._friends is not None and self._friend_sources is not None:
            known = np.flatnonzero(histories.users >= 0)
            friends = self._friends[histories.users[known]]
            sums[known] += friends @ self._friend_sources.astype(np.float64)
        return sums, degrees

    def _edges(self, histories: Histories) -> sp.csr_array:
        """w, (B, I) with sorted columns."""
        rows = fitted(self._signal, NAME).matrix(histories, len(self.item_vectors))
        return faded(rows, histories, self.config.decay)

    def _friend_degrees(self, histories: Histories) -> DoubleArray:
        degrees = np.zeros(len(histories))
        if self._friends is not None:
            known = histories.users >= 0
            degrees[known] = np.diff(self._friends.indptr)[histories.users[known]]
        return degrees


def _ridge(inputs_ND: DoubleArray, targets_ND: DoubleArray, strength: float = 1.0) -> DoubleArray:
    """M, (D, D): the least squares of targets on inputs, shrunk by `strength` times the inputs' mean square."""
    gram = inputs_ND.T @ inputs_ND
    n, dim = inputs_ND.shape
    shrink = strength * max(float(np.trace(gram)) / (dim * max(n, 1)), 1e-12)
    return np.asarray(np.linalg.solve(gram + shrink * np.eye(dim), inputs_ND.T @ targets_ND), dtype=np.float64)

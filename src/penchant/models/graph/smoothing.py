"""Item neighbours of neighbours: the history's weight spread over the graph of items."""

from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field, field_validator

from penchant.data.dataset import Dataset
from penchant.data.histories import Cases, Histories
from penchant.interfaces import FitOptions
from penchant.metrics.ranking import ndcg_at, target_ranks
from penchant.models.graph.interactions import linked, symmetric
from penchant.models.holdout import VALIDATION_K, catalogue_ties, held_out, rows_at_once, sampled
from penchant.models.neighborhood import ItemKNN
from penchant.models.neighborhood_config import ItemKNNConfig
from penchant.progress import SILENT, Progress
from penchant.types import AnyArray, DoubleArray, FloatArray, RowArray

NAME = "graph_smoothing"
STEPS: tuple[tuple[float, ...], ...] = ((1.0,), (1.0, 0.5), (1.0, 1.0), (1.0, 2.0), (1.0, 4.0))
"""Weights of the walks tried on validation."""
ROWS = 256
"""Rows of the item graph multiplied at once: their products are held before the strongest are kept."""


class GraphSmoothingConfig(ItemKNNConfig):
    """Settings of `GraphSmoothing`, those of the item neighbours it starts from included."""

    steps: tuple[float, ...] | None = None
    """Weight of the walks of one edge, of two, … . None: the best of `STEPS` on validation."""
    links: tuple[str, ...] = ()
    """Relations between items whose links are edges too, such as also_bought."""
    link_weight: float = Field(default=1.0, ge=0)
    """Weight of those beside the edges found in the events."""
    walk_neighbours: int = Field(default=200, ge=1)
    """Edges that a walk may leave an item by, the strongest."""
    max_neighbours: int = Field(default=200, ge=1)
    """Neighbours kept for an item once the walks are summed, the strongest."""
    validation_users: int = Field(default=2_000, ge=1)
    """Cases that decide the steps, at most."""

    @field_validator("steps")
    @classmethod
    def _some_step(cls, steps: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if steps is not None and (not steps or min(steps) < 0 or max(steps) == 0):
            raise ValueError("give one weight or more, none below 0 and one above")
        return steps


class GraphSmoothing(ItemKNN):
    """Item neighbours diffused over the item graph.

    ::

        S     = κ / mean row sum of κ   (+ link_weight · D^−½ R D^−½ / its mean row sum)
        G     = Σ_{k=1..K} steps_k S^k,  without its diagonal
        s_bi  = Σ_{l=1..L} decay^(L−l) G_{h_l, i}

    κ are the neighbours of `ItemKNN`, R the links between items. What never came together in the events still meets
    over a third item, which is what rare items lack in κ. The steps of a personalised PageRank (Haveliwala 2002) are
    ``α, α², …``, of a heat kernel ``t, t²/2, …``; Gasteiger et al. (2019) give the family of such diffusions, and their
    cut to the strongest entries. Linear in the history, so every score is a sum over its events (`event_weights`).

    ``steps = (1,)`` with no links orders items as `ItemKNN` does. Without steps given, those are taken that are best
    for NDCG@10 on validation; where there are no validation cases, on each user's last event, and the graph is then
    made again of all events.

    `fit` raises `UnsupportedError` where links are asked for and the dataset has none, and what `ItemKNN.fit` raises.
    Caveat: links such as also_bought are often collected after the events; with them, figures on past events flatter.
    """

    name: ClassVar[str] = NAME
    settings: ClassVar[type[ItemKNNConfig]] = GraphSmoothingConfig
    config: GraphSmoothingConfig
    chosen: GraphSmoothingConfig

    def __init__(self, config: GraphSmoothingConfig | None = None) -> None:
        super().__init__(config)
        self.steps: tuple[float, ...] | None = self.config.steps
        """steps_k; None before they are chosen, and for a loaded model that was fitted without any given."""
        self.validation: dict[tuple[float, ...], float] = {}
        """NDCG@10 on validation of the steps tried; empty where they were given."""

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Find the neighbours, choose the steps, walk."""
        options = options or FitOptions()
        self.settle(dataset, options)
        self.steps = self.config.steps
        if self.steps is None:
            training, cases = held_out(dataset, options)
            graph = self._graph(training, options)
            self.steps = self._choose(
                graph, sampled(cases, self.config.validation_users, options.seed), catalogue_ties(dataset, options.seed)
            )
            options.progress.note(f"Walks over the item graph weigh {', '.join(f'{w:g}' for w in self.steps)}")
            if training is not dataset:
                graph = self._graph(dataset, options)
        else:
            graph = self._graph(dataset, options)
        self._neighbours = diffused(
            graph,
            self.steps,
            through=self.config.walk_neighbours,
            kept=self.config.max_neighbours,
            progress=options.progress,
        ).astype(np.float32)
        return self

    def _graph(self, dataset: Dataset, options: FitOptions) -> sp.csr_array:
        """S, (I, I) float64."""
        graph = scaled(self._find(dataset, options.progress).neighbours)
        if not self.config.links:
            return graph
        links = linked(dataset, "item", self.config.links, model=NAME)
        return sp.csr_array(graph + self.config.link_weight * scaled(symmetric(links)))

    def _choose(self, graph: sp.csr_array, cases: Cases, ties: RowArray) -> tuple[float, ...]:
        """The steps with the best NDCG@10, the first of equals; those of one edge where there is no case."""
        thin = strongest_rows(graph, self.config.walk_neighbours)
        totals = dict.fromkeys(STEPS, 0.0)
        for place, histories in cases.histories.batches(rows_at_once(len(ties))):
            part, walks = cases.take(place), self._walks(histories, graph, thin)
            for steps in STEPS:
                scores = sum(w * walk for w, walk in zip(steps, walks, strict=False))
                ranks = target_ranks(np.asarray(scores, dtype=np.float32), part, ties=ties, exclude_history=True)
                totals[steps] += float(ndcg_at(ranks, part.target_indptr, VALIDATION_K).sum())
        self.validation = {steps: total / max(len(cases), 1) for steps, total in totals.items()}
        return max(STEPS, key=lambda steps: self.validation[steps])

    def _walks(self, histories: Histories, graph: sp.csr_array, thin: sp.csr_array) -> list[FloatArray]:
        """What walks of one edge, of two, … bring each item from the history, (B, I) each; no way back is left out."""
        histories.check_items(graph.shape[0])
        shape = (len(histories), graph.shape[0])
        walk = sp.csr_array((self._weights(histories), histories.items, histories.indptr), shape=shape) @ graph
        walks = [walk.toarray().astype(np.float32)]
        for _ in range(max(map(len, STEPS)) - 1):
            walk = walk @ thin
            walks.append(walk.toarray().astype(np.float32))
        return walks


def scaled(matrix: sp.csr_array) -> sp.csr_array:
    """The matrix divided by the mean sum of its rows that have entries: a step then keeps the weight's order."""
    sums = np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()
    mean = sums[sums > 0].mean() if (sums > 0).any() else 1.0
    return sp.csr_array((matrix.data / mean, matrix.indices, matrix.indptr), shape=matrix.shape)


def diffused(
    graph: sp.csr_array, steps: tuple[float, ...], *, through: int, kept: int, progress: Progress = SILENT
) -> sp.csr_array:
    """``Σ_k steps_k S^k`` without its diagonal, the `kept` strongest entries of each row, (I, I) float64.

    After the first, a walk leaves an item by its `through` strongest edges only.
    """
    thin = strongest_rows(graph, through)
    rows, starts = [], range(0, graph.shape[0], ROWS)
    with progress.task("Walks over the item graph", total=len(starts)) as advance:
        for start in starts:
            walk = graph[start : start + ROWS]
            total = sp.csr_array(walk * steps[0])
            for weight in steps[1:]:
                walk = sp.csr_array(walk @ thin)
                total = sp.csr_array(total + weight * walk)
            total.setdiag(0.0, k=start)
            rows.append(strongest_rows(total, kept))
            advance()
    return sp.csr_array(sp.vstack(rows, format="csr")) if rows else graph


def strongest_rows(matrix: sp.csr_array, k: int) -> sp.csr_array:
    """The k largest entries of each row that are above 0, columns in order; equal ones by column. Row by row, so that
    long rows need no sorting.
    """
    matrix.sum_duplicates()
    places = []
    for start, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        data: DoubleArray = matrix.data[start:end]
        row = np.flatnonzero(data > 0)
        if len(row) > k:
            floor = np.partition(data[row], len(row) - k)[len(row) - k]
            above, equal = row[data[row] > floor], row[data[row] == floor]
            row = np.sort(np.concatenate([above, equal[: k - len(above)]]))
        places.append(row + start)
    chosen: AnyArray = np.concatenate(places) if places else np.zeros(0, dtype=np.int64)
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in places])]).astype(np.int64)
    return sp.csr_array((matrix.data[chosen], matrix.indices[chosen], indptr), shape=matrix.shape)

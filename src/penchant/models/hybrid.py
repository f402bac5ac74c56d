"""The default recommender: what the tracker foresees, plus what neighbours, graph, content and items themselves say."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp

from penchant.data.dataset import Dataset
from penchant.data.histories import Cases, Histories
from penchant.errors import ConfigError
from penchant.interfaces import FitOptions, Recommender
from penchant.models.blend import Blend, Pool, choose
from penchant.models.blend_parts import Gates, HistorySource, Parts
from penchant.models.content_based import ContentBased
from penchant.models.graph.smoothing import GraphSmoothing, GraphSmoothingConfig
from penchant.models.holdout import VALIDATION_K, catalogue_ties, check_vectors, held_out, rows_at_once, sampled
from penchant.models.hybrid_config import InterestConfig
from penchant.models.neighborhood import ItemKNN
from penchant.models.neighborhood_config import ItemKNNConfig
from penchant.models.new_items import Inheritance
from penchant.models.newness import choose_newness, rehearsed, told_apart
from penchant.models.of_items import NEWNESS, OF_ITEMS, of_items, scale
from penchant.models.saving import fitted, read_model, write_model
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.types import BoolArray, DoubleArray, FloatArray, IntArray, RowArray

NAME = "interest"
LATE = frozenset({"content"})
"""Sources that look at every item's text: for one waiting user they are asked about the candidates only."""

KNOWN_CASES = 2_000
"""Cases that ask for known items in a rehearsal with new ones, at most."""


class Interest(Recommender):
    """Interest tracker, neighbours, item graph, content and popularity, blended by gates of the user.

    ::

        s_bi = offset_b + (1/σ_b) (u_b · z_i) + Σ_p g_pb q_pbi

        μ_b, σ_b   mean and standard deviation of u_b · z_i over the items i;   offset_b = −μ_b / σ_b
        q_knn      scores of `ItemKNN`;      g = w_knn / max_i q    (0 for a history without neighbours)
        q_graph    scores of `GraphSmoothing`; g = w_graph / max_i q
        q_content  cosines of `ContentBased`;  g = w_content
        q_pop,i    log(1 + n_i) / max_j log(1 + n_j), n_i the item's events;   g = w_pop
        q_new,i    1 for an item without events that has text, else 0;   g = w_new

    Unit: standard deviations of the tracker's scores for this user. The weights w depend on how long the history is and
    are chosen for NDCG@10 on validation (`penchant.models.blend`), with all parts fitted without it; what does not pay
    is left out. No validation event asks for a new item, so w_new is chosen in a rehearsal in which some known items
    are treated as new (`penchant.models.newness`), at a bounded cost to the others. Linear on purpose: rank fusion or a
    stacker would rank as well, but its scores would not add up to reasons.
    """

    folds_in_items: ClassVar[bool] = True
    config: InterestConfig

    def __init__(self, config: InterestConfig | None = None) -> None:
        super().__init__(config or InterestConfig())
        self.tracker = InterestTracker(self.config.tracker)
        self.beside: dict[str, HistorySource] = {}
        """The sources that are sums over the history, by name; those with a weight."""
        self.blend: Blend | None = None
        self._of_items: dict[str, FloatArray] = {}
        self._text: FloatArray | None = None
        self._mean: DoubleArray | None = None
        self._spread: DoubleArray | None = None

    def fit(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Fit all parts and choose the weights. Where the validation cases were the dataset's own last events,
        neighbours and popularity are counted again with them at the end.
        """
        options = options or FitOptions()
        check_vectors(dataset, options)
        self._text = options.item_vectors
        training, cases = held_out(dataset, options)
        inner = replace(options, validation=cases)
        self.beside = {}
        self._count(training, inner, wanted=self._wanted(options))
        self.tracker = InterestTracker(self.config.tracker).fit(training, options=inner.part("tracker"))
        self._measure()
        if self.config.weights is None and self._wanted(options):
            ties = catalogue_ties(dataset, options.seed)
            self._adopt(self._choose(sampled(cases, self.config.validation_users, options.seed), ties, options))
            self._rehearse(training, cases, ties, options)
        else:
            self._adopt(Blend.of({n: w for n, w in (self.config.weights or {}).items() if n in self._wanted(options)}))
        if options.validation is None:
            self.refresh(dataset, options=options)
        return self

    def through_concepts(self, dataset: Dataset, names_IN: sp.csr_array, *, options: FitOptions | None = None) -> Self:
        """Train the tracker through named concepts, see `InterestTracker.through_concepts`; the weights stay."""
        options = options or FitOptions()
        training, cases = held_out(dataset, options)
        part = replace(options, validation=cases).part("tracker").part("concepts")
        self.tracker.through_concepts(training, names_IN, options=part)
        self._measure()
        return self

    def continued(
        self,
        tracker: InterestTracker,
        dataset: Dataset,
        *,
        blend: Blend | None = None,
        options: FitOptions | None = None,
    ) -> "Interest":
        """A copy with a tracker that went on learning (`InterestTracker.continued`), neighbours and popularity counted
        on its dataset, which has the items of the tracker; with other weights (`reweighted`), or its own. Text vectors
        as in `refresh`.
        """
        options = options or FitOptions()
        other = copy.copy(self)
        other.tracker, other._text = tracker, options.item_vectors
        other.blend = blend or fitted(self.blend, NAME)
        known = list(other.blend.weights)
        if "content" in known and options.item_vectors is None:
            raise ConfigError(
                "This model reads the items' texts, and no vectors of them came.", hint="Name an encoder."
            )
        other._count(dataset, options, wanted=known)
        other._adopt(other.blend)
        other._measure()
        return other

    def reweighted(self, learned: Dataset, cases: Cases, *, options: FitOptions | None = None) -> Blend:
        """Weights that rank cases best which came after what was learned: the tracker as it is, all other sources
        counted on the dataset that it was `learned` from. What being new counts stays; so does all where the settings
        give weights, or no source.
        """
        was, options = fitted(self.blend, NAME), options or FitOptions()
        if self.config.weights is not None or not {*self._wanted(options)} - {NEWNESS}:
            return was
        other = copy.copy(self)
        other._count(learned, options, wanted=self._wanted(options))
        found = other._choose(cases, catalogue_ties(learned, options.seed), options)
        newness = {NEWNESS: (was.weights[NEWNESS][0],) * (len(found.edges) + 1)} if NEWNESS in was.weights else {}
        return replace(found, weights={**found.weights, **newness})

    def refresh(self, dataset: Dataset, *, options: FitOptions | None = None) -> Self:
        """Count neighbours and popularity again on more data, the tracker and the weights as they are: cheap, for a
        model about to serve. A loaded model needs the items' text vectors again, in `options`; a fitted one has them.
        """
        known = [name for name in fitted(self.blend, NAME).weights if name != "content"]
        options = options or FitOptions()
        text = self._text if options.item_vectors is None else options.item_vectors
        self._count(dataset, replace(options, item_vectors=text), wanted=known)
        return self

    def gates(self, histories: Histories) -> Gates:
        """How much each source counts for these users."""
        return self.parts(histories).gates

    def parts(
        self, histories: Histories, *, users_BD: FloatArray | None = None, leave_out: frozenset[str] = frozenset()
    ) -> Parts:
        """User vectors, scores of the other sources, and gates, for a caller that explains or edits the sum.

        `users_BD` are the histories' user vectors where the caller has kept them. Sources in `leave_out` (of `LATE`)
        have their gates and no scores: the caller asks for those of a few items, by `late_part`.
        """
        users = self.tracker.user_vectors(histories) if users_BD is None else users_BD
        blend = fitted(self.blend, NAME)
        near = {name: s for name, s in self.beside.items() if isinstance(s, ItemKNN) and len(histories) == 1}
        entries = {name: source.entries(histories) for name, source in near.items()}
        beside = {
            name: near[name].score_entries(histories, entries[name]) if name in near else self._beside(name, histories)
            for name in blend.weights
            if name not in leave_out
        }
        tracker, offset = self._standard(users)
        gates = {name: blend.weight(name, histories.lengths) for name in blend.weights}
        gates |= {name: gates[name] * scale(name, q) for name, q in beside.items()}
        return Parts(users_BD=users, beside=beside, gates=Gates(tracker, offset, gates), entries=entries)

    def late_part(self, history: Histories, gates: Gates, items: RowArray) -> DoubleArray:
        """What the sources in `LATE` add to the scores of K items for one user, (K,)."""
        total = np.zeros(len(items))
        content = self.beside.get("content")
        if isinstance(content, ContentBased):
            total += gates.beside["content"][0] * content.score_items(history, items)
        return total

    def event_parts(self, history: Histories, parts: Parts, items: RowArray) -> DoubleArray:
        """What each event of one user's history, whose `parts` these are, adds to the scores of K items beside the
        tracker, (L, K).
        """
        total = np.zeros((len(history.items), len(items)))
        for name, source in self.beside.items():
            if isinstance(source, ItemKNN):
                added = source.event_weights(history, items, parts.entries.get(name))
            else:
                added = source.event_weights(history, items)
            total += parts.gates.beside[name][0] * added
        return total

    def item_parts(self, gates: Gates, items: RowArray) -> dict[str, DoubleArray]:
        """What the sources that say the same to everyone add to the scores of K items for one user, (K,) each."""
        return {
            name: gates.beside[name][0] * self._of_items[name][items].astype(np.float64)
            for name in OF_ITEMS
            if name in gates.beside
        }

    def score(self, histories: Histories) -> FloatArray:
        """The scores s_bi, (B, I)."""
        parts = self.parts(histories)
        scores = self._foreseen(parts.users_BD, parts.gates.tracker_B, parts.gates.offset_B)
        scores += parts.summed_beside()
        return scores

    def save(self, folder: Path) -> None:
        """Write the parts into folders of their own, and the weights."""
        blend = fitted(self.blend, NAME)
        saved: dict[str, HistorySource | InterestTracker] = {"tracker": self.tracker, **self.beside}
        for name, part in saved.items():
            (folder / name).mkdir(exist_ok=True)
            part.save(folder / name)
        facts: dict[str, Any] = {
            "edges": list(blend.edges),
            "weights": {name: list(weights) for name, weights in blend.weights.items()},
            "validation": dict(blend.validation),
        }
        write_model(folder, NAME, self.config, arrays=dict(self._of_items), facts=facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read them."""
        needs = ("edges", "weights", "validation", *OF_ITEMS)
        config, facts, arrays = read_model(folder, NAME, InterestConfig, needs=needs)
        model = cls(config)
        weights = {name: tuple(map(float, found)) for name, found in facts["weights"].items()}
        model.blend = Blend(edges=tuple(facts["edges"]), weights=weights, validation=facts["validation"])
        model.tracker, model._of_items = InterestTracker.load(folder / "tracker"), {n: arrays[n] for n in OF_ITEMS}
        kinds: dict[str, type[ItemKNN] | type[ContentBased]] = {
            "knn": ItemKNN,
            "graph": GraphSmoothing,
            "content": ContentBased,
        }
        model.beside = {name: kind.load(folder / name) for name, kind in kinds.items() if name in weights}
        model._measure()
        return model

    def _wanted(self, options: FitOptions) -> list[str]:
        """The sources that are switched on and that there are data for."""
        text = options.item_vectors is not None and bool(np.any(options.item_vectors))
        return [name for name in self.config.sources if name != "content" or text]

    def _count(self, dataset: Dataset, options: FitOptions, *, wanted: list[str]) -> None:
        """Learn what is no training but counting, by the similarities that were chosen before. Of the old sources only
        that stays which reads no events: another catalogue's neighbours would answer for the wrong items.
        """
        settings, graph = self._neighbourhoods()
        counted: dict[str, HistorySource] = {}
        if "knn" in wanted:
            counted["knn"] = knn = ItemKNN(settings).fit(dataset, options=options)
            if self.config.item_knn.similarity == "auto":
                graph = graph.settled_as(knn.chosen)
        if "graph" in wanted:
            counted["graph"] = GraphSmoothing(graph).fit(dataset, options=options)
        if "content" in wanted:  # users' own attributes are the tracker's: they are no part of the history
            alone = replace(options, user_vectors=None)
            counted["content"] = ContentBased(self.config.content).fit(dataset, options=alone)
        counts = dataset.item_counts()
        inheritance = self._inheritance(options, counts)
        for source in counted.values():
            if isinstance(source, ItemKNN) and inheritance is not None:
                source.inherit(inheritance)
        self.beside = counted | {n: s for n, s in self.beside.items() if n in LATE and n not in counted}
        self._of_items = of_items(counts, self._placed(options, dataset.n_items))

    def _neighbourhoods(self) -> tuple[ItemKNNConfig, GraphSmoothingConfig]:
        """Settings of the neighbours and of their graph, with the similarity that was chosen when they were fitted."""
        knn, graph = self.beside.get("knn"), self.beside.get("graph")
        return (
            knn.chosen if isinstance(knn, ItemKNN) else self.config.item_knn,
            graph.chosen if isinstance(graph, GraphSmoothing) else self.config.graph,
        )

    def _beside(self, name: str, histories: Histories) -> FloatArray:
        """q_p, (B, I), or (1, I)."""
        return self._of_items[name][None] if name in OF_ITEMS else self.beside[name].score(histories)

    def _measure(self) -> None:
        """Mean and covariance of the item vectors: a user's μ and σ follow from them without scoring the catalogue."""
        items = self.tracker.item_vectors.astype(np.float64)
        self._mean = items.mean(axis=0)
        centred = items - self._mean
        self._spread = centred.T @ centred / max(len(items), 1)

    def _standard(self, users_BD: FloatArray) -> tuple[DoubleArray, DoubleArray]:
        """1/σ_b and −μ_b/σ_b, (B,) each."""
        mean, spread = fitted(self._mean, NAME), fitted(self._spread, NAME)
        users = users_BD.astype(np.float64)
        deviation = np.sqrt(np.maximum(np.einsum("bd,de,be->b", users, spread, users), 0.0))
        tracker = np.where(deviation > 1e-9, 1.0 / np.maximum(deviation, 1e-9), 0.0)
        return tracker, -(users @ mean) * tracker

    def _foreseen(self, users_BD: FloatArray, tracker_B: DoubleArray, offset_B: DoubleArray) -> FloatArray:
        """The tracker's part of the scores with the offset, (B, I)."""
        scores = self.tracker.similarities((users_BD * tracker_B[:, None]).astype(np.float32))
        scores += offset_B[:, None].astype(np.float32)
        return scores

    def _choose(self, cases: Cases, ties: RowArray, options: FitOptions) -> Blend:
        """Weights that rank the validation cases best."""
        names = [name for name in self._wanted(options) if name != NEWNESS]

        def scores(part: Cases) -> tuple[FloatArray, list[FloatArray]]:
            users = self.tracker.user_vectors(part.histories)
            beside = [self._beside(name, part.histories) for name in names]
            scaled = [
                np.broadcast_to(q * scale(name, q)[:, None].astype(np.float32), (len(part), q.shape[1]))
                for name, q in zip(names, beside, strict=True)
            ]
            advance(len(part))
            return self._foreseen(users, *self._standard(users)), scaled

        with options.progress.task("Choosing the blend", total=len(cases)) as advance:
            batches = (place for place, _ in cases.histories.batches(rows_at_once(len(ties))))
            pool = Pool.gather(cases, scores, batches=batches) if len(cases) else None
        if pool is None:  # nothing to choose by
            return Blend.of({"knn": 1.0} if "knn" in names else {})
        blend = choose(pool, names, ties=ties, k=VALIDATION_K)
        shown = ", ".join(f"{name} {'/'.join(f'{w:g}' for w in found)}" for name, found in blend.weights.items())
        options.progress.note(f"Blend beside the tracker: {shown or 'nothing pays'}")
        return blend

    def _adopt(self, blend: Blend) -> None:
        """Take the weights; sources without one are let go."""
        self.blend = blend
        self.beside = {name: source for name, source in self.beside.items() if name in blend.weights}

    def _inheritance(self, options: FitOptions, counts_I: IntArray) -> Inheritance | None:
        """Where items without events lie."""
        return Inheritance.of(options.item_vectors, counts_I, k=self.config.tracker.new_item_neighbours)

    def _rehearse(self, training: Dataset, cases: Cases, ties: RowArray, options: FitOptions) -> None:
        """Choose what being new counts, by treating some known items as new."""
        blend = fitted(self.blend, NAME)
        counts, placed = training.item_counts(), self._placed(options, training.n_items)
        chosen = rehearsed(counts, placed, seed=options.seed)
        if NEWNESS not in self._wanted(options) or not chosen.any() or not len(cases):
            return
        counts[chosen] = 0
        inheritance = self._inheritance(options, counts)
        if inheritance is None:
            return
        cases = told_apart(cases, chosen, most=KNOWN_CASES, seed=options.seed)
        rehearsal = self._with_new(chosen, inheritance)
        rehearsal._of_items = of_items(counts, placed)
        with options.progress.task("Rehearsing new items", total=len(cases)) as advance:
            weight, told = choose_newness(
                rehearsal.score,
                cases,
                (counts == 0) & placed,
                budget=self.config.newness_budget,
                ties=ties,
                k=VALIDATION_K,
                advance=advance,
            )
        weights = {**blend.weights, NEWNESS: (weight,) * (len(blend.edges) + 1)} if weight else blend.weights
        self.blend = replace(blend, weights=weights, validation={**blend.validation, **told})
        shown = ", ".join(f"{n} {v:.4f}" for n, v in told.items()) or "too few cases to tell"
        options.progress.note(f"Being new weighs {weight:g} ({shown})")

    def _placed(self, options: FitOptions, n_items: int) -> BoolArray:
        """Items that the tracker knows where to place without events, (I,): those whose text it reads."""
        if options.item_vectors is None or not self.config.tracker.text:
            return np.zeros(n_items, dtype=np.bool_)
        return np.asarray(np.any(options.item_vectors != 0, axis=1))

    def _with_new(self, new_I: BoolArray, inheritance: Inheritance) -> "Interest":
        """This model as its vectors and neighbours would be, about, had the items `new_I` no events."""
        other = copy.copy(self)
        other.tracker = self.tracker.inheriting(inheritance)
        other.beside = {
            name: source.without(new_I).inherit(inheritance) if isinstance(source, ItemKNN) else source
            for name, source in self.beside.items()
        }
        other._measure()
        return other

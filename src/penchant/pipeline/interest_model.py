"""The Python API: fit, recommend, read interests, observe, edit, save and load."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from penchant.data.dataset import Dataset
from penchant.errors import ConfigError, NotFoundError
from penchant.interests.text.concept_search import ConceptSearch
from penchant.interfaces import Encoder, plain
from penchant.models.hybrid import Interest
from penchant.pipeline import bundle, editing, fitting
from penchant.pipeline.clock import utc_now
from penchant.pipeline.drifts import Drifts
from penchant.pipeline.encoding import known_encoder
from penchant.pipeline.fitting import Fitted, InterestModelConfig, Named
from penchant.pipeline.interest_tags import LoadedTags, check_tags, load_tags, meanings
from penchant.pipeline.live import Live
from penchant.pipeline.malformed import check_moment
from penchant.pipeline.population_drifts import PopulationDrifts
from penchant.pipeline.profiles import read_profile
from penchant.pipeline.recommending import RecommendingModel
from penchant.pipeline.search import Finder
from penchant.pipeline.zero_shot import DescriptionRanker
from penchant.progress import SILENT, Progress
from penchant.records import (
    ConceptMatch,
    Drift,
    DriftHistory,
    Edit,
    EditAction,
    EditEntry,
    EditResult,
    Event,
    HistoryEvent,
    ItemSummary,
    ItemView,
    ModelCard,
    ObserveResult,
    PopulationDrift,
    Profile,
    SimilarItem,
    Slate,
    UserSummary,
)
from penchant.reranking.rules import Rules
from penchant.reranking.settings import Reranking
from penchant.training.tracker import Tracker
from penchant.types import FloatArray


class InterestModel(RecommendingModel):
    """Learns what each user is interested in, says it in words, and recommends from it.

    `encoder` reads the items' texts (None: the embedded one); `now` gives the present moment (UTC), which dates slates
    and observed events.
    """

    def __init__(
        self,
        *,
        config: InterestModelConfig | None = None,
        encoder: Encoder | None = None,
        seed: int = 0,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.config = config or InterestModelConfig()
        self.encoder = encoder
        self.seed = seed
        self.bundle = "unsaved"
        self.now = now
        self.loaded_tags: LoadedTags | None = None
        """What became of users' interest tags; None where the settings name no column of them."""
        self._live: Live | None = None

    def fit(
        self,
        data: Dataset,
        *,
        model: Interest | None = None,
        progress: Progress = SILENT,
        checkpoints: Path | None = None,
        resume: bool | None = None,
        run_log: Path | None = None,
        trackers: Sequence[Tracker] = (),
        device: str = "auto",
        after: Named | None = None,
    ) -> Self:
        """Learn from a dataset. Where a fitted ranking `model` is handed in, only the rest is learned.

        In the folder `checkpoints` the training keeps its state: cut short at any moment, it goes on from there with
        ``resume=True`` to the same model, bit for bit. Where there is a state and `resume` is None, `CheckpointError`;
        False begins again. `run_log` gets lines of JSON for each epoch, and `trackers`
        (`penchant.training.tracking`) are told of it. `device` is that of `FitOptions`. `after` are the concepts of the
        bundle that this model takes the place of (`penchant.pipeline.bundle.named`): those that are no more get heirs,
        to which users' edits go.
        """
        check_tags(data, self.config.editing)
        fitted = fitting.fit(
            data,
            self.config,
            encoder=self.encoder,
            model=model,
            seed=self.seed,
            now=self.now,
            progress=progress,
            checkpoints=checkpoints,
            resume=resume,
            run_log=run_log,
            trackers=trackers,
            device=device,
            after=after,
        )
        if self.config.editing.tags is not None:
            fitted.facts["tags"] = meanings(data, self.config.editing, self._search_of(fitted))
        self.start(fitted)
        if self.loaded_tags is not None:
            progress.note(self.loaded_tags.told)
        return self

    def start(self, fitted: Fitted) -> Self:
        """Serve what was learned, with no events observed and no edits made but users' interest tags, where the
        settings name their column (`EditingConfig.tags`).
        """
        self._live = Live(fitted, self.config, seed=self.seed, now=self.now)
        for kept in ("_concept_search", "_descriptions", "_drifts", "_finder", "_population_drifts", "_unit_vectors"):
            self.__dict__.pop(kept, None)
        self.loaded_tags = load_tags(self._live, lambda: self._concept_search)
        return self

    @property
    def live(self) -> Live:
        """The state in use; `ConfigError` before `fit`."""
        if self._live is None:
            raise ConfigError("This model has not been fitted.", hint="Call fit(dataset), or penchant.load(path).")
        return self._live

    @property
    def fitted(self) -> Fitted:
        """What was learned; `ConfigError` before `fit`."""
        return self.live.fitted

    def interests(self, user_id: str, *, as_of: int | None = None, limit: int = 12) -> Profile:
        """The user's interests, the largest strength × confidence first, each with its trend and the events behind it.

        `as_of` reads the profile as it was: after that many events where the data has positions, at that moment (UTC
        microseconds) where it has times; `ConfigError` for what is no whole number. An unknown user's profile is empty
        and cold.
        """
        check_moment(as_of)
        profile = read_profile(self.live, user_id, as_of=as_of, limit=limit)
        return profile if profile.cold else replace(profile, drift=self._drifts.told(user_id, as_of=as_of))

    def drift(self, user_id: str, *, as_of: int | None = None) -> DriftHistory:
        """How much what a user takes has changed, event by event, with the changes noticed and when they began.

        Read where it is asked for, and kept until the user does something; `as_of` as in `interests`.
        """
        check_moment(as_of)
        return self._drifts.of(user_id, as_of=as_of)

    def drift_of(self, user_id: str) -> Drift:
        """The same in short, with the newest alarms only."""
        return self._drifts.told(user_id)

    def population_drift(self) -> PopulationDrift:
        """Concepts whose share of all events has changed, and whether the model foresees events worse than it did."""
        return self._population_drifts.read()

    def edit(
        self,
        user_id: str,
        concept_id: str | None = None,
        action: str = "more",
        *,
        event_id: str | None = None,
        text: str | None = None,
        undoes: str | None = None,
        edit_id: str | None = None,
    ) -> EditResult:
        """The user's own word: the next slate follows it, and the result tells which items moved.

        ``more``, ``less``, ``pin`` and ``mute`` take a concept; ``add`` takes `text`, as typed; ``forget`` an event;
        ``reset`` a concept, or nothing for all; ``undo`` the edit it `undoes`, or nothing for the last. The same edit
        with the same `edit_id` changes nothing. `NotFoundError` for an unknown concept, event or edit, and for words
        near no concept; `ConfigError` for an unknown action, one that lacks something, and an id another edit has.
        """
        edit = Edit(
            edit_id=edit_id or "",
            user_id=user_id,
            action=cast("EditAction", action),
            concept_id=concept_id,
            event_id=event_id,
            text=text,
            undoes=undoes,
        )
        return self.change(self.complete(edit))

    def complete(self, edit: Edit) -> Edit:
        """An edit as it goes into the log; nothing is changed. Errors are those of `edit`."""
        return editing.completed(self.live, self._concept_search, edit)

    def take(self, edit: Edit) -> bool:
        """Take a complete edit, as in a replay; False where its id was taken before. `NotFoundError` for what this
        model has not.
        """
        return self.live.take(edit)

    def change(self, edit: Edit) -> EditResult:
        """Take a complete edit and tell what it moved."""
        matches = self.find_concepts(edit.text) if edit.action == "add" and edit.text is not None else ()
        return editing.change(self.live, edit, profile=self.interests, matches=matches)

    def edits(self, user_id: str, *, limit: int = 50) -> list[EditEntry]:
        """The user's edits, newest first."""
        return editing.told(self.live, user_id, limit=limit)

    def find_concepts(self, text: str, limit: int = 5) -> tuple[ConceptMatch, ...]:
        """The concepts that typed words may mean, the nearest first; `NotFoundError` where none is near."""
        return self._concept_search.nearest(text, limit=limit)

    def observe(self, events: Sequence[Event]) -> ObserveResult:
        """Take new events: the user's next recommendations and interests follow them at once. An event that is not what
        it should be is rejected by its place, the others are taken; `DataError` for what is no sequence of events.
        """
        return self.live.timeline.observe(events, now=self.live.microseconds())

    def history(self, user_id: str, *, limit: int = 50, before: int | None = None) -> list[HistoryEvent]:
        """The user's item events, newest first; `before` is a position, to page on."""
        return self.live.timeline.events(user_id, limit=limit, before=before)

    def similar(self, item_id: str, k: int = 10) -> list[SimilarItem]:
        """The K nearest items by the cosine of their vectors, with the concepts they share."""
        live = self.live
        row = self._item_row(item_id)
        cosines = self._unit_vectors @ self._unit_vectors[row]
        order = np.lexsort((live.ties, -cosines))
        mine = set(live.concepts_of(row))
        return [
            SimilarItem(
                item_id=live.fitted.dataset.items.ids[other],
                title=live.fitted.dataset.title(int(other)),
                similarity=float(cosines[other]),
                shared=tuple(name for name in live.concepts_of(int(other)) if name in mine),
            )
            for other in order[order != row][:k]
        ]

    def recommend_by_text(
        self,
        text: str,
        k: int = 10,
        *,
        explain: bool = True,
        rerank: str | None = None,
        rerank_weight: float | None = None,
        rules: Rules | Mapping[str, Any] | None = None,
    ) -> Slate:
        """The K items for a text alone, such as ``"slow space opera, no war"``, best first, each with its reasons; no
        user is asked about. See `penchant.pipeline.zero_shot.DescriptionRanker`, which says what it raises; reranker
        and rules are as in `recommend`.
        """
        reranking = Reranking.asked(self.live.config.reranking, name=rerank, weight=rerank_weight, rules=rules)
        return self._descriptions.recommend(text, k, reranking=reranking, explain=explain, bundle=self.bundle)

    def item(self, item_id: str) -> ItemView:
        """An item with its attributes, concepts and how many events it has."""
        dataset, row = self.fitted.dataset, self._item_row(item_id)
        attributes = dataset.items.attributes(row)
        attributes.pop("title", None)
        return ItemView(
            item_id=item_id,
            title=dataset.title(row),
            text=str(attributes.pop("text", "")),
            attributes=attributes,
            concepts=self.live.concepts_of(row),
            events=int(self.live.counts[row]),
        )

    def find_users(self, query: str, limit: int = 20) -> list[UserSummary]:
        """Users whose id holds the query."""
        return self._finder.users(query, limit, observed=self.live.timeline.counts())

    def find_items(self, query: str, limit: int = 20) -> list[ItemSummary]:
        """Items whose title or id holds every word of the query."""
        return self._finder.items(query, limit)

    def card(self) -> ModelCard:
        """What the model is and what it stands on; observed events are counted in."""
        fitted, timeline = self.fitted, self.live.timeline
        return ModelCard(
            bundle=self.bundle,
            dataset=fitted.dataset.name,
            clock=fitted.dataset.clock,
            users=fitted.dataset.n_users + len(timeline.live_users()),
            items=fitted.dataset.n_items,
            events=len(fitted.dataset.events) + timeline.observed,
            concepts=len(fitted.vocabulary.concepts),
            encoder=fitted.facts.get("encoder", {}).get("name"),
            fitted_at=fitted.facts.get("fitted_at"),
            nouns=self.config.nouns,
        )

    def save(self, path: str | Path) -> None:
        """Write the bundle: a folder without pickle, whole or not at all. Observed events and edits are not in it."""
        self.bundle = bundle.save(self.fitted, self.config, Path(path), seed=self.seed)

    @cached_property
    def _concept_search(self) -> ConceptSearch:
        return self._search_of(self.fitted)

    def _search_of(self, fitted: Fitted) -> ConceptSearch:
        return ConceptSearch(fitted.vocabulary, fitted.dataset.items, encoder=lambda: self._reader(fitted))

    def _reader(self, fitted: Fitted) -> Encoder | None:
        """What reads words that are typed, where it is at hand."""
        encoder = self.encoder or known_encoder(fitted.facts, fitted.dataset.items)
        return None if encoder is None else plain(encoder)

    @cached_property
    def _drifts(self) -> Drifts:
        return Drifts(self.live, seed=self.seed)

    @cached_property
    def _population_drifts(self) -> PopulationDrifts:
        return PopulationDrifts(self.live, seed=self.seed)

    @cached_property
    def _descriptions(self) -> DescriptionRanker:
        fitted = self.fitted
        return DescriptionRanker(self.live, lambda: self._reader(fitted))

    @cached_property
    def _finder(self) -> Finder:
        return Finder(self.fitted.dataset)

    @cached_property
    def _unit_vectors(self) -> FloatArray:
        vectors = self.fitted.model.tracker.item_vectors
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)

    def _item_row(self, item_id: str) -> int:
        row = self.fitted.dataset.items.row(item_id)
        if row < 0:
            raise NotFoundError(f"No item {item_id!r} in the catalogue.", hint="Find items by title with a search.")
        return row


def load(path: str | Path, *, now: Callable[[], datetime] = utc_now) -> InterestModel:
    """Read a bundle; `BundleError` says what is wrong with one that is missing, damaged or newer."""
    fitted, config, seed, label = bundle.load(Path(path))
    model = InterestModel(config=config, seed=seed, now=now)
    model.bundle = label
    return model.start(fitted)

"""What the server asks of a model to explain it, and what it tells of a slate that was served."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Protocol

from penchant.errors import NotFoundError
from penchant.feedback import Stores
from penchant.interests.explained import Explanation
from penchant.interests.words import why
from penchant.pipeline.concept_views import ConceptList, ConceptVector, ConceptView
from penchant.pipeline.replaying import Replay
from penchant.records import ModelCard, RecommendedItem


class ReadModel(Protocol):
    """The reading half of a served model; see `penchant.pipeline.readable.ReadableModel`."""

    def card(self) -> ModelCard:
        """What the model is."""

    def explain(self, user_id: str, item_id: str) -> Explanation:
        """Why an item stands where it stands for a user now. Raises `NotFoundError` for an unknown item."""

    def concepts(self, query: str = "", *, level: str | None = None, limit: int = 50) -> Sequence[ConceptView]:
        """Concepts that hold the words. Raises `ConfigError` for an unknown level."""

    def concept(self, concept_id: str) -> ConceptView:
        """One concept. Raises `NotFoundError`."""

    def concept_vector(self, user_id: str, *, level: str | None = None, nearest: int = 10) -> ConceptVector:
        """A user's interests with named axes."""

    def concept_lists(self, user_id: str, *, level: str = "broad", k: int = 5, limit: int = 6) -> Sequence[ConceptList]:
        """A list of items for each of a user's interests."""

    def replay(self, user_id: str, *, every: int | None = None, limit: int = 8) -> Replay:
        """How a user's interests came and went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedItem:
    """An item of a slate as it was served."""

    item: RecommendedItem
    total: float
    """Its reasons + other + residual as served: the score."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlateExplanation:
    """Why a slate was as it was, from the store: nothing is worked out anew."""

    slate_id: str
    user_id: str
    generated_at: str
    bundle: str
    """The bundle that served it."""
    serving: str
    """The bundle that serves now."""
    policy: str
    cold: bool
    note: str
    items: tuple[ServedItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptsFound:
    """Concepts found."""

    query: str
    level: str | None
    concepts: tuple[ConceptView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserConcepts:
    """A user in concept space."""

    vector: ConceptVector
    lists: tuple[ConceptList, ...]


class Reader:
    """Asks the model to explain itself, one thing at a time."""

    _model: ReadModel
    _lock: RLock
    stores: Stores

    def explain(self, user_id: str, item_id: str) -> Explanation:
        """Why an item stands where it stands for a user now."""
        with self._lock:
            return self._model.explain(user_id, item_id)

    def explain_slate(self, slate_id: str, item_id: str | None = None) -> SlateExplanation:
        """Why a served slate was as it was; of one item, where it is named. `NotFoundError` for what is not there."""
        slate = self.stores.slate(slate_id)
        chosen = [item for item in slate.items if item_id is None or item.item_id == item_id]
        if item_id is not None and not chosen:
            raise NotFoundError(f"Slate {slate_id} has no item {item_id!r}.", hint="Leave `item` out to see its items.")
        with self._lock:
            serving = self._model.card().bundle
        note = slate.note
        if slate.bundle != serving:
            note = f"{note} Served by the bundle {slate.bundle}; now {serving} serves, and may say otherwise.".strip()
        return SlateExplanation(
            slate_id=slate.slate_id,
            user_id=slate.user_id,
            generated_at=slate.generated_at,
            bundle=slate.bundle,
            serving=serving,
            policy=slate.policy,
            cold=slate.cold,
            note=note,
            items=tuple(_served(item) for item in chosen),
        )

    def concepts(self, query: str, *, level: str | None, limit: int) -> Sequence[ConceptView]:
        """Concepts that hold the words."""
        with self._lock:
            return self._model.concepts(query, level=level, limit=limit)

    def concept(self, concept_id: str) -> ConceptView:
        """One concept."""
        with self._lock:
            return self._model.concept(concept_id)

    def user_concepts(self, user_id: str, *, level: str | None, k: int) -> UserConcepts:
        """A user's interests with named axes, and where a level is named a list of items for each."""
        with self._lock:
            vector = self._model.concept_vector(user_id, level=level)
            lists = () if level is None else tuple(self._model.concept_lists(user_id, level=level, k=k))
        return UserConcepts(vector=vector, lists=lists)

    def replay_interests(self, user_id: str, *, every: int | None, limit: int) -> Replay:
        """How a user's interests came and went."""
        with self._lock:
            return self._model.replay(user_id, every=every, limit=limit)


def _served(item: RecommendedItem) -> ServedItem:
    speaking = sorted((r for r in item.reasons if r.contribution > 0), key=lambda reason: -reason.contribution)
    total = sum(reason.contribution for reason in item.reasons) + item.other + item.residual
    place = f"{item.title} was number {item.rank}"
    return ServedItem(item=item, total=total, sentence=why(place, [reason.text for reason in speaking[:2]]))

"""What the server asks of a model; `penchant.pipeline.interest_model.InterestModel` gives it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from penchant.pipeline.exploring import Exploration, Share
from penchant.pipeline.named_policy import PolicyWish
from penchant.pipeline.questions import Questions
from penchant.pipeline.slates import Served
from penchant.records import (
    Discoveries,
    DriftHistory,
    Edit,
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
from penchant.serving.reading import ReadModel


class ServedModel(ReadModel, Protocol):
    """A model in memory. It need not be safe under threads: the server asks one thing at a time."""

    def card(self) -> ModelCard:
        """What the model is, with its counts as they stand."""

    def decide(
        self,
        user_id: str,
        k: int = 10,
        *,
        exclude_seen: bool = True,
        explain: bool = True,
        rerank: str | None = None,
        rerank_weight: float | None = None,
        rules: Rules | Mapping[str, Any] | None = None,
        explore: Share | Mapping[str, Any] | Exploration | None = None,
        policy: PolicyWish | None = None,
        request_id: str | None = None,
    ) -> Served:
        """At most `k` items, reranked under rules, some of them explored, by the dial or the policy named, and how they
        were chosen; a cold slate with a note for a user it does not know. Raises `ConfigError` and
        `NotFoundError` for what is wrong or not there.
        """

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
        """At most `k` items for words alone. Raises `ConfigError` for words that cannot be read, `NotFoundError` where
        they name nothing and no language model is at hand.
        """

    def discover(self, user_id: str, limit: int = 5) -> Discoveries:
        """Interests worth a try, the likeliest first."""

    def questions(self, user_id: str, n: int = 3) -> Questions:
        """The questions that tell most of a user. Raises `ConfigError` for too many."""

    def tried(self, user_id: str, concept_ids: tuple[str, ...], at: int) -> None:
        """A slate that tried these interests was served at a moment, as in a replay."""

    def interests(self, user_id: str, *, as_of: int | None = None, limit: int = 12) -> Profile:
        """The user's interests, strongest first; a cold profile for a user it does not know."""

    def drift(self, user_id: str, *, as_of: int | None = None) -> DriftHistory:
        """How much what the user takes has changed, event by event; nothing for a user it does not know."""

    def population_drift(self) -> PopulationDrift:
        """Changes in what all users take, newest first."""

    def readings(self) -> Mapping[str, int]:
        """How often a user's vector was asked for: ``fitted`` with the model or ``kept`` since, or ``read`` anew."""

    def history(self, user_id: str, *, limit: int = 50, before: int | None = None) -> Sequence[HistoryEvent]:
        """The user's events, newest first, from those at a position below `before`."""

    def similar(self, item_id: str, k: int = 10) -> Sequence[SimilarItem]:
        """The items nearest to one. Raises `NotFoundError`."""

    def item(self, item_id: str) -> ItemView:
        """An item as shown to a person. Raises `NotFoundError`."""

    def find_users(self, query: str, limit: int) -> Sequence[UserSummary]:
        """Users whose id holds `query`; with an empty query some users worth a look."""

    def find_items(self, query: str, limit: int) -> Sequence[ItemSummary]:
        """Items whose title or id holds `query`; with an empty query the best known ones."""

    def observe(self, events: Sequence[Event]) -> ObserveResult:
        """Take events at once. A repeated `event_id` counts once; a bad event is named and changes nothing."""

    def complete(self, edit: Edit) -> Edit:
        """The edit as it goes into the log, with an id and all that words or an undo leave open; nothing is changed.
        Raises `NotFoundError` for a concept, event or edit that is not there and for words near nothing, `ConfigError`
        for what is no edit.
        """

    def take(self, edit: Edit) -> bool:
        """Take a complete edit; False where its id was taken before. Raises `NotFoundError` for what is not there."""

    def change(self, edit: Edit) -> EditResult:
        """The same, and what it moved."""

    def edits(self, user_id: str, *, limit: int = 50) -> Sequence[EditEntry]:
        """The user's edits, newest first."""

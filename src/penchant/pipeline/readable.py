"""What can be read of a fitted model beside slates and profiles: explanations, concepts, replays."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from penchant.interests.explained import Explanation
from penchant.pipeline.concept_views import ConceptList, Concepts, ConceptVector, ConceptView
from penchant.pipeline.explaining import explain
from penchant.pipeline.live import Live
from penchant.pipeline.paths import KnowledgeGraph
from penchant.pipeline.replaying import Replay, replay


class ReadableModel(ABC):
    """The reading half of `InterestModel`: nothing here changes anything."""

    _kept: "Readings | None" = None

    @property
    @abstractmethod
    def live(self) -> Live:
        """The state in use; `ConfigError` before `fit`."""

    def explain(self, user_id: str, item_id: str) -> Explanation:
        """Why an item stands where it stands for a user now: every part of its score, the events behind the largest
        interests, what rank it would have without each of the largest parts, what the tracker looked at, and paths
        over what the catalogue knows.

        The parts add up to the score within 1e-6·max(1, |score|). `NotFoundError` for an unknown item; a user of whom
        nothing is known is told so.
        """
        return explain(self.live, self._readings.graph, user_id, item_id)

    def concepts(self, query: str = "", *, level: str | None = None, limit: int = 50) -> tuple[ConceptView, ...]:
        """Concepts whose names hold every word of the query, at a level (``broad``: nothing above, ``fine``: nothing
        below) or at all. `ConfigError` for another level.
        """
        return self._readings.concepts.find(query, level=level, limit=limit)

    def concept(self, concept_id: str) -> ConceptView:
        """One concept: its place, examples, size, purity, and how many users hold it. `NotFoundError`."""
        return self._readings.concepts.one(concept_id)

    def concept_vector(self, user_id: str, *, level: str | None = None, nearest: int = 10) -> ConceptVector:
        """A user's interests as a sparse vector with named axes, and the items nearest to it in concept space."""
        return self._readings.concepts.vector(user_id, level=level, nearest=nearest)

    def concept_lists(
        self, user_id: str, *, level: str = "broad", k: int = 5, limit: int = 6
    ) -> tuple[ConceptList, ...]:
        """A list of k items for each of a user's `limit` strongest interests at a level; none for a stranger."""
        return self._readings.concepts.lists(user_id, level=level, k=k, limit=limit)

    def replay(self, user_id: str, *, every: int | None = None, limit: int = 8) -> Replay:
        """The profile read after each of the user's events, or after every so many: how his strongest interests came
        and went. A long history is read at a bounded number of moments, and the note says so.
        """
        return replay(self.live, user_id, every=every, limit=limit)

    def readings(self) -> Mapping[str, int]:
        """How often a user's vector was asked for: ``fitted`` with the model or ``kept`` since, or ``read`` anew."""
        return self.live.readings

    @property
    def _readings(self) -> "Readings":
        if self._kept is None or self._kept.live is not self.live:
            self._kept = Readings(self.live)
        return self._kept


@dataclass(frozen=True)
class Readings:
    """What is worked out once for a model in use, when it is first asked for."""

    live: Live

    @cached_property
    def graph(self) -> KnowledgeGraph:
        """What the catalogue knows."""
        return KnowledgeGraph(self.live.fitted.dataset)

    @cached_property
    def concepts(self) -> Concepts:
        """The vocabulary and what users make of it."""
        return Concepts(self.live)

"""What can be read of a fitted model beside slates and profiles: explanations."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

from penchant.interests.explained import Explanation
from penchant.pipeline.explaining import explain
from penchant.pipeline.live import Live
from penchant.pipeline.paths import KnowledgeGraph


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

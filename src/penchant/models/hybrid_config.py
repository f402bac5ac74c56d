"""Settings of the default recommender."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from penchant.config import Config
from penchant.models.content_based import ContentBasedConfig
from penchant.models.graph.smoothing import GraphSmoothingConfig
from penchant.models.neighborhood_config import ItemKNNConfig
from penchant.models.sequential.config import InterestTrackerConfig

Source = Literal["knn", "graph", "content", "popularity", "newness"]
SOURCES: tuple[Source, ...] = ("knn", "graph", "content", "popularity", "newness")


class InterestConfig(Config):
    """Settings of `Interest`."""

    tracker: InterestTrackerConfig = InterestTrackerConfig()
    item_knn: ItemKNNConfig = ItemKNNConfig()
    graph: GraphSmoothingConfig = GraphSmoothingConfig(steps=(0.0, 1.0))
    """Neighbours of neighbours: the walks of one edge are `item_knn`'s."""
    content: ContentBasedConfig = ContentBasedConfig()
    sources: tuple[Source, ...] = SOURCES
    """What may join the tracker; leave one out to switch it off."""
    weights: dict[Source, Annotated[float, Field(ge=0)]] | None = None
    """Scores of each source's best item, in standard deviations of the tracker's scores. None: chosen on validation."""
    validation_users: int = Field(default=8_000, ge=1)
    """Cases that decide the weights, at most."""
    newness_budget: float = Field(default=0.02, ge=0, lt=1)
    """Share of NDCG@10 on known items that may be given for finding new ones; see `penchant.models.newness`."""

    @model_validator(mode="after")
    def _content_is_a_sum(self) -> Self:
        if self.content.similarity not in {"cosine", "dot"}:
            raise ValueError(f"content.similarity is {self.content.similarity!r}; cosine and dot add up to reasons")
        return self

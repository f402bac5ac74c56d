"""Everything a run of the whole loop can be told: a table for each stage, with that stage's own settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from penchant.config import Config
from penchant.continual.updating import UpdateConfig
from penchant.data.importing import ImportConfig
from penchant.feedback.attribution import AttributionConfig
from penchant.pipeline.exploring import Exploration
from penchant.pipeline.finetuning import FineTuningConfig
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.pretraining import PretrainingConfig

STAGES = ("data", "pretrain", "finetune", "profile", "explore", "rank", "feedback", "update", "report")
NEEDS: Mapping[str, str] = {"explore": "profile", "rank": "profile", "feedback": "rank", "update": "feedback"}
"""A stage → the stage before it that it cannot be without."""


class DataConfig(Config):
    """Which data, and which part of them is kept for later."""

    source: Path | None = None
    """What `penchant import` reads, or a dataset folder; None: the bundled books"""
    format: str = "auto"
    importing: ImportConfig = Field(default_factory=ImportConfig)
    users: int | None = Field(default=None, ge=2)
    """A seeded sample of the users with two events on items; None: all"""
    later: Literal["position", "time"] = "position"
    """What is kept for later: the end of each user's events, or for all users what comes after one moment"""
    later_share: float = Field(default=0.1, gt=0, lt=1)
    """Of each user's events on items, at least one; or of all"""


class ExploreConfig(Config):
    """On whom, and how much, is found out."""

    users: int = Field(default=300, ge=1)
    """A seeded sample of those who come back later: they are asked, and get the slates of `rank`"""
    interests: int = Field(default=5, ge=1)
    """Told for each user"""
    dial: Exploration = Field(default_factory=lambda: Exploration(share="auto"))


class RankConfig(Config):
    """What is served, and what the order is held against."""

    k: int = Field(default=10, ge=1)
    against: tuple[str, ...] = ("popularity", "item_knn")
    """Models that are fitted on the same events and asked the same"""
    settings: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    """Model → its settings"""

    @field_validator("against")
    @classmethod
    def _others(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if "interest" in names or len({*names}) < len(names):
            raise ValueError("names other models than interest, which is asked in any case, each once")
        return names


class FeedbackConfig(Config):
    """How what users did later answers the slates."""

    attribution: AttributionConfig = Field(default_factory=AttributionConfig)
    """Where it names no `rewards`, every type of event that is consumption counts 1"""


class LifecycleConfig(Config):
    """The settings of `penchant run`."""

    seed: int = Field(default=0, ge=0)
    skip: tuple[str, ...] = ()
    """Stages that are left out"""
    data: DataConfig = Field(default_factory=DataConfig)
    pretrain: PretrainingConfig = Field(default_factory=PretrainingConfig)
    """Where `protocol` is not named, all that is not kept for later is learned from; so for `finetune`"""
    finetune: FineTuningConfig = Field(default_factory=FineTuningConfig)
    profile: InterestModelConfig = Field(default_factory=InterestModelConfig)
    explore: ExploreConfig = Field(default_factory=ExploreConfig)
    rank: RankConfig = Field(default_factory=RankConfig)
    feedback: FeedbackConfig = Field(default_factory=FeedbackConfig)
    update: UpdateConfig = Field(default_factory=UpdateConfig)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if unknown := [name for name in self.skip if name not in STAGES]:
            raise ValueError(f"no stage is called {unknown[0]!r}; there are {', '.join(STAGES)}")
        if "data" in self.skip:
            raise ValueError("data cannot be skipped: every stage reads them")
        for name, needed in NEEDS.items():
            if name not in self.skip and needed in self.skip:
                raise ValueError(f"{name} needs {needed}, which is skipped; skip {name} too")
        return self

    def of_stage(self, name: str) -> Config | None:
        """A stage's own settings; None for the report, which has none."""
        found: Config | None = getattr(self, name, None)
        return found

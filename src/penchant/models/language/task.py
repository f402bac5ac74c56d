"""A task of a language model: what its labels mean and which head they are learned by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penchant.models.language.examples import Examples, Labels
from penchant.models.language.platt_scaling import PlattScaling
from penchant.models.rating.head_choice import HeadConfig, build_head, describe_head
from penchant.models.rating.ratings import Scale
from penchant.training.rating_heads import RatingHead

YES_NO = HeadConfig(head="liked", liked_share=1.0)
"""The head of a task whose labels are 0 and 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is known of a task beside its weights, and saved with them."""

    meaning: Labels
    config: HeadConfig
    facts: Mapping[str, Any]
    scale: Scale
    aspects: int
    scaling: PlattScaling | None = None

    @classmethod
    def of(cls, examples: Examples, config: HeadConfig) -> "Task":
        """What training examples say of their task; `config` counts where labels are ratings."""
        config = YES_NO if examples.meaning.names else config
        aspects = examples.values.shape[1] if examples.values.ndim > 1 else 1
        return cls(
            meaning=examples.meaning,
            config=config,
            facts=describe_head(config, examples.values, examples.levels()),
            scale=examples.spread(),
            aspects=aspects,
        )

    def head(self) -> RatingHead:
        """What the task's last layer means."""
        return build_head(self.config, self.facts, self.scale, aspects=self.aspects)

    def as_json(self) -> dict[str, Any]:
        """For a manifest."""
        return {
            "labels": self.meaning.as_json(),
            "settings": self.config.model_dump(mode="json"),
            "head": dict(self.facts),
            "scale": self.scale.facts(),
            "aspects": self.aspects,
            "scaling": None if self.scaling is None else self.scaling.as_json(),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Task":
        """What `as_json` gave."""
        return cls(
            meaning=Labels.from_json(saved["labels"]),
            config=HeadConfig.of(saved["settings"]),
            facts=saved["head"],
            scale=Scale.of_facts(saved["scale"]),
            aspects=int(saved["aspects"]),
            scaling=None if saved["scaling"] is None else PlattScaling.from_json(saved["scaling"]),
        )

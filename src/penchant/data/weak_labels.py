"""Weak supervision: likes and dislikes by rule from events, and which rule gave each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.data.polarity import AGAINST, LOW_RATING
from penchant.data.rating_targets import LIKED_SHARE
from penchant.errors import DataError
from penchant.types import BoolArray, DoubleArray, IntArray

UNLABELLED = -1


class LabelRule(Config):
    """One rule: which events it speaks of and what it says of them."""

    label: Literal["like", "dislike"]
    event_types: frozenset[str] | None = None
    """None: every type."""
    at_least: float | None = None
    at_most: float | None = None
    """Bounds on the event's value, where `of_scale` as a share of the rating scale from 0 to 1. An event without a
    value is within no bounds."""
    of_scale: bool = False
    weight: float = Field(default=1.0, gt=0, le=1)
    """How far the label is believed beside one that a person gave."""

    @model_validator(mode="after")
    def _says_something(self) -> "LabelRule":
        if self.event_types is None and self.at_least is None and self.at_most is None:
            raise ValueError("a rule names event types or bounds a value; without either it would label everything")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"no value is at least {self.at_least} and at most {self.at_most}")
        return self

    def holds(self, histories: Histories, dataset: Dataset) -> BoolArray:
        """(N,) the events it speaks of. `DataError` where it reads a scale and the dataset has none."""
        found = np.ones(len(histories.items), dtype=np.bool_)
        if self.event_types is not None:
            codes = [code for code, name in enumerate(dataset.event_types) if name in self.event_types]
            found &= np.isin(histories.types, codes)
        values = histories.values
        if self.of_scale:
            if dataset.rating_scale is None or dataset.rating_scale[0] >= dataset.rating_scale[1]:
                raise DataError(
                    f"{dataset.name} has no rating scale, and a rule reads shares of it.",
                    hint="Give the rule a bound in the values' own unit (of_scale = false).",
                )
            low, high = dataset.rating_scale
            values = (values - low) / (high - low)
        with np.errstate(invalid="ignore"):
            if self.at_least is not None:
                found &= values >= self.at_least
            if self.at_most is not None:
                found &= values <= self.at_most
        return found


RULES: Mapping[str, LabelRule] = {
    "turned down": LabelRule(label="dislike", event_types=AGAINST),
    "low rating": LabelRule(
        label="dislike", event_types=frozenset({"rating", "review"}), at_most=LOW_RATING, of_scale=True
    ),
    "high rating": LabelRule(
        label="like", event_types=frozenset({"rating", "review"}), at_least=LIKED_SHARE, of_scale=True
    ),
    "said so": LabelRule(label="like", event_types=frozenset({"like", "favorite", "favourite", "love"})),
    "bought": LabelRule(label="like", event_types=frozenset({"purchase", "buy", "order"}), weight=0.5),
}
"""By name, the first that holds decides. A rating between says nothing, and neither does a click."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeakLabels:
    """N events with what the rules say of them."""

    labels: IntArray
    """(N,) 1 like, 0 dislike, `UNLABELLED`"""
    weights: DoubleArray
    """(N,) how far each is believed; 0 without a label"""
    rules: IntArray
    """(N,) the place of the rule that gave it, −1 for none"""
    applied: Mapping[str, LabelRule]

    def record(self) -> dict[str, Any]:
        """For a manifest: the rules in their order, how many events each labelled, how many are without a label."""
        counts = np.bincount(self.rules[self.rules >= 0], minlength=len(self.applied))
        told = [
            {"name": name, **rule.model_dump(mode="json", exclude_defaults=True), "events": int(counts[place])}
            for place, (name, rule) in enumerate(self.applied.items())
        ]
        return {"rules": told, "events": len(self.labels), "without_label": int((self.rules < 0).sum())}


def weak_labels(histories: Histories, dataset: Dataset, rules: Mapping[str, LabelRule] | None = None) -> WeakLabels:
    """What the rules (None: those of `RULES` that this dataset can be asked) say of each event; the first that holds
    decides.
    """
    if rules is None:
        scaled = dataset.rating_scale is not None
        rules = {name: rule for name, rule in RULES.items() if scaled or not rule.of_scale}
    found = np.full(len(histories.items), -1, dtype=np.int64)
    for place, rule in enumerate(rules.values()):
        found[(found < 0) & rule.holds(histories, dataset)] = place
    # The last entry is that of −1.
    says = np.array([int(rule.label == "like") for rule in rules.values()] + [UNLABELLED], dtype=np.int64)
    believed = np.array([rule.weight for rule in rules.values()] + [0.0])
    return WeakLabels(labels=says[found], weights=believed[found], rules=found, applied=dict(rules))

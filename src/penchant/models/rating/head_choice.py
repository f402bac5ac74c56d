"""Which head a network of ratings ends in, chosen by settings and built again from what was saved."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.data.rating_targets import LIKED_SHARE, RatingTargets
from penchant.models.rating.ratings import Scale
from penchant.training.rating_heads import (
    Decoding,
    HeadName,
    Liked,
    Output,
    RatingClass,
    RatingHead,
    RatingValue,
    balanced_weights,
)
from penchant.types import DoubleArray


class HeadConfig(Config):
    """What the last layer says."""

    head: HeadName = "rating"
    """What the last layer says: the ``rating``, which ``class`` it is, or whether it is ``liked``."""
    output: Output = "linear"
    """Of the head ``rating``: a number that is clipped to the scale, or a sigmoid that cannot leave it."""
    decoding: Decoding = "expected"
    """Of the head ``class``: the expected level, or the likeliest."""
    liked_share: float = Field(default=LIKED_SHARE, gt=0, le=1)
    """Of the head ``liked``: the share of the scale from which a rating is a like."""
    class_weights: Literal["none", "balanced"] = "none"
    """Of the heads ``class`` and ``liked``: rare classes count for more in the loss, so that all count alike."""


def describe_head(config: HeadConfig, ratings: DoubleArray, targets: RatingTargets) -> dict[str, Any]:
    """What the head learns of the training ratings, as JSON.

    `DataError` for ``liked`` where all is liked, or nothing.
    """
    facts: dict[str, Any] = {"targets": targets.as_json()}
    if config.head == "liked":
        facts["means"] = list(Liked.of(targets, ratings, share=config.liked_share).means)
    if config.class_weights == "balanced" and config.head != "rating":
        liked = config.head == "liked"
        classes = targets.liked(ratings, share=config.liked_share) if liked else targets.classes(ratings)
        facts["weights"] = balanced_weights(classes.astype(np.int64), 2 if liked else len(targets.levels)).tolist()
    return facts


def build_head(config: HeadConfig, facts: Mapping[str, Any], scale: Scale, *, aspects: int = 1) -> RatingHead:
    """The head, from what `describe_head` gave."""
    targets = RatingTargets.from_json(facts["targets"])
    if config.head == "class":
        return RatingClass(targets, decoding=config.decoding, weights=facts.get("weights"))
    if config.head == "liked":
        low, high = facts["means"]
        no, yes = facts.get("weights", (1.0, 1.0))
        return Liked(
            targets,
            means=(float(low), float(high)),
            share=config.liked_share,
            weights=(float(no), float(yes)),
        )
    return RatingValue(
        low=scale.low, high=scale.high, mean=scale.mean, spread=scale.spread, output=config.output, aspects=aspects
    )

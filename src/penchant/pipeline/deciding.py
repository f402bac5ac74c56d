"""How a slate was decided, as the log keeps it."""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np

from penchant.config import Config
from penchant.interfaces import Policy
from penchant.pipeline.exploring import Look, Tries
from penchant.pipeline.live import Live
from penchant.records import Decision, LoggedSlot, Slate
from penchant.types import DoubleArray, IntArray, RowArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a slate was decided on."""

    items: RowArray | IntArray
    """(N,) rows that could have been on it"""
    scores: DoubleArray
    """(N,) with what rules add at every place"""
    variances: DoubleArray
    """(N,)"""
    ties: RowArray | IntArray
    """(N,) of equal scores the smaller is taken first"""
    version: str
    """Of the policy's settings"""
    looks: DoubleArray | None = None
    """(N,) see `Tries`"""
    seed: int = 0
    """What was drawn from; 0 where nothing was drawn"""
    context: dict[str, float | str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    """Of a policy that was asked for by name"""
    stays: bool
    """False where values change from place to place, by a reranker, pins or quotas: what another policy would have
    done cannot be told then, and the decision is not valid for estimates"""


def looked(look: Look, tries: Tries, policy: Policy | None = None, *, stays: bool) -> Grounds:
    """Of a slate for someone known, by the dial, with or without a look around, or by a `policy` instead."""
    arms = tries.arms
    settings: Config = look.settings.model_copy(update={"share": 0.0}) if policy is None else policy.config
    return Grounds(
        items=arms.items,
        scores=arms.means,
        variances=arms.variances(),
        ties=arms.ties,
        version=version_of(settings),
        looks=tries.looks,
        seed=look.seed,
        context=_told(look, tries) if policy is None else {},
        settings={} if policy is None else settings.model_dump(mode="json"),
        stays=stays,
    )


def _told(look: Look, tries: Tries) -> dict[str, float | str]:
    """What the dial's probabilities follow from."""
    settings = look.settings
    told: dict[str, float | str] = {"exploration_share": look.share}
    if tries.looks is not None:
        told |= {"look_scale": tries.look_scale, "look_epsilon": settings.epsilon}
        if settings.most is not None:
            told["look_most"] = float(settings.most)
        if settings.never_at:
            told["look_never_at"] = ",".join(map(str, settings.never_at))
    return told


def decision_of(live: Live, slate: Slate, grounds: Grounds, *, request_id: str | None) -> Decision:
    """The decision behind a slate."""
    prefix, slots = 1.0, []
    for item in slate.items:
        prefix *= item.propensity
        slots.append(
            LoggedSlot(
                item_id=item.item_id,
                position=item.rank,
                propensity=item.propensity,
                prefix_propensity=prefix,
                explored=item.explored,
                tries=None if item.exploring is None else item.exploring.concept_id,
            )
        )
    order = np.argsort(grounds.ties, kind="stable")
    ids, looks = live.fitted.dataset.items.ids, grounds.looks
    return Decision(
        slate_id=slate.slate_id,
        user_id=slate.user_id,
        decided_at=live.microseconds(),
        policy=slate.policy,
        policy_version=grounds.version,
        bundle=slate.bundle,
        slots=tuple(slots),
        seed=grounds.seed,
        eligible=tuple(ids[row] for row in grounds.items[order].tolist()),
        scores=tuple(grounds.scores[order].tolist()),
        variances=tuple(grounds.variances[order].tolist()),
        looks=() if looks is None else tuple(None if np.isnan(v) else v for v in looks[order].tolist()),
        context=grounds.context,
        settings=grounds.settings,
        request_id=request_id,
        ope_valid=grounds.stays,
    )


def version_of(settings: Config) -> str:
    """Changes when a setting of a policy does."""
    return blake2b(settings.model_dump_json().encode(), digest_size=4).hexdigest()
